//! The first fault wins: duplicate, missing, malformed, limit, signature, payload, window.

use bytes::Bytes;
use countersign::provider::{self, Recipe};
use countersign::{ErrorKind, UnixTime};
use http::Request;

use super::{MIB, TEXT, genuine, standard};
use crate::delivery::{
    NOW, presets, refusal, signed, verifier, with_another_header, with_body, with_header,
    without_header,
};

#[test]
fn rule_01_the_first_fault_wins() {
    let (verifier, good) = standard();
    let late = NOW.as_secs() + 301;
    let at = |request: &Request<Bytes>, now: i64| {
        verifier
            .verify(request, request.body().clone(), UnixTime::from_secs(now))
            .map(|_| ())
            .map_err(|error| error.kind())
    };
    let stale = Err(ErrorKind::TimestampStale);
    assert_eq!(at(&good, late), stale);
    let forged = with_body(&good, "{}");
    assert_eq!(at(&forged, late), Err(ErrorKind::SignatureMismatch));
    let too_large = with_body(&good, vec![b' '; MIB + 1]);
    assert_eq!(at(&too_large, late), Err(ErrorKind::BodyTooLarge));
    let malformed = with_header(&too_large, "webhook-timestamp", "soon");
    assert_eq!(at(&malformed, late), Err(ErrorKind::MalformedHeader));
    let missing = without_header(&malformed, "webhook-signature");
    assert_eq!(at(&missing, late), Err(ErrorKind::MissingHeader));
    let duplicate = with_another_header(&missing, "webhook-id", "msg_2");
    assert_eq!(at(&duplicate, late), Err(ErrorKind::DuplicateHeader));
}

/// Whichever header has which fault, the order is by the fault and not by the header.
#[test]
fn rule_01_in_every_header() {
    let (verifier, good) = standard();
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    for malformed in names {
        let request = with_header(&good, malformed, "\x7e\u{e9}");
        // A list without an entry of the wanted version lacks it.
        let expected = match malformed {
            "webhook-signature" => ErrorKind::MissingHeader,
            _ => ErrorKind::MalformedHeader,
        };
        assert_eq!(refusal(&verifier, &request), expected);
        for missing in names.iter().filter(|name| **name != malformed) {
            let request = without_header(&request, missing);
            assert_eq!(
                refusal(&verifier, &request),
                ErrorKind::MissingHeader,
                "{missing}"
            );
            for twice in names.iter().filter(|name| *name != missing) {
                let request = with_another_header(&request, twice, "x");
                assert_eq!(
                    refusal(&verifier, &request),
                    ErrorKind::DuplicateHeader,
                    "{twice}"
                );
            }
        }
    }
}

#[test]
fn rule_01_a_wrong_head_is_refused_before_the_body() {
    for (provider, [secret, _]) in presets() {
        let (verifier, good) = (
            verifier(&provider, std::slice::from_ref(&secret)),
            signed(&provider, &secret, "{}"),
        );
        assert!(verifier.begin(&good).is_ok());
        for name in good.headers().keys() {
            let mut request = good.clone();
            request.headers_mut().remove(name);
            assert!(verifier.begin(&request).is_err(), "{name}");
        }
    }
}

/// The same where a header more is signed than any preset has, and where the body is sealed.
#[test]
fn rule_01_in_schemes_of_several_headers() {
    let recipe: Recipe = serde_json::from_str(
        r#"{
            "id": "two-ids", "alg": "hmac-sha256", "key": {"encoding": "utf8"},
            "signature": {"header": "x-signature", "grammar": "plain", "encoding": "hex"},
            "template": "{header:x-a}|{header:x-b}|{body}"
        }"#,
    )
    .expect("a recipe");
    let two_ids = recipe.try_into().expect("a provider");
    let sealed = provider::banking_circle();
    for (provider, text, names) in [
        (two_ids, TEXT, ["x-a", "x-b"]),
        (
            sealed,
            "0123456789abcdef0123456789abcdef",
            ["nonce", "checksum"],
        ),
    ] {
        let (verifier, good) = genuine(&provider, text);
        for (first, second) in [(names[0], names[1]), (names[1], names[0])] {
            let malformed = with_header(&good, first, "not valid");
            assert_eq!(refusal(&verifier, &malformed), ErrorKind::MalformedHeader);
            let missing = without_header(&malformed, second);
            assert_eq!(refusal(&verifier, &missing), ErrorKind::MissingHeader);
            let missing = without_header(&good, first);
            let duplicate = with_another_header(&missing, second, "x");
            assert_eq!(refusal(&verifier, &duplicate), ErrorKind::DuplicateHeader);
        }
    }
}
