//! Claims that a handler makes in its own transaction: what a receiver asks of where they are kept.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::any::{Running, guarded};
use super::{Key, StoreError};

/// Where handlers claim events in transactions of their own, as
/// [`Receiver::with_claim_in_transaction`](crate::Receiver::with_claim_in_transaction) needs it.
///
/// The receiver only reads. The claim is the store's own method, which takes the merchant's
/// transaction and the [`Delivery`](crate::Delivery): it writes what
/// [`Delivery::to_claim`](crate::Delivery::to_claim) names and answers with
/// [`Delivery::fresh`](crate::Delivery::fresh).
pub trait TransactionStore: Send + Sync + 'static {
    /// Which of the keys were claimed by a transaction that has been committed, and are still
    /// remembered. Asked outside of any transaction: what another one has not committed yet is not
    /// there. A sender is told of a success by this answer alone.
    ///
    /// The keys are distinct and sorted. The receiver gives up after the store time-out, and drops
    /// the future.
    ///
    /// # Errors
    ///
    /// [`StoreError::unavailable`]; the sender is then told to come again.
    fn committed(&self, keys: &[Key])
    -> impl Future<Output = Result<Committed, StoreError>> + Send;
}

/// What of some keys is committed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Committed {
    /// The keys that are.
    pub keys: Vec<Key>,
    /// Those of them whose payload was another one.
    pub differing: Vec<Key>,
}

impl<S: TransactionStore> TransactionStore for Arc<S> {
    fn committed(
        &self,
        keys: &[Key],
    ) -> impl Future<Output = Result<Committed, StoreError>> + Send {
        S::committed(self, keys)
    }
}

/// Any of them behind one type, so that a receiver need not be generic over it.
#[derive(Clone)]
pub(crate) struct AnyTransactions(Arc<dyn Boxed>);

impl AnyTransactions {
    pub(crate) fn new(store: impl TransactionStore) -> Self {
        AnyTransactions(Arc::new(store))
    }

    pub(crate) fn committed(&self, keys: Arc<[Key]>) -> Running<Committed> {
        self.0.clone().committed(keys)
    }
}

impl fmt::Debug for AnyTransactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyTransactions")
    }
}

trait Boxed: Send + Sync + 'static {
    fn committed(self: Arc<Self>, keys: Arc<[Key]>) -> Running<Committed>;
}

impl<S: TransactionStore> Boxed for S {
    fn committed(self: Arc<Self>, keys: Arc<[Key]>) -> Running<Committed> {
        guarded(async move { S::committed(&self, &keys).await })
    }
}
