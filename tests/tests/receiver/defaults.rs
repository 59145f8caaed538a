//! What a receiver does when it was told nothing, and what it does not let itself be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign::provider::Setting;
use countersign::{
    ConfigError, ConfigErrorKind, MemoryStore, Observation, Observer, Outcome, Pointer, Provider,
    Receiver, Secret, UnixTime, provider,
};
use countersign_testkit::{Cue, EntryState, ManualClock, Operation};
use http::Request;

use crate::stage::{SECRET, Stage, at_once, millis, never, secret, secs};

const HOUR: Duration = secs(3600);
const DAY: Duration = secs(24 * 3600);

fn receiver(provider: Provider) -> Receiver {
    Receiver::new("shop", provider, [secret()]).unwrap()
}

fn centralpay() -> Provider {
    let header = Setting::SignatureHeader("x-signature".into());
    provider::centralpay().with(header).unwrap()
}

fn standard_webhooks() -> Receiver {
    let secret = Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").unwrap();
    Receiver::new("shop", provider::standard_webhooks(), [secret]).unwrap()
}

fn refused(result: Result<Receiver, ConfigError>) -> Option<ConfigErrorKind> {
    result.err().map(|error| error.kind())
}

const BAD: Option<ConfigErrorKind> = Some(ConfigErrorKind::BadLimit);

#[test]
fn retention_is_3_days_or_twice_the_retry_horizon() {
    for (receiver, days) in [
        (receiver(centralpay()), 3),
        (receiver(provider::fedapay()), 3),
        (receiver(provider::zibapay()), 3),
        (receiver(provider::fourpay()), 6),
        (receiver(provider::banking_circle()), 35),
        (receiver(provider::github()), 3),
        (receiver(provider::stripe()), 6),
        (standard_webhooks(), 3),
    ] {
        assert_eq!(receiver.retention(), days * DAY, "{receiver:?}");
    }
}

#[test]
fn the_body_limit_is_1_mib_and_50_mb_for_banking_circle() {
    for (receiver, limit) in [
        (receiver(centralpay()), 1_048_576),
        (receiver(provider::fedapay()), 1_048_576),
        (receiver(provider::zibapay()), 1_048_576),
        (receiver(provider::fourpay()), 1_048_576),
        (receiver(provider::banking_circle()), 50_000_000),
        (receiver(provider::stripe()), 1_048_576),
    ] {
        assert_eq!(receiver.verifier().body_limit(), limit, "{receiver:?}");
    }
}

#[test]
fn the_window_is_300_seconds_each_way_where_time_is_signed() {
    for receiver in [
        receiver(provider::fedapay()),
        receiver(provider::stripe()),
        standard_webhooks(),
    ] {
        let tolerance = receiver.verifier().tolerance().expect("signed");
        assert_eq!((tolerance.past, tolerance.future), (secs(300), secs(300)));
    }
    for receiver in [centralpay(), provider::zibapay(), provider::fourpay()].map(receiver) {
        assert_eq!(receiver.verifier().tolerance(), None, "{receiver:?}");
    }
}

/// How much of unverified bodies is held before the next one is refused, in steps of 100 kB.
fn budget(receiver: &Receiver, head: &Request<()>, stage: &Stage) -> usize {
    let worker = stage.open(receiver);
    let mut intakes = Vec::new();
    while let Ok(mut intake) = worker.gate.begin(head, None)
        && intake.update(Bytes::from_static(&[0; 100_000])).is_ok()
    {
        intakes.push(intake);
    }
    intakes.len() * 100_000
}

#[test]
fn unverified_bytes_are_4_times_the_limit_and_at_least_64_mib() {
    let (stage, _) = Stage::with_cues();
    let fedapay = stage.event("a").map(|_| ());
    let sealed = stage.batch(&["a"]).map(|_| ());
    let rounded = |bytes: usize| bytes / 100_000 * 100_000;
    let at_least = rounded(64 * 1024 * 1024);
    assert_eq!(budget(&stage.fedapay(), &fedapay, &stage), at_least);
    let larger = stage.fedapay().with_body_limit(20_000_000);
    assert_eq!(budget(&larger, &fedapay, &stage), 80_000_000);
    assert_eq!(
        budget(&stage.banking_circle(), &sealed, &stage),
        200_000_000
    );
}

#[test]
fn times_of_a_run() {
    let (stage, store) = Stage::with_cues();
    let (shop, other) = (stage.open(&stage.fedapay()), stage.open(&stage.fedapay()));
    assert_eq!(shop.gate.body_timeout(), secs(10));
    let left = || match store.entries()[0].1 {
        EntryState::InProgress { lease_left, .. } => lease_left,
        EntryState::Committed { .. } => panic!("committed"),
    };
    let first = shop.send(stage.event("a"), never);
    stage.run();
    assert_eq!(left(), secs(30), "the lease");
    stage.pass(millis(7999));
    let second = other.send(stage.event("a"), at_once(200));
    assert_eq!(
        (first.answer(), store.calls(Operation::Renew)),
        ("-".into(), 0)
    );
    stage.pass(millis(1));
    assert_eq!(
        first.answer(),
        "503 retry=5",
        "the answer deadline of 8 seconds"
    );
    stage.pass(millis(1998));
    assert_eq!((second.answer(), left()), ("-".into(), millis(20_002)));
    stage.pass(millis(2));
    assert_eq!(left(), secs(30), "renewed at a third of it");
    assert_eq!(second.answered_at() - millis(7999), secs(2), "the wait");
    stage.pass(secs(290) - millis(1));
    assert_eq!(stage.running(), 1);
    stage.pass(millis(1));
    assert_eq!(stage.running(), 0, "max_run of 5 minutes");

    store.cue(Operation::Claim, Cue::Freeze);
    let asked = stage.clock.clone();
    let before = countersign::Clock::monotonic(&asked);
    let third = shop.send(stage.event("b"), at_once(200));
    stage.pass(secs(2));
    assert_eq!(third.answered_at() - before, secs(1), "a store call");
}

#[test]
fn every_receiver_has_a_memory_store_of_100_000_ids_of_its_own() {
    assert_eq!(MemoryStore::default().capacity().get(), 100_000);
    let (stage, _) = Stage::with_cues();
    let workers = [(); 2].map(|()| stage.open(&receiver(provider::fedapay())));
    for worker in &workers {
        assert_eq!(worker.deliver(stage.event("a"), at_once(200)), "own 200");
        let again = worker.deliver(stage.event("a"), at_once(200));
        assert_eq!(again, "200 duplicate");
    }
}

#[test]
fn an_endpoint_needs_a_name_of_1_to_256_bytes() {
    let named = |name: &str| refused(Receiver::new(name, provider::fedapay(), [secret()]));
    let bad = Some(ConfigErrorKind::BadEndpoint);
    for name in ["", " ", "\t\n", &"n".repeat(257), &"é".repeat(129)] {
        assert_eq!(named(name), bad, "{name:?}");
    }
    for name in ["n", &"n".repeat(256), &"é".repeat(128), "fedapay live"] {
        assert_eq!(named(name), None, "{name:?}");
    }
    assert_eq!(receiver(provider::fedapay()).endpoint(), "shop");
}

#[test]
fn the_verifier_s_faults_are_the_receiver_s() {
    let none = Receiver::new("shop", provider::fedapay(), []);
    assert_eq!(refused(none), Some(ConfigErrorKind::NoSecret));
    let nine = Receiver::new("shop", provider::fedapay(), vec![secret(); 9]);
    assert_eq!(refused(nine), Some(ConfigErrorKind::TooManySecrets));
    let modes = ["wh_live_0123456789", "wh_sandbox_0123456789"].map(|s| Secret::new(s).unwrap());
    let mixed = Receiver::new("shop", provider::fedapay(), modes);
    assert_eq!(refused(mixed), Some(ConfigErrorKind::MixedModes));
    let open = Receiver::new("shop", provider::centralpay(), [secret()]);
    assert_eq!(refused(open), Some(ConfigErrorKind::MissingSetting));
}

#[test]
fn a_lease_is_shorter_than_the_longest_retry_gap_and_not_too_short() {
    let lease = |provider, lease| refused(receiver(provider).with_lease(lease));
    let short = millis(1);
    for (provider, gap) in [
        (centralpay as fn() -> Provider, secs(300)),
        (provider::fedapay, secs(120)),
        (provider::zibapay, secs(512 * 60)),
        (provider::banking_circle, 48 * HOUR),
    ] {
        assert_eq!(lease(provider(), gap), BAD, "{gap:?}");
        assert_eq!(lease(provider(), gap - short), None, "{gap:?}");
    }
    // Where the gaps are not known there is nothing to compare it with.
    assert_eq!(lease(provider::fourpay(), 100 * DAY), None);
    assert_eq!(lease(provider::github(), 100 * DAY), None);
    assert_eq!(lease(provider::fedapay(), millis(99)), BAD);
    assert_eq!(lease(provider::fedapay(), millis(100)), None);
}

#[test]
fn deadlines_do_not_contradict_each_other() {
    let set = |answer, run| refused(receiver(provider::fedapay()).with_deadlines(answer, run));
    assert_eq!(set(Duration::ZERO, secs(10)), BAD);
    assert_eq!(set(secs(11), secs(10)), BAD);
    assert_eq!(set(secs(10), secs(10)), None);
    assert_eq!(set(millis(1), Duration::MAX), None);
}

#[test]
fn retention_outlasts_the_window_and_the_retries() {
    let kept = |provider, retention| refused(receiver(provider).with_retention(retention));
    let margin = HOUR + secs(60);
    for (provider, least) in [
        // Both tolerances, an hour and a minute.
        (provider::fedapay as fn() -> Provider, secs(600) + margin),
        // The horizon and an hour.
        (centralpay, 2 * HOUR + HOUR),
        (provider::zibapay, DAY + HOUR),
        (provider::fourpay, 3 * DAY + HOUR),
        (provider::banking_circle, secs(337_305) + HOUR),
        // Neither is known: still an hour and a minute.
        (provider::github, margin),
    ] {
        let name = provider().name().to_owned();
        assert_eq!(kept(provider(), least - millis(1)), BAD, "{name}");
        assert_eq!(kept(provider(), least), None, "{name}");
    }
}

#[test]
fn a_wider_window_needs_a_longer_retention() {
    let wide = |past, future| receiver(provider::fedapay()).with_tolerance(past, future);
    let most = 3 * DAY - HOUR - secs(60);
    assert_eq!(refused(wide(most, Duration::ZERO)), None);
    assert_eq!(refused(wide(most, millis(1))), BAD);
    assert_eq!(refused(wide(Duration::ZERO, most)), None);
    assert_eq!(refused(wide(Duration::MAX, Duration::MAX)), BAD);
    let longer = receiver(provider::fedapay())
        .with_retention(30 * DAY)
        .unwrap();
    assert_eq!(refused(longer.with_tolerance(most, secs(300))), None);
    // Without effect where no time is signed.
    let unsigned = receiver(provider::github());
    assert_eq!(
        refused(unsigned.with_tolerance(Duration::MAX, Duration::ZERO)),
        None
    );
}

#[test]
fn types_are_chosen_only_where_the_payload_names_them() {
    let choose =
        |provider, types: &[&str]| refused(receiver(provider).with_types(types.iter().copied()));
    let not = Some(ConfigErrorKind::NotApplicable);
    assert_eq!(choose(provider::fedapay(), &[]), not);
    assert_eq!(choose(provider::github(), &["push"]), not);
    assert_eq!(choose(provider::fedapay(), &["a"]), None);
}

#[test]
fn what_is_shown_of_a_receiver_holds_no_secret() {
    let (stage, _) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    let shown = format!("{:?} {:?}", shop.receiver, shop.gate);
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(
        shown.contains("shop") && shown.contains("fedapay"),
        "{shown}"
    );
}

/// Nothing signed holds a time: the operator is told once, when the receiver is opened.
#[test]
fn a_replay_without_a_window_is_said_once() {
    struct Count(Arc<AtomicUsize>);
    impl Observer for Count {
        fn observe(&self, told: &Observation<'_>) {
            if told.outcome == Outcome::NoSignedTime {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    let age = Duration::from_secs(3600);
    let fresh = |receiver: Receiver| {
        receiver.with_freshness(&Pointer::new("/createdAt").expect("a pointer"), age)
    };
    for (provider, limited, told) in [
        (provider::fourpay(), false, 1),
        (provider::fourpay(), true, 0),
        (provider::fedapay(), false, 0),
    ] {
        let count = Arc::new(AtomicUsize::new(0));
        let secret = Secret::new("a secret of the merchant's").expect("a secret");
        let receiver = Receiver::new("endpoint", provider, [secret]).expect("a receiver");
        let receiver = if limited { fresh(receiver) } else { receiver };
        let receiver = receiver.with_observer(Count(count.clone()));
        let clock = Arc::new(ManualClock::new(UnixTime::from_secs(1_800_000_000)));
        let _first = receiver.open(clock.clone());
        let _second = receiver.open(clock);
        assert_eq!(count.load(Ordering::Relaxed), told);
    }
}
