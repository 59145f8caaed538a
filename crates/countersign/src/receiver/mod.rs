//! The pipeline that every adapter calls: what it is made of ([`Receiver`]) and, once a clock was
//! brought to it, how a delivery goes through it ([`Gate`]).
//!
//! ```text
//! Gate::begin ─► Intake::update* ─► Intake::admit ─► Run ─► Run::supervise ─► Connection::carry
//!  (head)         (body)             (claim, wait)   (lease)  (handler, settle)  (deadline)
//! ```

mod admission;
mod connection;
mod dangers;
mod delivery;
mod gate;
mod greeting;
mod guards;
mod intake;
mod interest;
mod keeper;
mod limits;
#[cfg(all(test, loom))]
mod models;
mod run;
mod settings;
mod settle;
mod signal;
mod sources;
mod state;
mod tenants;
mod track;
mod transaction;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::dedupe::{AnyStore, MemoryStore};
use crate::error::{ConfigError, ConfigErrorKind};
use crate::handshake::Handshake;
use crate::observer::Observer;
use crate::provider::Provider;
use crate::scan::Targets;
use crate::scheme::Scheme;
use crate::secret::Secret;
use crate::typed::Undecodable;
use crate::verifier::Verifier;

use self::guards::Guards;
use self::limits::Shared;
use self::tenants::Tenants;
use self::transaction::Dedupe;

pub use self::admission::Admission;
pub use self::connection::{Carried, Connection};
pub use self::delivery::Delivery;
pub use self::gate::{Answer, Gate};
pub use self::guards::Guard;
pub use self::intake::{Intake, Refusal};
pub use self::keeper::Keeper;
pub use self::run::Run;
pub use self::sources::Sources;
pub use self::tenants::{Asked, LookupError, Tenant};
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
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    pub(crate) types: Option<Arc<[Box<str>]>>,
    pub(crate) freshness: Option<(Arc<Targets>, Duration)>,
    pub(crate) commit_also: Option<Arc<dyn Fn(StatusCode) -> bool + Send + Sync>>,
    pub(crate) on_undecodable: Undecodable,
    pub(crate) fail_open: bool,
    pub(crate) observe_only: bool,
    pub(crate) dedupe: Dedupe,
    pub(crate) handshake: Option<Box<Handshake>>,
    pub(crate) guards: Guards,
    pub(crate) tenants: Option<Arc<Tenants>>,
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
        let secrets: Vec<Secret> = secrets.into_iter().collect();
        let verifier = Verifier::new(&provider, &secrets)?;
        Receiver::with_verifier(endpoint.into(), provider, verifier)
    }

    fn with_verifier(
        endpoint: String,
        provider: Provider,
        verifier: Verifier,
    ) -> Result<Self, ConfigError> {
        // A zero byte divides it from a tenant's name.
        if endpoint.trim().is_empty() || endpoint.len() > MAX_ENDPOINT || endpoint.contains('\0') {
            return Err(ConfigError::new(
                ConfigErrorKind::BadEndpoint,
                "an endpoint needs a name of 1 to 256 bytes, none of them zero",
            ));
        }
        let horizon = provider
            .retry()
            .map_or(Duration::ZERO, |retry| retry.horizon);
        let retention = provider
            .retention()
            .unwrap_or((72 * HOUR).max(horizon.saturating_mul(2)));
        let dedupe = Dedupe::of(&provider);
        let shared = Shared::new(verifier.secrets().clone());
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
                observers: Vec::new(),
                types: None,
                freshness: None,
                commit_also: None,
                on_undecodable: Undecodable::Refuse,
                fail_open: false,
                observe_only: false,
                dedupe,
                handshake: None,
                guards: Guards::default(),
                tenants: None,
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
            shared: Arc::new(shared),
        };
        receiver.checked()
    }

    /// The endpoint's name.
    pub fn endpoint(&self) -> &str {
        &self.config.endpoint
    }

    /// The provider.
    pub fn provider(&self) -> &Provider {
        &self.config.provider
    }

    /// Replaces the secrets while the receiver works, of all its clones: deliveries that begin from now on
    /// are verified under `secrets` alone. So a secret is rotated without a restart: first the new one
    /// and the old, and when no delivery
    /// [matches the old one](crate::Observation::key_index) any longer, the new one.
    ///
    /// **A [`Handshake`] does not follow**: those of Zoom and X answer under the secret they were made with.
    /// Make the receiver anew to replace that one too.
    ///
    /// # Errors
    ///
    /// As [`Receiver::new`]; the secrets then stay as they were.
    /// [`NotApplicable`](ConfigErrorKind::NotApplicable) if each tenant has its own, or nothing is signed.
    pub fn replace_secrets(
        &self,
        secrets: impl IntoIterator<Item = Secret>,
    ) -> Result<(), ConfigError> {
        let unsigned = *self.config.provider.scheme() == Scheme::DangerousUnsigned;
        if self.config.tenants.is_some() || unsigned {
            return Err(ConfigError::new(
                ConfigErrorKind::NotApplicable,
                "this receiver has no secrets of its own that could be replaced",
            ));
        }
        let secrets: Vec<Secret> = secrets.into_iter().collect();
        let verifier = Verifier::new(&self.config.provider, &secrets)?;
        self.shared.secrets.store(verifier.secrets().clone());
        Ok(())
    }

    /// The verifier, with the secrets that the receiver was made with.
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
