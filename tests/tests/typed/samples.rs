//! The test-kit's samples that are not made up are the published ones, but for what is new in each.

use countersign::provider::{banking_circle, fedapay, fourpay};
use countersign_testkit::Sample;
use serde_json::Value;

/// Every event that is published: of a batch each member, as a delivery of its own.
fn published(provider: &str) -> Vec<Value> {
    let names: &[&str] = match provider {
        "fedapay" => &["fedapay-transaction.canceled"],
        "4pay" => &[
            "4pay-account_topup",
            "4pay-account_transaction",
            "4pay-card_state",
            "4pay-card_transaction",
        ],
        _ => &[
            "banking-circle-batch-of-three",
            "banking-circle-case-events",
            "banking-circle-payment-status",
        ],
    };
    let files = names.iter().map(|name| countersign_tests::payload(name));
    let bodies = files.map(|body| serde_json::from_slice::<Value>(&body).unwrap());
    bodies
        .flat_map(|body| match body.get("notifications") {
            Some(members) => members.as_array().unwrap().clone(),
            None => vec![body],
        })
        .collect()
}

/// An event without its id and its time, and these.
fn without_news(mut event: Value) -> (Value, Vec<Value>) {
    let news = [
        "/id",
        "/updatedAt",
        "/eventId",
        "/timestamp",
        "/entity/updated_at",
    ];
    let mut taken = Vec::new();
    for at in news {
        taken.extend(event.pointer_mut(at).map(Value::take));
    }
    (event, taken)
}

#[test]
fn published_samples_are_the_published_payloads() {
    for (provider, count) in [(fedapay(), 1), (banking_circle(), 5), (fourpay(), 4)] {
        let kinds = Sample::kinds(&provider).into_iter();
        let samples = kinds.map(|kind| Sample::of(&provider, kind).unwrap());
        let samples: Vec<_> = samples.filter(|sample| !sample.is_synthetic()).collect();
        assert_eq!(samples.len(), count);
        let payloads = published(provider.name());
        assert_eq!(payloads.len(), count);
        for sample in samples {
            let body: Value = serde_json::from_slice(&sample.body()).unwrap();
            let event = match body.pointer("/notifications/0") {
                Some(member) => member.clone(),
                None => body,
            };
            let (event, news) = without_news(event);
            let mut payloads = payloads.iter().cloned().map(without_news);
            let (_, old) = payloads
                .find(|(published, _)| *published == event)
                .unwrap_or_else(|| panic!("{} is not what is published", sample.kind()));
            assert_eq!(news.len(), 2);
            assert!(news.iter().zip(&old).all(|(new, old)| new != old));
        }
    }
}
