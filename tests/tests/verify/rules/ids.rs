//! Ids in signed headers, and the identity of a delivery.

use countersign::{ErrorKind, UnixTime, provider};
use countersign_testkit::Signer;

use super::{TEXT, WHSEC, genuine, standard};
use crate::delivery::{NOW, header, refusal, secret, verdict, verifier, with_body, with_header};

#[test]
fn rule_07_ids_that_could_be_cut_elsewhere_are_refused() {
    let verifier = verifier(&provider::standard_webhooks(), &[secret(WHSEC)]);
    let signer = Signer::new(&provider::standard_webhooks(), &secret(WHSEC)).expect("a signer");
    let with_id = |id: &str| {
        let signed = signer.clone().with_id(id).and_then(|s| s.sign("{}", NOW));
        verdict(&verifier, &signed.expect("signed").into_request())
    };
    for id in [
        "x",
        "msg_2Lml0aYhV7qWJ3xK",
        "{tag}",
        "a|b,c",
        &"x".repeat(256),
    ] {
        assert_eq!(with_id(id).expect(id).signed_id(), Some(id));
    }
    for id in [
        "",
        ".",
        "a.b",
        "msg.1800000000",
        "a b",
        " a",
        &"x".repeat(257),
        &"x".repeat(5000),
    ] {
        assert_eq!(
            with_id(id).expect_err(id),
            ErrorKind::MalformedHeader,
            "{id:?}"
        );
    }
    let (verifier, good) = standard();
    for id in [&b"a\tb"[..], b"\xe9", "é".as_bytes(), b"\xff\xfe"] {
        let request = with_header(&good, "webhook-id", id);
        assert_eq!(
            refusal(&verifier, &request),
            ErrorKind::MalformedHeader,
            "{id:?}"
        );
    }
}

/// The attack behind the rule: the same bytes are signed, cut at another dot.
#[test]
fn rule_07_a_genuine_signature_cannot_be_cut_anew() {
    let verifier = verifier(&provider::standard_webhooks(), &[secret(WHSEC)]);
    let (at, earlier) = (NOW.as_secs(), NOW.as_secs() - 100);
    let signed = Signer::new(&provider::standard_webhooks(), &secret(WHSEC))
        .and_then(|s| {
            s.with_id("msg")?
                .sign(format!("{at}.{{}}"), UnixTime::from_secs(earlier))
        })
        .expect("signed");
    let request = signed.into_request();
    assert!(verdict(&verifier, &request).is_ok());
    let cut = with_header(&request, "webhook-id", format!("msg.{earlier}"));
    let cut = with_header(&cut, "webhook-timestamp", at.to_string());
    assert_eq!(
        refusal(&verifier, &with_body(&cut, "{}")),
        ErrorKind::MalformedHeader
    );
}

/// The key is made of decoded bytes: no spelling of a signature makes another event of a delivery.
#[test]
fn rule_10_the_case_of_hex_is_no_way_around() {
    let (verifier, good) = genuine(&provider::fourpay(), TEXT);
    let upper = header(&good, "x-webhook-signature").to_uppercase();
    let upper = with_header(&good, "x-webhook-signature", upper);
    let identify = |request| verifier.identify(&verdict(&verifier, request).expect("verified"));
    assert_eq!(identify(&good), identify(&upper));
}
