//! An id that is a resource's own names no event: what happens to it next is another one.

use std::collections::HashSet;

use countersign::provider::{self, Source};
use countersign::{ErrorKind, Key, Provider};
use countersign_tests::vectors::catalogue;
use serde_json::{Value, json};

use crate::delivery::{secret, signed, verdict, verifier, with_body, with_header};

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

/// Dropbox Sign sends the event as a part of a form, and no such form is read.
#[test]
fn a_part_of_a_form_is_taken_out_in_front() {
    let vector = catalogue()
        .into_iter()
        .find(|vector| vector.scheme == "dropbox-sign" && vector.is_valid())
        .expect("a vector");
    let verifier = verifier(&vector.provider(), &vector.secrets());
    let event = vector.request();
    assert!(verdict(&verifier, &event).is_ok());
    let part = "--b\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n";
    let form = [part.as_bytes(), event.body(), b"\r\n--b--\r\n"].concat();
    let refused = verdict(&verifier, &with_body(&event, form)).err();
    assert_eq!(refused, Some(ErrorKind::MalformedPayload));

    let provider = provider::dropbox_sign();
    let remark = provider.sender().expect("known").remark;
    assert!(remark.contains("part json"), "{remark}");
    let sure = provider.certainty().expect("known");
    assert_eq!(sure.header, Source::Inferred);
}

/// The topic is not signed, so that it tells no event from another: an endpoint of its own does.
#[test]
fn two_topics_with_one_body_are_told_apart_by_their_endpoints() {
    let topics = [
        (provider::shopify(), "x-shopify-topic"),
        (provider::github(), "x-github-event"),
        (provider::bitbucket(), "x-event-key"),
    ];
    for (provider, header) in topics {
        let secret = secret(SECRET);
        let verifier = verifier(&provider, std::slice::from_ref(&secret));
        let request = signed(&provider, &secret, r#"{"id":1}"#);
        let key = |topic: &str, endpoint: &str| {
            let request = with_header(&request, header, topic);
            let verified = verdict(&verifier, &request).expect("verified");
            verifier.identify(&verified)[0].key(endpoint)
        };
        assert_eq!(key("create", "shop"), key("update", "shop"));
        assert_ne!(key("create", "created"), key("update", "updated"));
        let remark = provider.sender().expect("known").remark;
        let says = "give each topic an endpoint name of its own";
        assert!(remark.contains(says), "{header}: {remark}");
    }
}

/// HubSpot does not promise that an `eventId` is unique, and each attempt has a number.
#[test]
fn hubspots_event_ids_count_with_what_they_are_about() {
    let hubspot = provider::hubspot_v1();
    let body = |attempt: u8, others: &[(u64, u64)]| {
        let event = |(object, at): &(u64, u64)| {
            json!({
                "eventId": 100, "subscriptionId": 138, "portalId": 33, "occurredAt": at,
                "subscriptionType": "contact.propertyChange", "attemptNumber": attempt,
                "objectId": object, "propertyName": "email", "propertyValue": "a@b.example",
            })
        };
        Value::Array(others.iter().map(event).collect()).to_string()
    };
    let changes = [
        (123, 1_800_000_000_000),
        (124, 1_800_000_000_000),
        (123, 1_800_000_000_001),
    ];
    let first = keys(&hubspot, &body(0, &changes));
    let distinct: HashSet<&Key> = first.iter().collect();
    assert_eq!(distinct.len(), 3);
    assert_eq!(first, keys(&hubspot, &body(1, &changes)), "a retry");
}
