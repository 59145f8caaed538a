//! A receiver that verifies and nothing more: each verified delivery runs, and no store is asked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use countersign::provider::{banking_circle, fedapay, fourpay};
use countersign::{Delivery, Pointer};
use countersign_testkit::{CueStore, Operation};
use http::Request;

use crate::stage::{START, Stage, at_once, millis, never, secs};

/// The scene is played, and then no store has been asked for anything.
fn on_stage(scene: impl FnOnce(&Stage)) {
    let (stage, store) = Stage::with_cues();
    scene(&stage);
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

/// Answers 200, and keeps the ids that it was given.
fn ids(
    kept: &Rc<RefCell<Vec<String>>>,
) -> impl FnOnce(Delivery) -> std::future::Ready<u16> + use<> {
    let kept = kept.clone();
    move |delivery| {
        let ids = delivery.events().map(|event| event.id().to_owned());
        kept.borrow_mut().extend(ids);
        std::future::ready(200)
    }
}

#[test]
fn duplicates_and_replays_run_each_time_and_at_once() {
    on_stage(|stage| {
        let shop = stage.open(&stage.fedapay().without_dedupe());
        let delivery = stage.event("a");
        for _ in 0..2 {
            assert_eq!(shop.deliver(delivery.clone(), at_once(200)), "own 200");
        }
        let slow: Vec<_> = (0..2)
            .map(|_| shop.send(delivery.clone(), stage.after(secs(20), 204)))
            .collect();
        stage.pass(secs(20));
        for sent in slow {
            assert_eq!(sent.answer(), "own 204", "past the answer deadline");
        }
        assert_eq!((stage.runs(), stage.most_at_once()), (4, 2));
        assert_eq!(
            stage.seen(),
            ["delivered 200"; 2]
                .into_iter()
                .chain(["delivered 204"; 2])
                .collect::<Vec<_>>()
        );
    });
}

#[test]
fn what_is_forged_or_stale_is_refused() {
    on_stage(|stage| {
        let shop = stage.open(&stage.fedapay().without_dedupe());
        assert_eq!(shop.deliver(stage.forged("a"), at_once(200)), "401");
        let delivery = stage.event("a");
        stage.pass(secs(301));
        assert_eq!(shop.deliver(delivery, at_once(200)), "401");
        let seen = stage.seen();
        assert_eq!(
            seen,
            [
                "rejected signature_mismatch 401",
                "rejected timestamp_stale 401"
            ]
        );
        assert_eq!(stage.runs(), 0);
    });
}

#[test]
fn the_answer_is_the_handlers_own_and_a_panic_is_a_500() {
    on_stage(|stage| {
        let shop = stage.open(&stage.fedapay().without_dedupe());
        assert_eq!(shop.deliver(stage.event("a"), at_once(418)), "own 418");
        let panics = |_| async { panic!("in the handler") };
        assert_eq!(shop.deliver(stage.event("a"), panics), "500");
        assert_eq!(stage.seen(), ["handler_failed 418", "handler_failed 500"]);
    });
}

#[test]
fn events_are_identified_when_they_are_asked_for() {
    on_stage(|stage| {
        let shop = stage.open(&stage.fedapay().without_dedupe());
        let kept = Rc::default();
        assert_eq!(shop.deliver(stage.event("a"), ids(&kept)), "own 200");
        let none = stage.sign(&fedapay(), "no JSON");
        assert_eq!(shop.deliver(none.clone(), at_once(200)), "own 200");
        assert_eq!(shop.deliver(none, ids(&kept)), "own 200");
        let kept = kept.take();
        assert_eq!(kept[0], "a");
        assert!(kept[1].starts_with("sha256:") && kept.len() == 2);
        assert_eq!(stage.seen(), ["delivered 200"; 3], "told of no ids");
    });
}

#[test]
fn nothing_can_be_settled() {
    on_stage(|stage| {
        let bank = stage.open(&stage.banking_circle().without_dedupe());
        let answer = bank.deliver(stage.batch(&["a"]), |delivery| async move {
            assert!(!delivery.done("a").await && !delivery.failed("a").await);
            assert!(!delivery.is_lease_lost());
            200
        });
        assert_eq!(answer, "own 200");
    });
}

#[test]
fn types_and_freshness_are_looked_at() {
    on_stage(|stage| {
        let receiver = stage.fedapay().without_dedupe();
        let receiver = receiver.with_types(["transaction.declined"]).unwrap();
        let shop = stage.open(&receiver);
        assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "200 ignored");
        assert_eq!(stage.seen(), ["ignored 200 a"]);

        let receiver = stage.receiver("cards", fourpay()).without_dedupe();
        let at = Pointer::new("/at").unwrap();
        let cards = stage.open(&receiver.with_freshness(&at, secs(600)));
        let sent = |age: i64| -> Request<bytes::Bytes> {
            let body = format!(r#"{{"at":{}}}"#, START.as_secs() - age);
            stage.sign(&fourpay(), body)
        };
        assert_eq!(cards.deliver(sent(601), at_once(200)), "401");
        assert_eq!(cards.deliver(sent(600), at_once(200)), "own 200");
        assert_eq!(stage.runs(), 1);
    });
}

#[test]
fn a_batch_is_handed_over_whole_and_an_empty_one_not_at_all() {
    on_stage(|stage| {
        let bank = stage.open(&stage.banking_circle().without_dedupe());
        let kept = Rc::default();
        let batch = stage.batch(&["b", "a", "b"]);
        for _ in 0..2 {
            assert_eq!(bank.deliver(batch.clone(), ids(&kept)), "own 200");
        }
        assert_eq!(kept.take(), ["b", "a", "b", "b", "a", "b"]);
        let seen = stage.seen();
        assert_eq!(seen, ["delivered 200 b a b"; 2]);
        let empty = stage.batch::<&str>(&[]);
        assert_eq!(bank.deliver(empty, at_once(200)), "200 ignored");
    });
}

#[test]
fn of_a_batch_what_does_not_decode_has_to_come_again() {
    on_stage(|stage| {
        let bank = stage.open(&stage.banking_circle().without_dedupe());
        let body = r#"{"notifications":[
            {"eventId":"a","notificationType":"Reversed","payment":{"paymentId":1}},
            {"eventId":"a","notificationType":"Reversed","payment":{"paymentId":"p"}}]}"#;
        let decoded = Rc::new(Cell::new(0));
        let count = decoded.clone();
        let request = stage.sign(&banking_circle(), body);
        let answer = bank.deliver(request, move |delivery| {
            let events = delivery.decode_all::<banking_circle::Event>();
            count.set(events.unwrap().len());
            std::future::ready(200)
        });
        assert_eq!((answer.as_str(), decoded.get()), ("422", 1));
        assert_eq!(stage.seen(), ["undecodable a", "handler_failed 422 a a"]);
    });
}

#[test]
fn a_handler_is_dropped_with_its_connection() {
    on_stage(|stage| {
        let shop = stage.open(&stage.fedapay().without_dedupe());
        let sent = shop.send(stage.event("a"), never);
        stage.run();
        assert_eq!(stage.running(), 1);
        sent.hang_up();
        assert_eq!(stage.running(), 0);
        assert_eq!(stage.seen(), ["handler_failed late"]);
        assert!(shop.receiver.is_idle());
    });
}

#[test]
fn a_handler_is_stopped_at_max_run() {
    on_stage(|stage| {
        let shop = stage.open(&stage.fedapay().without_dedupe());
        let sent = shop.send(stage.event("a"), never);
        stage.pass(secs(301));
        assert_eq!(sent.answer(), "503 retry=5");
        assert_eq!(stage.seen(), ["handler_timed_out 503"]);
    });
}

#[test]
fn runs_at_once_are_capped() {
    on_stage(|stage| {
        let shop = stage.open(&stage.fedapay().without_dedupe().with_max_runs(1));
        let first = shop.send(stage.event("a"), stage.after(secs(1), 200));
        stage.run();
        assert_eq!(shop.deliver(stage.event("b"), at_once(200)), "503 retry=5");
        stage.pass(secs(1));
        assert_eq!(first.answer(), "own 200");
        assert_eq!(shop.deliver(stage.event("b"), at_once(200)), "own 200");
    });
}

#[test]
fn a_shutdown_waits_for_the_handlers_and_stops_the_rest() {
    on_stage(|stage| {
        let shop = stage.open(&stage.fedapay().without_dedupe());
        let quick = shop.send(stage.event("a"), stage.after(secs(5), 200));
        let endless = shop.send(stage.event("b"), never);
        stage.run();
        let receiver = shop.receiver.clone();
        let done = stage.watch(async move { receiver.drain(secs(10)).await });
        stage.run();
        assert_eq!(shop.deliver(stage.event("c"), at_once(200)), "503 retry=5");
        stage.pass(millis(9_900));
        assert_eq!(
            (quick.answer(), endless.answer()),
            ("own 200".into(), "-".into())
        );
        assert_eq!(*done.borrow(), None);
        stage.pass(secs(1));
        assert_eq!(endless.answer(), "503 retry=5");
        assert_eq!(*done.borrow(), Some(true));
    });
}
