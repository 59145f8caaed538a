//! Signed messages that are genuine but for one thing: what the same signature would fit besides.

use bytes::Bytes;
use countersign::provider::{self, Recipe};
use countersign::{ConfigErrorKind, ErrorKind, Provider, Verified, Verifier};
use countersign_tests::families::{self, Family, URL};
use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderName, HeaderValue, Request};
use ring::{digest, hmac};
use serde_json::{Value, json};

use crate::delivery::{NOW, header, refusal, secret, verdict, verifier, with_body, with_header};

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn of(provider: &Provider) -> Verifier {
    verifier(provider, &[secret(KEY)])
}

fn tag(algorithm: hmac::Algorithm, signed: &str) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, KEY.as_bytes());
    hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
}

fn post(headers: &[(&str, &str)], body: &str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(body.to_owned()));
    for (name, value) in headers {
        request.headers_mut().append(
            HeaderName::from_bytes(name.as_bytes()).expect("a name"),
            HeaderValue::from_str(value).expect("a value"),
        );
    }
    request
}

/// What Coinbase would have signed of `headers`, named in this order.
fn coinbase(headers: &[(&str, &str)], body: &str) -> Request<Bytes> {
    let (names, values): (Vec<&str>, Vec<&str>) = headers.iter().copied().unzip();
    let (at, names) = (NOW.as_secs(), names.join(" "));
    let signed = format!("{at}.{names}.{}.{body}", values.join("."));
    let tag = HEXLOWER.encode(&tag(hmac::HMAC_SHA256, &signed));
    let signature = format!("t={at},h={names},v1={tag}");
    let mut all = vec![("x-hook0-signature", &*signature)];
    for header in headers {
        if !all.contains(header) {
            all.push(*header);
        }
    }
    post(&all, body)
}

fn outcome(request: &Request<Bytes>) -> Result<Verified, ErrorKind> {
    verdict(&of(&provider::coinbase_hook0()), request)
}

const TYPE: (&str, &str) = ("content-type", "application/json");
const ID: (&str, &str) = ("x-hook0-id", "1");

#[test]
fn behind_listed_headers_stands_an_object_or_an_array() {
    for body in ["{}", "[]", r#"{"id":"1"}"#] {
        assert!(outcome(&coinbase(&[TYPE, ID], body)).is_ok(), "{body}");
    }
    for body in ["5", "1.{}", "true", " {}", r#""1""#, "a.{}", ""] {
        let refused = outcome(&coinbase(&[TYPE, ID], body)).expect_err(body);
        assert_eq!(refused, ErrorKind::MalformedPayload, "{body}");
    }
}

#[test]
fn a_header_is_listed_once() {
    let refused = outcome(&coinbase(&[ID, TYPE, ID], "{}")).expect_err("twice");
    assert_eq!(refused, ErrorKind::MalformedHeader);
}

#[test]
fn at_most_16_headers_are_listed() {
    let names: Vec<String> = (0..17).map(|at| format!("x-h{at}")).collect();
    let headers: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "v")).collect();
    assert!(outcome(&coinbase(&headers[..16], "{}")).is_ok());
    let refused = outcome(&coinbase(&headers, "{}")).expect_err("17");
    assert_eq!(refused, ErrorKind::MalformedHeader);
}

#[test]
fn no_listed_header_passes_for_its_neighbour() {
    let malformed = Some(ErrorKind::MalformedHeader);
    for (value, refused) in [
        ("x".repeat(256), None),
        ("x".repeat(257), malformed),
        ("a.b c".to_owned(), None),
        ("{".to_owned(), malformed),
        ("a.[1".to_owned(), malformed),
        ("\"".to_owned(), malformed),
    ] {
        let request = coinbase(&[ID, ("x-other", &value)], "{}");
        assert_eq!(outcome(&request).err(), refused, "{value}");
    }
    // A name with a dot could be the end of the list and the first value.
    let refused = outcome(&coinbase(&[ID, ("x.y", "v")], "{}")).expect_err("a dot");
    assert_eq!(refused, ErrorKind::MalformedHeader);
}

#[test]
fn a_listed_id_counts_at_either_end_and_without_a_dot() {
    let id = |headers: &[(&str, &str)]| {
        let verified = outcome(&coinbase(headers, "{}")).expect("verified");
        verified.signed_id().map(str::to_owned)
    };
    let other = ("x-other", "v");
    assert_eq!(id(&[ID, TYPE, other]).as_deref(), Some("1"));
    assert_eq!(id(&[TYPE, other, ID]).as_deref(), Some("1"));
    assert_eq!(id(&[TYPE, ID, other]), None, "between two others");
    // The same bytes as of `x-other: v.1` and the id 2, or of the id `v.1.2`.
    for headers in [
        [("x-hook0-id", "1.2"), TYPE],
        [TYPE, ("x-hook0-id", "v.1.2")],
    ] {
        let refused = outcome(&coinbase(&headers, "{}")).expect_err("with a dot");
        assert_eq!(refused, ErrorKind::MalformedHeader);
    }
}

/// Which of two would be taken for signed is not to be guessed.
#[test]
fn a_signed_pair_is_there_once() {
    let good = coinbase(&[ID], "{}");
    let value = header(&good, "x-hook0-signature");
    let (at, list) = (format!("t={}", NOW.as_secs()), "h=x-hook0-id");
    for more in [&*at, list, "t=1", "h=x-other"] {
        for value in [format!("{more},{value}"), format!("{value},{more}")] {
            let request = with_header(&good, "x-hook0-signature", &value);
            let refused = outcome(&request).expect_err(&value);
            assert_eq!(refused, ErrorKind::DuplicateHeader, "{value}");
        }
    }
}

#[test]
fn at_most_16_signatures_of_a_message() {
    let good = coinbase(&[ID], "{}");
    let value = header(&good, "x-hook0-signature");
    for filler in [format!(",v1={}", "0".repeat(64)), ",v1=nonsense".to_owned()] {
        for (fillers, refused) in [(15, None), (16, Some(ErrorKind::MalformedHeader))] {
            let value = format!("{value}{}", filler.repeat(fillers));
            let request = with_header(&good, "x-hook0-signature", value);
            assert_eq!(outcome(&request).err(), refused, "{fillers} {filler}");
        }
    }
}

/// Nor in the catalogue, in whatever place a header stands.
#[test]
fn no_header_of_a_family_is_there_twice() {
    for name in families::names() {
        let family = Family::named(name);
        let request = family.sign("a", b"{}");
        assert!(verdict(&family.verifier, &request).is_ok(), "{name}");
        for header in request.headers().keys() {
            let mut twice = request.clone();
            let value = request.headers()[header].clone();
            twice.headers_mut().append(header, value);
            assert_eq!(
                refusal(&family.verifier, &twice),
                ErrorKind::DuplicateHeader,
                "{name}: {header}"
            );
            // The genuine one first, and another behind it.
            let mut other = request.clone();
            let value = HeaderValue::from_static("other");
            other.headers_mut().append(header, value);
            assert_eq!(
                refusal(&family.verifier, &other),
                ErrorKind::DuplicateHeader,
                "{name}: {header}"
            );
        }
    }
}

#[test]
fn a_signed_field_of_a_form_is_there_once() {
    let family = Family::named("cinetpay");
    let request = family.sign("1", b"");
    let body = std::str::from_utf8(request.body()).expect("text");
    for field in [
        "cpm_trans_id=2",
        "cpm_trans_id=1",
        "cpm%5Ftrans_id=2",
        "cpm_trans_id",
    ] {
        for body in [format!("{body}&{field}"), format!("{field}&{body}")] {
            let refused = refusal(&family.verifier, &with_body(&request, body.clone()));
            assert_eq!(refused, ErrorKind::MalformedPayload, "{body}");
        }
    }
}

/// What Mercado Pago signs of an id in the query.
fn mercado_pago(query: &str, signed_id: &str) -> Request<Bytes> {
    let at = NOW.as_secs() * 1000;
    let signed = format!("id:{signed_id};request-id:r;ts:{at};");
    let tag = HEXLOWER.encode(&tag(hmac::HMAC_SHA256, &signed));
    let signature = format!("ts={at},v1={tag}");
    let mut request = post(&[("x-signature", &signature), ("x-request-id", "r")], "{}");
    *request.uri_mut() = format!("/in?{query}").parse().expect("a URL");
    request
}

#[test]
fn a_signed_field_of_a_query_is_there_once() {
    let verifier = of(&provider::mercadopago());
    assert!(verdict(&verifier, &mercado_pago("data.id=1", "1")).is_ok());
    for query in [
        "data.id=1&data.id=2",
        "data.id=2&data.id=1",
        "data.id=1&data.id=1",
        "data.id=1&data%2Eid=2",
    ] {
        let refused = refusal(&verifier, &mercado_pago(query, "1"));
        assert_eq!(refused, ErrorKind::DuplicateHeader, "{query}");
    }
}

/// Twilio with JSON: the URL is signed, and holds the hash of the body.
#[test]
fn the_hash_of_the_body_is_in_the_query_once_and_right() {
    let url = provider::Setting::PublicUrl(URL.to_owned());
    let provider = provider::twilio_json().with(url).expect("left open");
    let verifier = of(&provider);
    let outcome = |query: &str, body: &str| {
        let signed = format!("{URL}?{query}");
        let tag = BASE64.encode(&tag(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &signed));
        let mut request = post(&[("x-twilio-signature", &tag)], body);
        *request.uri_mut() = signed.parse().expect("a URL");
        verdict(&verifier, &request).err()
    };
    let hash = |body: &str| {
        let digest = digest::digest(&digest::SHA256, body.as_bytes());
        format!("bodySHA256={}", HEXLOWER.encode(digest.as_ref()))
    };
    let (right, other) = (hash("{}"), hash("[]"));
    assert_eq!(outcome(&right, "{}"), None);
    let mismatch = Some(ErrorKind::SignatureMismatch);
    assert_eq!(outcome(&right, "[]"), mismatch);
    assert_eq!(outcome(&right, ""), mismatch);
    for twice in [format!("{right}&{other}"), format!("{right}&{right}")] {
        let refused = outcome(&twice, "{}");
        assert_eq!(refused, Some(ErrorKind::DuplicateHeader), "{twice}");
    }
    for odd in [
        &right[..right.len() - 2],
        &format!("{right}00"),
        &right.replace('=', "=0x"),
        "bodySHA256=",
    ] {
        let refused = outcome(odd, "{}");
        assert_eq!(refused, Some(ErrorKind::MalformedHeader), "{odd}");
    }
    assert_eq!(outcome("a=1", "{}"), Some(ErrorKind::MissingHeader));
}

/// The same signed bytes, cut at another sign.
#[test]
fn a_signed_header_does_not_hold_what_parts_it() {
    let verifier = of(&provider::moov());
    let at = "2027-01-15T08:00:00Z";
    let signed = format!("{at}|a|b|c");
    let tag = HEXLOWER.encode(&tag(hmac::HMAC_SHA512, &signed));
    let malformed = Some(ErrorKind::MalformedHeader);
    for (nonce, id, refused) in [
        ("a|b", "c", malformed),
        ("|a|b", "c", malformed),
        // At the end of all there is no neighbour.
        ("a", "b|c", None),
    ] {
        let headers = [
            ("x-signature", &*tag),
            ("x-timestamp", at),
            ("x-nonce", nonce),
            ("x-webhook-id", id),
        ];
        let verdict = verdict(&verifier, &post(&headers, "{}"));
        assert_eq!(verdict.err(), refused, "{nonce}");
    }
    let family = Family::named("standard-webhooks-v1a");
    let signer = &family.signer;
    for (id, refused) in [
        ("x".repeat(256), None),
        ("x".repeat(257), malformed),
        ("a.b".to_owned(), malformed),
    ] {
        let signed = signer.clone().with_id(&id).and_then(|s| s.sign("{}", NOW));
        let request = signed.expect("signed").into_request();
        assert_eq!(verdict(&family.verifier, &request).err(), refused, "{id}");
    }
}

/// Adyen's fields are parted by colons, of which the merchant's own reference only may hold some.
#[test]
fn a_signed_field_of_json_does_not_hold_what_parts_it() {
    let verifier = of(&provider::adyen_body());
    let key = HEXLOWER.decode(KEY.as_bytes()).expect("hex");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, b"p:o:m:a:b:1000:EUR:AUTHORISATION:true");
    let outcome = |[psp, original, account, reference]: [&str; 4]| {
        let item = json!({
            "pspReference": psp,
            "originalReference": original,
            "merchantAccountCode": account,
            "merchantReference": reference,
            "amount": {"value": 1000, "currency": "EUR"},
            "eventCode": "AUTHORISATION",
            "success": "true",
            "additionalData": {"hmacSignature": BASE64.encode(tag.as_ref())},
        });
        let body = json!({"notificationItems": [{"NotificationRequestItem": item}]});
        verdict(&verifier, &post(&[], &body.to_string())).err()
    };
    assert_eq!(outcome(["p", "o", "m", "a:b"]), None);
    for cut in [
        ["p:o", "m", "a", "b"],
        ["p", "o:m", "a", "b"],
        ["p", "o", "m:a", "b"],
    ] {
        assert_eq!(outcome(cut), Some(ErrorKind::MalformedPayload), "{cut:?}");
    }
}

/// A plain hash without the secret is what anyone can make, and a MAC does not want it in its text.
#[test]
fn the_secret_stands_in_plain_hashes_and_nowhere_else() {
    let scheme = |algorithm: &str, template: &str| {
        let recipe = json!({
            "id": "shop", "alg": algorithm, "key": {"encoding": "utf8"},
            "signature": {"header": "x-sig", "grammar": "plain", "encoding": "hex"},
            "template": template,
        });
        let recipe: Recipe = serde_json::from_value(recipe).expect("a recipe");
        let provider = Provider::try_from(recipe)?;
        Verifier::new(&provider, &[secret(KEY)]).map(drop)
    };
    assert!(scheme("sha256", "{secret}{body}").is_ok());
    for (algorithm, template) in [
        ("sha256", "{body}"),
        ("sha512", "{body}x"),
        ("hmac-sha256", "{secret}{body}"),
    ] {
        let error = scheme(algorithm, template).expect_err(template);
        assert_eq!(
            error.kind(),
            ConfigErrorKind::BadScheme,
            "{algorithm} {template}: {error}"
        );
    }
}

/// The signature reads `true` and `"true"` alike, so that both are one event.
#[test]
fn two_spellings_of_a_field_are_one_event() {
    let verifier = of(&provider::adyen_body());
    let key = HEXLOWER.decode(KEY.as_bytes()).expect("hex");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, b"p::a:r:1000:EUR:AUTHORISATION:true");
    let event = |success: Value, room: &str| {
        let item = json!({
            "pspReference": "p",
            "merchantAccountCode": "a",
            "merchantReference": "r",
            "amount": {"value": 1000, "currency": "EUR"},
            "eventCode": "AUTHORISATION",
            "success": success,
            "additionalData": {"hmacSignature": BASE64.encode(tag.as_ref())},
        });
        let body = json!({"notificationItems": [{"NotificationRequestItem": item}]});
        let request = post(&[], &format!("{body}{room}"));
        let verified = verdict(&verifier, &request).expect("verified");
        verifier.identify(&verified)[0].key("shop")
    };
    let first = event(json!("true"), "");
    assert_eq!(event(json!(true), ""), first);
    assert_eq!(event(json!(true), " "), first);
}
