//! Forgeries and replays: what an attacker, or a clock that steps, can and cannot do.

use std::time::Duration;

use countersign::{Envelope, IdSource, Provider, Receiver, TypeSource, UnixTime, provider};
use countersign_testkit::{CueStore, ManualClock, Operation};
use http::Request;

use crate::stage::{START, Stage, at_once, on_each_store, secs};
use crate::worker::Worker;

const CALLS: [Operation; 4] = [
    Operation::Claim,
    Operation::Commit,
    Operation::Renew,
    Operation::Release,
];

#[test]
fn s08_rule_1_forgeries_under_a_known_id_reach_no_store() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    for n in 0..1000 {
        let answer = shop.deliver(stage.forged("a"), at_once(200));
        assert_eq!(answer, "401", "forgery {n}");
    }
    stage.pass(secs(60));
    assert_eq!(CALLS.map(|call| store.calls(call)), [0; 4]);
    assert_eq!(stage.runs(), 0);
    stage.seen();
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    assert_eq!(stage.seen(), ["delivered 200 a"]);
    assert_eq!(stage.runs(), 1);
}

#[test]
fn s08_forgeries_during_a_run_change_nothing_for_it() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let genuine = shop.send(stage.event("a"), stage.after(secs(2), 200));
        stage.run();
        for _ in 0..100 {
            assert_eq!(shop.deliver(stage.forged("a"), at_once(200)), "401");
        }
        // Nor do they take the places of duplicates that wait.
        let retry = shop.send(stage.event("a"), at_once(200));
        stage.pass(secs(2));
        assert_eq!(genuine.answer(), "own 200");
        assert_eq!(retry.answer(), "200 duplicate");
    });
}

/// Signed 300 seconds ahead, the furthest that passes, and committed at once; retention is at its
/// minimum. With a store whose clock is its own.
struct Replay {
    stage: Stage,
    shop: Worker,
    store_clock: ManualClock,
    request: Request<bytes::Bytes>,
}

impl Replay {
    fn new() -> Replay {
        let (stage, _) = Stage::with_cues();
        let store_clock = ManualClock::new(START);
        let receiver = stage
            .fedapay()
            .with_retention(secs(600 + 3600 + 60))
            .unwrap()
            .with_store(CueStore::new(store_clock.clone()));
        let shop = stage.open(&receiver);
        let at = UnixTime::from_secs(START.as_secs() + 300);
        let request = stage.sign_at(&provider::fedapay(), r#"{"id":"a"}"#, at);
        let replay = Replay {
            stage,
            shop,
            store_clock,
            request,
        };
        assert_eq!(replay.again(), "own 200");
        replay
    }

    fn pass(&self, time: Duration) {
        self.store_clock.advance(time);
        self.stage.pass(time);
    }

    fn again(&self) -> String {
        self.shop.deliver(self.request.clone(), at_once(200))
    }
}

#[test]
fn s12_a_replay_at_the_end_of_the_window_is_a_duplicate() {
    let replay = Replay::new();
    replay.pass(secs(599));
    assert_eq!(replay.again(), "200 duplicate");
    replay.pass(secs(1));
    assert_eq!(replay.again(), "200 duplicate");
    replay.pass(secs(1));
    assert_eq!(replay.again(), "401");
}

#[test]
fn s12_a_clock_that_is_set_back_10_minutes_lets_no_replay_run() {
    for late in [0, 1, 300, 600] {
        let replay = Replay::new();
        replay.pass(secs(late));
        replay.stage.clock.step(-600_000);
        // The window opens again, for as long as the clock was set back.
        for _ in 0..12 {
            let answer = replay.again();
            assert!(answer == "200 duplicate" || answer == "401", "{answer}");
            replay.pass(secs(100));
        }
        assert_eq!(replay.stage.runs(), 1);
    }
    let replay = Replay::new();
    replay.pass(secs(600));
    replay.stage.clock.step(-600_000);
    replay.pass(secs(600));
    assert_eq!(replay.again(), "200 duplicate", "at the very end");
}

#[test]
fn s12_a_store_whose_clock_goes_an_hour_ahead_lets_no_replay_run() {
    let replay = Replay::new();
    replay.pass(secs(600));
    replay.store_clock.advance(secs(3600));
    assert_eq!(replay.again(), "200 duplicate");
}

#[test]
fn s18_without_a_signed_time_duplicates_stay_duplicates_whatever_the_clock_does() {
    on_each_store(|stage| {
        let cards = stage.open(&stage.receiver("cards", provider::fourpay()));
        let send = || {
            let request = stage.sign(&provider::fourpay(), r#"{"cardUuid":"c"}"#);
            cards.deliver(request, at_once(200))
        };
        assert_eq!(send(), "own 200");
        for step in [-600_000, 3_600_000, -100 * 24 * 3_600_000, i64::MAX] {
            stage.clock.step(step);
            assert_eq!(send(), "200 duplicate", "{step}");
        }
        assert_eq!(stage.runs(), 1);
    });
}

#[test]
fn a_step_of_the_wall_clock_ends_no_lease_and_no_deadline() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let first = shop.send(stage.event("a"), stage.after(secs(5), 200));
        stage.run();
        stage.clock.step(3_600_000);
        stage.pass(secs(1));
        let retry = shop.send(stage.event("a"), at_once(200));
        stage.pass(secs(2));
        assert!(retry.answer().starts_with("409 "), "{}", retry.answer());
        assert_eq!(first.answer(), "-");
        stage.pass(secs(2));
        assert_eq!(first.answer(), "own 200");
    });
}

/// `{ts}.{body}` and nothing that names the event.
fn nameless() -> Provider {
    let scheme = provider::stripe().scheme().clone();
    Provider::new(
        "nameless",
        scheme,
        Envelope {
            members: None,
            id: IdSource::Digest,
            kind: TypeSource::None,
            time: None,
        },
    )
}

#[test]
fn s35_without_an_id_a_retry_signed_anew_is_a_duplicate() {
    on_each_store(|stage| {
        let receiver: Receiver = stage.receiver("nameless", nameless());
        let worker = stage.open(&receiver);
        for (body, expected) in [
            ("a=1", "own 200"),
            ("a=1", "200 duplicate"),
            ("a=2", "own 200"),
            ("a=1", "200 duplicate"),
        ] {
            let answer = worker.deliver(stage.sign(&nameless(), body), at_once(200));
            assert_eq!(answer, expected, "{body}");
            stage.pass(secs(10));
        }
        let seen = stage.seen();
        assert!(seen.iter().all(|seen| !seen.starts_with("unidentified")));
    });
}
