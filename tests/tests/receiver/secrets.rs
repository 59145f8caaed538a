//! Secrets with a validity, secrets that are replaced, and providers whose tenants have their own.

use countersign::{
    Clock, ConfigErrorKind, ErrorKind, Receiver, Secret, UnixTime, Verifier, provider,
};
use countersign_testkit::Signer;

use crate::stage::{SECRET, Stage, at_once, secret, secs};

#[test]
fn a_secret_is_valid_within_its_bounds() {
    let at = |seconds: i64| UnixTime::from_secs(1_800_000_000 + seconds);
    let (from, until) = (at(60), at(120));
    let stage = Stage::with_memory(100);
    assert_eq!(stage.clock.now(), at(0));
    let bounded = Secret::new(SECRET)
        .unwrap()
        .valid_from(from)
        .valid_until(until);
    let other = Secret::new("another secret, valid for ever").unwrap();
    let receiver = Receiver::new("shop", provider::fedapay(), [other, bounded]).unwrap();
    let shop = stage.open(&receiver.with_observer(stage.log.clone()));
    let mut answers = Vec::new();
    for (id, pass) in [("a", 0), ("b", 59), ("c", 1), ("d", 60), ("e", 1)] {
        stage.pass(secs(pass));
        answers.push(shop.deliver(stage.event(id), at_once(201)));
    }
    assert_eq!(answers, ["401", "401", "own 201", "own 201", "401"]);
    assert_eq!(
        stage.seen(),
        [
            "rejected secret_not_valid 401",
            "rejected secret_not_valid 401",
            "delivered 201 c",
            "delivered 201 d",
            "rejected secret_not_valid 401",
        ]
    );
}

#[test]
fn a_secret_that_is_never_valid_is_refused() {
    let with = |from: i64, until: i64| {
        let secret = Secret::new(SECRET)
            .unwrap()
            .valid_from(UnixTime::from_secs(from))
            .valid_until(UnixTime::from_secs(until));
        Verifier::new(&provider::fedapay(), &[secret])
    };
    assert_eq!(with(2, 1).unwrap_err().kind(), ConfigErrorKind::BadLimit);
    assert!(with(1, 1).is_ok());
}

#[test]
fn a_delivery_that_has_begun_keeps_its_secrets() {
    let stage = Stage::with_memory(100);
    let shop = stage.open(&stage.fedapay());
    let request = stage.event("a");
    let mut intake = shop.gate.begin(&request, None).unwrap();
    let other = Secret::new("not the secret of before").unwrap();
    shop.receiver.replace_secrets([other]).unwrap();
    intake.update(request.body().clone()).unwrap();
    assert!(intake.conclude().is_ok());
    assert_eq!(shop.deliver(stage.event("b"), at_once(201)), "401");
    // A clone is the same receiver.
    shop.receiver.clone().replace_secrets([secret()]).unwrap();
    assert_eq!(shop.deliver(stage.event("b"), at_once(201)), "own 201");
}

/// A tenant's secret is one that nobody has until it is looked up, whatever form the provider's have.
#[test]
fn every_provider_may_have_tenants_but_with_a_public_key() {
    let mut made = 0;
    for name in provider::names() {
        let provider = provider::named(name).unwrap();
        let public = provider.scheme().has_public_key();
        let receiver = Receiver::for_tenants("shops", provider, async |_| Ok(None));
        match receiver.map_err(|error| error.kind()) {
            Ok(_) => made += 1,
            Err(ConfigErrorKind::NotApplicable) => assert!(public, "{name}"),
            Err(ConfigErrorKind::MissingUrl | ConfigErrorKind::MissingSetting) => {}
            Err(kind) => panic!("{name}: {kind:?}"),
        }
    }
    assert!(made > 40, "{made}");
}

/// In a rotation a provider signs under both keys: the one that is not valid yet, or no longer, must not
/// hide the other.
#[test]
fn a_delivery_under_two_secrets_counts_by_the_valid_one() {
    let at = |seconds: i64| UnixTime::from_secs(1_800_000_000 + seconds);
    let signed = |secret: &Secret| {
        let signer = Signer::new(&provider::stripe(), secret).unwrap();
        signer.sign(r#"{"id":"a"}"#, at(0)).unwrap().into_request()
    };
    let (old, new) = (
        || Secret::new("the old secret of the shop").unwrap(),
        || Secret::new("the new secret of the shop").unwrap(),
    );
    let tag = |secret: &Secret| {
        let request = signed(secret);
        let value = request.headers()["stripe-signature"]
            .to_str()
            .unwrap()
            .to_owned();
        value.split_once(',').unwrap().1.to_owned()
    };
    let mut both = signed(&new());
    let value = format!("t={},{},{}", at(0).as_secs(), tag(&new()), tag(&old()));
    both.headers_mut()
        .insert("stripe-signature", value.parse().unwrap());
    let verdict = |secrets: &[Secret], request: &http::Request<bytes::Bytes>| {
        let verifier = Verifier::new(&provider::stripe(), secrets).unwrap();
        let verified = verifier.verify(request, request.body().clone(), at(0));
        verified
            .map(|verified| verified.key_index())
            .map_err(|error| error.kind())
    };
    let (soon, ago) = (at(60), at(-60));
    assert_eq!(verdict(&[new().valid_from(soon), old()], &both), Ok(1));
    assert_eq!(verdict(&[old().valid_until(ago), new()], &both), Ok(1));
    assert_eq!(
        verdict(&[old().valid_until(ago), old()], &signed(&old())),
        Ok(1)
    );
    let neither = [old().valid_until(ago), new().valid_from(soon)];
    assert_eq!(verdict(&neither, &both), Err(ErrorKind::SecretNotValid));
    let other = Secret::new("a secret of somebody else's").unwrap();
    assert_eq!(
        verdict(&neither, &signed(&other)),
        Err(ErrorKind::SignatureMismatch)
    );
}
