//! A store that fails when a test says so, and whose leases a test can wait for.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use countersign::{Claim, Commit, DedupeStore, Key, Renewal, StoreError, Token};
use countersign_testkit::{CueStore, EntryState, ManualClock, Operation};

use super::{Kind, Shelf, Stage};

/// One that workers share: clones are the same store.
#[derive(Clone)]
pub struct Lame {
    store: Store,
    notes: Arc<Mutex<Notes>>,
    /// How long leases are on it.
    pub lease: Duration,
}

#[derive(Clone)]
enum Store {
    /// The memory store's leases do not end; those of the test-kit's do, by a clock that is wound.
    Cued(CueStore, ManualClock),
    Real(Shelf),
}

#[derive(Default)]
struct Notes {
    failing: HashSet<Operation>,
    calls: HashMap<Operation, usize>,
    carried_out: HashMap<Operation, usize>,
}

impl Lame {
    pub fn new(stage: &Stage) -> Lame {
        let (store, lease) = match stage.kind {
            Kind::Memory => {
                let clock = ManualClock::new(SystemTime::now().into());
                (Store::Cued(CueStore::new(clock.clone()), clock), 1000)
            }
            // A claim may take a third of it, and a disk that is busy needs its time.
            _ => (Store::Real(stage.store()), 1500),
        };
        Lame {
            store,
            notes: Arc::default(),
            lease: Duration::from_millis(lease),
        }
    }

    /// Lets such calls fail from now on: the server is not reached.
    pub fn fail(&self, operation: Operation) {
        self.notes().failing.insert(operation);
    }

    /// Lets such calls succeed again.
    pub fn recover(&self, operation: Operation) {
        self.notes().failing.remove(&operation);
    }

    /// How many such calls were made.
    pub fn calls(&self, operation: Operation) -> usize {
        self.notes().calls.get(&operation).copied().unwrap_or(0)
    }

    /// How many such calls succeeded.
    pub fn carried_out(&self, operation: Operation) -> usize {
        self.notes()
            .carried_out
            .get(&operation)
            .copied()
            .unwrap_or(0)
    }

    /// Lets time pass on the store's clock.
    pub fn pass(&self, time: Duration) {
        match &self.store {
            Store::Cued(_, clock) => clock.advance(time),
            Store::Real(_) => std::thread::sleep(time),
        }
    }

    /// How many ids it holds in progress, by leases that have not ended, and committed.
    pub fn held(&self) -> (usize, usize) {
        match &self.store {
            Store::Real(shelf) => shelf.held(),
            Store::Cued(store, _) => {
                let (mut in_progress, mut committed) = (0, 0);
                for (_, state) in store.entries() {
                    match state {
                        EntryState::InProgress { lease_left, .. } => {
                            in_progress += usize::from(!lease_left.is_zero());
                        }
                        EntryState::Committed { .. } => committed += 1,
                    }
                }
                (in_progress, committed)
            }
        }
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    async fn call<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        {
            let mut notes = self.notes();
            *notes.calls.entry(operation).or_default() += 1;
            if notes.failing.contains(&operation) {
                return Err(StoreError::unavailable("on cue"));
            }
        }
        let answer = call.await;
        *self.notes().carried_out.entry(operation).or_default() += usize::from(answer.is_ok());
        answer
    }
}

macro_rules! either {
    ($self:ident, $store:ident => $call:expr) => {
        async {
            match &$self.store {
                Store::Cued($store, _) => $call.await,
                Store::Real($store) => $call.await,
            }
        }
    };
}

impl DedupeStore for Lame {
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        let call = either!(self, store => store.claim(keys, token, lease));
        self.call(Operation::Claim, call).await
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        let call = either!(self, store => store.commit(keys, token, retention));
        self.call(Operation::Commit, call).await
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        let call = either!(self, store => store.renew(keys, token, lease));
        self.call(Operation::Renew, call).await
    }

    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        let call = either!(self, store => store.release(keys, token));
        self.call(Operation::Release, call).await
    }

    fn leases_expire(&self) -> bool {
        true
    }
}
