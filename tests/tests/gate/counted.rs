//! A memory store that counts what it is asked.

use std::sync::Arc;
use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Key, MemoryStore, Renewal, StoreError, Token};

use crate::deliveries::memory;
use crate::site::Tally;

#[derive(Clone)]
pub struct CountedStore {
    pub store: Arc<MemoryStore>,
    pub claims: Tally,
    /// Calls of any kind.
    pub calls: Tally,
}

impl CountedStore {
    pub fn new() -> CountedStore {
        CountedStore {
            store: memory(1024),
            claims: Tally::default(),
            calls: Tally::default(),
        }
    }
}

impl DedupeStore for CountedStore {
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        self.calls.add();
        let claim = self.store.claim(keys, token, lease).await;
        self.claims.add();
        claim
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        self.calls.add();
        self.store.commit(keys, token, retention).await
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        self.calls.add();
        self.store.renew(keys, token, lease).await
    }

    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        self.calls.add();
        self.store.release(keys, token).await
    }

    fn leases_expire(&self) -> bool {
        self.store.leases_expire()
    }
}
