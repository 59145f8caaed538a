//! JSON Web Tokens that are genuine but for one thing: what they say of themselves, and of the body.

use std::borrow::Cow;

use bytes::Bytes;
use countersign::provider;
use countersign::scheme::{BodyHash, Coverage, HashNeeded, JwtAlgorithms, JwtScheme, Scheme};
use countersign::{ConfigErrorKind, ErrorKind, Provider, Verified, Verifier};
use countersign_tests::families::{Family, key_pair};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use http::Request;
use ring::{digest, hmac};
use serde_json::{Value, json};

use crate::delivery::{NOW, header, refusal, secret, verdict, verifier, with_body, with_header};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Vonage's: HS256 in `Authorization`.
fn vonage() -> Provider {
    provider::jwt_hs256_signature_only()
}

fn sha256(body: &str) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, body.as_bytes()).as_ref())
}

/// A delivery of `body` under a token that its key has signed, whatever it says.
fn delivery(head: &Value, claims: &Value, body: &str) -> Request<Bytes> {
    let algorithm = match head["alg"].as_str() {
        Some("HS384") => hmac::HMAC_SHA384,
        Some("HS512") => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(head), part(claims));
    let tag = hmac::sign(
        &hmac::Key::new(algorithm, KEY.as_bytes()),
        signed.as_bytes(),
    );
    let token = format!("{signed}.{}", BASE64URL_NOPAD.encode(tag.as_ref()));
    let request = Request::builder().header("authorization", format!("Bearer {token}"));
    request
        .body(Bytes::from(body.to_owned()))
        .expect("a request")
}

/// The claims of a token that is made now, for a body with this hash.
fn claims(hash: Option<&str>) -> Value {
    let mut claims = json!({"iat": NOW.as_secs()});
    if let Some(hash) = hash {
        claims["payload_hash"] = hash.into();
    }
    claims
}

#[test]
fn a_token_is_signed_by_the_algorithm_that_is_the_schemes() {
    let signed = |algorithm: &str| delivery(&json!({"alg": algorithm}), &claims(None), "{}");
    let only = verifier(&vonage(), &[secret(KEY)]);
    let any = verifier(&with(JwtAlgorithms::AnyHs, None), &[secret(KEY)]);
    assert!(verdict(&only, &signed("HS256")).is_ok());
    for other in ["HS384", "HS512"] {
        assert!(verdict(&any, &signed(other)).is_ok(), "{other}");
        assert_eq!(
            refusal(&only, &signed(other)),
            ErrorKind::MalformedHeader,
            "{other}"
        );
    }
    for other in ["none", "hs256", "ES256", ""] {
        for verifier in [&only, &any] {
            let refused = refusal(verifier, &signed(other));
            assert_eq!(refused, ErrorKind::MalformedHeader, "{other}");
        }
    }
}

/// Nothing of the body is signed without its hash: whatever body comes with it, a token is one event.
#[test]
fn a_token_without_a_hash_is_one_event() {
    let verifier = verifier(&vonage(), &[secret(KEY)]);
    let head = json!({"alg": "HS256"});
    let key = |claims: &Value, body: &str| {
        let verified = verdict(&verifier, &delivery(&head, claims, body)).expect("verified");
        verifier.identify(&verified)[0].key("shop")
    };
    let token = |id: &str| json!({"iat": NOW.as_secs(), "jti": id});
    let genuine = key(&token("1"), "{\"amount\":1}");
    assert_eq!(key(&token("1"), "{\"amount\":2}"), genuine, "a replay");
    assert_ne!(key(&token("2"), "{\"amount\":1}"), genuine);
    // With its hash it is the body that counts, however often it is signed.
    let hashed = |id: &str| {
        let mut claims = token(id);
        claims["payload_hash"] = sha256("{}").into();
        claims
    };
    assert_eq!(key(&hashed("1"), "{}"), key(&hashed("2"), "{}"));
}

#[test]
fn what_a_token_calls_critical_is_not_passed_over() {
    let verifier = verifier(&vonage(), &[secret(KEY)]);
    let head = json!({"alg": "HS256", "crit": ["exp"]});
    let request = delivery(&head, &claims(None), "{}");
    assert_eq!(refusal(&verifier, &request), ErrorKind::MalformedHeader);
}

#[test]
fn a_tokens_signature_is_as_long_as_its_algorithms() {
    let verifier = verifier(&vonage(), &[secret(KEY)]);
    let good = delivery(&json!({"alg": "HS256"}), &claims(None), "{}");
    let value = header(&good, "authorization");
    let (signed, tag) = value.rsplit_once('.').expect("three parts");
    let tag = BASE64URL_NOPAD.decode(tag.as_bytes()).expect("Base64");
    let longer = [&tag[..], &[0]].concat();
    for other in [&tag[..0], &tag[..31], &longer] {
        let token = format!("{signed}.{}", BASE64URL_NOPAD.encode(other));
        let request = with_header(&good, "authorization", token);
        let refused = refusal(&verifier, &request);
        assert_eq!(refused, ErrorKind::MalformedHeader, "{}", other.len());
    }
}

/// The mistake behind many a forged token: a public key is known to everyone.
#[test]
fn no_key_in_pem_is_a_shared_secret() {
    for kind in ["p256", "rsa", "ed25519"] {
        for member in ["pem", "private"] {
            for provider in [vonage(), provider::jwt_hs_url_payload_hash()] {
                let url = "https://merchant.example/in".to_owned();
                let provider = match provider.scheme().signs_url() {
                    true => provider
                        .with(provider::Setting::PublicUrl(url))
                        .expect("left open"),
                    false => provider,
                };
                let error = Verifier::new(&provider, &[secret(&key_pair(kind, member))]);
                let error = error.expect_err("a key that is not shared");
                assert_eq!(error.kind(), ConfigErrorKind::SecretEncoding);
                assert!(error.to_string().contains("no key in PEM"), "{error}");
            }
        }
    }
}

#[test]
fn an_es256_token_is_what_its_key_has_signed() {
    let plaid = Family::named("plaid-jwt-es256");
    let genuine = plaid.sign("a", b"{}");
    assert!(verdict(&plaid.verifier, &genuine).is_ok());
    let token = header(&genuine, "plaid-verification");
    let parts: Vec<&str> = token.split('.').collect();
    // Claims that fit another body, under the signature of these.
    let forged = json!({"iat": NOW.as_secs(), "request_body_sha256": sha256("[]")});
    let forged = BASE64URL_NOPAD.encode(forged.to_string().as_bytes());
    let forged = format!("{}.{forged}.{}", parts[0], parts[2]);
    let request = with_header(&genuine, "plaid-verification", forged);
    assert_eq!(
        refusal(&plaid.verifier, &with_body(&request, "[]")),
        ErrorKind::SignatureMismatch
    );
    let zeros = BASE64URL_NOPAD.encode(&[0; 64]);
    let nothing = format!("{}.{}.{zeros}", parts[0], parts[1]);
    assert_eq!(
        refusal(
            &plaid.verifier,
            &with_header(&genuine, "plaid-verification", nothing)
        ),
        ErrorKind::SignatureMismatch
    );
}

/// Vonage's, but for what it takes.
fn with(algorithms: JwtAlgorithms, needed: Option<HashNeeded>) -> Provider {
    let Scheme::Jwt(scheme) = vonage().scheme().clone() else {
        panic!("a token");
    };
    let body_hash = needed.map(|needed| BodyHash {
        claim: Cow::Borrowed("payload_hash"),
        needed,
    });
    let scheme = Scheme::Jwt(JwtScheme {
        algorithms,
        body_hash,
        ..scheme
    });
    Provider::new("own", scheme, vonage().envelope().clone())
}

#[test]
fn the_hash_in_a_token_is_the_bodys() {
    let outcome = |needed, hash: Option<&str>, body: &str| {
        let verifier = verifier(&with(JwtAlgorithms::Hs256, needed), &[secret(KEY)]);
        let request = delivery(&json!({"alg": "HS256"}), &claims(hash), body);
        verdict(&verifier, &request).map(|verified: Verified| verified.covers())
    };
    let mismatch = Err(ErrorKind::SignatureMismatch);
    let all = [HashNeeded::Always, HashNeeded::WithBody, HashNeeded::Never];
    for needed in all.map(Some) {
        let right = sha256("{}");
        assert_eq!(outcome(needed, Some(&right), "{}"), Ok(Coverage::WholeBody));
        for wrong in [
            &sha256("{} "),
            &right[..62],
            &format!("0x{right}"),
            &format!("{right}00"),
            "",
            "x",
        ] {
            assert_eq!(outcome(needed, Some(wrong), "{}"), mismatch, "{wrong}");
        }
        assert_eq!(outcome(needed, Some(&right), ""), mismatch);
    }
    for (needed, of_a_body, of_none) in [
        (Some(HashNeeded::Always), mismatch, mismatch),
        (
            Some(HashNeeded::WithBody),
            mismatch,
            Ok(Coverage::WholeBody),
        ),
        (
            Some(HashNeeded::Never),
            Ok(Coverage::Nothing),
            Ok(Coverage::Nothing),
        ),
        (None, Ok(Coverage::Nothing), Ok(Coverage::Nothing)),
    ] {
        assert_eq!(outcome(needed, None, "{}"), of_a_body, "{needed:?}");
        assert_eq!(outcome(needed, None, ""), of_none, "{needed:?}");
    }
}

/// Where a time is looked at, a token without any would be good for ever.
#[test]
fn a_token_says_when_it_was_made() {
    let verifier = verifier(&vonage(), &[secret(KEY)]);
    let head = json!({"alg": "HS256"});
    for claims in [json!({"iat": NOW.as_secs()}), json!({"nbf": NOW.as_secs()})] {
        assert!(
            verdict(&verifier, &delivery(&head, &claims, "{}")).is_ok(),
            "{claims}"
        );
    }
    for claims in [
        json!({}),
        json!({"jti": "1"}),
        json!({"exp": NOW.as_secs() + 60}),
    ] {
        let refused = refusal(&verifier, &delivery(&head, &claims, "{}"));
        assert_eq!(refused, ErrorKind::MalformedPayload, "{claims}");
    }
}
