//! What is not handed on, and what is handed on and flagged.

use std::cell::RefCell;
use std::rc::Rc;

use countersign::{Delivery, Pointer, Provider, Receiver, UnixTime, provider};
use countersign_testkit::Operation;

use crate::stage::{START, Stage, at_once, on_each_store, secs};

fn fedapay(stage: &Stage, body: &str) -> http::Request<bytes::Bytes> {
    stage.sign(&provider::fedapay(), body.to_owned())
}

#[test]
fn s11_the_same_id_with_another_payload_is_a_flagged_duplicate() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let send = |body| shop.deliver(fedapay(stage, body), at_once(200));
        assert_eq!(send(r#"{"id":"a","name":"x","try":1}"#), "own 200");
        stage.seen();
        assert_eq!(send(r#"{"id":"a","name":"x","try":2}"#), "200 duplicate");
        assert_eq!(stage.seen(), ["payload_differs a", "duplicate 200 a"]);
        assert_eq!(send(r#"{"id":"a","name":"x","try":1}"#), "200 duplicate");
        assert_eq!(stage.seen(), ["duplicate 200 a"]);
        assert_eq!(stage.runs(), 1);
    });
}

#[test]
fn another_payload_in_a_batch_is_flagged_beside_the_fresh_events() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle());
        bank.deliver(stage.batch(&["a", "b"]), at_once(200));
        stage.seen();
        let body = r#"{"notifications":[{"eventId":"a","new":1},{"eventId":"b",
            "notificationType":"Reversed"},{"eventId":"c"}]}"#;
        let request = stage.sign(&provider::banking_circle(), body);
        assert_eq!(bank.deliver(request, at_once(200)), "own 200");
        let seen = stage.seen();
        // `b` differs too, by the line break.
        assert_eq!(seen, ["payload_differs a b", "delivered 200 c"]);
    });
}

#[test]
fn what_cannot_be_identified_is_handed_on_under_its_digest_and_flagged() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        for body in ["not JSON", r#"{"id":"a","id":"b"}"#, "{}", ""] {
            let kinds = Rc::new(RefCell::new(Vec::new()));
            let put = kinds.clone();
            let answer = shop.deliver(fedapay(stage, body), move |delivery: Delivery| {
                for event in delivery.events() {
                    put.borrow_mut()
                        .push((event.kind().is_none(), event.id().len()));
                }
                std::future::ready(200)
            });
            assert_eq!(answer, "own 200", "{body}");
            assert_eq!(*kinds.borrow(), [(true, 71)]);
            let seen = stage.seen();
            assert_eq!(seen.len(), 2);
            assert!(seen[0].starts_with("unidentified sha256:"), "{seen:?}");
            assert!(seen[1].starts_with("delivered 200 sha256:"), "{seen:?}");
            // Signed anew, it is the same event.
            stage.pass(secs(1));
            let retry = shop.deliver(fedapay(stage, body), at_once(200));
            assert_eq!(retry, "200 duplicate");
            stage.seen();
        }
    });
}

#[test]
fn types_that_were_not_chosen_are_ignored_without_a_store_call() {
    let (stage, store) = Stage::with_cues();
    let receiver = stage.fedapay().with_types(["paid", "refunded"]).unwrap();
    let shop = stage.open(&receiver);
    let send = |id: &str, name: &str| {
        let body = format!(r#"{{"id":"{id}","name":"{name}"}}"#);
        shop.deliver(fedapay(&stage, &body), at_once(200))
    };
    for name in ["created", "Paid", "paid "] {
        assert_eq!(send("a", name), "200 ignored", "{name}");
        assert_eq!(stage.seen(), ["ignored 200 a"]);
    }
    assert_eq!((stage.runs(), store.calls(Operation::Claim)), (0, 0));
    // Of a type that was chosen, the same id is fresh.
    assert_eq!(send("a", "paid"), "own 200");
    assert_eq!(send("b", "refunded"), "own 200");
}

#[test]
fn an_event_whose_type_cannot_be_told_is_handed_on() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay().with_types(["paid"]).unwrap());
        for body in [
            r#"{"id":"a"}"#,
            r#"{"id":"b","name":null}"#,
            r#"{"id":"c","name":""}"#,
            r#"{"id":"d","name":"paid","name":"created"}"#,
            "not JSON",
        ] {
            let answer = shop.deliver(fedapay(stage, body), at_once(200));
            assert_eq!(answer, "own 200", "{body}");
        }
    });
}

#[test]
fn of_a_batch_only_the_chosen_types_are_claimed_and_handed_on() {
    on_each_store(|stage| {
        let bank = stage.open(&stage.banking_circle().with_types(["x"]).unwrap());
        let send = |body: &str| stage.sign(&provider::banking_circle(), body.to_owned());
        let ids = Rc::new(RefCell::new(Vec::new()));
        let put = ids.clone();
        let body = r#"{"notifications":[{"eventId":"a","notificationType":"x"},
            {"eventId":"b","notificationType":"y"},{"eventId":"c"},
            {"eventId":"d","notificationType":"x"}]}"#;
        let answer = bank.deliver(send(body), move |delivery: Delivery| {
            put.borrow_mut()
                .extend(delivery.events().map(|e| e.id().to_owned()));
            std::future::ready(200)
        });
        assert_eq!((&*answer, stage.held()), ("own 200", (0, 3)));
        assert_eq!(*ids.borrow(), ["a", "c", "d"]);
        let body = r#"{"notifications":[{"eventId":"b","notificationType":"y"}]}"#;
        assert_eq!(bank.deliver(send(body), at_once(200)), "200 ignored");
    });
}

fn fourpay(stage: &Stage, time: &str) -> http::Request<bytes::Bytes> {
    let body = format!(r#"{{"cardUuid":"c","at":{time}}}"#);
    stage.sign(&provider::fourpay(), body)
}

#[test]
fn freshness_refuses_what_is_older_or_has_no_time() {
    let (stage, store) = Stage::with_cues();
    let pointer = Pointer::new("/at").unwrap();
    let receiver = stage.receiver("cards", provider::fourpay());
    let shop = stage.open(&receiver.with_freshness(&pointer, secs(600)));
    let at = |age: i64| (START.as_secs() - age).to_string();
    for time in [
        at(601),
        at(100_000),
        "null".into(),
        "{}".into(),
        "\"soon\"".into(),
    ] {
        let answer = shop.deliver(fourpay(&stage, &time), at_once(200));
        assert_eq!(answer, "401", "{time}");
        let [seen] = stage.log.take().try_into().unwrap();
        assert!(
            seen.to_string()
                .starts_with("rejected timestamp_stale 401 sha256:")
        );
    }
    assert_eq!(store.calls(Operation::Claim), 0);
    for time in [at(600), at(0), at(-50), r#""2027-01-15T08:00:00Z""#.into()] {
        let answer = shop.deliver(fourpay(&stage, &time), at_once(200));
        assert_eq!(answer, "own 200", "{time}");
    }
    assert_eq!(
        START,
        UnixTime::from_secs(1_800_000_000),
        "2027-01-15T08:00:00Z"
    );
}

#[test]
fn freshness_leaves_out_of_a_batch_what_is_older_and_runs_the_rest() {
    let (stage, _) = Stage::with_cues();
    let typed = stage.typed_batches();
    let receiver = stage.receiver("hub", typed.clone());
    let receiver = receiver.with_freshness(&Pointer::new("/at").unwrap(), secs(600));
    let hub = stage.open(&receiver);
    let (old, new) = (START.as_secs() - 601, START.as_secs() - 1);
    let body = format!(
        r#"{{"events":[{{"id":1,"type":"a","at":{old}}},{{"id":2,"type":"a","at":{new}}},{{"id":3,"type":"a"}}]}}"#
    );
    let answer = hub.deliver(stage.sign(&typed, body), at_once(200));
    assert_eq!(answer, "own 200");
    assert_eq!(stage.seen(), ["stale 1 3", "delivered 200 2"]);
    let body = format!(r#"{{"events":[{{"id":4,"type":"a","at":{old}}}]}}"#);
    let answer = hub.deliver(stage.sign(&typed, body), at_once(200));
    assert_eq!(answer, "401");
    assert_eq!(stage.seen(), ["rejected timestamp_stale 401 4"]);
}

/// What is of no interest needs no time.
#[test]
fn freshness_is_asked_of_the_types_that_were_chosen() {
    let (stage, _) = Stage::with_cues();
    let typed = stage.typed_batches();
    let receiver = stage.receiver("hub", typed.clone()).with_types(["paid"]);
    let pointer = Pointer::new("/at").unwrap();
    let hub = stage.open(&receiver.unwrap().with_freshness(&pointer, secs(600)));
    let body = r#"{"events":[{"id":1,"type":"opened"}]}"#;
    let answer = hub.deliver(stage.sign(&typed, body), at_once(200));
    assert_eq!(answer, "200 ignored");
    assert_eq!(stage.seen(), ["ignored 200 1"]);
}

#[test]
fn freshness_is_off_by_default() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.receiver("cards", provider::fourpay()));
        assert_eq!(shop.deliver(fourpay(stage, "0"), at_once(200)), "own 200");
    });
}

#[test]
fn s41_a_status_that_comes_back_with_the_same_bytes_is_a_duplicate() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.receiver("cards", provider::fourpay()));
        let status = |status| {
            let body = format!(r#"{{"id":"1","cardType":"x","status":"{status}"}}"#);
            let answer = shop.deliver(stage.sign(&provider::fourpay(), body), at_once(200));
            stage.pass(secs(3600));
            answer
        };
        assert_eq!(status("A"), "own 200");
        assert_eq!(status("B"), "own 200");
        assert_eq!(status("A"), "200 duplicate");
    });
}

#[test]
fn s09_a_replay_in_another_dress_is_a_duplicate() {
    on_each_store(|stage| {
        let hub = stage.open(&stage.receiver("hub", provider::github()));
        let genuine = || {
            let mut request = stage.sign(&provider::github(), r#"{"action":"opened"}"#);
            request
                .headers_mut()
                .insert("x-github-delivery", "1".parse().unwrap());
            request
        };
        assert_eq!(hub.deliver(genuine(), at_once(200)), "own 200");

        let mut renamed = genuine();
        renamed
            .headers_mut()
            .insert("x-github-delivery", "2".parse().unwrap());
        renamed
            .headers_mut()
            .insert("x-github-event", "push".parse().unwrap());
        let mut upper = genuine();
        let signature = upper.headers()["x-hub-signature-256"].to_str().unwrap();
        let digits = signature.strip_prefix("sha256=").unwrap();
        let spelled = format!("sha256={}", digits.to_ascii_uppercase());
        upper
            .headers_mut()
            .insert("x-hub-signature-256", spelled.parse().unwrap());
        let mut more = genuine();
        more.headers_mut().insert("x-more", "x".parse().unwrap());
        for replay in [renamed, upper, more] {
            assert_eq!(hub.deliver(replay, at_once(200)), "200 duplicate");
        }
        assert_eq!(stage.runs(), 1);
    });
}

#[test]
fn rule_10_one_event_has_one_key_however_it_is_spelled() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let send = |body| shop.deliver(fedapay(stage, body), at_once(200));
        assert_eq!(send(r#"{"id":"evt_1"}"#), "own 200");
        assert_eq!(send(r#"{"id":"\u0065vt_\u0031"}"#), "200 duplicate");
        assert_eq!(send(r#"{"id":"EVT_1"}"#), "own 200", "another event");
    });
}

#[test]
fn rule_10_the_key_is_scoped_by_the_endpoint_with_lengths_written_down() {
    on_each_store(|stage| {
        let open = |endpoint| stage.open(&stage.receiver(endpoint, provider::fedapay()));
        let (long, short) = (open("a:b"), open("a"));
        assert_eq!(long.deliver(stage.event("c"), at_once(200)), "own 200");
        assert_eq!(short.deliver(stage.event("b:c"), at_once(200)), "own 200");
        assert_eq!(short.deliver(stage.event(":bc"), at_once(200)), "own 200");
        assert_eq!(
            long.deliver(stage.event("c"), at_once(200)),
            "200 duplicate"
        );
    });
}

#[test]
fn s10_two_endpoints_on_one_store_both_run() {
    on_each_store(|stage| {
        let open =
            |endpoint: &str, provider: Provider| -> Receiver { stage.receiver(endpoint, provider) };
        let live = stage.open(&open("live", provider::fedapay()));
        let sandbox = stage.open(&open("sandbox", provider::fedapay()));
        for _ in 0..2 {
            live.send(stage.event("a"), at_once(200));
            sandbox.send(stage.event("a"), at_once(200));
        }
        stage.pass(secs(1));
        assert_eq!((stage.runs(), stage.held()), (2, (0, 2)));
        let mut endpoints: Vec<String> = stage
            .log
            .take()
            .into_iter()
            .filter(|seen| seen.outcome == countersign::Outcome::Delivered)
            .map(|seen| seen.endpoint)
            .collect();
        endpoints.sort();
        assert_eq!(endpoints, ["live", "sandbox"]);
    });
}
