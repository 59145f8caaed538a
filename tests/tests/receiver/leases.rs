//! Leases that run out, are taken over, are renewed, or are lost.

use std::cell::Cell;
use std::rc::Rc;

use countersign::{Clock, Delivery};
use countersign_testkit::{Cue, EntryState, Operation};

use crate::stage::{Stage, at_once, millis, never, secs};
use crate::worker::Worker;

#[test]
fn s06_what_a_killed_process_held_runs_again_after_its_lease() {
    let (stage, _) = Stage::with_cues();
    let dying = stage.open(&stage.fedapay());
    dying.send(stage.event("a"), never);
    stage.pass(secs(4));
    dying.crash();
    assert_eq!((stage.running(), stage.held()), (0, (1, 0)));
    let restarted = stage.open(&stage.fedapay());
    let before = restarted.send(stage.event("a"), at_once(200));
    stage.pass(secs(2));
    assert_eq!(before.answer(), "409 in-progress retry=24");
    stage.pass(millis(23_999));
    let still = restarted.send(stage.event("a"), at_once(500));
    stage.run();
    assert_eq!((still.answer(), stage.runs()), ("-".to_owned(), 1));
    stage.pass(millis(2));
    assert_eq!((still.answer(), stage.runs()), ("own 500".to_owned(), 2));
    let after = restarted.deliver(stage.event("a"), at_once(200));
    assert_eq!(after, "own 200");
    assert_eq!(stage.held(), (0, 1));
}

#[test]
fn a_lease_is_renewed_every_third_of_it() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    let sent = shop.send(stage.event("a"), stage.after(secs(100), 200));
    let mut least = secs(30);
    for _ in 0..99 {
        stage.pass(secs(1));
        let EntryState::InProgress { lease_left, .. } = store.entries()[0].1 else {
            panic!("settled too early");
        };
        least = least.min(lease_left);
    }
    assert!(least >= secs(19), "{least:?}");
    assert_eq!(store.calls(Operation::Renew), 9);
    stage.pass(secs(1));
    assert_eq!(sent.answer(), "503 retry=5");
    assert_eq!(stage.held(), (0, 1));
    stage.pass(secs(60));
    assert_eq!(store.calls(Operation::Renew), 9);
}

#[test]
fn a_renewal_that_fails_is_tried_again_soon() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    shop.send(stage.event("a"), never);
    store.cue_next(Operation::Renew, 10, Cue::Fail);
    stage.pass(secs(25));
    assert!(store.carried_out(Operation::Renew) >= 1);
    store.cue(Operation::Renew, Cue::Freeze);
    stage.pass(secs(12));
    store.cue(Operation::Renew, Cue::Obey);
    stage.pass(secs(3));
    assert!(store.carried_out(Operation::Renew) >= 2);
    stage.pass(secs(60));
    assert!(stage.seen().iter().all(|seen| !seen.contains("lease")));
}

#[test]
fn the_memory_store_needs_no_renewal() {
    let stage = Stage::with_memory(10);
    let (shop, other) = (stage.open(&stage.fedapay()), stage.open(&stage.fedapay()));
    shop.send(stage.event("a"), stage.after(secs(200), 200));
    stage.pass(secs(150));
    let second = other.send(stage.event("a"), at_once(200));
    stage.pass(secs(2));
    assert_eq!(second.answer(), "409 in-progress retry=5");
    stage.pass(secs(50));
    assert_eq!((stage.runs(), stage.held()), (1, (0, 1)));
}

/// The first run outlives its lease of a second, and a second run takes over.
fn overtaken() -> (Stage, [Worker; 3]) {
    let (stage, store) = Stage::with_cues();
    store.cue(Operation::Renew, Cue::Fail);
    let open = || stage.open(&stage.fedapay().with_lease(secs(1)).unwrap());
    let workers = [open(), open(), open()];
    workers[0].send(stage.event("a"), stage.after(secs(3), 200));
    stage.pass(millis(1500));
    assert_eq!(stage.runs(), 1);
    (stage, workers)
}

fn no_third_run(stage: &Stage, worker: &Worker) {
    for _ in 0..5 {
        let retry = worker.deliver(stage.event("a"), at_once(200));
        assert_eq!(retry, "200 duplicate");
        stage.pass(secs(1));
    }
    assert_eq!(stage.runs(), 2);
    assert_eq!(stage.held(), (0, 1));
}

#[test]
fn s07_the_second_run_succeeds() {
    let (stage, [_, second, third]) = overtaken();
    let sent = second.send(stage.event("a"), stage.after(secs(2), 200));
    stage.pass(millis(1500));
    assert_eq!(stage.seen(), ["lease_lost a", "delivered 200 a"]);
    assert_eq!(stage.held(), (0, 1), "the late commit has landed");
    stage.pass(millis(500));
    assert_eq!(sent.answer(), "own 200");
    assert_eq!(stage.seen(), ["delivered 200 a"]);
    no_third_run(&stage, &third);
}

#[test]
fn s07_the_second_run_succeeds_first() {
    let (stage, [_, second, third]) = overtaken();
    second.send(stage.event("a"), stage.after(millis(500), 200));
    stage.pass(secs(2));
    // Nobody holds it any more when the first run's commit comes: twice is success.
    assert_eq!(stage.seen(), ["delivered 200 a", "delivered 200 a"]);
    no_third_run(&stage, &third);
}

#[test]
fn s07_the_second_run_fails() {
    let (stage, [_, second, third]) = overtaken();
    let sent = second.send(stage.event("a"), stage.after(secs(2), 500));
    stage.pass(secs(2));
    assert_eq!(sent.answer(), "own 500");
    assert_eq!(
        stage.seen(),
        ["lease_lost a", "delivered 200 a", "handler_failed 500 a"]
    );
    no_third_run(&stage, &third);
}

#[test]
fn s07_the_second_run_is_killed() {
    let (stage, [_, second, third]) = overtaken();
    second.send(stage.event("a"), never);
    stage.pass(millis(800));
    assert_eq!(stage.runs(), 2);
    second.crash();
    stage.pass(millis(700));
    assert_eq!(stage.held(), (0, 1));
    no_third_run(&stage, &third);
}

#[test]
fn s31_a_late_commit_lands_over_an_expired_entry() {
    let (stage, store) = Stage::with_cues();
    store.cue(Operation::Renew, Cue::Fail);
    let shop = stage.open(&stage.fedapay().with_lease(secs(1)).unwrap());
    let sent = shop.send(stage.event("a"), stage.after(secs(5), 200));
    stage.pass(secs(5));
    assert_eq!(sent.answer(), "own 200");
    assert_eq!(stage.seen(), ["delivered 200 a"], "nobody took it over");
    let retry = shop.deliver(stage.event("a"), at_once(200));
    assert_eq!(retry, "200 duplicate");
}

#[test]
fn s31_a_late_commit_lands_over_an_entry_that_is_gone() {
    let (stage, store) = Stage::with_cues();
    store.cue(Operation::Renew, Cue::Fail);
    let open = || stage.open(&stage.fedapay().with_lease(secs(1)).unwrap());
    let (slow, other) = (open(), open());
    let sent = slow.send(stage.event("a"), stage.after(secs(5), 200));
    stage.pass(secs(2));
    // Another run takes it over, fails, and so removes it.
    assert_eq!(other.deliver(stage.event("a"), at_once(500)), "own 500");
    assert_eq!(stage.held(), (0, 0));
    stage.pass(secs(3));
    assert_eq!(sent.answer(), "own 200");
    let retry = other.deliver(stage.event("a"), at_once(200));
    assert_eq!(retry, "200 duplicate");
}

#[test]
fn one_s_own_expired_lease_is_renewed_if_nobody_took_it() {
    let (stage, store) = Stage::with_cues();
    let (slow, other) = (stage.open(&stage.fedapay()), stage.open(&stage.fedapay()));
    store.cue(Operation::Renew, Cue::Fail);
    slow.send(stage.event("a"), never);
    stage.pass(secs(31));
    store.cue(Operation::Renew, Cue::Obey);
    stage.pass(secs(2));
    let second = other.send(stage.event("a"), at_once(200));
    stage.pass(secs(2));
    assert!(second.answer().starts_with("409 "), "{}", second.answer());
    assert!(stage.seen().iter().all(|seen| !seen.contains("lease")));
}

#[test]
fn a_lost_lease_is_signalled_to_the_handler_and_to_the_operator_once() {
    let (stage, store) = Stage::with_cues();
    let (slow, other) = (stage.open(&stage.fedapay()), stage.open(&stage.fedapay()));
    store.cue(Operation::Renew, Cue::Fail);
    let told = Rc::new(Cell::new(None));
    let (put, clock) = (told.clone(), stage.clock.clone());
    let sent = slow.send(stage.event("a"), move |delivery: Delivery| async move {
        let before = delivery.is_lease_lost();
        delivery.lease_lost().await;
        put.set(Some((before, delivery.is_lease_lost(), clock.monotonic())));
        std::future::pending().await
    });
    stage.pass(secs(31));
    let second = other.send(stage.event("a"), stage.after(secs(100), 200));
    stage.run();
    assert_eq!((stage.running(), told.get()), (2, None));
    store.cue(Operation::Renew, Cue::Obey);
    stage.pass(secs(1));
    assert_eq!(told.get(), Some((false, true, secs(32))));
    let lost = stage.seen();
    assert_eq!(lost, ["answer_deadline 503 a", "lease_lost late a"]);
    stage.pass(secs(80));
    // The one that took over is renewed in its turn, and the loser's end does it no harm.
    assert_eq!(stage.held(), (1, 0));
    assert_eq!(stage.seen(), ["answer_deadline 503 a"]);
    stage.pass(secs(20));
    assert_eq!(stage.held(), (0, 1));
    assert_eq!(sent.answer(), second.answer());
    stage.pass(secs(300));
    assert_eq!(
        stage.seen(),
        ["delivered late a", "handler_timed_out late a"]
    );
    assert_eq!(stage.held(), (0, 1));
}

#[test]
fn a_commit_on_its_way_costs_the_rest_of_a_batch_no_lease() {
    let (stage, store) = Stage::with_cues();
    let bank = stage.open(&stage.banking_circle());
    let other = stage.open(&stage.banking_circle());
    // The commit of `a` is carried out, and its answers are lost for a while.
    store.cue(Operation::Commit, Cue::LoseAnswer);
    let lost = Rc::new(Cell::new(false));
    let (put, clock) = (lost.clone(), stage.clock.clone());
    bank.send(
        stage.batch(&["a", "b"]),
        move |delivery: Delivery| async move {
            delivery.done("a").await;
            clock.sleep(secs(100)).await;
            put.set(delivery.is_lease_lost());
            200
        },
    );
    stage.pass(secs(60));
    store.cue(Operation::Commit, Cue::Obey);
    let retry = other.send(stage.batch(&["a", "b"]), at_once(200));
    stage.pass(secs(2));
    assert!(retry.answer().starts_with("409 "), "{}", retry.answer());
    stage.pass(secs(38));
    assert_eq!((stage.runs(), stage.held()), (1, (0, 2)));
    assert!(!lost.get());
    assert!(stage.seen().iter().all(|seen| !seen.contains("lease")));
}

#[test]
fn what_is_left_of_a_batch_is_renewed_when_one_event_is_lost() {
    let (stage, store) = Stage::with_cues();
    let open = || stage.open(&stage.banking_circle());
    let (slow, other, third) = (open(), open(), open());
    slow.send(stage.batch(&["a", "b"]), stage.after(secs(120), 200));
    store.cue(Operation::Renew, Cue::Fail);
    stage.pass(secs(31));
    // Only `a` is taken over before the store renews again.
    other.send(stage.batch(&["a"]), stage.after(secs(200), 200));
    store.cue(Operation::Renew, Cue::Obey);
    stage.pass(secs(60));
    let second = third.send(stage.batch(&["b"]), at_once(200));
    stage.pass(secs(2));
    assert!(second.answer().starts_with("409 "), "{}", second.answer());
    let lost = stage.seen();
    let lost = lost.iter().filter(|seen| seen.starts_with("lease_lost"));
    assert_eq!(lost.count(), 1);
}
