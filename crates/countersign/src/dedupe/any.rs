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
    InMemory(InMemory<T>),
    Boxed(Running<T>),
}

pub(crate) type Running<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// One of the four, of either kind of store; `Duration` is the lease or the retention.
type MemoryMethod<T> = fn(&MemoryStore, &[Key], Token, Duration) -> Result<T, StoreError>;
type BoxedMethod<T> = fn(Arc<dyn Boxed>, Arc<[Key]>, Token, Duration) -> Running<T>;

pub(crate) struct InMemory<T> {
    method: MemoryMethod<T>,
    store: Arc<MemoryStore>,
    keys: Arc<[Key]>,
    token: Token,
    time: Duration,
}

impl<T> Future for Call<T> {
    type Output = Result<T, StoreError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Call::Boxed(running) => running.as_mut().poll(cx),
            Call::InMemory(call) => Poll::Ready(call.answer()),
        }
    }
}

impl<T> InMemory<T> {
    fn answer(&self) -> Result<T, StoreError> {
        // Nothing of its own panics, but a clock that it was brought may.
        let call = || (self.method)(&self.store, &self.keys, self.token, self.time);
        catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(panicked()))
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

    fn call<T>(
        &self,
        keys: Arc<[Key]>,
        token: Token,
        time: Duration,
        in_memory: MemoryMethod<T>,
        boxed: BoxedMethod<T>,
    ) -> Call<T> {
        match &self.store {
            Store::Memory(store) => Call::InMemory(InMemory {
                method: in_memory,
                store: store.clone(),
                keys,
                token,
                time,
            }),
            Store::Other(store) => Call::Boxed(boxed(store.clone(), keys, token, time)),
        }
    }

    pub(crate) fn call_claim(
        &self,
        keys: Arc<[Key]>,
        token: Token,
        lease: Duration,
    ) -> Call<Claim> {
        let in_memory = |store: &MemoryStore, keys: &[Key], token, _| store.claim_now(keys, token);
        self.call(keys, token, lease, in_memory, Boxed::claim)
    }

    pub(crate) fn call_commit(
        &self,
        keys: Arc<[Key]>,
        token: Token,
        retention: Duration,
    ) -> Call<Commit> {
        self.call(
            keys,
            token,
            retention,
            MemoryStore::commit_now,
            Boxed::commit,
        )
    }

    pub(crate) fn call_renew(
        &self,
        keys: Arc<[Key]>,
        token: Token,
        lease: Duration,
    ) -> Call<Renewal> {
        let in_memory = |store: &MemoryStore, keys: &[Key], token, _| store.renew_now(keys, token);
        self.call(keys, token, lease, in_memory, Boxed::renew)
    }

    pub(crate) fn call_release(&self, keys: Arc<[Key]>, token: Token) -> Call<()> {
        let in_memory = |store: &MemoryStore, keys: &[Key], token, _| {
            store.release_now(keys, token);
            Ok(())
        };
        let boxed = |store: Arc<dyn Boxed>, keys, token, _| store.release(keys, token);
        self.call(keys, token, Duration::ZERO, in_memory, boxed)
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
