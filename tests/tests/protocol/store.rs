//! The stores that the walk takes in turns.

use std::sync::Arc;
use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Key, MemoryStore, Renewal, StoreError, Token};
use countersign_testkit::{CueStore, EntryState};

/// So long that it is for ever.
const FOR_EVER: Duration = Duration::from_secs(1 << 40);

/// The store under test.
#[derive(Clone)]
pub enum Store {
    /// One whose leases expire, and that can be asked what it holds.
    Cue(CueStore),
    /// The same, with leases that do not expire: one that dies with its process.
    Lasting(CueStore),
    /// The memory store.
    Memory(Arc<MemoryStore>),
}

impl Store {
    pub fn cue(&self) -> Option<&CueStore> {
        match self {
            Store::Cue(store) | Store::Lasting(store) => Some(store),
            Store::Memory(_) => None,
        }
    }

    pub fn standing(&self, key: &[u8; 32]) -> Option<EntryState> {
        let entries = self.cue()?.entries();
        let entry = entries.into_iter().find(|(other, _)| other == key);
        entry.map(|(_, state)| state)
    }
}

impl DedupeStore for Store {
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        match self {
            Store::Cue(store) => store.claim(keys, token, lease).await,
            Store::Lasting(store) => match store.claim(keys, token, FOR_EVER).await? {
                Claim::InProgress { .. } => Ok(Claim::InProgress { retry_after: None }),
                claim => Ok(claim),
            },
            Store::Memory(store) => store.claim(keys, token, lease).await,
        }
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        match self {
            Store::Cue(store) | Store::Lasting(store) => store.commit(keys, token, retention).await,
            Store::Memory(store) => store.commit(keys, token, retention).await,
        }
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        match self {
            Store::Cue(store) | Store::Lasting(store) => store.renew(keys, token, lease).await,
            Store::Memory(store) => store.renew(keys, token, lease).await,
        }
    }

    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        match self {
            Store::Cue(store) | Store::Lasting(store) => store.release(keys, token).await,
            Store::Memory(store) => store.release(keys, token).await,
        }
    }

    fn leases_expire(&self) -> bool {
        matches!(self, Store::Cue(_))
    }
}
