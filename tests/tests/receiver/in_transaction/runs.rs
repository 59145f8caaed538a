//! Runs that outlive their senders, are stopped, or are waited for, in a transaction of their own.

use countersign::{Clock, Delivery};

use super::ledger::Answering;
use super::{Ends, booked, books, on_stage, open};
use crate::stage::{at_once, millis, never, secs};

#[test]
fn a_handler_outlives_its_connection() {
    for (ends, seen, retry) in [
        (Ends::Committed, "delivered late a", "200 duplicate"),
        (Ends::Dropped, "transaction_not_committed late a", "own 200"),
    ] {
        on_stage(|stage, ledger| {
            let shop = open(stage, stage.fedapay(), ledger);
            let books = books(ledger, ends, 200);
            let clock = stage.clock.clone();
            let sent = shop.send(stage.event("a"), |delivery| async move {
                clock.sleep(secs(2)).await;
                books(delivery).await
            });
            stage.run();
            sent.hang_up();
            assert_eq!(stage.running(), 1);
            stage.pass(secs(2));
            assert_eq!(stage.seen(), [seen]);
            assert_eq!(shop.deliver(stage.event("a"), booked(ledger)), retry);
            assert_eq!(ledger.booked(), ["a"]);
        });
    }
}

#[test]
fn a_sender_that_hangs_up_during_the_first_read_leaves_nothing() {
    on_stage(|stage, ledger| {
        let shop = open(stage, stage.fedapay().with_max_runs(1), ledger);
        ledger.answers([Answering::Hangs]);
        let sent = shop.send(stage.event("a"), booked(ledger));
        stage.run();
        sent.hang_up();
        assert!(shop.receiver.is_idle());
        assert_eq!(shop.deliver(stage.event("a"), booked(ledger)), "own 200");
    });
}

#[test]
fn past_the_answer_deadline_the_handler_runs_on() {
    on_stage(|stage, ledger| {
        let shop = open(stage, stage.fedapay(), ledger);
        let books = books(ledger, Ends::Committed, 200);
        let clock = stage.clock.clone();
        let sent = shop.send(stage.event("a"), |delivery| async move {
            clock.sleep(secs(9)).await;
            books(delivery).await
        });
        stage.pass(secs(8));
        assert_eq!(sent.answer(), "503 retry=5");
        stage.pass(secs(1));
        assert_eq!(stage.seen(), ["answer_deadline 503 a", "delivered late a"]);
        let answer = shop.deliver(stage.event("a"), booked(ledger));
        assert_eq!(answer, "200 duplicate");
    });
}

#[test]
fn at_max_run_it_is_stopped_and_its_transaction_rolled_back() {
    on_stage(|stage, ledger| {
        let shop = open(stage, stage.fedapay(), ledger);
        let of_stuck = ledger.clone();
        shop.send(stage.event("a"), move |delivery: Delivery| async move {
            let mut tx = of_stuck.begin();
            let fresh = tx.claim_in(&delivery).await;
            fresh.events().for_each(|event| tx.book(event.id()));
            never(delivery).await
        });
        stage.pass(secs(301));
        assert_eq!(
            stage.seen(),
            ["answer_deadline 503 a", "handler_timed_out late a"]
        );
        assert!(shop.receiver.is_idle());
        assert_eq!(shop.deliver(stage.event("a"), booked(ledger)), "own 200");
        assert_eq!(ledger.booked(), ["a"]);
    });
}

#[test]
fn a_shutdown_waits_for_the_transaction_and_its_proof() {
    on_stage(|stage, ledger| {
        let shop = open(stage, stage.fedapay(), ledger);
        ledger.answers([Answering::Obeys, Answering::Hangs]);
        let sent = shop.send(stage.event("a"), booked(ledger));
        stage.run();
        let receiver = shop.receiver.clone();
        let drained = stage.watch(async move { receiver.drain(secs(10)).await });
        stage.run();
        assert_eq!(*drained.borrow(), None);
        assert_eq!(shop.deliver(stage.event("b"), at_once(200)), "503 retry=5");
        stage.pass(millis(1_100));
        assert_eq!(sent.answer(), "503 retry=5");
        assert_eq!(*drained.borrow(), Some(true));
    });
}

#[test]
fn runs_at_once_are_capped_before_the_database_is_asked() {
    on_stage(|stage, ledger| {
        let shop = open(stage, stage.fedapay().with_max_runs(1), ledger);
        let first = shop.send(stage.event("a"), never);
        stage.run();
        let asked = ledger.asked();
        assert_eq!(shop.deliver(stage.event("b"), at_once(200)), "503 retry=5");
        assert_eq!(ledger.asked(), asked);
        drop(first);
    });
}
