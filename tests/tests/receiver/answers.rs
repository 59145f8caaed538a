//! What the sender sees (and the observer, and the store) of a handler's answer and of a refusal.

use countersign::{ErrorKind, Outcome, Receiver, Secret, UnixTime, provider};
use countersign_testkit::{EntryState, Operation};

use crate::stage::{START, Stage, at_once, on_each_store, secret, secs};

#[test]
fn a_2xx_of_the_handlers_own_commits() {
    for status in [200, 202, 204, 299] {
        on_each_store(|stage| {
            let shop = stage.open(&stage.fedapay());
            let answer = shop.deliver(stage.event("a"), at_once(status));
            assert_eq!(answer, format!("own {status}"));
            assert_eq!((stage.runs(), stage.held()), (1, (0, 1)));
            assert_eq!(stage.seen(), [format!("delivered {status} a")]);

            let answer = shop.deliver(stage.event("a"), at_once(status));
            assert_eq!(answer, "200 duplicate");
            assert_eq!((stage.runs(), stage.held()), (1, (0, 1)));
            assert_eq!(stage.seen(), ["duplicate 200 a"]);
        });
    }
}

#[test]
fn anything_else_of_the_handlers_own_releases() {
    for status in [101, 302, 400, 401, 409, 422, 500, 503] {
        on_each_store(|stage| {
            let shop = stage.open(&stage.fedapay());
            let answer = shop.deliver(stage.event("a"), at_once(status));
            assert_eq!(answer, format!("own {status}"));
            assert_eq!((stage.runs(), stage.held()), (1, (0, 0)));
            assert_eq!(stage.seen(), [format!("handler_failed {status} a")]);
            assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
            assert_eq!(stage.runs(), 2);
        });
    }
}

#[test]
fn a_predicate_turns_a_failure_into_a_commit_and_never_a_2xx_into_a_release() {
    on_each_store(|stage| {
        let receiver = stage.fedapay().with_commit_also(|status| status == 410);
        let shop = stage.open(&receiver);
        assert_eq!(shop.deliver(stage.event("a"), at_once(410)), "own 410");
        assert_eq!(stage.seen(), ["delivered 410 a"]);
        assert_eq!(
            shop.deliver(stage.event("a"), at_once(410)),
            "200 duplicate"
        );
        assert_eq!(shop.deliver(stage.event("b"), at_once(411)), "own 411");
        assert_eq!(shop.deliver(stage.event("c"), at_once(200)), "own 200");
        assert_eq!(stage.held(), (0, 2), "a and c");
    });
}

#[test]
fn a_predicate_that_panics_commits_nothing() {
    on_each_store(|stage| {
        let receiver = stage
            .fedapay()
            .with_commit_also(|_| panic!("in the predicate"));
        let shop = stage.open(&receiver);
        assert_eq!(shop.deliver(stage.event("a"), at_once(410)), "own 410");
        assert_eq!(stage.held(), (0, 0));
        assert_eq!(stage.seen(), ["handler_failed 410 a"]);
        assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    });
}

#[test]
fn a_panic_is_a_500_and_a_release() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let panics = |_| async { panic!("in the handler") };
        assert_eq!(shop.deliver(stage.event("a"), panics), "500");
        assert_eq!((stage.runs(), stage.held()), (1, (0, 0)));
        assert_eq!(stage.seen(), ["handler_failed 500 a"]);
    });
}

#[test]
fn every_failed_verification_is_the_same_401() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    let signed_at = |offset: i64| {
        let at = UnixTime::from_secs(START.as_secs() + offset);
        stage.sign_at(&provider::fedapay(), r#"{"id":"a"}"#, at)
    };
    let header = "x-fedapay-signature";
    let mut missing = stage.event("a");
    missing.headers_mut().remove(header);
    let mut malformed = stage.event("a");
    malformed
        .headers_mut()
        .insert(header, "t=1,s=".parse().unwrap());
    let mut doubled = stage.event("a");
    let value = doubled.headers()[header].clone();
    doubled.headers_mut().append(header, value);
    for (request, reason) in [
        (missing, "missing_header"),
        (malformed, "malformed_header"),
        (doubled, "duplicate_header"),
        (stage.forged("a"), "signature_mismatch"),
        (signed_at(-301), "timestamp_stale"),
        (signed_at(301), "timestamp_future"),
    ] {
        assert_eq!(shop.deliver(request, at_once(200)), "401", "{reason}");
        assert_eq!(stage.seen(), [format!("rejected {reason} 401")]);
    }
    for operation in [Operation::Claim, Operation::Release, Operation::Commit] {
        assert_eq!(store.calls(operation), 0, "{operation:?}");
    }
    assert_eq!(stage.runs(), 0);
    for offset in [-300, 300] {
        let answer = shop.deliver(signed_at(offset), at_once(500));
        assert_eq!(answer, "own 500", "the bounds pass");
    }
}

#[test]
fn a_payload_that_opens_to_nonsense_is_the_same_401() {
    let (stage, _) = Stage::with_cues();
    let bank = stage.open(&stage.banking_circle());
    let mut request = stage.batch(&["a"]);
    let checksum = stage.batch(&["b"]).headers()["checksum"].clone();
    request.headers_mut().insert("checksum", checksum);
    assert_eq!(bank.deliver(request, at_once(200)), "401");
    assert_eq!(stage.seen(), ["rejected malformed_payload 401"]);
}

#[test]
fn an_observation_tells_all_there_is_to_know() {
    let (stage, _) = Stage::with_cues();
    let old = Secret::new("the secret before the rotation").unwrap();
    let receiver = Receiver::new("shop", provider::fedapay(), [old, secret()])
        .unwrap()
        .with_observer(stage.log.clone());
    let shop = stage.open(&receiver);
    let at = UnixTime::from_secs(START.as_secs() - 7);
    let body = r#"{"id":"a","name":"customer.created"}"#;
    let sent = shop.send(
        stage.sign_at(&provider::fedapay(), body, at),
        stage.after(secs(2), 200),
    );
    stage.pass(secs(2));
    assert_eq!(sent.answer(), "own 200");
    let [seen] = stage.log.take().try_into().unwrap();
    assert_eq!((&*seen.endpoint, &*seen.provider), ("shop", "fedapay"));
    assert_eq!((seen.outcome, seen.reason), (Outcome::Delivered, None));
    assert_eq!((seen.status, seen.late), (Some(200), false));
    assert_eq!((seen.key_index, seen.skew_millis), (Some(1), Some(7000)));
    assert_eq!((seen.bytes, seen.elapsed), (body.len(), secs(2)));
    assert_eq!(seen.ids, ["a"]);
    assert_eq!(seen.kinds, [Some("customer.created".to_owned())]);
    assert_eq!(seen.failures_in_a_row, 0);
}

#[test]
fn an_observation_of_a_forgery_tells_nothing_that_the_forger_chose() {
    let (stage, _) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    let forged = stage.forged("a");
    let length = forged.body().len();
    shop.deliver(forged, at_once(200));
    let [seen] = stage.log.take().try_into().unwrap();
    assert_eq!(seen.reason, Some(ErrorKind::SignatureMismatch));
    assert_eq!((seen.key_index, seen.skew_millis), (None, None));
    assert_eq!((seen.ids.len(), seen.failures_in_a_row), (0, 0));
    assert_eq!(seen.bytes, length);
}

#[test]
fn failures_are_counted_in_a_row_and_forgeries_are_not_among_them() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let row = |request, status| {
            shop.deliver(request, at_once(status));
            stage.log.take().pop().unwrap().failures_in_a_row
        };
        assert_eq!(row(stage.event("a"), 500), 1);
        assert_eq!(row(stage.event("b"), 404), 2);
        assert_eq!(row(stage.forged("c"), 200), 2);
        assert_eq!(row(stage.event("d"), 503), 3);
        assert_eq!(row(stage.event("a"), 200), 0);
        assert_eq!(row(stage.event("b"), 500), 1);
        assert_eq!(row(stage.event("a"), 500), 0, "a duplicate is a success");
    });
}

#[test]
fn a_run_that_is_never_supervised_releases() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let (gate, request) = (shop.gate.clone(), stage.event("a"));
        let run = stage.watch(async move {
            let mut intake = gate.begin(&request, None).unwrap();
            intake.update(request.body().clone()).unwrap();
            intake.admit().await
        });
        stage.run();
        assert_eq!(stage.held(), (1, 0));
        drop(run.borrow_mut().take());
        stage.run();
        assert_eq!(stage.held(), (0, 0));
    });
}

#[test]
fn retention_counts_from_the_commit_and_a_duplicate_does_not_extend_it() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    shop.send(stage.event("a"), stage.after(secs(5), 200));
    stage.pass(secs(5));
    let left = || match store.entries()[0].1 {
        EntryState::Committed { retention_left } => retention_left,
        other @ EntryState::InProgress { .. } => panic!("{other:?}"),
    };
    assert_eq!(left(), secs(3 * 24 * 3600));
    stage.pass(secs(100));
    assert_eq!(
        shop.deliver(stage.event("a"), at_once(200)),
        "200 duplicate"
    );
    assert_eq!(left(), secs(3 * 24 * 3600 - 100));
    stage.clock.advance(left() - secs(1));
    assert_eq!(
        shop.deliver(stage.event("a"), at_once(200)),
        "200 duplicate"
    );
    stage.clock.advance(secs(1));
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
}
