//! A receiver that observes only: what is refused elsewhere is told here, and not done.

use countersign::{ErrorKind, Outcome};

use crate::stage::{Stage, at_once, on_each_store, secs};

#[test]
fn no_duplicate_waits() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay().dangerously_observe_only());
        let first = shop.send(stage.event("a"), stage.after(secs(5), 201));
        let second = shop.send(stage.event("a"), at_once(201));
        stage.run();
        // For which an adapter runs the handler without a run, and at once.
        let answer = second.answer();
        assert!(answer.starts_with("409 in-progress"), "{answer}");
        stage.pass(secs(5));
        assert_eq!(first.answer(), "own 201");
        let told = stage.log.take();
        assert!(told.iter().all(|seen| seen.observe_only));
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        let in_progress = told[0].starts_with("in_progress 409 ");
        assert!(in_progress, "{told:?}");
        assert_eq!(told[1], "delivered 201 a");
    });
}

#[test]
fn no_deadline_strikes_and_no_handler_is_stopped() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay().dangerously_observe_only());
        let sent = shop.send(stage.event("a"), stage.after(secs(1000), 201));
        stage.pass(secs(999));
        assert_eq!(sent.answer(), "-");
        assert_eq!(stage.seen(), ["answer_deadline 503 a"], "told once");
        stage.pass(secs(1));
        assert_eq!(sent.answer(), "own 201");
        assert_eq!(stage.seen(), ["delivered late a"]);
        assert_eq!(stage.held(), (0, 1), "the lease was renewed all the while");
    });
}

#[test]
fn no_answer_is_replaced_but_a_panic() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.banking_circle().dangerously_observe_only());
        let marks = |delivery: countersign::Delivery| async move {
            assert!(delivery.failed("b").await);
            201
        };
        let answer = shop.deliver(stage.batch(&["a", "b"]), marks);
        assert_eq!(answer, "own 201");
        assert_eq!(
            stage.seen(),
            ["handler_failed 500 a b"],
            "what it would have been"
        );
        assert_eq!(stage.held(), (0, 1));
        let answer = shop.deliver(stage.batch(&["b"]), |_| async { panic!("in the handler") });
        assert_eq!(answer, "500");
        assert_eq!(stage.held(), (0, 1));
    });
}

#[test]
fn it_is_told_once_when_it_is_opened() {
    let stage = Stage::with_memory(100);
    let receiver = stage.fedapay().dangerously_observe_only();
    let opened = stage.open(&receiver);
    let again = stage.open(&receiver);
    assert_eq!(stage.log.said_of_the_receiver(Outcome::ObserveOnly), 1);
    assert_eq!(opened.deliver(stage.forged("a"), at_once(201)), "401");
    let [seen] = stage.log.take().try_into().unwrap();
    assert_eq!(seen.reason, Some(ErrorKind::SignatureMismatch));
    assert!(seen.observe_only);
    drop(again);
}
