//! An id that is a resource's own names no event: what happens to it next is another one.

use countersign::provider;
use countersign::{Key, Provider};

use crate::delivery::{secret, signed, verdict, verifier};

const SECRET: &str = "a-secret-0123456789";

/// The keys of what a genuine delivery of `body` holds.
fn keys(provider: &Provider, body: &str) -> Vec<Key> {
    let secret = secret(SECRET);
    let verifier = verifier(provider, std::slice::from_ref(&secret));
    let request = signed(provider, &secret, body.to_owned());
    let verified = verdict(&verifier, &request).expect("verified");
    let events = verifier.identify(&verified);
    events.iter().map(|event| event.key("shop")).collect()
}

#[test]
fn what_recurly_says_next_of_a_resource_is_another_event() {
    let recurly = provider::recurly();
    let body = |kind: &str| {
        format!(
            r#"{{"id":"s0lo0hdfmauc","object_type":"external_subscription","site_id":"q9",
                "event_type":"{kind}","event_time":"2026-01-02T03:04:05Z"}}"#
        )
    };
    let updated = keys(&recurly, &body("updated"));
    assert_eq!(updated.len(), 1);
    assert_eq!(updated, keys(&recurly, &body("updated")), "a retry");
    assert_ne!(updated, keys(&recurly, &body("canceled")));
}

#[test]
fn each_partial_refund_of_monnify_is_an_event() {
    let monnify = provider::monnify();
    let body = |refund: &str| {
        format!(
            r#"{{"eventType":"SUCCESSFUL_REFUND","eventData":{{"refundReference":"{refund}",
                "transactionReference":"MNFY|76|20211117154810|000001","refundAmount":10}}}}"#
        )
    };
    let first = keys(&monnify, &body("ref001"));
    assert_eq!(first, keys(&monnify, &body("ref001")), "a retry");
    assert_ne!(first, keys(&monnify, &body("ref002")));
}
