//! A store that counts what it is asked.

use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Key, Renewal, StoreError, Token};

use crate::site::Tally;
use crate::stage::Shelf;

#[derive(Clone)]
pub struct CountedStore {
    pub store: Shelf,
    pub claims: Tally,
    /// Calls of any kind.
    pub calls: Tally,
}

impl CountedStore {
    pub fn new(store: Shelf) -> CountedStore {
        CountedStore {
            store,
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
