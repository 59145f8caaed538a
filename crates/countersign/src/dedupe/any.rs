//! Any store behind one type, so that a receiver need not be generic over it.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;

use super::{Claim, Commit, DedupeStore, Key, MemoryStore, Renewal, StoreError, Token};

/// A call to a store that owns all it needs, so that it can go on after its caller is gone.
pub(crate) enum Call<T> {
    /// The memory store answers at once: a box would cost as much as its answer.
    Answered(Option<Result<T, StoreError>>),
    Running(Running<T>),
}

pub(crate) type Running<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

impl<T> Call<T> {
    /// Asks the memory store.
    fn at_once(ask: impl FnOnce() -> Result<T, StoreError>) -> Call<T> {
        // Nothing of its own panics, but a clock that it was brought may.
        let answer = catch_unwind(AssertUnwindSafe(ask));
        Call::Answered(Some(answer.unwrap_or_else(|_| Err(panicked()))))
    }
}

impl<T: Unpin> Future for Call<T> {
    type Output = Result<T, StoreError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Call::Running(running) => running.as_mut().poll(cx),
            Call::Answered(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

/// Any [`DedupeStore`], boxed: for a program that chooses its store while it runs.
#[derive(Clone)]
pub struct AnyStore {
    store: Store,
}

/// The default store is known by name, since most receivers have it: calls to it need no box.
#[derive(Clone)]
enum Store {
    Memory(Arc<MemoryStore>),
    Other(Arc<dyn Boxed>),
}

impl AnyStore {
    /// Boxes a store.
    pub fn new(store: impl DedupeStore) -> Self {
        let mut store = Some(store);
        let any: &mut dyn Any = &mut store;
        // One that is boxed already is what it is.
        let boxed = any.downcast_mut::<Option<AnyStore>>();
        if let Some(boxed) = boxed.and_then(Option::take) {
            return boxed;
        }
        let memory = match any.downcast_mut::<Option<MemoryStore>>() {
            Some(memory) => memory.take().map(Arc::new),
            None => any
                .downcast_mut::<Option<Arc<MemoryStore>>>()
                .and_then(Option::take),
        };
        AnyStore {
            store: match (memory, store) {
                (None, Some(store)) => Store::Other(Arc::new(store)),
                // It was taken because it is one.
                (memory, _) => Store::Memory(memory.unwrap_or_default()),
            },
        }
    }

    /// How many events a memory store has forgotten before their time; `None` for another store.
    pub(crate) fn evictions(&self) -> Option<u64> {
        match &self.store {
            Store::Memory(memory) => Some(memory.evictions()),
            Store::Other(_) => None,
        }
    }

    pub(crate) fn call_claim(
        &self,
        keys: &Arc<[Key]>,
        token: Token,
        lease: Duration,
    ) -> Call<Claim> {
        match &self.store {
            Store::Memory(store) => Call::at_once(|| store.claim_now(keys, token)),
            Store::Other(store) => Call::Running(store.clone().claim(keys.clone(), token, lease)),
        }
    }

    pub(crate) fn call_commit(
        &self,
        keys: &Arc<[Key]>,
        token: Token,
        retention: Duration,
    ) -> Call<Commit> {
        match &self.store {
            Store::Memory(store) => Call::at_once(|| store.commit_now(keys, token, retention)),
            Store::Other(store) => {
                Call::Running(store.clone().commit(keys.clone(), token, retention))
            }
        }
    }

    pub(crate) fn call_renew(
        &self,
        keys: &Arc<[Key]>,
        token: Token,
        lease: Duration,
    ) -> Call<Renewal> {
        match &self.store {
            Store::Memory(store) => Call::at_once(|| store.renew_now(keys, token)),
            Store::Other(store) => Call::Running(store.clone().renew(keys.clone(), token, lease)),
        }
    }

    pub(crate) fn call_release(&self, keys: &Arc<[Key]>, token: Token) -> Call<()> {
        match &self.store {
            Store::Memory(store) => Call::at_once(|| {
                store.release_now(keys, token);
                Ok(())
            }),
            Store::Other(store) => Call::Running(store.clone().release(keys.clone(), token)),
        }
    }

    /// Whether every call is answered as it is made, so that nobody ever waits for one.
    pub(crate) fn answers_at_once(&self) -> bool {
        matches!(self.store, Store::Memory(_))
    }

    pub(crate) fn leases_expire(&self) -> bool {
        match &self.store {
            Store::Memory(store) => DedupeStore::leases_expire(store),
            Store::Other(store) => store.leases_expire(),
        }
    }
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyStore")
    }
}

impl DedupeStore for AnyStore {
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        self.call_claim(&keys.into(), token, lease).await
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        self.call_commit(&keys.into(), token, retention).await
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        self.call_renew(&keys.into(), token, lease).await
    }

    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        self.call_release(&keys.into(), token).await
    }

    fn leases_expire(&self) -> bool {
        AnyStore::leases_expire(self)
    }
}

trait Boxed: Send + Sync + 'static {
    fn claim(self: Arc<Self>, keys: Arc<[Key]>, token: Token, lease: Duration) -> Running<Claim>;
    fn commit(
        self: Arc<Self>,
        keys: Arc<[Key]>,
        token: Token,
        retention: Duration,
    ) -> Running<Commit>;
    fn renew(self: Arc<Self>, keys: Arc<[Key]>, token: Token, lease: Duration) -> Running<Renewal>;
    fn release(self: Arc<Self>, keys: Arc<[Key]>, token: Token) -> Running<()>;
    fn leases_expire(&self) -> bool;
}

/// A store that panics has failed, and no more: the keeper, which makes calls for all runs, must
/// not end by one of them.
pub(super) fn guarded<T>(
    call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Running<T> {
    Box::pin(async move {
        let answer = AssertUnwindSafe(call).catch_unwind().await;
        answer.unwrap_or_else(|_| Err(panicked()))
    })
}

fn panicked() -> StoreError {
    StoreError::unavailable("the store panicked")
}

impl<S: DedupeStore> Boxed for S {
    fn claim(self: Arc<Self>, keys: Arc<[Key]>, token: Token, lease: Duration) -> Running<Claim> {
        guarded(async move { S::claim(&self, &keys, token, lease).await })
    }

    fn commit(
        self: Arc<Self>,
        keys: Arc<[Key]>,
        token: Token,
        retention: Duration,
    ) -> Running<Commit> {
        guarded(async move { S::commit(&self, &keys, token, retention).await })
    }

    fn renew(self: Arc<Self>, keys: Arc<[Key]>, token: Token, lease: Duration) -> Running<Renewal> {
        guarded(async move { S::renew(&self, &keys, token, lease).await })
    }

    fn release(self: Arc<Self>, keys: Arc<[Key]>, token: Token) -> Running<()> {
        guarded(async move { S::release(&self, &keys, token).await })
    }

    fn leases_expire(&self) -> bool {
        S::leases_expire(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However a program that chose its store while it ran has come by it.
    #[test]
    fn a_memory_store_is_known_through_every_box() {
        let boxed = AnyStore::new(AnyStore::new(MemoryStore::default()));
        assert_eq!(boxed.evictions(), Some(0));
        let shared = AnyStore::new(AnyStore::new(Arc::new(MemoryStore::default())));
        assert_eq!(shared.evictions(), Some(0));
    }
}
