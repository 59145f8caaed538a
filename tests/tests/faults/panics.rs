//! An observer or a store that panics.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::{
    Claim, Commit, DedupeStore, Key, MemoryStore, Observation, Observer, Outcome, Renewal,
    StoreError, Token,
};

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

/// A memory store whose first commits panic.
struct Panics {
    store: MemoryStore,
    left: AtomicUsize,
}

impl DedupeStore for Panics {
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        self.store.claim(keys, token, lease).await
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        if self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok()
        {
            panic!("a store that panics");
        }
        self.store.commit(keys, token, retention).await
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        self.store.renew(keys, token, lease).await
    }

    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        self.store.release(keys, token).await
    }

    fn leases_expire(&self) -> bool {
        false
    }
}

#[test]
fn a_store_that_panics_has_failed_and_the_commit_still_lands() {
    let stage = Stage::new(|receiver, _| {
        receiver.with_store(Panics {
            store: MemoryStore::default(),
            left: AtomicUsize::new(3),
        })
    });
    assert_eq!(stage.deliver("a", async |_| 200), "own 200");
    stage.pass(Duration::from_secs(10));
    assert_eq!(stage.deliver("a", async |_| 500), "200 duplicate");
    assert_eq!(stage.seen(Outcome::CommitFailed), 1);
}
