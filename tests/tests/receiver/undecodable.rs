//! Events of a known type whose JSON is not of the form that the handler takes.

use std::cell::RefCell;
use std::rc::Rc;

use countersign::provider::banking_circle::{self, Data};
use countersign::provider::{fedapay, fourpay};
use countersign::{Decoded, Delivery, Event, Undecodable, provider};
use http::Request;

use crate::stage::{Answering, Stage, on_each_store};

type Notes = Rc<RefCell<Vec<String>>>;

countersign::events! {
    #[derive(Debug)]
    enum Shop {
        "transaction.approved" => Approved(Approved),
    }
}

#[derive(Debug, serde::Deserialize)]
struct Approved {
    entity: Entity,
}

#[derive(Debug, serde::Deserialize)]
struct Entity {
    amount: u32,
}

/// Takes one event as `Shop`, answering 422 as an extractor does if it is none.
fn shop(notes: &Notes) -> impl FnOnce(Delivery) -> Answering + use<> {
    let notes = notes.clone();
    move |delivery| {
        Box::pin(async move {
            let note = match delivery.decode_one::<Event<Shop>>() {
                Ok(event) => match event.data {
                    Shop::Approved(Approved { entity }) => format!("approved {}", entity.amount),
                    Shop::Unknown { name, raw } => format!("unknown {name:?} {}", raw.len()),
                },
                Err(error) => {
                    notes.borrow_mut().push(error.to_string());
                    return 422;
                }
            };
            notes.borrow_mut().push(note);
            200
        })
    }
}

/// Takes each event of a batch, and answers.
fn bank(notes: &Notes, status: u16) -> impl FnOnce(Delivery) -> Answering + use<> {
    let notes = notes.clone();
    move |delivery| {
        Box::pin(async move {
            let Ok(events) = delivery.decode_all::<banking_circle::Event>() else {
                return 422;
            };
            let told = events.iter().map(|event| match &event.data {
                Data::Reversed(told) => format!("{} {}", event.id, told.content.payment_id),
                Data::Unknown { .. } => format!("{} raw", event.id),
                other => panic!("{other:?}"),
            });
            *notes.borrow_mut() = told.collect();
            status
        })
    }
}

fn batch(stage: &Stage, events: &[(&str, &str)]) -> Request<bytes::Bytes> {
    let members = events.iter().map(|(id, payment)| {
        format!(r#"{{"eventId":"{id}","notificationType":"Reversed","payment":{payment}}}"#)
    });
    let members: Vec<String> = members.collect();
    let body = format!(r#"{{"notifications":[{}]}}"#, members.join(","));
    stage.sign(&provider::banking_circle(), body)
}

const GOOD: &str = r#"{"paymentId":"p"}"#;
const BAD: &str = r#"{"paymentId":4111}"#;

#[test]
fn a_single_one_is_refused_released_and_reported() {
    on_each_store(|stage| {
        let worker = stage.open(&stage.fedapay());
        let notes = Notes::default();
        let sent = |amount: &str| {
            let body = format!(
                r#"{{"id":"e","name":"transaction.approved","entity":{{"amount":{amount}}}}}"#
            );
            stage.sign(&fedapay(), body)
        };
        let wrong = r#""4111""#;
        assert_eq!(worker.deliver(sent(wrong), shop(&notes)), "own 422");
        assert_eq!(
            stage.seen(),
            ["undecodable e", "handler_failed 422 e"],
            "told beside the answer"
        );
        assert_eq!(stage.held(), (0, 0), "released");
        assert_eq!(
            notes.take(),
            [
                "transaction.approved does not decode at entity.amount: expected u32 \
              (line 1, column 65)"
            ]
        );
        // The provider mends it.
        assert_eq!(worker.deliver(sent("4111"), shop(&notes)), "own 200");
        assert_eq!(notes.take(), ["approved 4111"]);
        assert_eq!((stage.held(), stage.runs()), ((0, 1), 2));
    });
}

#[test]
fn the_operator_is_told_the_path_and_no_value() {
    let (stage, _) = Stage::with_cues();
    let worker = stage.open(&stage.banking_circle());
    worker.deliver(
        batch(&stage, &[("a", BAD), ("b", GOOD)]),
        bank(&Notes::default(), 200),
    );
    let seen = stage.log.take();
    assert_eq!(
        seen[0].decode_error.as_deref(),
        Some(
            "Reversed does not decode at payment.paymentId: expected a string (line 1, column 72)"
        )
    );
    assert_eq!(seen[1].decode_error, None);
}

#[test]
fn an_unlisted_type_is_handed_over_byte_for_byte_and_acknowledged() {
    on_each_store(|stage| {
        let worker = stage.open(&stage.fedapay());
        let notes = Notes::default();
        let body = r#"{"id":"e","name":"dispute.opened", "what":[1,2]}"#;
        let request = stage.sign(&fedapay(), body);
        assert_eq!(worker.deliver(request, shop(&notes)), "own 200");
        assert_eq!(
            notes.take(),
            [format!("unknown Some(\"dispute.opened\") {}", body.len())]
        );
        assert_eq!(stage.held(), (0, 1));
    });
}

#[test]
fn s34_of_a_batch_only_that_event_comes_again() {
    for stage in [&Stage::with_memory(1000), &Stage::with_cues().0] {
        let long = "x".repeat(300);
        let ids: Vec<String> = (0..598).map(|n| n.to_string()).collect();
        let mut events: Vec<(&str, &str)> = ids.iter().map(|id| (&**id, GOOD)).collect();
        events.insert(100, ("broken", BAD));
        events.insert(200, (&long, GOOD));
        let worker = stage.open(&stage.banking_circle());
        let notes = Notes::default();

        assert_eq!(
            worker.deliver(batch(stage, &events), bank(&notes, 200)),
            "422"
        );
        assert_eq!(notes.take().len(), 599, "the others ran");
        assert_eq!(stage.held(), (0, 599), "and are committed");
        let seen = stage.seen();
        assert_eq!(seen[0], "undecodable broken");
        assert!(seen[1].starts_with("handler_failed 422 0 1 2"), "{seen:?}");
        assert_eq!(seen.len(), 2);

        // The retry brings one, for which nothing is left to run.
        assert_eq!(
            worker.deliver(batch(stage, &events), bank(&notes, 200)),
            "own 422"
        );
        assert_eq!(notes.take(), [""; 0]);
        assert_eq!(
            stage.seen(),
            ["undecodable broken", "handler_failed 422 broken"]
        );

        // The operator ends it.
        let receiver = stage.banking_circle().on_undecodable(Undecodable::HandOver);
        let worker = stage.open(&receiver);
        assert_eq!(
            worker.deliver(batch(stage, &events), bank(&notes, 200)),
            "own 200"
        );
        assert_eq!(notes.take(), ["broken raw"]);
        assert_eq!(
            stage.seen(),
            ["undecodable broken", "delivered 200 broken"],
            "still told"
        );
        assert_eq!(stage.held(), (0, 600));
    }
}

#[test]
fn what_is_handed_over_follows_the_answer() {
    let (stage, _) = Stage::with_cues();
    let worker = stage.open(&stage.banking_circle().on_undecodable(Undecodable::HandOver));
    let notes = Notes::default();
    let events = [("a", BAD), ("b", GOOD)];
    assert_eq!(
        worker.deliver(batch(&stage, &events), bank(&notes, 500)),
        "own 500"
    );
    assert_eq!((notes.take().len(), stage.held()), (2, (0, 0)));
}

/// Takes a batch as results, settles as it is told, and answers 200.
fn results(notes: &Notes, done: bool) -> impl FnOnce(Delivery) -> Answering + use<> {
    let notes = notes.clone();
    move |delivery| {
        Box::pin(async move {
            let events: Vec<Decoded<banking_circle::Event>> = delivery.decode_all().unwrap();
            for Decoded(event) in events {
                let note = match event {
                    Ok(event) => event.id,
                    Err(undecoded) => {
                        if done {
                            assert!(delivery.done(&undecoded.id).await);
                        }
                        undecoded.error.path().to_owned()
                    }
                };
                notes.borrow_mut().push(note);
            }
            200
        })
    }
}

#[test]
fn results_show_the_handler_what_does_not_decode() {
    on_each_store(|stage| {
        let worker = stage.open(&stage.banking_circle());
        let notes = Notes::default();
        let events = [("a", BAD), ("b", GOOD)];
        assert_eq!(
            worker.deliver(batch(stage, &events), results(&notes, false)),
            "422",
            "seeing it is not settling it"
        );
        assert_eq!(notes.take(), ["payment.paymentId", "b"]);
        assert_eq!(stage.held(), (0, 1));
        assert_eq!(
            worker.deliver(batch(stage, &events), results(&notes, true)),
            "own 200"
        );
        assert_eq!(stage.held(), (0, 2), "settled by the handler");
    });
}

#[test]
fn a_failed_event_beside_one_that_does_not_decode_is_a_failure() {
    let (stage, _) = Stage::with_cues();
    let worker = stage.open(&stage.banking_circle());
    let handler = |delivery: Delivery| -> Answering {
        Box::pin(async move {
            let events: Vec<banking_circle::Event> = delivery.decode_all().unwrap();
            assert!(delivery.failed(&events[0].id).await);
            200
        })
    };
    let events = [("a", BAD), ("b", GOOD), ("c", GOOD)];
    assert_eq!(worker.deliver(batch(&stage, &events), handler), "500");
    assert_eq!(stage.held(), (0, 1));
}

/// Who asked for the first form was not given it, in whichever order the forms are asked for.
#[test]
fn an_event_that_decodes_in_another_form_is_refused_all_the_same() {
    let (stage, _) = Stage::with_cues();
    let worker = stage.open(&stage.banking_circle());
    for typed_first in [true, false] {
        let handler = move |delivery: Delivery| -> Answering {
            Box::pin(async move {
                let typed = || {
                    delivery
                        .decode_all::<banking_circle::Event>()
                        .unwrap()
                        .len()
                };
                let raw = || delivery.decode_all::<serde_json::Value>().unwrap().len();
                let both = match typed_first {
                    true => (typed(), raw()),
                    false => {
                        let raw = raw();
                        (typed(), raw)
                    }
                };
                assert_eq!(both, (1, 2));
                200
            })
        };
        let id = format!("bad-{typed_first}");
        let events = [(&*id, BAD), (if typed_first { "b" } else { "c" }, GOOD)];
        assert_eq!(worker.deliver(batch(&stage, &events), handler), "422");
    }
    assert_eq!(stage.held(), (0, 2), "the two good ones");
}

#[test]
fn settling_a_large_batch_event_by_event_is_quick() {
    let (stage, _) = Stage::with_cues();
    let worker = stage.open(&stage.banking_circle());
    let ids: Vec<String> = (0..3000).map(|n| n.to_string()).collect();
    let events: Vec<(&str, &str)> = ids.iter().map(|id| (&**id, GOOD)).collect();
    let handler = |delivery: Delivery| -> Answering {
        Box::pin(async move {
            let ids: Vec<String> = delivery
                .events()
                .map(|event| event.id().to_owned())
                .collect();
            for id in &ids {
                assert!(delivery.done(id).await);
            }
            500
        })
    };
    // It hangs, or nearly so, if each looks at all events for each of them.
    assert_eq!(worker.deliver(batch(&stage, &events), handler), "own 500");
    assert_eq!(stage.held(), (0, 3000));
}

#[test]
fn it_is_told_once_however_often_it_is_asked_for() {
    let (stage, _) = Stage::with_cues();
    let worker = stage.open(&stage.banking_circle());
    let handler = |delivery: Delivery| -> Answering {
        Box::pin(async move {
            for _ in 0..3 {
                assert!(delivery.decode_all::<banking_circle::Event>().is_ok());
            }
            200
        })
    };
    let events = [("a", BAD), ("b", GOOD)];
    assert_eq!(worker.deliver(batch(&stage, &events), handler), "422");
    assert_eq!(stage.seen(), ["undecodable a", "handler_failed 422 a b"]);
}

#[test]
fn a_type_that_was_only_inferred_falls_back_to_unknown() {
    on_each_store(|stage| {
        let takes = |wanted: &'static str| {
            move |delivery: Delivery| -> Answering {
                Box::pin(async move {
                    match delivery.decode_one::<fourpay::Event>() {
                        Ok(event) => {
                            let shown = format!("{:?}", event.data);
                            assert!(shown.starts_with(wanted), "{shown}");
                            200
                        }
                        Err(_) => 422,
                    }
                })
            }
        };
        // Neither is an account's top-up: there is no id.
        let body = r#"{"accountUuid":"a","amount":"1.00"}"#;
        let worker = stage.open(&stage.receiver("4pay", fourpay()));
        let request = stage.sign(&fourpay(), body);
        let answer = worker.deliver(request, takes("Unknown { name: Some(\"account_topup\")"));
        assert_eq!(answer, "own 200");
        assert_eq!(stage.seen().len(), 1, "and nobody is told");

        let fixed = fourpay().with_type("account_topup").unwrap();
        let worker = stage.open(&stage.receiver("top-ups", fixed));
        let request = stage.sign(&fourpay(), body);
        assert_eq!(worker.deliver(request, takes("-")), "own 422");
    });
}
