//! The pipeline that every adapter calls: what it is made of ([`Receiver`]) and, once a clock was
//! brought to it, how a delivery goes through it ([`Gate`]).
//!
//! ```text
//! Gate::begin ─► Intake::update* ─► Intake::admit ─► Run ─► Run::supervise ─► Run::in_place
//!  (head)         (body)             (claim, wait)   (lease)  (handler, settle)  (deadline)
//! ```

mod admission;
mod connection;
mod delivery;
mod gate;
mod greeting;
mod intake;
mod keeper;
mod limits;
mod run;
mod settle;
mod signal;
mod state;
mod transaction;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::dedupe::{AnyStore, DedupeStore, MemoryStore};
use crate::error::{ConfigError, ConfigErrorKind};
use crate::event::TypeSource;
use crate::handshake::Handshake;
use crate::observer::Observer;
use crate::provider::Provider;
use crate::scan::{Pointer, Targets};
use crate::secret::Secret;
use crate::typed::Undecodable;
use crate::verifier::Verifier;

use self::limits::Shared;
use self::transaction::Dedupe;

pub use self::admission::Admission;
pub use self::connection::{Carried, Connection};
pub use self::delivery::Delivery;
pub use self::gate::{Answer, Gate};
pub use self::intake::{Intake, Refusal};
pub use self::keeper::Keeper;
pub use self::run::Run;
pub use self::transaction::{Fresh, ToClaim};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// What retention needs beyond the window: an hour for a clock that steps, and a minute for bounds
/// that are inclusive.
const RETENTION_MARGIN: Duration = Duration::from_secs(3600 + 60);

/// The least bytes of unverified bodies that may be held at once, in bytes.
const UNVERIFIED_AT_LEAST: usize = 64 * 1024 * 1024;

/// A shorter lease would be lost to a hiccup of the scheduler or the network.
const SHORTEST_LEASE: Duration = Duration::from_millis(100);

/// The longest name of an endpoint, in bytes.
const MAX_ENDPOINT: usize = 256;

/// One endpoint of a merchant's: a provider, its secrets, a store, and the limits.
///
/// Cloning is cheap, and the clones are one receiver: they share limits, waiting and shutdown.
///
/// ```
/// use countersign::{MemoryStore, Receiver, Secret, provider};
///
/// let secret = Secret::new("wh_live_0123456789")?;
/// let receiver = Receiver::new("fedapay-live", provider::fedapay(), [secret])?
///     .with_store(MemoryStore::default());
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Receiver {
    config: Arc<Config>,
    shared: Arc<Shared>,
}

#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) endpoint: Arc<str>,
    pub(crate) provider: Provider,
    pub(crate) verifier: Verifier,
    pub(crate) store: AnyStore,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) types: Option<Arc<[Box<str>]>>,
    pub(crate) freshness: Option<(Arc<Targets>, Duration)>,
    pub(crate) commit_also: Option<Arc<dyn Fn(StatusCode) -> bool + Send + Sync>>,
    pub(crate) on_undecodable: Undecodable,
    pub(crate) fail_open: bool,
    pub(crate) dedupe: Dedupe,
    pub(crate) handshake: Option<Box<Handshake>>,
    pub(crate) lease: Duration,
    pub(crate) answer_deadline: Duration,
    pub(crate) max_run: Duration,
    pub(crate) wait: Duration,
    pub(crate) store_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) retention: Duration,
    pub(crate) unverified: usize,
    pub(crate) runs: usize,
    pub(crate) waiters: usize,
    pub(crate) waiters_a_key: usize,
}

impl Receiver {
    /// A receiver of one endpoint, with a [`MemoryStore`] of its own.
    ///
    /// `endpoint` is the scope of dedupe and the name in logs and metrics. Two accounts or two
    /// modes of one provider that share a store need two names; all workers that serve one endpoint
    /// need the same.
    ///
    /// # Errors
    ///
    /// What [`Verifier::new`] refuses, and an empty name or one of more than 256 bytes.
    pub fn new(
        endpoint: impl Into<String>,
        provider: Provider,
        secrets: impl IntoIterator<Item = Secret>,
    ) -> Result<Self, ConfigError> {
        let endpoint: String = endpoint.into();
        if endpoint.trim().is_empty() || endpoint.len() > MAX_ENDPOINT {
            return Err(ConfigError::new(
                ConfigErrorKind::BadEndpoint,
                "an endpoint needs a name of 1 to 256 bytes",
            ));
        }
        let secrets: Vec<Secret> = secrets.into_iter().collect();
        let verifier = Verifier::new(&provider, &secrets)?;
        let horizon = provider
            .retry()
            .map_or(Duration::ZERO, |retry| retry.horizon);
        let retention = provider
            .retention()
            .unwrap_or((72 * HOUR).max(horizon.saturating_mul(2)));
        let dedupe = Dedupe::of(&provider);
        let receiver = Receiver {
            config: Arc::new(Config {
                endpoint: endpoint.into(),
                unverified: provider
                    .body_limit()
                    .saturating_mul(4)
                    .max(UNVERIFIED_AT_LEAST),
                provider,
                verifier,
                store: AnyStore::new(MemoryStore::default()),
                observer: None,
                types: None,
                freshness: None,
                commit_also: None,
                on_undecodable: Undecodable::Refuse,
                fail_open: false,
                dedupe,
                handshake: None,
                lease: 30 * SECOND,
                answer_deadline: 8 * SECOND,
                max_run: 300 * SECOND,
                wait: 2 * SECOND,
                store_timeout: SECOND,
                body_timeout: 10 * SECOND,
                retention,
                runs: 1024,
                waiters: 1024,
                waiters_a_key: 16,
            }),
            shared: Arc::new(Shared::default()),
        };
        receiver.checked()
    }

    /// Sets where claims are kept.
    #[must_use]
    pub fn with_store(mut self, store: impl DedupeStore) -> Self {
        self.config().store = AnyStore::new(store);
        self
    }

    /// Sets who is told what becomes of each delivery.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        self.config().observer = Some(Arc::new(observer));
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
    /// event again after weeks.
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

    /// The endpoint's name.
    pub fn endpoint(&self) -> &str {
        &self.config.endpoint
    }

    /// The provider.
    pub fn provider(&self) -> &Provider {
        &self.config.provider
    }

    /// The verifier.
    pub fn verifier(&self) -> &Verifier {
        &self.config.verifier
    }

    /// How long a committed event is remembered, from its commit.
    pub fn retention(&self) -> Duration {
        self.config.retention
    }

    fn config(&mut self) -> &mut Config {
        Arc::make_mut(&mut self.config)
    }

    fn checked(self) -> Result<Self, ConfigError> {
        let config = &self.config;
        let bad = |why: &'static str| Err(ConfigError::new(ConfigErrorKind::BadLimit, why));
        if config.lease < SHORTEST_LEASE || config.answer_deadline.is_zero() {
            return bad(
                "a lease under 100 ms or an answer deadline of zero would let no handler finish",
            );
        }
        if config.answer_deadline > config.max_run {
            return bad("the answer deadline is longer than max_run");
        }
        let longest = config
            .provider
            .retry()
            .and_then(|retry| retry.gaps.iter().max());
        if longest.is_some_and(|gap| config.lease >= *gap) {
            return bad(
                "the lease is not shorter than the provider's longest retry gap, so that \
                        a crash would use up the event's retries",
            );
        }
        let window = config
            .verifier
            .tolerance()
            .map_or(Duration::ZERO, |tolerance| {
                tolerance.past.saturating_add(tolerance.future)
            });
        if config.retention < window.saturating_add(RETENTION_MARGIN) {
            return bad(
                "the retention is shorter than both tolerances and an hour and a minute, \
                        so that a replay could run again",
            );
        }
        let horizon = config
            .provider
            .retry()
            .map_or(Duration::ZERO, |retry| retry.horizon);
        if config.retention < horizon.saturating_add(HOUR) {
            return bad(
                "the retention is shorter than the provider's retries and an hour, so that \
                        a retry could run again",
            );
        }
        Ok(self)
    }
}

impl Config {
    /// Whether it depends on its events whether a delivery reaches the handler.
    pub(crate) fn looks_at_events(&self) -> bool {
        self.dedupe.is_on()
            || self.types.is_some()
            || self.freshness.is_some()
            || self.provider.envelope().members.is_some()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("endpoint", &self.config.endpoint)
            .field("provider", &self.config.provider.name())
            .finish_non_exhaustive()
    }
}
