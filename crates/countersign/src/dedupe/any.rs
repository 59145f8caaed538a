//! Any store behind one type, so that a receiver need not be generic over it.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::{Claim, Commit, DedupeStore, Key, Renewal, StoreError, Token};

/// A call to a store that owns all it needs, so that it can go on after its caller is gone.
pub(crate) type Call<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Any [`DedupeStore`], boxed: for a program that chooses its store while it runs.
#[derive(Clone)]
pub struct AnyStore {
    store: Arc<dyn Boxed>,
}

impl AnyStore {
    /// Boxes a store.
    pub fn new(store: impl DedupeStore) -> Self {
        AnyStore {
            store: Arc::new(store),
        }
    }

    pub(crate) fn call_claim(
        &self,
        keys: Arc<[Key]>,
        token: Token,
        lease: Duration,
    ) -> Call<Claim> {
        self.store.clone().claim(keys, token, lease)
    }

    pub(crate) fn call_commit(
        &self,
        keys: Arc<[Key]>,
        token: Token,
        retention: Duration,
    ) -> Call<Commit> {
        self.store.clone().commit(keys, token, retention)
    }

    pub(crate) fn call_renew(
        &self,
        keys: Arc<[Key]>,
        token: Token,
        lease: Duration,
    ) -> Call<Renewal> {
        self.store.clone().renew(keys, token, lease)
    }

    pub(crate) fn call_release(&self, keys: Arc<[Key]>, token: Token) -> Call<()> {
        self.store.clone().release(keys, token)
    }

    pub(crate) fn leases_expire(&self) -> bool {
        self.store.leases_expire()
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyStore")
    }
}

impl DedupeStore for AnyStore {
    fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> impl Future<Output = Result<Claim, StoreError>> + Send {
        self.call_claim(keys.into(), token, lease)
    }

    fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> impl Future<Output = Result<Commit, StoreError>> + Send {
        self.call_commit(keys.into(), token, retention)
    }

    fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> impl Future<Output = Result<Renewal, StoreError>> + Send {
        self.call_renew(keys.into(), token, lease)
    }

    fn release(
        &self,
        keys: &[Key],
        token: Token,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.call_release(keys.into(), token)
    }

    fn leases_expire(&self) -> bool {
        self.store.leases_expire()
    }
}

trait Boxed: Send + Sync + 'static {
    fn claim(self: Arc<Self>, keys: Arc<[Key]>, token: Token, lease: Duration) -> Call<Claim>;
    fn commit(self: Arc<Self>, keys: Arc<[Key]>, token: Token, retention: Duration)
    -> Call<Commit>;
    fn renew(self: Arc<Self>, keys: Arc<[Key]>, token: Token, lease: Duration) -> Call<Renewal>;
    fn release(self: Arc<Self>, keys: Arc<[Key]>, token: Token) -> Call<()>;
    fn leases_expire(&self) -> bool;
}

/// A store that panics has failed, and no more: the keeper, which makes calls for all runs, must
/// not end by one of them.
fn guarded<T>(call: impl Future<Output = Result<T, StoreError>> + Send + 'static) -> Call<T> {
    Box::pin(async move {
        let answer = AssertUnwindSafe(call).catch_unwind().await;
        answer.unwrap_or_else(|_| Err(StoreError::unavailable("the store panicked")))
    })
}

impl<S: DedupeStore> Boxed for S {
    fn claim(self: Arc<Self>, keys: Arc<[Key]>, token: Token, lease: Duration) -> Call<Claim> {
        guarded(async move { S::claim(&self, &keys, token, lease).await })
    }

    fn commit(
        self: Arc<Self>,
        keys: Arc<[Key]>,
        token: Token,
        retention: Duration,
    ) -> Call<Commit> {
        guarded(async move { S::commit(&self, &keys, token, retention).await })
    }

    fn renew(self: Arc<Self>, keys: Arc<[Key]>, token: Token, lease: Duration) -> Call<Renewal> {
        guarded(async move { S::renew(&self, &keys, token, lease).await })
    }

    fn release(self: Arc<Self>, keys: Arc<[Key]>, token: Token) -> Call<()> {
        guarded(async move { S::release(&self, &keys, token).await })
    }

    fn leases_expire(&self) -> bool {
        S::leases_expire(self)
    }
}
