//! Shutting down: what is in hand is finished, stopped or reported, and nothing new begins.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use countersign_testkit::{Cue, Operation};

use crate::stage::{Stage, at_once, millis, never, on_each_store, secs};
use crate::worker::Worker;

fn drain(stage: &Stage, worker: &Worker, deadline: Duration) -> Rc<RefCell<Option<bool>>> {
    let receiver = worker.receiver.clone();
    let done = stage.watch(async move { receiver.drain(deadline).await });
    stage.run();
    done
}

fn result(done: &RefCell<Option<bool>>) -> Option<bool> {
    *done.borrow()
}

#[test]
fn with_nothing_running_it_is_done_at_once() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        for deadline in [Duration::ZERO, secs(10), Duration::MAX] {
            assert_eq!(result(&drain(stage, &shop, deadline)), Some(true));
        }
    });
}

#[test]
fn a_receiver_that_was_never_opened_has_nothing_to_drain() {
    let (stage, _) = Stage::with_cues();
    let receiver = stage.fedapay();
    let done = stage.watch(async move { receiver.drain(secs(10)).await });
    stage.run();
    assert_eq!(result(&done), Some(true));
}

#[test]
fn new_deliveries_are_a_503_without_a_store_call() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    drain(&stage, &shop, secs(10));
    let answer = shop.deliver(stage.event("a"), at_once(200));
    assert_eq!(answer, "503 retry=5");
    assert_eq!(stage.seen(), ["overloaded shutting_down 503"]);
    assert_eq!(store.calls(Operation::Claim), 0);
}

#[test]
fn one_that_waits_when_it_begins_is_a_503() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        shop.send(stage.event("a"), stage.after(millis(500), 500));
        let waiter = shop.send(stage.event("a"), at_once(200));
        stage.run();
        let done = drain(stage, &shop, secs(10));
        stage.pass(secs(1));
        assert_eq!(waiter.answer(), "503 retry=5");
        assert_eq!((stage.runs(), result(&done)), (1, Some(true)));
    });
}

#[test]
fn s22_ten_in_flight_are_drained_to_a_deadline() {
    let (stage, store) = Stage::with_cues();
    let (shop, other) = (stage.open(&stage.fedapay()), stage.open(&stage.fedapay()));
    let sent: Vec<_> = (0..9)
        .map(|n| {
            let handler = stage.after(secs(n), if n % 2 == 0 { 200 } else { 500 });
            shop.send(stage.event(&n.to_string()), handler)
        })
        .collect();
    // One ignores that it is told to stop: its future never ends by itself.
    let stubborn = shop.send(stage.event("stubborn"), never);
    stage.run();
    let done = drain(&stage, &shop, secs(5));
    stage.pass(millis(4999));
    assert_eq!(result(&done), None);
    let early = other.send(stage.event("stubborn"), at_once(200));
    stage.run();
    assert_eq!(early.answer(), "-", "still held");
    stage.pass(millis(100));
    assert_eq!(result(&done), Some(true));
    assert_eq!(stubborn.answer(), "503 retry=5");
    for (n, sent) in sent.iter().enumerate() {
        let own = if n % 2 == 0 { "own 200" } else { "own 500" };
        let expected = if n < 6 { own } else { "503 retry=5" };
        assert_eq!(sent.answer(), expected, "{n}");
    }
    let timed_out = stage.seen();
    let timed_out = timed_out
        .iter()
        .filter(|seen| seen.starts_with("handler_timed_out 503"));
    assert_eq!(timed_out.count(), 4);
    // The waiter took the stubborn one over; the rest is free for retries elsewhere at once.
    assert_eq!(early.answer(), "own 200");
    for n in [1, 3, 5, 6, 7, 8] {
        let retry = other.deliver(stage.event(&n.to_string()), at_once(200));
        assert_eq!(retry, "own 200", "{n}");
    }
    for n in [0, 2, 4] {
        let retry = other.deliver(stage.event(&n.to_string()), at_once(200));
        assert_eq!(retry, "200 duplicate", "{n}");
    }
    assert_eq!(stage.held(), (0, 10));
    assert_eq!(store.hanging(), 0);
}

#[test]
fn a_handler_is_joined_before_its_event_is_released() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let sent = shop.send(stage.event("a"), never);
        stage.run();
        sent.block(true);
        let done = drain(stage, &shop, secs(1));
        stage.pass(secs(3));
        assert_eq!((result(&done), stage.held()), (None, (1, 0)));
        sent.block(false);
        stage.pass(millis(100));
        assert_eq!((result(&done), stage.held()), (Some(true), (0, 0)));
    });
}

#[test]
fn a_handler_that_had_finished_when_it_was_stopped_is_committed() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let sent = shop.send(stage.event("a"), stage.after(millis(500), 200));
        stage.run();
        sent.block(true);
        let done = drain(stage, &shop, secs(1));
        stage.pass(secs(2));
        sent.block(false);
        stage.pass(millis(100));
        assert_eq!(sent.answer(), "own 200");
        assert_eq!((result(&done), stage.held()), (Some(true), (0, 1)));
    });
}

#[test]
fn a_handler_that_cannot_be_joined_is_told_of() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let sent = shop.send(stage.event("a"), never);
        stage.run();
        sent.block(true);
        let done = drain(stage, &shop, secs(1));
        stage.pass(millis(3999));
        assert_eq!(result(&done), None);
        stage.pass(millis(101));
        assert_eq!(result(&done), Some(false));
        assert_eq!(stage.held(), (1, 0), "not released while it may be at work");
    });
}

#[test]
fn one_that_runs_on_after_its_answer_is_waited_for() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let hung_up = shop.send(stage.event("a"), stage.after(secs(15), 200));
        let answered = shop.send(stage.event("b"), stage.after(secs(20), 200));
        stage.pass(secs(9));
        hung_up.hang_up();
        assert_eq!(answered.answer(), "503 retry=5");
        let done = drain(stage, &shop, secs(60));
        stage.pass(secs(10));
        assert_eq!(result(&done), None);
        stage.pass(millis(1100));
        assert_eq!((result(&done), stage.held()), (Some(true), (0, 2)));
    });
}

#[test]
fn a_commit_is_finished_even_past_the_deadline() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    store.cue(Operation::Commit, Cue::Fail);
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    let done = drain(&stage, &shop, secs(1));
    stage.pass(secs(2));
    assert_eq!(result(&done), None);
    store.cue(Operation::Commit, Cue::Obey);
    stage.pass(secs(2));
    assert_eq!((result(&done), stage.held()), (Some(true), (0, 1)));
}

#[test]
fn a_store_that_stays_away_is_told_of() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    store.cue(Operation::Commit, Cue::Freeze);
    shop.send(stage.event("a"), at_once(200));
    stage.run();
    let done = drain(&stage, &shop, secs(1));
    stage.pass(millis(4100));
    assert_eq!(result(&done), Some(false));
}

#[test]
fn without_end_it_lets_every_handler_finish() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        shop.send(stage.event("a"), stage.after(secs(290), 200));
        stage.run();
        let done = drain(stage, &shop, Duration::MAX);
        stage.pass(millis(289_990));
        assert_eq!(result(&done), None);
        stage.pass(millis(40));
        assert_eq!((result(&done), stage.held()), (Some(true), (0, 1)));
    });
}

#[test]
fn a_handler_that_begins_after_the_deadline_is_stopped_too() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    // Its claim is on its way when the deadline strikes.
    store.cue_next(Operation::Claim, 1, Cue::Freeze);
    let sent = shop.send(stage.event("a"), never);
    stage.run();
    let done = drain(&stage, &shop, Duration::ZERO);
    stage.pass(millis(500));
    store.resume();
    stage.run();
    stage.pass(millis(100));
    assert_eq!(sent.answer(), "503 retry=5");
    assert_eq!((result(&done), stage.held()), (Some(true), (0, 0)));
}

#[test]
fn the_keeper_ends_once_the_receiver_is_gone_and_all_is_settled() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay().dangerously_fail_open());
    let bank = stage.open(&stage.banking_circle());
    shop.send(stage.event("late"), stage.after(secs(20), 200));
    shop.send(stage.event("fails"), stage.after(secs(1), 500));
    shop.send(stage.event("panics"), |_| async {
        panic!("in the handler")
    });
    shop.send(stage.event("hangs"), never);
    let hangs_up = shop.send(stage.event("hangs up"), stage.after(secs(9), 200));
    bank.send(
        stage.batch(&["a", "b"]),
        |delivery: countersign::Delivery| async move {
            delivery.done("a").await;
            delivery.failed("b").await;
            std::future::pending().await
        },
    );
    stage.pass(secs(2));
    hangs_up.hang_up();
    store.cue(Operation::Commit, Cue::Fail);
    shop.deliver(stage.event("commit fails"), at_once(200));
    store.cue(Operation::Claim, Cue::Fail);
    shop.send(stage.event("claim fails"), stage.after(secs(1), 200));
    stage.pass(secs(10));
    store.cue(Operation::Claim, Cue::Obey);
    store.cue(Operation::Commit, Cue::Obey);
    drop((shop, bank));
    stage.pass(secs(280));
    assert!(stage.tasks() > 0);
    stage.pass(secs(11));
    assert_eq!((stage.tasks(), stage.held()), (0, (0, 4)));
}
