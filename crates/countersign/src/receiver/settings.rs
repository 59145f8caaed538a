//! What a merchant can set of a receiver, each on its own.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

#[cfg(doc)]
use super::Delivery;
use super::transaction::Dedupe;
use super::{Receiver, UNVERIFIED_AT_LEAST};
use crate::dedupe::{AnyStore, DedupeStore};
use crate::error::{ConfigError, ConfigErrorKind};
use crate::event::TypeSource;
use crate::observer::Observer;
use crate::scan::{Pointer, Targets};
use crate::typed::Undecodable;

impl Receiver {
    /// Sets where claims are kept.
    #[must_use]
    pub fn with_store(mut self, store: impl DedupeStore) -> Self {
        self.config().store = AnyStore::new(store);
        self
    }

    /// Adds one who is told what becomes of each delivery.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        self.config().observers.push(Arc::new(observer));
        self
    }

    /// Takes these types of event only. Deliveries of other types are answered 200 with
    /// `webhook-outcome: ignored`, and neither claimed nor decoded. An event whose type cannot be
    /// told is handed on all the same: nothing is ignored that nobody chose to ignore. A name that
    /// is misspelt here is a type that is ignored; where types are inferred from the payload's shape, as
    /// 4Pay's are, one that was inferred wrongly is ignored too.
    ///
    /// # Errors
    ///
    /// [`NotApplicable`](ConfigErrorKind::NotApplicable) if the provider's payload names no type,
    /// or the list is empty.
    pub fn with_types<T: Into<String>>(
        mut self,
        types: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        let types: Arc<[Box<str>]> = types
            .into_iter()
            .map(|name| name.into().into_boxed_str())
            .collect();
        if types.is_empty() || self.config.provider.envelope().kind == TypeSource::None {
            return Err(ConfigError::new(
                ConfigErrorKind::NotApplicable,
                "types can be chosen only where the payload names them, and not none at all",
            ));
        }
        self.config().types = Some(types);
        Ok(self)
    }

    /// Sets how far a signed timestamp may be from now, in the past and in the future.
    ///
    /// # Errors
    ///
    /// [`BadLimit`](ConfigErrorKind::BadLimit) if committed events would be forgotten while a
    /// replay could still pass.
    pub fn with_tolerance(mut self, past: Duration, future: Duration) -> Result<Self, ConfigError> {
        let config = self.config();
        config.verifier = config.verifier.clone().with_tolerance(past, future);
        self.checked()
    }

    /// Refuses an event whose own time, at `pointer` in its payload, is older than `age`, or not
    /// there: for schemes that sign no timestamp. Off by default, since a provider may send an
    /// event again after weeks. In a batch such events are left out, and the others run; the observer is told
    /// of them as [stale](crate::Outcome::Stale).
    #[must_use]
    pub fn with_freshness(mut self, pointer: &Pointer, age: Duration) -> Self {
        let mut targets = Targets::default();
        targets.add(pointer);
        self.config().freshness = Some((Arc::new(targets), age));
        self
    }

    /// Sets how long a committed event is remembered, from its commit.
    ///
    /// # Errors
    ///
    /// [`BadLimit`](ConfigErrorKind::BadLimit) if it is shorter than the two tolerances and an hour
    /// and a minute, or than the provider's retries and an hour.
    pub fn with_retention(mut self, retention: Duration) -> Result<Self, ConfigError> {
        self.config().retention = retention;
        self.checked()
    }

    /// Sets how long a claim holds without renewal; it is renewed every third of it.
    ///
    /// # Errors
    ///
    /// [`BadLimit`](ConfigErrorKind::BadLimit) if it is under 100 ms, or not shorter than the provider's
    /// longest retry gap: a crash would then use up the event's retries.
    pub fn with_lease(mut self, lease: Duration) -> Result<Self, ConfigError> {
        self.config().lease = lease;
        self.checked()
    }

    /// Sets when a sender is answered 503 while its handler runs on, and when a handler is stopped.
    ///
    /// # Errors
    ///
    /// [`BadLimit`](ConfigErrorKind::BadLimit) if `answer` is zero or longer than `max_run`.
    pub fn with_deadlines(
        mut self,
        answer: Duration,
        max_run: Duration,
    ) -> Result<Self, ConfigError> {
        let config = self.config();
        config.answer_deadline = answer;
        config.max_run = max_run;
        self.checked()
    }

    /// Sets how long a duplicate waits for the run that is in progress, before it is answered 409.
    #[must_use]
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.config().wait = wait;
        self
    }

    /// Sets how long one call to the store may take, and how long a body may.
    #[must_use]
    pub fn with_timeouts(mut self, store: Duration, body: Duration) -> Self {
        let config = self.config();
        config.store_timeout = store;
        config.body_timeout = body;
        self
    }

    /// Sets the longest body in bytes; exactly that passes. The budget for unverified bytes grows
    /// with it.
    #[must_use]
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        let config = self.config();
        config.verifier = config.verifier.clone().with_body_limit(bytes);
        config.unverified = bytes.saturating_mul(4).max(UNVERIFIED_AT_LEAST);
        self
    }

    /// Sets how many bytes of unverified bodies may be held at once.
    #[must_use]
    pub fn with_unverified_limit(mut self, bytes: usize) -> Self {
        self.config().unverified = bytes;
        self
    }

    /// Sets how many handlers may run at once.
    #[must_use]
    pub fn with_max_runs(mut self, runs: usize) -> Self {
        self.config().runs = runs;
        self
    }

    /// Commits on some answers that are not 2xx as well. A 2xx always commits.
    #[must_use]
    pub fn with_commit_also(
        mut self,
        predicate: impl Fn(StatusCode) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.config().commit_also = Some(Arc::new(predicate));
        self
    }

    /// Sets what becomes of an event of a known type whose JSON does not decode.
    #[must_use]
    pub fn on_undecodable(mut self, on: Undecodable) -> Self {
        self.config().on_undecodable = on;
        self
    }

    /// Runs the handler without a claim while the store cannot be reached, instead of answering
    /// 503. **Events can then run twice, also at once.**
    #[must_use]
    pub fn dangerously_fail_open(mut self) -> Self {
        self.config().fail_open = true;
        self
    }

    /// Watches and stops nothing: **a forged delivery and a duplicate reach the handler too**, as they did
    /// before there was a receiver. For the days in which a merchant rolls one out, to see in its
    /// observations what it would have refused.
    ///
    /// The handler is given every request with its body as it came. Beside it stands a [`Delivery`] only
    /// where a run was begun as without this: verified, of interest, not a duplicate, and claimed. Its events
    /// are committed or released by the handler's answer. Nothing else is claimed or committed, and no other
    /// request ever yields a [`Verified`](crate::Verified). No duplicate waits, no handshake is answered, no
    /// handler is stopped but by [`drain`](Receiver::drain), and no answer is replaced, but that a panic of the
    /// handler of a verified delivery is a 500. What a delivery
    /// still costs is the reading of its body before its handler begins, and the store's time-out while
    /// the store is down. Bodies are kept until the handler has read them,
    /// beyond the [limit](Receiver::with_unverified_limit) for unverified bytes.
    #[must_use]
    pub fn dangerously_observe_only(mut self) -> Self {
        self.config().observe_only = true;
        self
    }

    /// Verifies, and nothing more: **every verified delivery runs the handler**, a provider's retries and
    /// an attacker's replays within the window included, at once too. No store is asked.
    ///
    /// For merchants who write an event's effects and its [id](crate::Identity::id) into one database,
    /// under a unique key, and in one transaction. The handler is the framework's own then: it is dropped
    /// with its connection, has no answer deadline (it is stopped at `max_run`), and its events are neither
    /// committed nor released, so that [`Delivery::done`] and [`Delivery::failed`] are `false`. Events are
    /// identified when the handler asks for them, unless [types](Receiver::with_types) or
    /// [freshness](Receiver::with_freshness) are to be looked at, or the provider sends batches.
    #[must_use]
    pub fn without_dedupe(mut self) -> Self {
        self.config().dedupe = Dedupe::None;
        self
    }
}
