//! One endpoint for many tenants: whose secrets a request is verified under.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::lazy;
use http::header::HOST;
use http::uri::{Authority, Uri};
use lru::LruCache;
use rand::RngExt as _;

use super::gate::Answer;
use super::track::{Scope, Track};
use super::{MAX_ENDPOINT, Receiver};
use crate::dedupe::Key;
use crate::error::{ConfigError, ConfigErrorKind, ErrorKind};
use crate::head::Head;
use crate::prepared::Prepared;
use crate::provider::Provider;
use crate::secret::Secret;
use crate::verifier::Verifier;

/// How many lookups may go on at once: they run before anything is proved.
const AT_ONCE: usize = 64;

/// For how long, and of how many requests, it is remembered that they are for nobody.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);
const UNKNOWN: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// The longest path that is looked up, in bytes.
const MAX_PATH: usize = 2048;

/// Why a lookup failed.
pub type LookupError = Box<dyn Error + Send + Sync>;

type Lookup = Pin<Box<dyn Future<Output = Result<Option<Tenant>, LookupError>> + Send>>;

/// Whom a request is for, as far as its head says: nothing of it is proved yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    path: String,
    host: Option<String>,
}

impl Asked {
    /// `None` for a head that no tenant can have: its host is given twice, or is none.
    fn of<H: Head + ?Sized>(head: &H) -> Option<Asked> {
        let uri: Uri = head.target().parse().ok()?;
        let path = Some(uri.path()).filter(|path| path.len() <= MAX_PATH)?;
        let mut hosts = head.values(&HOST);
        let host = match (uri.authority(), hosts.next(), hosts.next()) {
            (Some(authority), _, _) => Some(authority.clone()),
            (None, Some(host), None) => Some(Authority::try_from(host).ok()?),
            (None, None, _) => None,
            (None, Some(_), Some(_)) => return None,
        };
        Some(Asked {
            path: path.to_owned(),
            host: host.map(|host| host.host().to_ascii_lowercase()),
        })
    }

    /// The path of the request, as it came to the adapter: nothing in it is decoded. Axum's `nest` takes its
    /// prefix away before a layer within it is asked; the scopes of actix-web take nothing away.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The host of the request, in lower case and without its port.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// What it is remembered by. Of a hash that nobody can find two texts for: an attacker could have a
    /// tenant taken for unknown otherwise.
    fn digest(&self) -> [u8; 32] {
        let host = self.host.as_deref().unwrap_or_default();
        *Key::new(host, &[self.path.as_bytes()], &[]).as_bytes()
    }
}

/// One of an endpoint's tenants.
#[derive(Debug, Clone)]
pub struct Tenant {
    name: String,
    secrets: Vec<Secret>,
}

impl Tenant {
    /// A tenant with its secrets. The name keeps its events apart from those of other tenants, and must not
    /// change: 1 to 256 bytes, none of them zero.
    pub fn new(name: impl Into<String>, secrets: impl IntoIterator<Item = Secret>) -> Self {
        Tenant {
            name: name.into(),
            secrets: secrets.into_iter().collect(),
        }
    }

    /// Its secrets for verification, and what its events are remembered under.
    fn prepare(
        self,
        endpoint: &str,
        provider: &Provider,
    ) -> Result<(Arc<Prepared>, Scope), LookupError> {
        let Tenant { name, secrets } = self;
        if name.is_empty() || name.len() > MAX_ENDPOINT || name.contains('\0') {
            return Err("a tenant needs a name of 1 to 256 bytes, none of them zero".into());
        }
        let verifier = Verifier::new(provider, &secrets)?;
        let scope = Scope {
            name: format!("{endpoint}\0{name}").into(),
            tenant: name.into(),
        };
        Ok((verifier.secrets().clone(), scope))
    }
}

/// The lookup of tenants, and its bounds.
pub(crate) struct Tenants {
    find: Box<dyn Fn(Asked) -> Lookup + Send + Sync>,
    running: AtomicUsize,
    /// Until when a request is known to be for nobody.
    unknown: Mutex<LruCache<[u8; 32], Duration>>,
}

/// A place among the lookups that run.
struct Place<'t>(&'t AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Tenants {
    /// What the request is verified under: its tenant's secrets, or, if it is for nobody, one that nobody
    /// has.
    pub(crate) async fn secrets<H: Head + ?Sized>(
        &self,
        head: &H,
        track: &mut Track,
    ) -> Result<Arc<Prepared>, Answer> {
        let gate = track.gate.clone();
        // What lacks the shape of a delivery costs no lookup.
        if let Err(error) = gate.config.verifier.begin(head) {
            return Err(track.refuse_unproved(error));
        }
        let asked = Asked::of(head);
        let nobodys = || gate.shared.secrets.load_full();
        let Some(asked) = asked else {
            return Ok(nobodys());
        };
        // Before it is asked whether it is known to be for nobody: whether there is a place must not tell.
        let Some(_place) = self.place() else {
            return Err(track.refuse(ErrorKind::TooManyLookups, &[]));
        };
        let digest = asked.digest();
        if self.is_unknown(&digest, gate.clock.monotonic()) {
            return Ok(nobodys());
        }
        // Called when it is polled, so that its panic is caught too.
        let find = lazy(|_| (self.find)(asked)).flatten();
        let found = AssertUnwindSafe(find).catch_unwind();
        let found = match gate.within(gate.config.store_timeout, found).await {
            Some(Ok(found)) => found,
            Some(Err(_)) => Err("the lookup panicked".into()),
            None => Err("the lookup took too long".into()),
        };
        let prepared = found.and_then(|found| {
            let config = &gate.config;
            let prepare = |tenant: Tenant| tenant.prepare(&config.endpoint, &config.provider);
            found.map(prepare).transpose()
        });
        match prepared {
            Ok(Some((secrets, scope))) => {
                track.tenant = Some(Arc::new(scope));
                Ok(secrets)
            }
            Ok(None) => {
                let until = gate.clock.monotonic().saturating_add(UNKNOWN_FOR);
                self.unknown().put(digest, until);
                Ok(nobodys())
            }
            Err(error) => Err(track.refuse_for(ErrorKind::SecretsUnavailable, Some(&*error), &[])),
        }
    }

    fn place(&self) -> Option<Place<'_>> {
        // Given back where it is dropped, also at once.
        let place = Place(&self.running);
        let before = self.running.fetch_add(1, Ordering::AcqRel);
        (before < AT_ONCE).then_some(place)
    }

    fn is_unknown(&self, digest: &[u8; 32], now: Duration) -> bool {
        let mut unknown = self.unknown();
        match unknown.get(digest) {
            Some(until) if now < *until => true,
            Some(_) => {
                unknown.pop(digest);
                false
            }
            None => false,
        }
    }

    fn unknown(&self) -> std::sync::MutexGuard<'_, LruCache<[u8; 32], Duration>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver {
    /// A receiver of one endpoint with many tenants, each with secrets of its own: for platforms.
    ///
    /// `find` is asked for each delivery whose they are, by its path or its host, in a database or a vault:
    ///
    /// ```
    /// use countersign::{Asked, Receiver, Secret, Tenant, provider};
    ///
    /// let receiver = Receiver::for_tenants("shops", provider::stripe(), |asked: Asked| async move {
    ///     let Some(shop) = asked.path().strip_prefix("/webhooks/stripe/") else {
    ///         return Ok(None);
    ///     };
    ///     # async fn secret_of(_: &str) -> Result<Option<String>, std::io::Error> { Ok(None) }
    ///     let Some(secret) = secret_of(shop).await? else {
    ///         return Ok(None);
    ///     };
    ///     Ok(Some(Tenant::new(shop, [Secret::new(secret)?])))
    /// })?;
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    ///
    /// It runs **before anything is proved**, so that anyone can make it run: 64 at once, further deliveries
    /// are answered 503. It has as long as a [call to the store](Receiver::with_timeouts); if it takes longer,
    /// fails or panics, or its secrets cannot be used, the answer is 500 and the outcome
    /// [`SecretsUnavailable`](crate::Outcome::SecretsUnavailable). One that blocks its thread, instead of
    /// awaiting, is cut off by nothing: a synchronous client belongs into `spawn_blocking` or `web::block`. That a request is for nobody is remembered
    /// for 10 seconds; tenants are not, so that a secret that changed counts at once, and a `find` that is
    /// dear should keep what it found.
    ///
    /// A delivery to nobody is verified under a secret that nobody has, and then refused like any other that
    /// does not verify; how long the lookup took tells all the same. Events of two tenants are never the same,
    /// whatever their ids, but they share the store: in a [`MemoryStore`](crate::MemoryStore) a tenant that
    /// sends many makes it forget the others' oldest.
    ///
    /// # Errors
    ///
    /// As [`Receiver::new`], but for secrets, and [`NotApplicable`](ConfigErrorKind::NotApplicable) for a
    /// provider with a public key, which all its tenants share.
    pub fn for_tenants<F, L>(
        endpoint: impl Into<String>,
        provider: Provider,
        find: F,
    ) -> Result<Self, ConfigError>
    where
        F: Fn(Asked) -> L + Send + Sync + 'static,
        L: Future<Output = Result<Option<Tenant>, LookupError>> + Send + 'static,
    {
        if provider.scheme().has_public_key() {
            return Err(ConfigError::new(
                ConfigErrorKind::NotApplicable,
                "this provider has a public key, which is no tenant's own",
            ));
        }
        let nobodys: [u8; 32] = rand::rng().random();
        let mut receiver = Receiver::new(endpoint, provider, [Secret::from_bytes(nobodys)?])?;
        receiver.config().tenants = Some(Arc::new(Tenants {
            find: Box::new(move |asked| Box::pin(find(asked))),
            running: AtomicUsize::default(),
            unknown: Mutex::new(LruCache::new(UNKNOWN)),
        }));
        Ok(receiver)
    }
}

impl fmt::Debug for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenants").finish_non_exhaustive()
    }
}
