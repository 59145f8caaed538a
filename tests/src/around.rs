//! A store with something around its calls.

use std::future::{Future, ready};
use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Key, Renewal, StoreError, Token};
use countersign_testkit::Operation;

/// What happens beside the calls of a store: nothing, but for what is said.
pub trait Beside: Send + Sync + 'static {
    /// Before the store is asked.
    fn before(&self, _: Operation) -> impl Future<Output = ()> + Send {
        ready(())
    }

    /// Once it has answered.
    fn after(&self, _: Operation) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// A store that answers as the one within it, with `beside` around each of its calls.
#[derive(Debug, Clone)]
pub struct Around<S, B> {
    pub store: S,
    pub beside: B,
}

impl<S: DedupeStore, B: Beside> Around<S, B> {
    async fn call<T>(&self, operation: Operation, call: impl Future<Output = T> + Send) -> T {
        self.beside.before(operation).await;
        let answer = call.await;
        self.beside.after(operation).await;
        answer
    }
}

impl<S: DedupeStore, B: Beside> DedupeStore for Around<S, B> {
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        let call = self.store.claim(keys, token, lease);
        self.call(Operation::Claim, call).await
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        let call = self.store.commit(keys, token, retention);
        self.call(Operation::Commit, call).await
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        let call = self.store.renew(keys, token, lease);
        self.call(Operation::Renew, call).await
    }

    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        let call = self.store.release(keys, token);
        self.call(Operation::Release, call).await
    }

    fn leases_expire(&self) -> bool {
        self.store.leases_expire()
    }
}
