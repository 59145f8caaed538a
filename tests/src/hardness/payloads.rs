//! Payloads that are signed, and still anything: what identifies an event, and what it decodes to.

use std::sync::LazyLock;

use bytes::Bytes;
use countersign::provider::{banking_circle, centralpay, fedapay, fourpay, zibapay};
use countersign::{
    Envelope, FromEvent, IdSource, Identity, Pointer, Provider, Secret, TypeSource, Verifier,
};
use countersign_testkit::Signer;

use crate::families::{NOW, names};
use crate::vectors::named;

/// Words of a text that is JSON, or nearly: among them what envelopes and signed fields look for.
pub const NEARLY_JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "1e5",
    "-0",
    "1.50",
    "\"\"",
    "\"x\"",
    "\"id\":",
    "\"name\":",
    "\"entity\":",
    "\"type\":",
    "\"event\":",
    "\"data\":",
    "\"klass\":",
    "\"updated_at\":",
    "\"eventId\":",
    "\"notifications\":[",
    "\"\\u0069d\":",
    "\u{feff}",
    "\\",
    "\"",
    " ",
    "\"signature\":",
    "\"timestamp\":",
    "\"token\":",
    "\"event_hash\":",
    "\"order_id\":",
    "\"notificationItems\":[{\"NotificationRequestItem\":",
    "\"additionalData\":{\"hmacSignature\":\"",
    "\"a\":{\"b\":1}",
    "{\"id\":\"e\",\"type\":\"t\"}",
    "\"timestamp\":\"2026-01-02T03:04:05Z\"",
    "\"notifications\":[{\"eventId\":\"e\"},{}]",
    "\"cardUuid\":",
    "\"amount\":",
    "a=1&",
    "%2B",
    "+",
    "%zz",
];

fn secret() -> Secret {
    Secret::new("0123456789abcdef0123456789abcdef").expect("a secret")
}

/// A verifier of bodies that are signed as 4Pay's are, with this envelope.
fn verifier(envelope: Envelope) -> Verifier {
    let provider = Provider::new("any", fourpay().scheme().clone(), envelope);
    Verifier::new(&provider, &[secret()]).expect("a verifier")
}

/// One an envelope that a provider has.
static VERIFIERS: LazyLock<Vec<Verifier>> = LazyLock::new(|| {
    let pointer = |text: &str| Pointer::new(text).expect("a pointer");
    let mut envelopes = vec![Envelope {
        members: Some(pointer("/data/~1list")),
        id: IdSource::OrParts {
            id: pointer("/a/b"),
            parts: vec![pointer("/a"), pointer("/0/c")],
        },
        kind: TypeSource::Pointers(vec![pointer("/a/~0type"), pointer("/type")]),
        time: Some(pointer("/at")),
    }];
    for name in names() {
        let envelope = named(name).envelope().clone();
        let in_header = matches!(envelope.id, IdSource::SignedHeader(_));
        if !in_header && !envelopes.contains(&envelope) {
            envelopes.push(envelope);
        }
    }
    envelopes.into_iter().map(verifier).collect()
});

static SIGNER: LazyLock<Signer> =
    LazyLock::new(|| Signer::new(&fourpay(), &secret()).expect("a signer"));

fn identify(verifier: &Verifier, body: &[u8]) -> Vec<Identity> {
    let signed = SIGNER.sign(body.to_vec(), NOW).expect("signed");
    let request = signed.into_request();
    let verified = verifier.verify(&request, request.body().clone(), NOW);
    verifier.identify(&verified.expect("genuine"))
}

/// Any payload, under every envelope.
///
/// # Panics
///
/// If an event is no part of it, or the two ways over a JSON text find different events in it.
pub fn envelope(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let other = body
        .first()
        .is_some_and(|byte| *byte == b'{')
        .then(|| slow(&body));
    for verifier in VERIFIERS.iter() {
        let events = identify(verifier, &body);
        for event in &events {
            let raw: &[u8] = event.raw();
            assert!(
                raw.is_empty() || memchr::memmem::find(&body, raw).is_some(),
                "{event:?}"
            );
            assert_ne!(event.key("a"), event.key("b"), "{event:?}");
        }
        let Some(other) = &other else { continue };
        let others = identify(verifier, other);
        assert_eq!(events.len(), others.len(), "{events:?} {others:?}");
        for (event, other) in events.iter().zip(&others) {
            assert_eq!(
                event.is_identified(),
                other.is_identified(),
                "{event:?} {other:?}"
            );
            assert_eq!((event.kind(), event.time()), (other.kind(), other.time()));
            // A digest is one of the bytes, which are others.
            let is_digest = event.id().starts_with("sha256:");
            assert_eq!(
                is_digest,
                other.id().starts_with("sha256:"),
                "{event:?} {other:?}"
            );
            assert!(is_digest || event.id() == other.id(), "{event:?} {other:?}");
        }
    }
}

/// The same object with one member more, whose name has an escape: the quick way over a text leaves such
/// a one to serde_json.
fn slow(body: &[u8]) -> Vec<u8> {
    let rest = &body[1..];
    let is_empty = rest.trim_ascii_start().first() == Some(&b'}');
    let comma: &[u8] = if is_empty { b"" } else { b"," };
    [&br#"{"\u0071\u0071":0"#[..], comma, rest].concat()
}

/// Any payload as every typed event.
///
/// # Panics
///
/// If one cannot be shown, or a decoding panics.
pub fn typed(data: &[u8]) {
    fn each<T: FromEvent + std::fmt::Debug>(provider: &Provider, body: &[u8]) {
        for event in identify(&verifier(provider.envelope().clone()), body) {
            match T::from_event(&event) {
                Ok(event) => drop(format!("{event:?}")),
                Err(error) => drop(error.to_string()),
            }
        }
    }
    each::<centralpay::Event>(&centralpay(), data);
    each::<fedapay::Event>(&fedapay(), data);
    each::<banking_circle::Event>(&banking_circle(), data);
    each::<zibapay::Event>(&zibapay(), data);
    each::<fourpay::Event>(&fourpay(), data);
}
