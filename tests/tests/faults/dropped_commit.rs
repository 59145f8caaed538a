//! A commit whose future the handler lets go.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use countersign_testkit::{Cue, CueStore, Operation};

use crate::stage::Stage;

#[test]
fn a_commit_that_is_let_go_keeps_its_lease() {
    let store = Rc::new(Cell::new(None));
    let kept = store.clone();
    let stage = Stage::new(move |receiver, clock| {
        let cues = CueStore::new(clock);
        kept.set(Some(cues.clone()));
        receiver.with_store(cues)
    });
    let store = store.take().expect("a store");
    store.cue(Operation::Commit, Cue::Fail);
    store.cue_next(Operation::Commit, 1, Cue::Freeze);
    let answer = stage.deliver("a", async |delivery| {
        let id = delivery.events().next().expect("an event").id().to_owned();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(pin!(delivery.done(&id)).poll(&mut cx).is_pending());
        200
    });
    assert_eq!(answer, "own 200");
    stage.pass(Duration::from_secs(25));
    assert!(store.calls(Operation::Renew) >= 2, "{store:?}");
}
