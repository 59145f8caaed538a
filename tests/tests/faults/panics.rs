//! An observer or a store that panics.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::{MemoryStore, Observation, Observer, Outcome};
use countersign_testkit::Operation;
use countersign_tests::around::{Around, Beside};

use crate::stage::Stage;

struct Panicking;

impl Observer for Panicking {
    fn observe(&self, _: &Observation<'_>) {
        panic!("an observer that panics");
    }
}

#[test]
fn an_observer_that_panics_takes_nothing_with_it() {
    let stage = Stage::new(|receiver, _| receiver.with_observer(Panicking));
    assert_eq!(stage.deliver("a", async |_| 500), "own 500");
    assert_eq!(stage.deliver("a", async |_| 200), "own 200");
    assert_eq!(stage.deliver("a", async |_| 200), "200 duplicate");
}

/// Panics at so many commits.
struct Panics(AtomicUsize);

impl Beside for Panics {
    async fn before(&self, operation: Operation) {
        let (order, one_less) = (Ordering::SeqCst, |left: usize| left.checked_sub(1));
        if operation == Operation::Commit && self.0.fetch_update(order, order, one_less).is_ok() {
            panic!("a store that panics");
        }
    }
}

#[test]
fn a_store_that_panics_has_failed_and_the_commit_still_lands() {
    let stage = Stage::new(|receiver, _| {
        receiver.with_store(Around {
            store: MemoryStore::default(),
            beside: Panics(AtomicUsize::new(3)),
        })
    });
    assert_eq!(stage.deliver("a", async |_| 200), "own 200");
    stage.pass(Duration::from_secs(10));
    assert_eq!(stage.deliver("a", async |_| 500), "200 duplicate");
    assert_eq!(stage.seen(Outcome::CommitFailed), 1);
}
