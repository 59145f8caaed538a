//! Every family of the catalogue under generated deliveries: what is signed verifies, what is changed
//! does not, and nothing that arrives is too odd to be refused quietly.

use countersign::Verifier;
use countersign::provider::Setting;
use countersign::scheme::Coverage;
use countersign_testkit::Signer;
use countersign_tests::families::Family;
use countersign_tests::vectors::named;
use http::{HeaderName, HeaderValue, Request};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

use crate::delivery::{NOW, secret, verdict, verdict_in_chunks, with_body};

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..Config::default()
    }
}

fn family(name: &str) -> Family {
    Family::named(name)
}

/// Those of the catalogue.
fn names() -> Vec<&'static str> {
    let five = ["centralpay", "fedapay", "banking-circle", "zibapay", "4pay"];
    countersign_tests::families::names()
        .filter(|name| !five.contains(name))
        .collect()
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn what_is_signed_verifies_however_it_is_cut(
        text in "[a-zA-Z0-9 ]{1,20}", bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1usize..64,
    ) {
        for name in names() {
            let family = family(name);
            let request = family.sign(&text, &bytes);
            let whole = verdict(&family.verifier, &request);
            prop_assert!(whole.is_ok(), "{name}: {whole:?} {request:?}");
            let cut = verdict_in_chunks(&family.verifier, &request, size, NOW);
            prop_assert!(cut.is_ok(), "{name}: {cut:?}");
            let (whole, cut) = (whole.expect("verified"), cut.expect("verified"));
            prop_assert_eq!(family.verifier.identify(&whole), family.verifier.identify(&cut), "{}", name);
            prop_assert_eq!(whole.payload(), request.body(), "{}", name);
            // The order of the headers is nobody's.
            let mut turned = Request::new(request.body().clone());
            *turned.uri_mut() = request.uri().clone();
            *turned.method_mut() = request.method().clone();
            for (name, value) in request.headers().iter().collect::<Vec<_>>().into_iter().rev() {
                turned.headers_mut().append(name.clone(), value.clone());
            }
            prop_assert!(verdict(&family.verifier, &turned).is_ok(), "{}", name);
        }
    }

    #[test]
    fn any_changed_byte_of_what_is_covered_refuses(
        text in "[a-zA-Z0-9]{1,20}", bytes in prop::collection::vec(any::<u8>(), 1..200),
        at in any::<prop::sample::Index>(), change in 1u8..=255,
    ) {
        for name in names() {
            let family = family(name);
            // Of a form, the fields are covered and not their spelling.
            if family.provider.scheme().coverage() != Coverage::WholeBody || family.takes_a_form() {
                continue;
            }
            let request = family.sign(&text, &bytes);
            let mut body = request.body().to_vec();
            let at = at.index(body.len());
            body[at] ^= change;
            let changed = verdict(&family.verifier, &with_body(&request, body.clone()));
            prop_assert!(changed.is_err(), "{name}: {body:?}");
            body[at] ^= change;
            body.push(change);
            let longer = verdict(&family.verifier, &with_body(&request, body));
            prop_assert!(longer.is_err(), "{name}");
        }
    }

    /// In a header of the scheme, and in the URL where it is signed.
    #[test]
    fn any_changed_byte_of_the_head_refuses(
        text in "[a-zA-Z0-9]{1,20}", which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(), change in 1u8..=255,
    ) {
        for name in names() {
            let family = family(name);
            let request = family.sign(&text, text.as_bytes());
            if request.headers().is_empty() {
                continue;
            }
            let headers: Vec<(HeaderName, Vec<u8>)> = request.headers().iter()
                .map(|(name, value)| (name.clone(), value.as_bytes().to_vec())).collect();
            let (header, mut value) = headers[which.index(headers.len())].clone();
            let at = at.index(value.len());
            let before = value[at];
            value[at] ^= change;
            // The case of hexadecimal digits, and of the word before a token, says nothing.
            let same_letter = before.eq_ignore_ascii_case(&value[at]);
            let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
            let mut changed = request.clone();
            changed.headers_mut().insert(header.clone(), value);
            let verdict = verdict(&family.verifier, &changed);
            prop_assert!(verdict.is_err() || same_letter, "{name}: {header} {changed:?}");
        }
    }
}

/// A forger who has one delivery spells it anew: it is the same event.
#[test]
fn another_spelling_of_a_form_is_the_same_event() {
    let family = family("twilio-form");
    let body = "From=%2B14158675309&Digits=1234&To=a+b";
    let signed = family
        .signer
        .sign(body, NOW)
        .expect("signed")
        .into_request();
    let key = |body: &str| {
        let verified = verdict(&family.verifier, &with_body(&signed, body.to_owned()));
        let events = family.verifier.identify(&verified.expect("verified"));
        events[0].key("e")
    };
    let first = key(body);
    for other in [
        "Digits=1234&From=%2B14158675309&To=a+b",
        "From=%2b14158675309&Digits=%31234&To=a%20b",
        "From=%2B14158675309&Digits=1234&To=a+b&&",
    ] {
        assert_eq!(key(other), first, "{other}");
    }
}

/// Two requests without a body are two events if their URLs differ.
#[test]
fn a_request_without_a_body_is_known_by_its_url() {
    let provider = named("jwt-hs-url-payload-hash");
    let key = secret("0123456789abcdef");
    let of = |url: &str| {
        let provider = provider
            .clone()
            .with(Setting::PublicUrl(url.to_owned()))
            .expect("open");
        let signer = Signer::new(&provider, &key).expect("a signer");
        let verifier = Verifier::new(&provider, std::slice::from_ref(&key)).expect("a verifier");
        let request = signer.sign("", NOW).expect("signed").into_request();
        let verified = verdict(&verifier, &request).expect("verified");
        verifier.identify(&verified)[0].key("e")
    };
    assert_eq!(of("https://a.example/?m=1"), of("https://a.example/?m=1"));
    assert_ne!(of("https://a.example/?m=1"), of("https://a.example/?m=2"));
}

/// Headers that the signature names: the same signed bytes are no other delivery.
#[test]
fn signed_headers_cannot_be_cut_elsewhere() {
    let family = family("coinbase-hook0");
    let request = family.sign("a", b"{}");
    let id = request.headers()["x-hook0-id"]
        .to_str()
        .expect("ASCII")
        .to_owned();
    assert_eq!(
        verdict(&family.verifier, &request)
            .expect("verified")
            .signed_id(),
        Some(&*id)
    );
    let body = std::str::from_utf8(request.body())
        .expect("text")
        .to_owned();
    let signed = format!("application/json.{id}.{body}");
    let dots: Vec<usize> = signed.match_indices('.').map(|(at, _)| at).collect();
    let mut passed = 0;
    for first in &dots {
        for second in dots.iter().filter(|second| *second > first) {
            let mut other = with_body(&request, signed[second + 1..].to_owned());
            for (name, value) in [
                ("content-type", &signed[..*first]),
                ("x-hook0-id", &signed[first + 1..*second]),
            ] {
                let value = HeaderValue::from_str(value).expect("a value");
                other
                    .headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
            passed += usize::from(verdict(&family.verifier, &other).is_ok());
        }
    }
    assert_eq!(passed, 1);
}
