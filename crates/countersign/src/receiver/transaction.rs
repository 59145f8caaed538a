//! Claims in the handler's own transaction: what is asked of its database before and after it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::Receiver;
use super::admission::Admission;
use super::delivery::Delivery;
use super::gate::{Answer, Gate};
use super::run::{End, Run};
use crate::dedupe::{AnyTransactions, Committed, Key, StoreError, TransactionStore};
use crate::error::{ConfigError, ConfigErrorKind, ErrorKind};
use crate::event::Identity;
use crate::observer::Outcome;
use crate::typed::Event;

/// How an event is kept from running twice.
#[derive(Clone)]
pub(crate) enum Dedupe {
    /// By a lease in the store.
    Leases,
    /// By the handler, in a transaction of its own.
    Transaction(AnyTransactions),
    /// Not at all.
    None,
}

impl Dedupe {
    /// As it is unless the merchant says otherwise: what nothing signed names has no key.
    pub(super) fn of(provider: &crate::Provider) -> Dedupe {
        match provider.is_unkeyed() {
            true => Dedupe::None,
            false => Dedupe::Leases,
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        !matches!(self, Dedupe::None)
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        matches!(self, Dedupe::Transaction(_))
    }
}

impl Receiver {
    /// Leaves the claim to the handler, which makes it in the transaction that holds its effects: a
    /// payment booked and its event marked as done happen together, or not at all, crash or not.
    ///
    /// No lease is taken. A delivery whose events are all committed is a duplicate, and answered 200.
    /// Any other runs the handler, and the first statement of its transaction is the store's
    /// `claim_in`: it waits for a concurrent run of the same event that has come as far, and yields
    /// the [`Fresh`] events only. After a 2xx the database is asked once more, outside of the
    /// transaction: if it does not hold every event, the sender is answered 500 and comes again
    /// ([`Outcome::TransactionNotCommitted`]), and if it does not answer, 503. So neither a
    /// transaction that was dropped nor a claim that was forgotten is ever acknowledged. If nothing was
    /// fresh, the answer is that to a duplicate.
    ///
    /// **Effects outside of that transaction are doubled by a retry**: no rule can prevent it. What
    /// comes before `claim_in` may run several times, at once too.
    ///
    /// All else is as under a lease: a handler outlives its connection and its answer deadline, and is
    /// stopped at `max_run`, which rolls its transaction back. But nothing is settled by the handler's
    /// answer: what it has committed stays so, though it panics or answers 500 afterwards. Hence
    /// [`with_commit_also`](Receiver::with_commit_also) and
    /// [`dangerously_fail_open`](Receiver::dangerously_fail_open) have no effect, and
    /// [`Delivery::done`] and [`Delivery::failed`] are `false`. The [store](Receiver::with_store) is
    /// not asked.
    ///
    /// # Errors
    ///
    /// [`NotApplicable`](ConfigErrorKind::NotApplicable) if nothing of the provider's payload is signed
    /// and [`Setting::Id`](crate::provider::Setting::Id) does not say what to take for an id: its events
    /// have no key to claim, and whoever changed a byte of one would have it booked twice.
    pub fn with_claim_in_transaction(
        mut self,
        store: impl TransactionStore,
    ) -> Result<Self, ConfigError> {
        if self.config.provider.is_unkeyed() {
            return Err(ConfigError::new(
                ConfigErrorKind::NotApplicable,
                format!(
                    "{} signs nothing of its events, so that none has a key to claim: set what to \
                     take for an id",
                    self.config.provider.name()
                ),
            ));
        }
        self.config().dedupe = Dedupe::Transaction(AnyTransactions::new(store));
        Ok(self)
    }
}

impl Gate {
    /// What of these keys is committed.
    async fn committed(&self, keys: Arc<[Key]>) -> Result<Committed, StoreError> {
        let Dedupe::Transaction(store) = &self.config.dedupe else {
            return Err(StoreError::unavailable("nobody claims in transactions"));
        };
        let answer = self.within(self.config.store_timeout, store.committed(keys));
        answer.await.unwrap_or_else(|| Err(StoreError::late()))
    }
}

impl Committed {
    /// Those of `keys` that are not.
    fn missing(&self, keys: &[Key]) -> Vec<Key> {
        let there: HashSet<&Key> = self.keys.iter().collect();
        let missing = keys.iter().filter(|key| !there.contains(key));
        missing.copied().collect()
    }
}

impl Admission {
    /// The run of those events that are not committed. They may be once it claims them.
    pub(super) async fn unless_committed(mut self) -> Result<Run, Answer> {
        let place = self.place()?;
        let committed = self.gate().committed(self.run.keys.clone()).await;
        let committed = committed.map_err(|error| self.without_store(&error))?;
        let fresh = committed.missing(&self.run.keys);
        if fresh.is_empty() {
            return Err(self.duplicate(&committed.differing));
        }
        self.note_differing(&committed.differing);
        self.keep(fresh);
        // Without keys: a run has nothing to settle of what is not its own.
        if let Some(run) = Arc::get_mut(&mut self.run) {
            run.keys = Arc::default();
        }
        Ok(Run::start(self.run, None, place))
    }
}

impl Run {
    /// What a handler that answered `status` has done, by the word of its database.
    pub(super) async fn proof_of(&self, status: StatusCode) -> End {
        let state = &self.state;
        // Nothing is held; but the keeper need not watch it any longer.
        state.settle(false).await;
        if !status.is_success() {
            return End::of(Outcome::HandlerFailed, status);
        }
        let keys: Vec<Key> = sorted(state.proven.keys());
        let committed = match state.track.gate.committed(keys.as_slice().into()).await {
            Ok(committed) => committed,
            Err(error) => {
                let answer = Answer::refusal(ErrorKind::StoreUnavailable);
                return End {
                    error: Some(error.into()),
                    ..End::instead(Outcome::StoreUnavailable, answer)
                };
            }
        };
        let missing = committed.missing(&keys);
        state.committed_by_handler(committed.keys);
        if missing.is_empty() && state.found_duplicates_only() {
            let answer = Answer::verified(StatusCode::OK, "duplicate");
            return End::instead(Outcome::Duplicate, answer);
        }
        if missing.is_empty() {
            return End::of(Outcome::Delivered, status);
        }
        let refused = state.refused();
        if missing.iter().all(|key| refused.contains(key)) {
            let answer = Answer::bare(StatusCode::UNPROCESSABLE_ENTITY);
            return End::instead(Outcome::HandlerFailed, answer);
        }
        let answer = Answer::bare(StatusCode::INTERNAL_SERVER_ERROR);
        End::instead(Outcome::TransactionNotCommitted, answer)
    }
}

/// A store is given keys in one order, so that two batches that overlap cannot deadlock.
fn sorted<'k>(keys: impl Iterator<Item = &'k Key>) -> Vec<Key> {
    let mut keys: Vec<Key> = keys.copied().collect();
    keys.sort_unstable();
    keys
}

/// What a store's `claim_in` writes in the handler's transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToClaim {
    /// The keys, distinct and sorted: to be written in this order. An event that was refused because
    /// it does not decode is not among them: it has to come again.
    pub keys: Vec<Key>,
    /// How long they are to be remembered, from now.
    pub retention: Duration,
    /// How long a run may take: a transaction that idles for longer has lost its client, and must not
    /// hold the keys any longer.
    pub max_run: Duration,
}

impl Delivery {
    /// What a store's `claim_in` has to write; `None` if the receiver is not one [whose handler claims
    /// its events](Receiver::with_claim_in_transaction), so that nobody asks the database what became
    /// of it.
    pub fn to_claim(&self) -> Option<ToClaim> {
        let config = &self.run.track.gate.config;
        let refused = self.run.refused();
        config.dedupe.is_in_transaction().then(|| ToClaim {
            keys: sorted(self.run.proven.keys().filter(|key| !refused.contains(key))),
            retention: config.retention,
            max_run: config.max_run,
        })
    }

    /// The events under these keys, which a store's `claim_in` has just written: no other transaction
    /// had.
    pub fn fresh(&self, keys: &[Key]) -> Fresh {
        let keys: HashSet<&Key> = keys.iter().collect();
        let fresh = self.keyed().iter().filter(|(key, _)| keys.contains(key));
        let events: Vec<Identity> = fresh.map(|(_, event)| event.clone()).collect();
        self.run.found_fresh(!events.is_empty());
        Fresh { events }
    }
}

/// The events of a delivery that a handler has claimed in its transaction: those whose effects it is
/// to write there.
///
/// The others are duplicates. If there is none, all of them are, and the handler answers 200.
/// Leaving them unused is a warning:
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// fn books_them_all(delivery: &countersign::Delivery, written: &[countersign::Key]) {
///     delivery.fresh(written);
/// }
/// ```
#[must_use = "the effects of an event that is not fresh were written before"]
#[derive(Debug, Clone)]
pub struct Fresh {
    events: Vec<Identity>,
}

impl Fresh {
    /// Whether every event is a duplicate.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events, in the order of the delivery.
    pub fn events(&self) -> impl ExactSizeIterator<Item = &Identity> {
        self.events.iter()
    }

    /// Whether an event of this [id](Identity::id) is fresh. Where two types of event may share an id, ask
    /// for [those that are](Fresh::only).
    pub fn contains(&self, id: &str) -> bool {
        self.events.iter().any(|event| event.id() == id)
    }

    /// Those of `events` that are fresh. For what an extractor has decoded: it has left out what does
    /// not decode before the claim was made, so that it comes again.
    pub fn only<E>(&self, events: impl IntoIterator<Item = Event<E>>) -> Vec<Event<E>> {
        // By their bytes, which name an event where two types share an id.
        let fresh: HashSet<&[u8]> = self.events.iter().map(|event| &**event.raw()).collect();
        let events = events.into_iter();
        events.filter(|event| fresh.contains(&*event.raw)).collect()
    }
}
