//! There is a sample of every typed event, and each is one.

use std::collections::HashSet;
use std::fmt::Debug;

use countersign::provider::{self, banking_circle, centralpay, fedapay, fourpay, zibapay};
use countersign::{FromEvent, Provider, UnixTime, Verifier};
use countersign_testkit::{Sample, SignErrorKind, Signer};

use crate::stage::{centralpay as named_centralpay, five, secret_of};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// The id and the type that a receiver sees, and the typed event as text.
fn received<T: FromEvent + Debug>(
    provider: &Provider,
    sample: &Sample,
) -> (String, String, String) {
    let mut signer = Signer::new(provider, &secret_of(provider)).unwrap();
    if provider.name() == "standard-webhooks" {
        signer = signer.with_id(sample.id()).unwrap();
    }
    let request = signer.sign(sample, NOW).unwrap().into_request();
    let verifier = Verifier::new(provider, &[secret_of(provider)]).unwrap();
    let verified = verifier.verify(&request, request.body().clone(), NOW);
    let events = verifier.identify(&verified.unwrap());
    assert_eq!(events.len(), 1);
    assert!(events[0].is_identified());
    let event = T::from_event(&events[0]).unwrap_or_else(|e| panic!("{sample:?}: {e}"));
    let kind = events[0].kind().unwrap_or_default();
    (
        events[0].id().to_owned(),
        kind.to_owned(),
        format!("{event:?}"),
    )
}

/// `transaction.approved` and `CARD_STATE` as variants.
fn variant(kind: &str) -> String {
    match kind {
        "TRANSACTION_SUCCESS" => return "TransactionSucceeded".to_owned(),
        "CasesEvents" => return "CaseEvents".to_owned(),
        _ if !kind.contains(['.', '_']) => return kind.to_owned(),
        _ => {}
    }
    let words = kind.split(['.', '_']).map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + &rest.to_lowercase()
    });
    words.collect()
}

fn each_is_its_variant<T: FromEvent + Debug>(provider: &Provider, count: usize) {
    let kinds = Sample::kinds(provider);
    assert_eq!(kinds.len(), count, "{}", provider.name());
    let mut variants = HashSet::new();
    for kind in kinds {
        let sample = Sample::at(provider, kind, NOW).unwrap();
        assert_eq!(sample.kind(), kind);
        let (id, received_kind, shown) = received::<T>(provider, &sample);
        assert_eq!(id, sample.id());
        assert_eq!(received_kind, kind);
        let variant = variant(kind);
        assert!(
            shown.contains(&format!("data: {variant}(")),
            "{kind}: {shown}"
        );
        variants.insert(variant);
    }
    let aliases = match provider.name() {
        "centralpay" | "banking-circle" => 1,
        _ => 0,
    };
    assert_eq!(variants.len(), count - aliases);
}

#[test]
fn every_typed_event_has_one() {
    each_is_its_variant::<centralpay::Event>(&named_centralpay(), 18);
    each_is_its_variant::<fedapay::Event>(&fedapay(), 12);
    each_is_its_variant::<banking_circle::Event>(&banking_circle(), 15);
    each_is_its_variant::<zibapay::Event>(&zibapay(), 6);
    each_is_its_variant::<fourpay::Event>(&fourpay(), 4);
}

#[test]
fn each_is_new() {
    for provider in five() {
        for kind in Sample::kinds(&provider) {
            let samples = [NOW, NOW].map(|at| Sample::at(&provider, kind, at).unwrap());
            assert_ne!(samples[0].id(), samples[1].id(), "{kind}");
            assert_ne!(samples[0].body(), samples[1].body(), "{kind}");
            let text = |sample: &Sample| String::from_utf8(sample.body().to_vec()).unwrap();
            // White space survives no parser, so that who verifies what it has written again is found out.
            assert!(text(&samples[0]).contains("\": "), "{kind}");
            if !matches!(provider.name(), "centralpay" | "zibapay") {
                assert!(text(&samples[0]).contains("2027-01-15T08:00:00"), "{kind}");
            }
        }
    }
}

#[test]
fn what_is_made_up_says_so() {
    let synthetic = |provider: &Provider| {
        let kinds = Sample::kinds(provider);
        let synthetic = kinds.iter().filter(|kind| {
            let sample = Sample::of(provider, kind);
            sample.unwrap().is_synthetic()
        });
        (synthetic.count(), kinds.len())
    };
    assert_eq!(synthetic(&named_centralpay()), (18, 18));
    assert_eq!(synthetic(&zibapay()), (6, 6));
    assert_eq!(synthetic(&fedapay()), (11, 12));
    assert_eq!(synthetic(&banking_circle()), (10, 15));
    assert_eq!(synthetic(&fourpay()), (0, 4));
}

#[test]
fn a_merchants_own_settings_are_followed() {
    use countersign::provider::Setting;
    use countersign::{Envelope, IdSource, Pointer, TypeSource};

    let pointer = |text| Pointer::new(text).unwrap();
    let provider = named_centralpay()
        .with(Setting::Id(pointer("/event/uuid")))
        .unwrap();
    each_is_its_variant::<centralpay::Event>(&provider, 18);

    let batches = Provider::new(
        "own",
        provider::github().scheme().clone(),
        Envelope {
            members: Some(pointer("/data/items")),
            id: IdSource::Digest,
            kind: TypeSource::Pointers(vec![pointer("/type")]),
            time: Some(pointer("/at")),
        },
    );
    let sample = Sample::at(&batches, "webhook.test", NOW).unwrap();
    let (id, kind, _) = received::<serde_json::Value>(&batches, &sample);
    assert_eq!((id.as_str(), kind.as_str()), (sample.id(), "webhook.test"));
}

#[test]
fn the_public_schemes_have_one_that_was_made_up() {
    for (provider, kind) in [
        (provider::stripe(), "webhook.test"),
        (provider::standard_webhooks(), "webhook.test"),
        (provider::github(), ""),
    ] {
        let sample = Sample::of(&provider, "webhook.test").unwrap();
        assert!(sample.is_synthetic());
        let (id, received_kind, _) = received::<serde_json::Value>(&provider, &sample);
        assert_eq!((id.as_str(), received_kind.as_str()), (sample.id(), kind));
        let error = Sample::of(&provider, "push").unwrap_err();
        assert_eq!(error.kind(), SignErrorKind::NoSample);
    }
    let error = Sample::at(
        &provider::stripe(),
        "webhook.test",
        UnixTime::from_secs(i64::MAX),
    );
    assert_eq!(error.unwrap_err().kind(), SignErrorKind::BadTime);
}
