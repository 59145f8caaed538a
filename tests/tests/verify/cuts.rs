//! The same signed bytes, cut at other places: they are refused, or the same event.

use bytes::Bytes;
use countersign::provider::{self, Recipe, Setting};
use countersign::{ConfigErrorKind, ErrorKind, Key, Provider, Verifier};
use countersign_tests::families::URL;
use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderName, HeaderValue, Request};
use ring::{digest, hmac};
use serde_json::{Value, json};

use crate::delivery::{secret, verdict, verifier};

pub const KEY: &str = "0123456789abcdef0123456789abcdef";

pub fn of(provider: Provider) -> Verifier {
    let url = Setting::PublicUrl(URL.to_owned());
    let provider = match provider.scheme().signs_url() {
        true => provider.with(url).expect("left open"),
        false => provider,
    };
    verifier(&provider, &[secret(KEY)])
}

pub fn tag(algorithm: hmac::Algorithm, signed: &str) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, KEY.as_bytes());
    hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
}

/// A request with this query behind the URL, if it is one.
pub fn post(query: &str, headers: &[(&str, &str)], body: &str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(body.to_owned()));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = format!("{URL}{query}").parse().expect("a URL");
    for (name, value) in headers {
        request.headers_mut().append(
            HeaderName::from_bytes(name.as_bytes()).expect("a name"),
            HeaderValue::from_str(value).expect("a value"),
        );
    }
    request
}

/// The key of the one event.
fn event(verifier: &Verifier, request: &Request<Bytes>) -> Result<Key, ErrorKind> {
    let verified = verdict(verifier, request)?;
    let [event] = <[_; 1]>::try_from(verifier.identify(&verified)).expect("one event");
    Ok(event.key("shop"))
}

/// What stands behind the URL, cut in two at each place.
fn cuts(text: &str) -> impl Iterator<Item = (&str, &str)> {
    (0..=text.len()).map(|at| text.split_at(at))
}

/// Nothing parts the URL from the nonce, and nothing of the body is signed.
#[test]
fn a_nonce_and_the_url_are_one_event_wherever_they_are_cut() {
    let recipe = json!({
        "id": "shop", "alg": "hmac-sha256", "key": {"encoding": "utf8"},
        "signature": {"header": "x-sig", "grammar": "plain", "encoding": "base64"},
        "template": "{url}{header:x-nonce}", "id_from": "header:x-nonce",
    });
    let recipe: Recipe = serde_json::from_value(recipe).expect("a recipe");
    let verifier = of(Provider::try_from(recipe).expect("a provider"));
    let text = "?to=15551234567890";
    let tag = BASE64.encode(&tag(hmac::HMAC_SHA256, &format!("{URL}{text}")));
    let key = |query: &str, nonce: &str, body: &str| {
        let headers = [("x-sig", &*tag), ("x-nonce", nonce)];
        event(&verifier, &post(query, &headers, body))
    };
    let genuine = key("?to=15551", "234567890", "a=1").expect("genuine");
    let mut passed = 0;
    for (query, nonce) in cuts(text) {
        let Ok(same) = key(query, nonce, "a=1") else {
            continue;
        };
        passed += 1;
        assert_eq!(same, genuine, "{query} {nonce}");
    }
    assert!(passed > 10, "{passed}");
    assert_eq!(key("?to=15551", "234567890", "a=2"), Ok(genuine));
}

/// Plivo signs the URL without its query.
#[test]
fn another_nonce_is_another_event_and_another_query_is_none() {
    let verifier = of(provider::plivo_v2());
    let key = |nonce: &str, query: &str| {
        let tag = BASE64.encode(&tag(hmac::HMAC_SHA256, &format!("{URL}{nonce}")));
        let headers = [
            ("x-plivo-signature-v2", &*tag),
            ("x-plivo-signature-v2-nonce", nonce),
        ];
        event(&verifier, &post(query, &headers, "a=1")).expect("genuine")
    };
    assert_ne!(key("1", ""), key("2", ""));
    assert_eq!(key("1", "?From=1"), key("1", "?From=2"));
}

/// Touching values, and a URL or a method that may hold what stands before the id: what is signed is the
/// event, and the id a label.
#[test]
fn an_id_whose_ends_nothing_proves_names_no_event() {
    // The query, the header `x-id` and the body of a genuine delivery, and of a replay with its signature.
    type Cut = (&'static str, &'static str, &'static str);
    let header = "header:x-id";
    let cases: [(&str, &str, &str, [Cut; 2]); 7] = [
        (
            "{json:/a}{header:x-id}",
            header,
            "abcevt-123",
            [
                ("", "evt-123", r#"{"a":"abc"}"#),
                ("", "123", r#"{"a":"abcevt-"}"#),
            ],
        ),
        // CRC-32 of the first is 152039045, of the second 15203904.
        (
            "{body_crc32}{header:x-id}",
            header,
            "152039045evt-1",
            [
                ("", "evt-1", r#"{"amount":11315}"#),
                ("", "5evt-1", r#"{"amount":137640}"#),
            ],
        ),
        (
            "{json:/a}{json:/b}.{header:x-id}",
            header,
            "x.yB.evt",
            [
                ("", "evt", r#"{"a":"x.y","b":"B"}"#),
                ("", "yB.evt", r#"{"a":"","b":"x"}"#),
            ],
        ),
        (
            "{json:/a}{json:/b}.{json:/id}",
            "json:/id",
            "x.yB.evt",
            [
                ("", "", r#"{"a":"x.y","b":"B","id":"evt"}"#),
                ("", "", r#"{"a":"","b":"x","id":"yB.evt"}"#),
            ],
        ),
        (
            "{url}.{json:/id}",
            "json:/id",
            "?x=1.evt.5",
            [
                ("?x=1", "", r#"{"id":"evt.5"}"#),
                ("?x=1.evt", "", r#"{"id":"5"}"#),
            ],
        ),
        (
            "{method}.{header:x-id}",
            header,
            "POST.evt.5",
            [("POST", "evt.5", ""), ("POST.evt", "5", "")],
        ),
        (
            "{json:/a}{ts}.{header:x-id}",
            header,
            "x1800000000.1700000000.5",
            [
                ("1800000000", "1700000000.5", r#"{"a":"x"}"#),
                ("1700000000", "5", r#"{"a":"x1800000000."}"#),
            ],
        ),
    ];
    for (template, id, signed, cuts) in cases {
        let (is_url, is_timed) = (template.contains("{url}"), template.contains("{ts}"));
        let mut recipe = json!({
            "id": "shop", "alg": "hmac-sha256", "key": {"encoding": "utf8"},
            "signature": {"header": "x-sig", "grammar": "plain", "encoding": "hex"},
            "template": template, "id_from": id,
        });
        if is_timed {
            recipe["timestamp"] = json!({"from": "header:x-time", "unit": "s", "tolerance": null});
        }
        let recipe: Recipe = serde_json::from_value(recipe).expect("a recipe");
        let verifier = of(Provider::try_from(recipe).expect("a provider"));
        let key = |signed: &str, (first, id, body): Cut| {
            let signed = if is_url {
                format!("{URL}{signed}")
            } else {
                signed.to_owned()
            };
            let tag = HEXLOWER.encode(&tag(hmac::HMAC_SHA256, &signed));
            let headers = [("x-sig", &*tag), ("x-id", id), ("x-time", first)];
            let mut request = post(if is_url { first } else { "" }, &headers, body);
            if template.starts_with("{method}") {
                *request.method_mut() = first.parse().expect("a method");
            }
            event(&verifier, &request).expect(template)
        };
        assert_eq!(key(signed, cuts[0]), key(signed, cuts[1]), "{template}");
        let (first, id, body) = cuts[0];
        let others = [id.replace("evt", "other"), body.replace("evt", "other")];
        if others != [id, body] {
            let [id, body] = others.map(|text| &*text.leak());
            let other = key(&signed.replace("evt", "other"), (first, id, body));
            assert_ne!(key(signed, cuts[0]), other, "{template}");
        }
    }
}

/// Twilio's URL, names and values have nothing between them.
#[test]
fn a_form_is_one_event_wherever_it_is_cut() {
    let verifier = of(provider::twilio_form());
    let text = "?a=1Digits1234";
    let sha1 = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
    let tag = BASE64.encode(&tag(sha1, &format!("{URL}{text}")));
    let key = |query: &str, form: &str| {
        event(
            &verifier,
            &post(query, &[("x-twilio-signature", &tag)], form),
        )
    };
    let genuine = key("?a=1", "Digits=1234").expect("genuine");
    let mut passed = 0;
    for (query, rest) in cuts(text).skip(1) {
        for (name, value) in cuts(rest) {
            let encode = |text: &str| text.replace('=', "%3D").replace('?', "%3F");
            let form = format!("{}={}", encode(name), encode(value));
            assert_eq!(key(query, &form), Ok(genuine), "{query} {form}");
            passed += 1;
        }
    }
    assert!(passed > 50, "{passed}");
    // Other fields are another event.
    assert_ne!(key("?a=1", "Digits=1235"), Ok(genuine));
}

/// CinetPay's fields have nothing between them.
#[test]
fn signed_fields_are_one_event_wherever_they_are_cut() {
    let verifier = of(provider::cinetpay());
    let key = |signed: &str, site: &str, id: &str, date: &str| {
        let tag = HEXLOWER.encode(&tag(hmac::HMAC_SHA256, signed));
        let form = format!("cpm_site_id={site}&cpm_trans_id={id}&cpm_trans_date={date}");
        event(&verifier, &post("", &[("x-token", &tag)], &form))
    };
    let genuine = key("1234567", "12", "34", "567").expect("genuine");
    for (site, rest) in cuts("1234567") {
        for (id, date) in cuts(rest) {
            assert_eq!(key("1234567", site, id, date), Ok(genuine), "{site} {id}");
        }
    }
    assert_ne!(key("1234568", "12", "34", "568"), Ok(genuine));
}

/// A URL holds no brace: behind one, a body that begins with anything else could be the end of the URL.
#[test]
fn a_body_behind_a_url_begins_as_json_does() {
    let body = r#"{"event_id":"1","type":"a"}"#;
    type Sign = fn(&str) -> (&'static str, String);
    let square: Sign = |signed| {
        let tag = BASE64.encode(&tag(hmac::HMAC_SHA256, signed));
        ("x-square-hmacsha256-signature", tag)
    };
    let hubspot: Sign = |signed| {
        let signed = format!("{KEY}POST{signed}");
        let tag = digest::digest(&digest::SHA256, signed.as_bytes());
        ("x-hubspot-signature", HEXLOWER.encode(tag.as_ref()))
    };
    for (provider, sign) in [
        (provider::square(), square),
        (provider::hubspot_v2(), hubspot),
    ] {
        let verifier = of(provider);
        let outcome = |text: &str, query: &str, body: &str| {
            let (header, tag) = sign(&format!("{URL}{text}"));
            verdict(&verifier, &post(query, &[(header, &tag)], body)).err()
        };
        let text = format!("?a=1{body}");
        assert_eq!(outcome(&text, "?a=1", body), None);
        let malformed = Some(ErrorKind::MalformedPayload);
        for cut in ["?a=", "?a", "?", ""] {
            assert_eq!(outcome(&text, cut, &text[cut.len()..]), malformed, "{cut}");
        }
        assert_eq!(outcome("?a=1", "?a=1", ""), None, "no body at all");
        assert_eq!(outcome("?a=1", "?a=", "1"), malformed);
        assert_eq!(outcome("[]", "", "[]"), None);
    }
}

/// A plain hash can be gone on with, but what is added begins with the byte 0x80.
#[test]
fn behind_a_plain_hash_stands_text() {
    let hash = |signed: &[u8]| {
        let signed = [KEY.as_bytes(), signed].concat();
        HEXLOWER.encode(digest::digest(&digest::SHA256, &signed).as_ref())
    };
    let verifier = of(provider::hubspot_v1());
    let outcome = |body: &[u8]| {
        let tag = hash(body);
        let mut request = post("", &[("x-hubspot-signature", &tag)], "");
        *request.body_mut() = Bytes::copy_from_slice(body);
        verdict(&verifier, &request).err()
    };
    let genuine = br#"[{"eventId":1}]"#;
    // As SHA-256 pads it, and more behind it: what a forger knows the hash of, once the genuine one is seen.
    let length = KEY.len() + genuine.len();
    let mut longer = genuine.to_vec();
    longer.push(0x80);
    longer.resize(genuine.len() + 64 - length % 64 - 8, 0);
    longer.extend((8 * length as u64).to_be_bytes());
    assert_eq!((KEY.len() + longer.len()) % 64, 0);
    longer.extend(br#"[{"eventId":2}]"#);
    assert_eq!(outcome(genuine), None);
    assert_eq!(outcome("[\"\u{80}é\"]".as_bytes()), None, "other text");
    assert_eq!(outcome(&longer), Some(ErrorKind::MalformedPayload));
    // With the secret behind it, a hash is gone on with by nobody.
    let verifier = of(provider::midtrans_iris());
    let signed = [&longer, KEY.as_bytes()].concat();
    let tag = HEXLOWER.encode(digest::digest(&digest::SHA512, &signed).as_ref());
    let mut request = post("", &[("iris-signature", &tag)], "");
    *request.body_mut() = Bytes::from(longer);
    assert!(verdict(&verifier, &request).is_ok());
}

/// What parts a value from the next one is in none of them: pairs, forms, queries.
#[test]
fn a_value_does_not_hold_what_parts_it() {
    let recipe = |template: &str, grammar: Value| {
        let recipe = json!({
            "id": "shop", "alg": "hmac-sha256", "key": {"encoding": "utf8"},
            "signature": grammar, "template": template,
        });
        let recipe: Recipe = serde_json::from_value(recipe).expect("a recipe");
        let provider = Provider::try_from(recipe).expect("a provider");
        Verifier::new(&provider, &[secret(KEY)])
    };
    let plain = json!({"header": "x-sig", "grammar": "plain", "encoding": "hex"});
    let pairs = json!({"header": "x-sig", "grammar": "kv", "pair_sep": ",", "keys": ["v1"],
                       "encoding": "hex"});
    let tag = |signed: &str| HEXLOWER.encode(&tag(hmac::HMAC_SHA256, signed));

    let verifier = recipe("{kv:n}|{kv:m}|{body}", pairs.clone()).expect("taken");
    let outcome = |n: &str, m: &str, body: &str| {
        let value = format!("n={n},m={m},v1={}", tag("a|b|c"));
        verdict(&verifier, &post("", &[("x-sig", &value)], body)).err()
    };
    assert_eq!(outcome("a", "b", "c"), None);
    let malformed = Some(ErrorKind::MalformedHeader);
    assert_eq!(outcome("a|b", "c", ""), malformed, "another signed text");
    let value = format!("n=a|b,m=c,v1={}", tag("a|b|c|d"));
    let request = post("", &[("x-sig", &value)], "d");
    assert_eq!(verdict(&verifier, &request).err(), malformed, "the same");

    for template in ["{form:a}|{form:b}", "{form:a}|{sorted_form}"] {
        let verifier = recipe(template, plain.clone()).expect("taken");
        let signed = |form: &[(&str, &str)]| match template {
            "{form:a}|{form:b}" => format!("{}|{}", form[0].1, form[1].1),
            _ => format!("{}|a{}b{}", form[0].1, form[0].1, form[1].1),
        };
        for (a, malformed) in [("x", None), ("x|y", Some(ErrorKind::MalformedPayload))] {
            let tag = tag(&signed(&[("a", a), ("b", "z")]));
            let form = format!("a={a}&b=z");
            let found = verdict(&verifier, &post("", &[("x-sig", &tag)], &form)).err();
            assert_eq!(found, malformed, "{template} {a}");
        }
    }

    for template in [
        "{query:a};{body}",
        "[{query:a}];{body}",
        "[{query:a};]{body}",
    ] {
        let verifier = recipe(template, plain.clone()).expect("taken");
        for (a, refused) in [("x", None), ("x;y", malformed)] {
            let tag = tag(&format!("{a};body"));
            let request = post(&format!("?a={a}"), &[("x-sig", &tag)], "body");
            let found = verdict(&verifier, &request).err();
            assert_eq!(found, refused, "{template} {a}");
        }
    }

    for unparted in [
        "{kv:n}{body}",
        "{kv:n}{kv:m}|{body}",
        "{query:a}{body}",
        "[{query:a}]{body}",
        "{body}{query:a}",
        "{query:a}{method}",
        "{header:a}{sorted_form}",
    ] {
        let error = recipe(unparted, pairs.clone()).expect_err(unparted);
        assert_eq!(error.kind(), ConfigErrorKind::BadScheme);
        assert!(error.to_string().contains("parts "), "{unparted}: {error}");
    }
}
