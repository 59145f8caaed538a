//! A store that fails, hangs, loses answers or is full.

use std::cell::Cell;
use std::rc::Rc;

use countersign_testkit::{Cue, Operation};

use crate::stage::{Stage, Store, at_once, millis, never, secs};

#[test]
fn s15_a_store_that_is_down_is_a_503_and_needs_no_restart() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    for operation in [
        Operation::Claim,
        Operation::Commit,
        Operation::Renew,
        Operation::Release,
    ] {
        store.cue(operation, Cue::Fail);
    }
    let answer = shop.deliver(stage.event("a"), at_once(200));
    assert_eq!(answer, "503 retry=5");
    assert_eq!(stage.seen(), ["store_unavailable store_unavailable 503 a"]);
    assert_eq!(stage.runs(), 0);
    stage.pass(secs(60));
    for operation in [
        Operation::Claim,
        Operation::Commit,
        Operation::Renew,
        Operation::Release,
    ] {
        store.cue(operation, Cue::Obey);
    }
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    assert_eq!(stage.held(), (0, 1));
}

#[test]
fn s15_rule_15_a_store_that_hangs_is_a_503_within_the_store_timeout() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    store.cue(Operation::Claim, Cue::Freeze);
    let sent = shop.send(stage.event("a"), at_once(200));
    stage.pass(millis(999));
    assert_eq!(sent.answer(), "-");
    stage.pass(millis(1));
    assert_eq!(sent.answer(), "503 retry=5");
    assert_eq!((stage.runs(), sent.answered_at()), (0, secs(1)));
    assert_eq!(stage.seen(), ["store_unavailable store_unavailable 503 a"]);
    store.cue(Operation::Claim, Cue::Obey);
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
}

#[test]
fn a_store_timeout_of_the_merchants_own_holds() {
    let (stage, store) = Stage::with_cues();
    let receiver = stage.fedapay().with_timeouts(millis(200), secs(3));
    let shop = stage.open(&receiver);
    assert_eq!(shop.gate.body_timeout(), secs(3));
    store.cue(Operation::Claim, Cue::Freeze);
    let sent = shop.send(stage.event("a"), at_once(200));
    stage.pass(millis(200));
    assert_eq!(sent.answer(), "503 retry=5");
}

#[test]
fn fail_open_runs_without_a_claim_only_while_the_store_fails() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay().dangerously_fail_open());
    store.cue(Operation::Claim, Cue::Fail);
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    assert_eq!(shop.deliver(stage.event("a"), at_once(500)), "own 500");
    assert_eq!(stage.runs(), 2);
    assert_eq!(
        stage.seen(),
        [
            "unclaimed a",
            "delivered 200 a",
            "unclaimed a",
            "handler_failed 500 a"
        ]
    );
    assert_eq!(store.calls(Operation::Commit), 0);

    store.cue(Operation::Claim, Cue::Freeze);
    let hung = shop.send(stage.event("b"), at_once(200));
    stage.pass(secs(1));
    assert_eq!(hung.answer(), "own 200");

    store.cue(Operation::Claim, Cue::Obey);
    store.resume();
    stage.pass(secs(31));
    assert_eq!(stage.held(), (0, 0));
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    let answer = shop.deliver(stage.event("a"), at_once(200));
    assert_eq!(answer, "200 duplicate");
}

#[test]
fn fail_open_still_tells_the_sender_of_a_batch_that_an_event_failed() {
    let (stage, store) = Stage::with_cues();
    let bank = stage.open(&stage.banking_circle().dangerously_fail_open());
    store.cue(Operation::Claim, Cue::Fail);
    let marks = Rc::new(Cell::new((false, false, true)));
    let told = marks.clone();
    let answer = bank.deliver(stage.batch(&["a", "b"]), |delivery| async move {
        let done = delivery.done("a").await;
        let failed = delivery.failed("b").await;
        told.set((done, failed, delivery.failed("b").await));
        200
    });
    assert_eq!(marks.get(), (true, true, false));
    assert_eq!(answer, "500");
    assert_eq!(stage.seen(), ["unclaimed a b", "handler_failed 500 a b"]);
    assert_eq!(store.calls(Operation::Commit), 0);
}

#[test]
fn s13_a_full_memory_store_forgets_the_oldest_committed_and_counts_it() {
    let stage = Stage::with_memory(3);
    let Store::Memory(store) = &stage.store else {
        unreachable!()
    };
    let shop = stage.open(&stage.fedapay());
    shop.send(stage.event("running"), never);
    stage.run();
    for id in ["a", "b", "c"] {
        assert_eq!(shop.deliver(stage.event(id), at_once(200)), "own 200");
    }
    assert_eq!((store.evictions(), stage.held()), (1, (1, 2)));
    let answer = shop.deliver(stage.event("b"), at_once(200));
    assert_eq!(answer, "200 duplicate");
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    assert_eq!((store.evictions(), stage.running()), (2, 1));
    let held = shop.send(stage.event("running"), at_once(200));
    stage.pass(secs(2));
    assert_eq!(held.answer(), "409 in-progress retry=5", "never dropped");
}

#[test]
fn s14_a_memory_store_full_of_claims_is_a_503_and_counts_it() {
    let stage = Stage::with_memory(2);
    let Store::Memory(store) = &stage.store else {
        unreachable!()
    };
    let shop = stage.open(&stage.fedapay());
    let first = shop.send(stage.event("a"), stage.after(secs(3), 200));
    shop.send(stage.event("b"), never);
    stage.run();
    let answer = shop.deliver(stage.event("c"), at_once(200));
    assert_eq!(answer, "503 retry=5");
    assert_eq!((store.refusals(), stage.runs()), (1, 2));
    assert_eq!(stage.seen(), ["store_unavailable store_unavailable 503 c"]);
    stage.pass(secs(3));
    assert_eq!(first.answer(), "own 200");
    assert_eq!(shop.deliver(stage.event("c"), at_once(200)), "own 200");
}

#[test]
fn s16_a_commit_that_fails_keeps_the_answer_and_is_retried_until_it_lands() {
    // A handler that answers at once is no exception, though it was never seen waiting.
    for time in [0, 2] {
        let (stage, store) = Stage::with_cues();
        let shop = stage.open(&stage.fedapay());
        let other = stage.open(&stage.fedapay());
        store.cue(Operation::Commit, Cue::Fail);
        let first = shop.send(stage.event("a"), stage.after(secs(time), 200));
        stage.pass(secs(time));
        assert_eq!(first.answer(), "own 200");
        assert_eq!(stage.seen(), ["commit_failed a", "delivered 200 a"]);
        // For two leases, renewed all the while.
        for _ in 0..6 {
            stage.pass(secs(10));
            let retry = other.send(stage.event("a"), at_once(200));
            stage.pass(secs(2));
            assert!(retry.answer().starts_with("409 "), "{}", retry.answer());
        }
        assert!(store.calls(Operation::Renew) >= 6);
        stage.seen();
        store.cue(Operation::Commit, Cue::Obey);
        stage.pass(secs(5));
        assert_eq!(stage.held(), (0, 1));
        let retry = other.deliver(stage.event("a"), at_once(200));
        assert_eq!((&*retry, stage.runs()), ("200 duplicate", 1));
        assert_eq!(stage.seen(), ["duplicate 200 a"]);
        let renewals = store.calls(Operation::Renew);
        stage.pass(secs(60));
        assert_eq!(store.calls(Operation::Renew), renewals, "and no longer");
    }
}

#[test]
fn s16_a_commit_that_hangs_keeps_the_answer() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    store.cue(Operation::Commit, Cue::Freeze);
    let first = shop.send(stage.event("a"), at_once(204));
    stage.pass(secs(1));
    assert_eq!(first.answer(), "own 204");
    assert_eq!(stage.seen(), ["commit_failed a", "delivered 204 a"]);
    stage.pass(secs(70));
    assert_eq!(stage.held(), (1, 0), "renewed");
    store.cue(Operation::Commit, Cue::Obey);
    stage.pass(secs(7));
    assert_eq!(stage.held(), (0, 1));
}

#[test]
fn a_commit_is_retried_past_the_lease_when_renewals_fail_too() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    store.cue(Operation::Commit, Cue::Fail);
    store.cue(Operation::Renew, Cue::Fail);
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    stage.pass(secs(100));
    store.cue(Operation::Commit, Cue::Obey);
    stage.pass(secs(5));
    assert_eq!(stage.held(), (0, 1));
}

#[test]
fn a_commit_whose_answer_was_lost_is_no_lost_lease() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    store.cue_next(Operation::Commit, 1, Cue::LoseAnswer);
    store.cue(Operation::Commit, Cue::Fail);
    store.cue_next(Operation::Commit, 1, Cue::LoseAnswer);
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    assert_eq!(stage.held(), (0, 1));
    // Renewals find no entry to renew in the meantime.
    stage.pass(secs(40));
    assert!(store.calls(Operation::Renew) > 0);
    store.cue(Operation::Commit, Cue::Obey);
    stage.pass(secs(5));
    assert_eq!(stage.seen(), ["commit_failed a", "delivered 200 a"]);
}

#[test]
fn a_release_is_retried_until_it_is_answered() {
    for cue in [Cue::Fail, Cue::Freeze] {
        let (stage, store) = Stage::with_cues();
        let shop = stage.open(&stage.fedapay());
        store.cue(Operation::Release, cue);
        let sent = shop.send(stage.event("a"), at_once(500));
        stage.pass(secs(1));
        assert_eq!(sent.answer(), "own 500");
        stage.pass(secs(3));
        assert_eq!(stage.held(), (1, 0));
        store.cue(Operation::Release, Cue::Obey);
        stage.pass(secs(3));
        assert_eq!(stage.held(), (0, 0));
        let calls = store.calls(Operation::Release);
        stage.pass(secs(60));
        assert_eq!(store.calls(Operation::Release), calls, "answered once");
    }
}

#[test]
fn s29_a_claim_frozen_beyond_the_503_is_undone_when_it_wakes() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    store.cue_next(Operation::Claim, 1, Cue::Freeze);
    let sent = shop.send(stage.event("a"), at_once(200));
    stage.pass(secs(5));
    assert_eq!(sent.answer(), "503 retry=5");
    store.resume();
    stage.run();
    assert_eq!(store.carried_out(Operation::Claim), 1);
    assert_eq!(stage.held(), (0, 0));
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
}

#[test]
fn s29_a_claim_whose_sender_hung_up_is_undone_when_it_answers() {
    for cue in [Cue::Freeze, Cue::HangAnswer] {
        let (stage, store) = Stage::with_cues();
        let shop = stage.open(&stage.fedapay());
        store.cue_next(Operation::Claim, 1, cue);
        let sent = shop.send(stage.event("a"), at_once(200));
        stage.pass(millis(100));
        sent.hang_up();
        store.resume();
        stage.run();
        assert_eq!(stage.held(), (0, 0));
        assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
        assert_eq!(stage.runs(), 1);
    }
}

#[test]
fn s29_a_claim_that_failed_and_was_carried_out_is_undone() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    store.cue_next(Operation::Claim, 1, Cue::LoseAnswer);
    let answer = shop.deliver(stage.event("a"), at_once(200));
    assert_eq!(answer, "503 retry=5");
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
}

#[test]
fn s29_a_claim_carried_out_long_after_its_failure_is_undone_within_a_lease() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    store.cue_next(Operation::Claim, 1, Cue::Freeze);
    let sent = shop.send(stage.event("a"), at_once(200));
    // Its call is given up after a lease; the server wakes after that.
    stage.pass(secs(45));
    assert_eq!(sent.answer(), "503 retry=5");
    assert!(store.carried_out(Operation::Release) > 0);
    store.resume();
    stage.run();
    assert_eq!(stage.held(), (1, 0));
    stage.pass(secs(5));
    assert_eq!(stage.held(), (0, 0));
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    let calls = store.calls(Operation::Release);
    stage.pass(secs(60));
    let more = store.calls(Operation::Release) - calls;
    assert!(more <= 4, "the releases come to an end: {more}");
}

#[test]
fn s29_undoing_a_claim_touches_neither_another_run_nor_a_commit() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    store.cue_next(Operation::Claim, 1, Cue::Fail);
    let answer = shop.deliver(stage.event("a"), at_once(200));
    assert_eq!(answer, "503 retry=5");
    shop.send(stage.event("a"), stage.after(secs(7), 200));
    stage.pass(secs(6));
    assert_eq!((stage.running(), stage.held()), (1, (1, 0)));
    stage.pass(secs(40));
    assert_eq!(stage.held(), (0, 1));
}

#[test]
fn a_run_that_only_waits_for_its_commit_is_not_stuck() {
    let (stage, store) = Stage::with_cues();
    let (shop, other) = (stage.open(&stage.fedapay()), stage.open(&stage.fedapay()));
    store.cue(Operation::Commit, Cue::Fail);
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    stage.pass(secs(400));
    assert_eq!(stage.seen(), ["commit_failed a", "delivered 200 a"]);
    let retry = other.send(stage.event("a"), at_once(200));
    stage.pass(secs(2));
    assert!(retry.answer().starts_with("409 "), "{}", retry.answer());
}
