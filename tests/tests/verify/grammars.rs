//! What a scheme in words may not say, since no delivery of it could be told; and how much one may carry.

use bytes::Bytes;
use countersign::provider::{self, Recipe};
use countersign::{ConfigErrorKind, ErrorKind, Provider, Verifier};
use countersign_tests::families::Family;
use data_encoding::HEXLOWER;
use http::Request;
use ring::hmac;
use serde_json::{Value, json};

use crate::delivery::{NOW, header, secret, signed, verdict, verifier, with_body, with_header};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A recipe with this signature, time and template, made ready; the words of its error.
fn taken(signature: Value, timestamp: Value, template: &str) -> Result<(), String> {
    let recipe = json!({
        "id": "shop", "alg": "hmac-sha256", "key": {"encoding": "utf8"},
        "signature": signature, "timestamp": timestamp, "template": template,
    });
    let recipe: Recipe = serde_json::from_value(recipe).expect("a recipe");
    let made = Provider::try_from(recipe)
        .and_then(|provider| Verifier::new(&provider, &[secret(KEY)]).map(drop));
    made.map_err(|error| {
        assert_eq!(error.kind(), ConfigErrorKind::BadScheme, "{error}");
        error.to_string()
    })
}

/// What looks for a field among the holes, and what signs them, see the same ones.
#[test]
fn a_hole_is_closed_before_the_next_begins() {
    let signature = json!({"json": "/signature", "grammar": "plain", "encoding": "hex"});
    let time = json!({"from": "json:/time", "unit": "s"});
    for template in [
        "{json:/time[{json:/token}",
        "{json:/time}{json:/a{json:/token}",
        "{json:/time}{json:/token",
    ] {
        let error = taken(signature.clone(), time.clone(), template).expect_err(template);
        assert!(
            error.contains("a hole is not closed"),
            "{template}: {error}"
        );
    }
    taken(signature, time, "{json:/time}{json:/token}").expect("closed");
}

#[test]
fn a_separator_is_nothing_that_a_signature_holds() {
    let time = json!({"from": "kv:t", "unit": "s"});
    let first = json!({"from": "kv:0", "unit": "s"});
    type Signature = fn(&str) -> Value;
    let pairs: Signature = |sign| {
        json!({"header": "h", "grammar": "kv", "pair_sep": sign, "keys": ["v1"],
               "encoding": "hex"})
    };
    let groups: Signature = |sign| {
        json!({"header": "h", "grammar": "kv", "pair_sep": ",", "group_sep": sign,
               "keys": ["v1"], "encoding": "hex"})
    };
    let list: Signature = |sign| {
        json!({"header": "h", "grammar": "list", "entry_sep": sign, "vsep": ",",
               "version": "v1", "encoding": "hex"})
    };
    let version: Signature = |sign| {
        json!({"header": "h", "grammar": "list", "entry_sep": ",", "vsep": sign,
               "version": "v1", "encoding": "hex"})
    };
    let positional: Signature =
        |sign| json!({"header": "h", "grammar": "positional", "pair_sep": sign, "encoding": "hex"});
    for (signature, timestamp) in [
        (pairs, &time),
        (groups, &time),
        (list, &Value::Null),
        (version, &Value::Null),
        (positional, &first),
    ] {
        let template = if timestamp.is_null() {
            "{body}"
        } else {
            "{ts}.{body}"
        };
        let outcome = |sign: &str| taken(signature(sign), timestamp.clone(), template);
        for sign in [" ", ";", "|", ":", "&"] {
            assert_eq!(outcome(sign), Ok(()), "{sign:?}");
        }
        for sign in [
            "+", "/", "=", "-", "_", "a", "F", "0", "z", "\n", "\t", "\u{7f}",
        ] {
            let error = outcome(sign).expect_err(sign);
            assert!(error.contains("a separator is"), "{sign:?}: {error}");
        }
    }
    for (signature, timestamp) in [
        (groups(","), &time),
        (list(","), &Value::Null),
        (version(","), &Value::Null),
    ] {
        let template = if timestamp.is_null() {
            "{body}"
        } else {
            "{ts}.{body}"
        };
        let error = taken(signature, timestamp.clone(), template).expect_err("the same");
        assert!(error.contains("two separators"), "{error}");
    }
}

#[test]
fn what_is_parted_does_not_hold_what_parts_it() {
    let kv = |sign: &str, key: &str| {
        json!({"header": "h", "grammar": "kv", "pair_sep": sign, "keys": [key],
               "encoding": "hex"})
    };
    for (key, time) in [
        ("v,1", "t"),
        ("v=1", "t"),
        (" v1", "t"),
        ("v1 ", "t"),
        ("v1", "t,"),
        ("v1", "t=t"),
    ] {
        let time = json!({"from": format!("kv:{time}"), "unit": "s"});
        let error = taken(kv(",", key), time, "{ts}.{body}").expect_err(key);
        assert!(error.contains("a key or a version"), "{key}: {error}");
    }
    for version in ["v 1", "v,1", "v=1"] {
        let list = json!({"header": "h", "grammar": "list", "entry_sep": " ", "vsep": ",",
                          "version": version, "encoding": "hex"});
        let error = taken(list, Value::Null, "{body}").expect_err(version);
        assert!(error.contains("a key or a version"), "{version}: {error}");
    }
    // A date holds two of the signs that part numbers well.
    for sign in [":", "."] {
        for (unit, ok) in [("s", true), ("iso8601", false)] {
            let time = json!({"from": "kv:t", "unit": unit});
            let found = taken(kv(sign, "v1"), time, "{ts}|{body}");
            assert_eq!(found.is_ok(), ok, "{sign} {unit}: {found:?}");
        }
    }
    let listing = "{kv:h}.{signed_headers:h}.{body}";
    assert_eq!(taken(kv(",", "v1"), Value::Null, listing), Ok(()));
    let error = taken(kv(" ", "v1"), Value::Null, listing).expect_err("a space");
    assert!(error.contains("a space parts the names"), "{error}");
}

#[test]
fn no_body_holds_its_own_signature() {
    let in_body = || json!({"json": "/sig", "grammar": "plain", "encoding": "hex"});
    assert_eq!(
        taken(in_body(), Value::Null, "{json:/a}|{free-json:/b}"),
        Ok(())
    );
    for template in [
        "{body}",
        "{json:/a}.{body}",
        "{body_crc32}",
        "{sorted_form}",
        "{form:a}",
        "{json:/sig}",
        "{json:/a}.{free-json:/sig}",
    ] {
        let error = taken(in_body(), Value::Null, template).expect_err(template);
        assert!(
            error.contains("a signature in the body"),
            "{template}: {error}"
        );
    }
}

/// Each of these costs a hash of the body.
#[test]
fn at_most_4_signatures_of_a_public_key() {
    let family = Family::named("standard-webhooks-v1a");
    let request = family.sign("a", b"{}");
    let genuine = header(&request, "webhook-signature");
    // Of another message, and so well-formed.
    let other = header(&family.sign("a", b"[]"), "webhook-signature");
    for (fillers, refused) in [(3, None), (4, Some(ErrorKind::MalformedHeader))] {
        let value = format!("{}{genuine}", format!("{other} ").repeat(fillers));
        let request = with_header(&request, "webhook-signature", value);
        assert_eq!(
            verdict(&family.verifier, &request).err(),
            refused,
            "{fillers}"
        );
    }
    // What is no signature of the scheme's costs nothing.
    let value = format!("{}{genuine}", "v1,AAAA ".repeat(15));
    let request = with_header(&request, "webhook-signature", value);
    assert!(verdict(&family.verifier, &request).is_ok());
}

#[test]
fn at_most_4_groups_with_a_time_each() {
    let provider = provider::persona();
    let secret = secret(KEY);
    let verifier = verifier(&provider, std::slice::from_ref(&secret));
    let request = signed(&provider, &secret, "{}");
    let genuine = header(&request, "persona-signature");
    let at = NOW.as_secs();
    let filler = format!("t={at},v1={} ", "00".repeat(32));
    for (fillers, refused) in [(3, None), (4, Some(ErrorKind::MalformedHeader))] {
        let value = format!("{}{genuine}", filler.repeat(fillers));
        let request = with_header(&request, "persona-signature", value);
        assert_eq!(verdict(&verifier, &request).err(), refused, "{fillers}");
    }
}

/// Linear's time stands in the body: of one that nobody signed, nothing is said but that.
#[test]
fn a_time_in_a_forged_body_is_not_looked_at() {
    let provider = provider::linear();
    let verifier = verifier(&provider, &[secret(KEY)]);
    let sign = |body: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
        let tag = HEXLOWER.encode(hmac::sign(&key, body.as_bytes()).as_ref());
        let mut request = Request::new(Bytes::from(body.to_owned()));
        let value = tag.parse().expect("a value");
        request.headers_mut().insert("linear-signature", value);
        request
    };
    let millis = NOW.as_millis();
    let genuine = sign(&format!(r#"{{"webhookTimestamp":{millis}}}"#));
    assert!(verdict(&verifier, &genuine).is_ok());
    for (body, refused) in [
        ("{}", ErrorKind::MalformedPayload),
        (r#"{"webhookTimestamp":"x"}"#, ErrorKind::MalformedPayload),
        (
            r#"{"webhookTimestamp":180000000000}"#,
            ErrorKind::MalformedPayload,
        ),
        (
            r#"{"webhookTimestamp":1700000000000}"#,
            ErrorKind::TimestampStale,
        ),
    ] {
        assert_eq!(
            verdict(&verifier, &sign(body)).err(),
            Some(refused),
            "{body}"
        );
        let forged = with_body(&genuine, body.to_owned());
        let mismatch = Some(ErrorKind::SignatureMismatch);
        assert_eq!(verdict(&verifier, &forged).err(), mismatch, "{body}");
    }
}
