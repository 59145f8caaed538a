//! Events of a batch whose marks are not simply carried out.

use countersign::{Delivery, provider};
use countersign_testkit::{Cue, Operation};

use crate::batches::{Ids, marking, noting};
use crate::stage::{Stage, on_each_store, secs};

/// Two types of event may share an id, and a mark names the id alone: nothing is taken for done that was not.
#[test]
fn events_that_share_an_id_are_not_told_apart_by_it() {
    on_each_store(|stage| {
        let typed = stage.typed_batches();
        let hub = stage.open(&stage.receiver("hub", typed.clone()));
        let body = r#"{"events":[{"id":7,"type":"a"},{"id":7,"type":"b"},{"id":8,"type":"a"}]}"#;
        let (told, handler) = marking(&[("7", true), ("7", false), ("8", true)], 200);
        let answer = hub.deliver(stage.sign(&typed, body), handler);
        let expected = [false, true, true];
        assert_eq!((&*answer, &**told.borrow()), ("500", &expected[..]));
        assert_eq!(stage.held(), (0, 1), "the third alone");
        let ids = Ids::default();
        let answer = hub.deliver(stage.sign(&typed, body), noting(&ids, 200));
        assert_eq!(answer, "own 200");
        assert_eq!(*ids.borrow(), ["7", "7"]);
        assert_eq!(stage.held(), (0, 3));
    });
}

#[derive(serde::Deserialize)]
struct Paid {
    #[serde(default, rename = "amount")]
    _amount: u32,
}

/// The runtime of its connections ends while it commits; the process and its keeper go on.
#[test]
fn a_settlement_that_is_dropped_is_ended_in_both_halves() {
    let (stage, store) = Stage::with_cues();
    let bank = stage.open(&stage.banking_circle());
    let body = r#"{"notifications":[{"eventId":"a"},{"eventId":"b","amount":"no number"}]}"#;
    let delivery = || stage.sign(&provider::banking_circle(), body);
    store.cue(Operation::Commit, Cue::Freeze);
    let sent = bank.send(delivery(), |delivery: Delivery| async move {
        let decoded = delivery.decode_all::<Paid>();
        assert_eq!(decoded.map(|events| events.len()).ok(), Some(1));
        200
    });
    stage.run();
    assert_eq!((stage.held(), &*sent.answer()), ((2, 0), "-"));
    sent.abandon();
    store.cue(Operation::Commit, Cue::Obey);
    stage.pass(secs(1));
    assert_eq!(stage.held(), (0, 1), "`b` is not held for its lease");
}
