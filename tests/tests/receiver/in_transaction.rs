//! A receiver whose handlers claim their events in transactions of their own: no lease is taken, and
//! the database says what became of an event.

mod keys;
mod ledger;
mod runs;

use countersign::provider::banking_circle;
use countersign::{Clock, Delivery, Outcome, Receiver};
use countersign_testkit::{CueStore, Operation};

use self::ledger::{Answering, Ledger};
use crate::stage::{Stage, at_once, millis, secs};
use crate::worker::Worker;

/// The scene is played, and then the store has been asked for nothing.
fn on_stage(scene: impl FnOnce(&Stage, &Ledger)) {
    let (stage, store) = Stage::with_cues();
    scene(&stage, &Ledger::new(&stage.clock));
    assert_eq!(calls(&store), [0; 4]);
}

fn calls(store: &CueStore) -> [usize; 4] {
    [
        Operation::Claim,
        Operation::Commit,
        Operation::Renew,
        Operation::Release,
    ]
    .map(|operation| store.calls(operation) as usize)
}

fn open(stage: &Stage, receiver: Receiver, ledger: &Ledger) -> Worker {
    let receiver = receiver.with_claim_in_transaction(ledger.clone());
    stage.open(&receiver.expect("events with keys"))
}

/// What a handler does with its transaction before it answers.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    Committed,
    Dropped,
    Unclaimed,
}

/// A handler as it should be, but for how its transaction ends.
fn books(
    ledger: &Ledger,
    ends: Ends,
    status: u16,
) -> impl AsyncFnOnce(Delivery) -> u16 + use<> + 'static {
    let ledger = ledger.clone();
    async move |delivery: Delivery| {
        let mut tx = ledger.begin();
        if ends != Ends::Unclaimed {
            let fresh = tx.claim_in(&delivery).await;
            fresh.events().for_each(|event| tx.book(event.id()));
        }
        if ends == Ends::Committed {
            tx.commit();
        }
        status
    }
}

/// The same as a closure that the worker takes.
fn handler(
    ledger: &Ledger,
    ends: Ends,
    status: u16,
) -> impl FnOnce(Delivery) -> crate::stage::Answering + use<> {
    let books = books(ledger, ends, status);
    move |delivery| Box::pin(books(delivery))
}

fn booked(ledger: &Ledger) -> impl FnOnce(Delivery) -> crate::stage::Answering + use<> {
    handler(ledger, Ends::Committed, 200)
}

#[test]
fn a_duplicate_is_answered_200_and_does_not_run() {
    on_stage(|stage, ledger| {
        let shop = open(stage, stage.fedapay(), ledger);
        assert_eq!(shop.deliver(stage.event("a"), booked(ledger)), "own 200");
        let answer = shop.deliver(stage.event("a"), booked(ledger));
        assert_eq!(answer, "200 duplicate");
        assert_eq!((stage.runs(), ledger.booked()), (1, vec!["a".to_owned()]));
        assert_eq!(stage.seen(), ["delivered 200 a", "duplicate 200 a"]);
    });
}

/// S27.
#[test]
fn a_success_without_its_transaction_is_not_acknowledged() {
    for ends in [Ends::Dropped, Ends::Unclaimed] {
        on_stage(|stage, ledger| {
            let shop = open(stage, stage.fedapay(), ledger);
            let answer = shop.deliver(stage.event("a"), handler(ledger, ends, 200));
            assert_eq!(answer, "500");
            assert_eq!(stage.seen(), ["transaction_not_committed 500 a"]);
            assert_eq!(ledger.booked(), [""; 0]);
            assert_eq!(shop.deliver(stage.event("a"), booked(ledger)), "own 200");
            assert_eq!((stage.runs(), ledger.booked().len()), (2, 1));
        });
    }
}

/// S28.
#[test]
fn what_is_committed_stays_so_whatever_the_handler_answers() {
    on_stage(|stage, ledger| {
        let shop = open(stage, stage.fedapay(), ledger);
        let fails = handler(ledger, Ends::Committed, 500);
        assert_eq!(shop.deliver(stage.event("a"), fails), "own 500");
        let books = books(ledger, Ends::Committed, 200);
        let panics = |delivery| async {
            books(delivery).await;
            panic!("after the commit")
        };
        assert_eq!(shop.deliver(stage.event("b"), panics), "500");
        assert_eq!(
            stage.seen(),
            ["handler_failed 500 a", "handler_failed 500 b"]
        );
        for id in ["a", "b"] {
            let answer = shop.deliver(stage.event(id), booked(ledger));
            assert_eq!(answer, "200 duplicate");
        }
        assert_eq!((stage.runs(), ledger.booked().len()), (2, 2));
    });
}

#[test]
fn a_panic_before_the_commit_rolls_back() {
    on_stage(|stage, ledger| {
        let shop = open(stage, stage.fedapay(), ledger);
        let books = books(ledger, Ends::Dropped, 200);
        let panics = |delivery| async {
            books(delivery).await;
            panic!("before the commit")
        };
        assert_eq!(shop.deliver(stage.event("a"), panics), "500");
        assert_eq!(shop.deliver(stage.event("a"), booked(ledger)), "own 200");
        assert_eq!(ledger.booked(), ["a"]);
    });
}

#[test]
fn nothing_runs_where_the_database_cannot_be_asked_first() {
    for (how, waits) in [(Answering::Fails, millis(0)), (Answering::Hangs, secs(1))] {
        on_stage(|stage, ledger| {
            let shop = open(stage, stage.fedapay().dangerously_fail_open(), ledger);
            ledger.answers([how]);
            let sent = shop.send(stage.event("a"), booked(ledger));
            stage.pass(secs(1));
            assert_eq!(sent.answer(), "503 retry=5");
            assert_eq!(sent.answered_at(), waits);
            assert_eq!(stage.seen(), ["store_unavailable store_unavailable 503 a"]);
            assert_eq!(stage.runs(), 0);
            assert_eq!(shop.deliver(stage.event("a"), booked(ledger)), "own 200");
        });
    }
}

#[test]
fn nothing_is_acknowledged_where_the_database_cannot_be_asked_afterwards() {
    for (how, waits) in [(Answering::Fails, millis(0)), (Answering::Hangs, secs(1))] {
        on_stage(|stage, ledger| {
            let shop = open(stage, stage.fedapay(), ledger);
            ledger.answers([Answering::Obeys, how]);
            let sent = shop.send(stage.event("a"), booked(ledger));
            stage.pass(secs(1));
            assert_eq!(sent.answer(), "503 retry=5");
            assert_eq!(sent.answered_at(), waits);
            assert_eq!(stage.seen(), ["store_unavailable 503 a"]);
            let answer = shop.deliver(stage.event("a"), booked(ledger));
            assert_eq!(answer, "200 duplicate");
            assert_eq!(ledger.booked(), ["a"]);
        });
    }
}

#[test]
fn a_second_run_waits_for_the_first_ones_transaction() {
    for (first, answers, order) in [
        (
            Ends::Committed,
            ["own 200", "200 duplicate"],
            ["delivered 200 a", "duplicate 200 a"],
        ),
        (
            Ends::Dropped,
            ["500", "own 200"],
            ["transaction_not_committed 500 a", "delivered 200 a"],
        ),
    ] {
        on_stage(|stage, ledger| {
            let shop = open(stage, stage.fedapay(), ledger);
            let (of_first, clock) = (ledger.clone(), stage.clock.clone());
            let slow = shop.send(stage.event("a"), move |delivery| async move {
                let mut tx = of_first.begin();
                let fresh = tx.claim_in(&delivery).await;
                fresh.events().for_each(|event| tx.book(event.id()));
                clock.sleep(secs(3)).await;
                if first == Ends::Committed {
                    tx.commit();
                }
                200
            });
            stage.run();
            let second = shop.send(stage.event("a"), booked(ledger));
            stage.pass(millis(2_900));
            assert_eq!((second.answer(), stage.running()), ("-".to_owned(), 2));
            stage.pass(millis(200));
            assert_eq!([slow.answer(), second.answer()], answers);
            assert_eq!(ledger.booked(), ["a"]);
            assert_eq!(stage.seen(), order);
        });
    }
}

#[test]
fn of_a_batch_only_what_is_fresh_reaches_the_handler_and_its_transaction() {
    on_stage(|stage, ledger| {
        let bank = open(stage, stage.banking_circle(), ledger);
        assert_eq!(bank.deliver(stage.batch(&["b"]), booked(ledger)), "own 200");

        let (of_handler, other) = (ledger.clone(), open(stage, stage.banking_circle(), ledger));
        let reversed = |id| {
            format!(
                r#"{{"eventId":"{id}","notificationType":"Reversed","payment":{{"paymentId":"p"}}}}"#
            )
        };
        let all = ["d", "c", "b", "a"].map(reversed).join(",");
        let all = stage.sign(&banking_circle(), format!(r#"{{"notifications":[{all}]}}"#));
        let c = stage.batch(&["c"]);
        let (between, clock) = (booked(ledger), stage.clock.clone());
        let sent = bank.send(all.clone(), move |delivery: Delivery| async move {
            let ids: Vec<&str> = delivery.events().map(|event| event.id()).collect();
            assert_eq!(ids, ["d", "c", "a"]);
            let events = delivery.decode_all::<banking_circle::Event>().unwrap();
            // Another run of one of them comes first.
            let sent = other.send(c, between);
            clock.sleep(millis(1)).await;
            assert_eq!(sent.answer(), "own 200");
            let mut tx = of_handler.begin();
            let fresh = tx.claim_in(&delivery).await;
            assert!(fresh.contains("a") && !fresh.contains("c") && !fresh.is_empty());
            for event in fresh.only(events) {
                tx.book(&event.id);
            }
            tx.commit();
            200
        });
        stage.pass(millis(1));
        assert_eq!(sent.answer(), "own 200");
        assert_eq!(ledger.booked(), ["b", "c", "d", "a"]);
        assert_eq!(bank.deliver(all, at_once(200)), "200 duplicate");
    });
}

#[test]
fn of_a_batch_one_that_is_missing_makes_it_come_again() {
    on_stage(|stage, ledger| {
        let bank = open(stage, stage.banking_circle(), ledger);
        let of_other = ledger.clone();
        // It claims what another delivery brings, and acknowledges both.
        let kept = std::rc::Rc::new(std::cell::RefCell::new(None));
        let put = kept.clone();
        bank.deliver(stage.batch(&["a"]), move |delivery| {
            *put.borrow_mut() = Some(delivery);
            std::future::ready(500)
        });
        let answer = bank.deliver(stage.batch(&["a", "b"]), move |_| async move {
            let of_a = kept.take().unwrap();
            let mut tx = of_other.begin();
            let fresh = tx.claim_in(&of_a).await;
            assert_eq!(fresh.events().len(), 1);
            tx.commit();
            200
        });
        assert_eq!(answer, "500");
        let last = stage.log.take().pop().unwrap();
        assert_eq!(last.outcome, Outcome::TransactionNotCommitted);
        assert_eq!((last.ids.len(), last.committed), (2, vec!["a".to_owned()]));
        let retry = stage.batch(&["a", "b"]);
        assert_eq!(bank.deliver(retry, booked(ledger)), "own 200");
        assert_eq!(ledger.booked(), ["b"]);
    });
}

#[test]
fn what_does_not_decode_is_not_claimed_and_comes_again() {
    on_stage(|stage, ledger| {
        let bank = open(stage, stage.banking_circle(), ledger);
        let body = r#"{"notifications":[
            {"eventId":"a","notificationType":"Reversed","payment":{"paymentId":1}},
            {"eventId":"b","notificationType":"Reversed","payment":{"paymentId":"p"}}]}"#;
        for (brings, answer) in [(["a", "b"].as_slice(), "422"), (&["a"], "422")] {
            let ledger = ledger.clone();
            let request = stage.sign(&banking_circle(), body);
            let got = bank.deliver(request, move |delivery: Delivery| async move {
                let ids: Vec<&str> = delivery.events().map(|event| event.id()).collect();
                assert_eq!(ids, brings);
                let events = delivery.decode_all::<banking_circle::Event>();
                let mut tx = ledger.begin();
                let fresh = tx.claim_in(&delivery).await;
                for event in fresh.only(events.unwrap_or_default()) {
                    tx.book(&event.id);
                }
                tx.commit();
                200
            });
            assert_eq!(got, answer);
        }
        let seen = stage.log.take();
        assert_eq!(seen[1].to_string(), "handler_failed 422 a b");
        assert_eq!(seen[1].committed, ["b"]);
        assert_eq!(ledger.booked(), ["b"]);
    });
}

#[test]
fn no_predicate_commits_for_the_handler() {
    on_stage(|stage, ledger| {
        let receiver = stage.fedapay().with_commit_also(|status| status == 410);
        let shop = open(stage, receiver, ledger);
        let gone = handler(ledger, Ends::Dropped, 410);
        assert_eq!(shop.deliver(stage.event("a"), gone), "own 410");
        assert_eq!(stage.seen(), ["handler_failed 410 a"]);
        assert_eq!(shop.deliver(stage.event("a"), booked(ledger)), "own 200");
        assert_eq!(ledger.booked(), ["a"]);
    });
}

#[test]
fn the_forged_reach_no_database_and_what_is_ignored_neither() {
    on_stage(|stage, ledger| {
        let receiver = stage
            .fedapay()
            .with_types(["transaction.declined"])
            .unwrap();
        let shop = open(stage, receiver, ledger);
        assert_eq!(shop.deliver(stage.forged("a"), booked(ledger)), "401");
        let answer = shop.deliver(stage.event("a"), booked(ledger));
        assert_eq!(answer, "200 ignored");
        assert_eq!((ledger.asked(), stage.runs()), (0, 0));
    });
}

#[test]
fn another_payload_under_a_committed_id_is_flagged() {
    on_stage(|stage, ledger| {
        let shop = open(stage, stage.fedapay(), ledger);
        shop.deliver(stage.event("a"), booked(ledger));
        let other = r#"{"id":"a","name":"transaction.canceled"}"#;
        let other = stage.sign(&countersign::provider::fedapay(), other);
        assert_eq!(shop.deliver(other, booked(ledger)), "200 duplicate");
        assert_eq!(
            stage.seen(),
            ["delivered 200 a", "payload_differs a", "duplicate 200 a"]
        );
    });
}

#[test]
fn nothing_can_be_settled_by_hand() {
    on_stage(|stage, ledger| {
        let bank = open(stage, stage.banking_circle(), ledger);
        let books = books(ledger, Ends::Committed, 200);
        let answer = bank.deliver(stage.batch(&["a"]), |delivery: Delivery| async move {
            assert!(!delivery.done("a").await && !delivery.failed("a").await);
            let status = books(delivery.clone()).await;
            assert!(!delivery.done("a").await && !delivery.failed("a").await);
            status
        });
        assert_eq!(answer, "own 200");
    });
}

#[test]
fn there_is_nothing_to_claim_where_nobody_asks_for_it() {
    let (stage, _) = Stage::with_cues();
    for receiver in [stage.fedapay(), stage.fedapay().without_dedupe()] {
        let shop = stage.open(&receiver);
        let answer = shop.deliver(stage.event("a"), |delivery: Delivery| {
            assert_eq!(delivery.to_claim(), None);
            std::future::ready(200)
        });
        assert_eq!(answer, "own 200");
    }
}
