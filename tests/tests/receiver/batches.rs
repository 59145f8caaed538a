//! Several events in one delivery: claimed together, settled one by one.

use std::cell::RefCell;
use std::rc::Rc;

use countersign::{Delivery, provider};
use countersign_testkit::{Cue, Operation};

use crate::stage::{Answering, Stage, Store, at_once, millis, never, on_each_store, secs};

pub type Ids = Rc<RefCell<Vec<String>>>;

/// A handler that writes down the ids it is handed, and answers.
pub fn noting(ids: &Ids, status: u16) -> impl FnOnce(Delivery) -> std::future::Ready<u16> + use<> {
    let ids = ids.clone();
    move |delivery| {
        *ids.borrow_mut() = delivery.events().map(|event| event.id().into()).collect();
        std::future::ready(status)
    }
}

/// A handler that marks events as done and failed and writes down what it was told of each mark.
pub fn marking(
    marks: &'static [(&'static str, bool)],
    status: u16,
) -> (Rc<RefCell<Vec<bool>>>, impl FnOnce(Delivery) -> Answering) {
    let told = Rc::new(RefCell::new(Vec::new()));
    let put = told.clone();
    let handler = move |delivery: Delivery| -> Answering {
        Box::pin(async move {
            for (id, done) in marks {
                let taken = match done {
                    true => delivery.done(id).await,
                    false => delivery.failed(id).await,
                };
                put.borrow_mut().push(taken);
            }
            status
        })
    };
    (told, handler)
}

#[test]
fn events_are_handed_over_once_each_and_in_the_order_of_the_delivery() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        let ids = Ids::default();
        let all: Vec<String> = (0..50).map(|n| format!("{}", (n * 7) % 50)).collect();
        let twice: Vec<&String> = all.iter().chain(&all[..10]).collect();
        let answer = bank.deliver(stage.batch(&twice), noting(&ids, 200));
        assert_eq!(answer, "own 200");
        assert_eq!(*ids.borrow(), all);
        assert_eq!(stage.held(), (0, 50));
        let answer = bank.deliver(stage.batch(&["x", "49", "b", "3", "a"]), noting(&ids, 200));
        assert_eq!(
            (&*answer, &**ids.borrow()),
            ("own 200", &["x", "b", "a"].map(String::from)[..])
        );
    });
}

#[test]
fn a_batch_is_claimed_and_committed_in_one_call_each() {
    let (stage, store) = Stage::with_cues();
    let bank = stage.open(&stage.banking_circle());
    bank.deliver(stage.batch(&["b", "a", "c"]), at_once(200));
    let calls = [Operation::Claim, Operation::Commit, Operation::Release];
    assert_eq!(calls.map(|call| store.calls(call)), [1, 1, 0]);
    let [seen] = stage.log.take().try_into().unwrap();
    assert_eq!(seen.to_string(), "delivered 200 b a c");
    assert_eq!(seen.kinds[0].as_deref(), Some("Reversed"));
    assert_eq!((seen.key_index, seen.skew_millis), (Some(0), None));
}

#[test]
fn all_committed_is_a_200_and_an_empty_batch_too() {
    let (stage, store) = Stage::with_cues();
    let bank = stage.open(&stage.banking_circle());
    bank.deliver(stage.batch(&["a", "b"]), at_once(200));
    stage.seen();
    let answer = bank.deliver(stage.batch(&["b", "a"]), at_once(200));
    assert_eq!(answer, "200 duplicate");
    assert_eq!(stage.seen(), ["duplicate 200 b a"]);
    let claims = store.calls(Operation::Claim);
    let answer = bank.deliver(stage.batch::<&str>(&[]), at_once(500));
    assert_eq!(answer, "200 ignored");
    assert_eq!(stage.seen(), ["ignored 200"]);
    assert_eq!((stage.runs(), store.calls(Operation::Claim)), (1, claims));
}

#[test]
fn unmarked_events_follow_the_answer() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        let ids = Ids::default();
        let (told, handler) = marking(&[("a", true)], 500);
        let answer = bank.deliver(stage.batch(&["a", "b"]), handler);
        assert_eq!((&*answer, &**told.borrow()), ("own 500", &[true][..]));
        assert_eq!(
            (stage.held(), stage.seen()),
            ((0, 1), vec!["handler_failed 500 a b".into()])
        );
        let answer = bank.deliver(stage.batch(&["a", "b"]), noting(&ids, 200));
        assert_eq!(
            (&*answer, &**ids.borrow()),
            ("own 200", &["b".to_owned()][..])
        );
        assert_eq!(stage.held(), (0, 2));
    });
}

#[test]
fn s33_of_a_batch_the_retry_brings_what_failed() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        let ids = Ids::default();
        let (told, handler) = marking(&[("a", true), ("b", false)], 200);
        let answer = bank.deliver(stage.batch(&["a", "b", "c"]), handler);
        assert_eq!(answer, "500", "the sender has to come again");
        assert_eq!(*told.borrow(), [true, true]);
        assert_eq!(stage.seen(), ["handler_failed 500 a b c"]);
        assert_eq!(stage.held(), (0, 2), "c followed the answer");
        let answer = bank.deliver(stage.batch(&["a", "b", "c"]), noting(&ids, 200));
        assert_eq!(
            (&*answer, &**ids.borrow()),
            ("own 200", &["b".to_owned()][..])
        );
    });
}

#[test]
fn an_event_is_settled_once() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        let marks = &[
            ("a", true),
            ("a", true),
            ("a", false),
            ("b", false),
            ("b", true),
            ("no such event", true),
        ];
        let (told, handler) = marking(marks, 200);
        let answer = bank.deliver(stage.batch(&["a", "b"]), handler);
        let expected = [true, false, false, true, false, false];
        assert_eq!((&*answer, &**told.borrow()), ("500", &expected[..]));
        assert_eq!(stage.held(), (0, 1));
    });
}

#[test]
fn a_mark_takes_effect_at_once() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        let clock = stage.clock.clone();
        bank.send(
            stage.batch(&["a", "b", "c"]),
            move |delivery: Delivery| async move {
                delivery.done("a").await;
                delivery.failed("b").await;
                countersign::Clock::sleep(&clock, secs(5)).await;
                200
            },
        );
        stage.run();
        assert_eq!(stage.held(), (1, 1));
        let answer = bank.deliver(stage.batch(&["a"]), at_once(200));
        assert_eq!(answer, "200 duplicate");
        assert_eq!(bank.deliver(stage.batch(&["b"]), at_once(200)), "own 200");
        stage.pass(secs(5));
        assert_eq!(stage.held(), (0, 3));
    });
}

#[test]
fn a_panic_keeps_what_was_done_and_releases_the_rest() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        let answer = bank.deliver(stage.batch(&["a", "b"]), |delivery: Delivery| async move {
            delivery.done("a").await;
            panic!("in the handler")
        });
        assert_eq!((&*answer, stage.held()), ("500", (0, 1)));
    });
}

#[test]
fn a_commit_of_one_event_that_fails_is_retried_while_the_rest_goes_on() {
    let (stage, store) = Stage::with_cues();
    let bank = stage.open(&stage.banking_circle());
    store.cue_next(Operation::Commit, 3, Cue::Fail);
    let clock = stage.clock.clone();
    let sent = bank.send(
        stage.batch(&["a", "b"]),
        move |delivery: Delivery| async move {
            delivery.done("a").await;
            countersign::Clock::sleep(&clock, secs(2)).await;
            200
        },
    );
    stage.run();
    assert_eq!((stage.held(), sent.answer()), ((2, 0), "-".to_owned()));
    stage.pass(secs(1));
    assert_eq!(stage.held(), (1, 1));
    stage.pass(secs(1));
    assert_eq!(
        (stage.held(), sent.answer()),
        ((0, 2), "own 200".to_owned())
    );
    assert_eq!(stage.seen(), ["commit_failed a b", "delivered 200 a b"]);
}

#[test]
fn s25_one_in_progress_holds_up_the_whole_batch_and_leaves_nothing_claimed() {
    on_each_store(|stage| {
        let stage = match &stage.store {
            Store::Memory(_) => &Stage::with_memory(2000),
            Store::Cue(_) => stage,
        };
        let bank = stage.open(&stage.banking_circle());
        let all: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        bank.deliver(stage.batch(&all[..400]), at_once(200));
        let long = bank.send(stage.batch(&all[999..]), stage.after(secs(7), 500));
        stage.run();
        let batch = bank.send(stage.batch(&all), at_once(200));
        stage.pass(secs(2));
        assert!(
            batch.answer().starts_with("409 in-progress"),
            "{}",
            batch.answer()
        );
        assert_eq!((stage.runs(), stage.held()), (2, (1, 400)));
        stage.pass(secs(5));
        assert_eq!(long.answer(), "own 500");
        let ids = Ids::default();
        let answer = bank.deliver(stage.batch(&all), noting(&ids, 200));
        assert_eq!((&*answer, &**ids.borrow()), ("own 200", &all[400..]));
        assert_eq!(stage.held(), (0, 1000));
    });
}

#[test]
fn a_batch_whose_claim_fails_leaves_nothing_claimed() {
    let (stage, store) = Stage::with_cues();
    let bank = stage.open(&stage.banking_circle());
    store.cue_next(Operation::Claim, 1, Cue::LoseAnswer);
    let answer = bank.deliver(stage.batch(&["a", "b"]), at_once(200));
    assert_eq!((&*answer, stage.held()), ("503 retry=5", (0, 0)));
}

#[test]
fn s32_a_batch_that_repeats_an_event_runs_it_once() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        let ids = Ids::default();
        let answer = bank.deliver(stage.batch(&["a", "a"]), noting(&ids, 200));
        assert_eq!(
            (&*answer, &**ids.borrow()),
            ("own 200", &["a".to_owned()][..])
        );
        assert_eq!(
            (stage.held(), stage.seen()),
            ((0, 1), vec!["delivered 200 a".into()])
        );
    });
}

#[test]
fn a_batch_that_repeats_an_id_with_another_payload_is_flagged() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        let body = r#"{"notifications":[{"eventId":"a","n":1},{"eventId":"a","n":2},
            {"eventId":"a","n":1}]}"#;
        let seen = Rc::new(RefCell::new(Vec::new()));
        let put = seen.clone();
        let request = stage.sign(&provider::banking_circle(), body);
        let answer = bank.deliver(request, move |delivery: Delivery| {
            put.borrow_mut()
                .extend(delivery.events().map(|event| event.raw().clone()));
            std::future::ready(200)
        });
        assert_eq!(answer, "own 200");
        assert_eq!(
            *seen.borrow(),
            [r#"{"eventId":"a","n":1}"#],
            "the first counts"
        );
        assert_eq!(stage.seen(), ["payload_differs a", "delivered 200 a"]);
    });
}

#[test]
fn s32_overlapping_batches_both_end_in_2xx_within_two_tries() {
    for (time, first_status) in [(0, 200), (1, 200), (1, 500), (4, 200), (4, 500)] {
        on_each_store(|stage| {
            let bank = stage.open(&stage.banking_circle());
            let handler = || stage.after(secs(time), first_status);
            let tries = [["a", "b"], ["b", "a"]].map(|ids| bank.send(stage.batch(&ids), handler()));
            stage.pass(secs(10));
            let answers = tries.map(|sent| sent.answer());
            assert!(
                answers
                    .iter()
                    .any(|answer| *answer == format!("own {first_status}")),
                "{answers:?}"
            );
            for (answer, ids) in answers.iter().zip([["a", "b"], ["b", "a"]]) {
                if !(answer.starts_with("own 2") || answer.starts_with("200")) {
                    let again = bank.send(stage.batch(&ids), stage.after(secs(time), 200));
                    stage.pass(secs(10));
                    let again = again.answer();
                    assert!(again == "own 200" || again == "200 duplicate", "{again}");
                }
            }
            assert_eq!((stage.held(), stage.most_at_once()), ((0, 2), 1));
        });
    }
}

#[test]
fn a_waiting_batch_runs_what_the_other_left() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        bank.send(stage.batch(&["a", "b"]), stage.after(secs(1), 200));
        let ids = Ids::default();
        let second = bank.send(stage.batch(&["c", "b", "a", "d"]), noting(&ids, 200));
        stage.pass(millis(1100));
        assert_eq!(second.answer(), "own 200");
        assert_eq!(*ids.borrow(), ["c", "d"]);
    });
}

#[test]
fn a_hanging_batch_is_released_whole_at_max_run() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        bank.send(stage.batch(&["a", "b", "c"]), never);
        stage.pass(secs(299));
        assert_eq!(stage.held(), (3, 0));
        stage.pass(secs(1));
        assert_eq!(stage.held(), (0, 0));
        assert_eq!(
            stage.seen(),
            ["answer_deadline 503 a b c", "handler_timed_out late a b c"]
        );
    });
}

#[test]
fn a_failed_event_stays_failed_when_the_answer_commits_the_rest() {
    on_each_store(|stage| {
        let receiver = stage.banking_circle();
        let bank = stage.open(&receiver.with_commit_also(|status| status == 410));
        let (_, handler) = marking(&[("b", false)], 410);
        let answer = bank.deliver(stage.batch(&["a", "b"]), handler);
        assert_eq!(answer, "own 410", "it sends the sender back by itself");
        assert_eq!(stage.seen(), ["handler_failed 410 a b"]);
        assert_eq!(stage.held(), (0, 1));
    });
}

#[test]
fn the_operator_is_told_what_of_a_batch_is_committed() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        let (_, handler) = marking(&[("a", true), ("b", false)], 200);
        bank.deliver(stage.batch(&["c", "b", "a"]), handler);
        let (_, handler) = marking(&[("e", true)], 500);
        bank.deliver(stage.batch(&["d", "e"]), handler);
        bank.deliver(stage.batch(&["f"]), at_once(200));
        bank.deliver(stage.batch(&["g"]), at_once(500));
        bank.deliver(stage.batch(&["a"]), at_once(500));
        let committed = stage
            .log
            .take()
            .into_iter()
            .map(|seen| seen.committed.join(" "));
        let committed: Vec<String> = committed.collect();
        assert_eq!(committed, ["c a", "e", "f", "", ""]);
    });
}
