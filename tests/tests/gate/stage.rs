//! What a scenario is played on: a framework, and a kind of store.

use std::sync::Arc;
use std::time::Duration;

use countersign::{
    AnyStore, Claim, Commit, DedupeStore, Key, Provider, Receiver, Renewal,
    StoreError, Token, provider,
};

use crate::deliveries::{held, memory, receiver};
use crate::site::Framework;

/// A framework, and a kind of store.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    pub framework: Framework,
    pub kind: Kind,
}

/// In the order of the table in `DESIGN`: what outlives a process, and then a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Memory,
}

impl Stage {
    /// A store that holds nothing yet, and that no other test uses; `None` where its server is missing.
    pub fn try_store(&self) -> Option<Shelf> {
        match self.kind {
            Kind::Memory => {
                let store = memory(4096);
                Some(Shelf::new(store.clone(), move || held(&store)))
            }
        }
    }

    /// A store that holds nothing yet, and that no other test uses.
    pub fn store(&self) -> Shelf {
        self.try_store().expect("the server that was there before")
    }

    /// A receiver on a store of its own.
    pub fn receiver(&self, endpoint: &str, provider: Provider) -> Receiver {
        receiver(endpoint, provider).with_store(self.store())
    }

    /// One event a delivery, signed with its time, known by an id in the payload.
    pub fn shop(&self) -> Receiver {
        self.receiver("shop", provider::fedapay())
    }

    /// Batches of events.
    pub fn bank(&self) -> Receiver {
        self.receiver("bank", provider::banking_circle())
    }
}

/// A store, and what a test may know of what it holds. Clones are the same one.
#[derive(Clone)]
pub struct Shelf {
    store: AnyStore,
    held: Arc<dyn Fn() -> (usize, usize) + Send + Sync>,
}

impl Shelf {
    pub fn new(
        store: impl DedupeStore,
        held: impl Fn() -> (usize, usize) + Send + Sync + 'static,
    ) -> Shelf {
        Shelf {
            store: AnyStore::new(store),
            held: Arc::new(held),
        }
    }

    /// How many ids it holds in progress, and committed.
    pub fn held(&self) -> (usize, usize) {
        (self.held)()
    }
}

impl DedupeStore for Shelf {
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
        DedupeStore::leases_expire(&self.store)
    }
}
