//! Handlers that take long, hang, block, panic, or lose their sender.

use std::cell::Cell;
use std::rc::Rc;

use countersign_testkit::{EntryState, Operation};

use crate::stage::{Stage, Store, at_once, millis, never, on_each_store, secs};
use crate::worker::Sent;

#[test]
fn s02_a_failure_is_released_and_the_retry_runs() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        assert_eq!(shop.deliver(stage.event("a"), at_once(500)), "own 500");
        stage.pass(secs(1));
        // Signed anew.
        assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
        assert_eq!((stage.runs(), stage.held()), (2, (0, 1)));
    });
}

#[test]
fn s03_a_panic_is_a_500_and_the_retry_runs() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let clock = stage.clock.clone();
        let sent = shop.send(stage.event("a"), move |_| async move {
            countersign::Clock::sleep(&clock, secs(1)).await;
            panic!("in the handler")
        });
        stage.pass(secs(1));
        assert_eq!(sent.answer(), "500");
        assert_eq!(stage.held(), (0, 0));
        assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
        assert_eq!(stage.seen(), ["handler_failed 500 a", "delivered 200 a"]);
    });
}

#[test]
fn s04_past_the_answer_deadline_it_runs_on_alone() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let first = shop.send(stage.event("a"), stage.after(secs(50), 200));
        stage.pass(millis(7999));
        assert_eq!(first.answer(), "-");
        stage.pass(millis(1));
        assert_eq!(first.answer(), "503 retry=5");
        assert_eq!(stage.seen(), ["answer_deadline 503 a"]);
        assert_eq!((stage.running(), stage.held()), (1, (1, 0)));
        // The lease is renewed, so that no retry runs beside it.
        for _ in 0..4 {
            stage.pass(secs(8));
            let retry = shop.send(stage.event("a"), at_once(200));
            stage.pass(secs(2));
            assert!(retry.answer().starts_with("409 "), "{}", retry.answer());
        }
        stage.seen();
        stage.pass(secs(2));
        let [seen] = stage.log.take().try_into().unwrap();
        assert_eq!(seen.to_string(), "delivered late a");
        assert_eq!((seen.elapsed, seen.failures_in_a_row), (secs(50), 5));
        let retry = shop.deliver(stage.event("a"), at_once(200));
        assert_eq!(retry, "200 duplicate");
        assert_eq!((stage.runs(), stage.most_at_once()), (1, 1));
    });
}

#[test]
fn a_late_failure_is_released_and_observed_as_late() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        shop.send(stage.event("a"), stage.after(secs(20), 500));
        stage.pass(secs(20));
        assert_eq!(
            stage.seen(),
            ["answer_deadline 503 a", "handler_failed late a"]
        );
        assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    });
}

#[test]
fn s05_a_sender_that_hangs_up_does_not_end_the_run() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let sent = shop.send(stage.event("a"), stage.after(secs(2), 200));
        stage.pass(millis(100));
        sent.hang_up();
        assert_eq!(stage.running(), 1);
        let retry = shop.send(stage.event("a"), at_once(200));
        stage.pass(millis(1950));
        assert_eq!(retry.answer(), "200 duplicate");
        assert_eq!(stage.seen(), ["delivered late a", "duplicate 200 a"]);
        assert_eq!((stage.runs(), stage.held()), (1, (0, 1)));
    });
}

#[test]
fn a_sender_that_hangs_up_during_the_commit_loses_nothing() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    store.cue(Operation::Commit, countersign_testkit::Cue::Freeze);
    let sent = shop.send(stage.event("a"), at_once(200));
    stage.run();
    sent.hang_up();
    store.cue(Operation::Commit, countersign_testkit::Cue::Obey);
    store.resume();
    stage.run();
    assert_eq!(stage.held(), (0, 1));
    assert_eq!(stage.seen(), ["delivered late a"]);
}

#[test]
fn max_run_stops_the_handler_joins_it_and_then_releases() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let joined = Rc::new(Cell::new(None));
        let (put, on) = (joined.clone(), stage.clone());
        let sent = shop.send(stage.event("a"), move |_| async move {
            let _at_the_end = AtTheEnd(move || put.set(Some(on.held())));
            std::future::pending().await
        });
        stage.pass(millis(299_999));
        assert_eq!((stage.running(), joined.get()), (1, None));
        stage.pass(millis(1));
        assert_eq!(joined.get(), Some((1, 0)), "held until it was joined");
        assert_eq!((stage.running(), stage.held()), (0, (0, 0)));
        assert_eq!(sent.answer(), "503 retry=5");
        assert_eq!(
            stage.seen(),
            ["answer_deadline 503 a", "handler_timed_out late a"]
        );
    });
}

struct AtTheEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtTheEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn max_run_within_the_answer_deadline_is_answered_503() {
    on_each_store(|stage| {
        let receiver = stage.fedapay().with_deadlines(secs(8), secs(8)).unwrap();
        let shop = stage.open(&receiver.with_wait(secs(0)));
        let sent = shop.send(stage.event("a"), never);
        stage.pass(secs(8));
        assert_eq!(sent.answer(), "503 retry=5");
        assert_eq!((stage.running(), stage.held()), (0, (0, 0)));
    });
}

#[test]
fn s30_a_handler_that_had_finished_when_max_run_struck_is_committed() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        shop.send(stage.event("a"), stage.after(secs(300), 200));
        stage.pass(secs(300));
        assert_eq!(stage.held(), (0, 1));
        assert_eq!(stage.seen(), ["answer_deadline 503 a", "delivered late a"]);
    });
}

#[test]
fn s30_a_blocked_handler_that_had_finished_when_it_was_stopped_is_committed() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let sent = shop.send(stage.event("a"), stage.after(secs(1), 200));
        stage.run();
        // Its thread sees neither the timer nor, later, the stop before it is free again.
        sent.block(true);
        stage.pass(millis(300_500));
        assert_eq!(stage.seen(), Vec::<String>::new());
        sent.block(false);
        stage.run();
        assert_eq!(sent.answer(), "own 200");
        assert_eq!((stage.runs(), stage.held()), (1, (0, 1)));
        assert_eq!(stage.seen(), ["delivered 200 a"]);
    });
}

#[test]
fn s30_a_handler_that_hangs_gives_way_to_a_second_run() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let idle = stage.tasks();
        for round in 0..5 {
            let id = round.to_string();
            shop.send(stage.event(&id), never);
            stage.pass(secs(290));
            let early = shop.send(stage.event(&id), at_once(200));
            stage.pass(secs(2));
            assert!(early.answer().starts_with("409 "), "{}", early.answer());
            stage.pass(secs(9));
            let retry = shop.deliver(stage.event(&id), at_once(200));
            assert_eq!(retry, "own 200");
            assert_eq!((stage.tasks(), stage.running()), (idle, 0));
        }
        assert_eq!((stage.runs(), stage.most_at_once()), (10, 1));
    });
}

#[test]
fn s30_a_handler_that_blocks_its_thread_is_given_up() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let sent = shop.send(stage.event("a"), never);
        stage.run();
        sent.block(true);
        stage.pass(secs(300));
        assert_eq!(stage.seen(), Vec::<String>::new());
        stage.pass(secs(1));
        assert_eq!(stage.seen(), ["handler_stuck late a"]);
        // It may still be at work, so a lease has to pass first.
        stage.pass(secs(9));
        let early = shop.send(stage.event("a"), at_once(200));
        stage.pass(secs(2));
        assert!(early.answer().starts_with("409 "), "{}", early.answer());
        stage.pass(secs(20));
        assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
        stage.seen();
        stage.pass(secs(100));
        assert_eq!(stage.seen(), Vec::<String>::new(), "reported once");
        // Freed at last, it is stopped, and its release leaves the commit alone.
        sent.block(false);
        stage.run();
        assert_eq!((stage.running(), stage.held()), (0, (0, 1)));
        assert_eq!(stage.seen(), ["handler_timed_out 503 a"]);
    });
}

#[test]
fn a_handler_that_was_given_up_is_renewed_no_longer() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    let sent = shop.send(stage.event("a"), never);
    stage.run();
    sent.block(true);
    stage.pass(secs(301));
    let renewals = store.calls(Operation::Renew);
    assert!(renewals >= 29, "{renewals}");
    stage.pass(secs(60));
    assert_eq!(store.calls(Operation::Renew), renewals);
    let EntryState::InProgress { lease_left, .. } = store.entries()[0].1 else {
        panic!("settled");
    };
    assert!(lease_left.is_zero());
}

#[test]
fn a_blocked_handler_s_lease_is_renewed_by_the_keeper() {
    let (stage, _) = Stage::with_cues();
    let (shop, other) = (stage.open(&stage.fedapay()), stage.open(&stage.fedapay()));
    let sent = shop.send(stage.event("a"), stage.after(secs(1), 200));
    stage.run();
    sent.block(true);
    for _ in 0..3 {
        stage.pass(secs(30));
        let retry = other.send(stage.event("a"), at_once(200));
        stage.pass(secs(2));
        assert!(retry.answer().starts_with("409 "), "{}", retry.answer());
    }
    sent.block(false);
    stage.run();
    assert_eq!(sent.answer(), "own 200");
    assert_eq!((stage.runs(), stage.held()), (1, (0, 1)));
}

#[test]
fn s26_an_event_that_always_fails_harms_no_other() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        for retry in 1..=20 {
            assert_eq!(shop.deliver(stage.event("bad"), at_once(500)), "own 500");
            let [seen] = stage.log.take().try_into().unwrap();
            assert_eq!(seen.to_string(), "handler_failed 500 bad");
            assert_eq!(seen.failures_in_a_row, 1);
            let good = shop.deliver(stage.event(&retry.to_string()), at_once(200));
            assert_eq!(good, "own 200");
            stage.seen();
        }
        assert_eq!((stage.runs(), stage.held()), (40, (0, 20)));
    });
}

#[test]
fn by_default_1024_handlers_run_at_once() {
    let stage = Stage::with_memory(2000);
    let shop = stage.open(&stage.fedapay());
    let all: Vec<Sent> = (0..1024)
        .map(|n| shop.send(stage.event(&n.to_string()), stage.after(secs(1), 200)))
        .collect();
    stage.run();
    assert_eq!(stage.running(), 1024);
    let answer = shop.deliver(stage.event("1024"), at_once(200));
    assert_eq!(answer, "503 retry=5");
    stage.pass(secs(1));
    assert!(all.iter().all(|sent| sent.answer() == "own 200"));
    assert_eq!(shop.deliver(stage.event("1024"), at_once(200)), "own 200");
    let Store::Memory(store) = &stage.store else {
        unreachable!()
    };
    assert_eq!((store.refusals(), stage.held()), (0, (0, 1025)));
}

#[test]
fn a_handler_that_was_given_up_still_counts_as_a_run() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay().with_max_runs(1));
        let sent = shop.send(stage.event("a"), never);
        stage.run();
        sent.block(true);
        stage.pass(secs(400));
        let answer = shop.deliver(stage.event("b"), at_once(200));
        assert_eq!(answer, "503 retry=5", "blocked threads stay bounded");
        sent.block(false);
        stage.run();
        assert_eq!(shop.deliver(stage.event("b"), at_once(200)), "own 200");
    });
}

#[test]
fn a_stopped_handler_that_panics_in_its_drop_is_released_all_the_same() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        shop.send(stage.event("a"), move |_| async move {
            let _at_the_end = AtTheEnd(|| {
                // Not on top of a failed assertion, which would abort the whole binary.
                assert!(std::thread::panicking(), "in a drop");
            });
            std::future::pending().await
        });
        stage.pass(secs(301));
        assert_eq!((stage.running(), stage.held()), (0, (0, 0)));
        let seen = stage.seen();
        assert_eq!(seen, ["answer_deadline 503 a", "handler_timed_out late a"]);
        assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    });
}

#[test]
fn a_handler_that_is_freed_late_leaves_the_run_that_took_over_alone() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let stuck = shop.send(stage.event("a"), never);
        stage.run();
        stuck.block(true);
        stage.pass(secs(335));
        shop.send(stage.event("a"), stage.after(secs(5), 200));
        stage.run();
        assert_eq!((stage.runs(), stage.held()), (2, (1, 0)));
        stuck.block(false);
        stage.run();
        assert_eq!((stage.running(), stage.held()), (1, (1, 0)));
        stage.pass(secs(5));
        assert_eq!(stage.held(), (0, 1));
    });
}
