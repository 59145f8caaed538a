//! The flow's left half: configuration ([`Verifier`]), a delivery being verified
//! ([`Verification`]), and the proof ([`Verified`]).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::body::Body;
use crate::error::{ConfigError, ConfigErrorKind, Error, ErrorKind};
use crate::event::Identity;
use crate::head::Head;
use crate::prepared::Prepared;
use crate::proof::State;
use crate::provider::Provider;
use crate::scheme::Scheme;
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::verified::Verified;
use crate::window::Tolerance;

/// The most secrets one verifier takes: each costs a forger's request one more hash.
const MAX_SECRETS: usize = 8;

/// A provider's scheme with the merchant's secrets: says of a delivery whether it is genuine.
///
/// Making one decodes the secrets and prepares their keys; verifying then allocates nothing for
/// an HMAC scheme and a body in one chunk. Cloning is cheap.
///
/// ```
/// use countersign::{ErrorKind, Secret, UnixTime, Verifier, provider};
///
/// let verifier = Verifier::new(&provider::fourpay(), &[Secret::new("your-secret-string")?])?;
/// let request = http::Request::post("/webhooks/4pay").header("X-Webhook-Signature", "00").body(())?;
/// let verdict = verifier.verify(&request, "{}", UnixTime::from_secs(1_800_000_000));
/// assert_eq!(verdict.unwrap_err().kind(), ErrorKind::MalformedHeader);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    prepared: Arc<Prepared>,
    tolerance: Option<Tolerance>,
    body_limit: usize,
}

impl Verifier {
    /// A verifier of the provider's deliveries under `secrets`, which are keys of **one** sender
    /// during rotation: at least one, at most 8.
    ///
    /// # Errors
    ///
    /// If a secret does not decode, if the secrets mix a provider's live and test modes, if the
    /// provider's scheme is contradictory, or if something only the merchant knows is missing.
    pub fn new(provider: &Provider, secrets: &[Secret]) -> Result<Self, ConfigError> {
        if secrets.is_empty() {
            return Err(ConfigError::new(
                ConfigErrorKind::NoSecret,
                "no secret was given; without one nothing can be verified",
            ));
        }
        if secrets.len() > MAX_SECRETS {
            return Err(ConfigError::new(
                ConfigErrorKind::TooManySecrets,
                "more than 8 secrets; they are one sender's keys during rotation, so drop old ones",
            ));
        }
        if *provider.scheme() == Scheme::DangerousUnsigned {
            return Err(ConfigError::new(
                ConfigErrorKind::BadScheme,
                "nothing is signed, so that nothing can be verified; see \
                 Receiver::dangerously_unsigned",
            ));
        }
        provider.refuse_mixed_modes(secrets)?;
        Verifier::prepared(provider, secrets)
    }

    /// Of a provider that signs nothing.
    ///
    /// # Errors
    ///
    /// If it has a scheme.
    pub(crate) fn unsigned(provider: &Provider) -> Result<Self, ConfigError> {
        Verifier::prepared(provider, &[])
    }

    fn prepared(provider: &Provider, secrets: &[Secret]) -> Result<Self, ConfigError> {
        Ok(Verifier {
            prepared: Arc::new(Prepared::new(provider, secrets)?),
            tolerance: provider.tolerance(),
            body_limit: provider.body_limit(),
        })
    }

    /// Sets how far a signed timestamp may be from now, in the past and in the future. Without
    /// effect where nothing signed holds a time.
    #[must_use]
    pub fn with_tolerance(mut self, past: Duration, future: Duration) -> Self {
        if self.tolerance.is_some() {
            self.tolerance = Some(Tolerance { past, future });
        }
        self
    }

    /// Sets the longest body in bytes; exactly that passes.
    #[must_use]
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// The time window, where a timestamp is signed.
    pub fn tolerance(&self) -> Option<Tolerance> {
        self.tolerance
    }

    /// The longest body in bytes.
    pub fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// Verifies a delivery whose body is there. `now` is the wall clock.
    ///
    /// # Errors
    ///
    /// The first fault in this order: duplicate, missing or malformed header, body limit,
    /// signature, payload, time window.
    #[inline]
    pub fn verify<H: Head + ?Sized>(
        &self,
        head: &H,
        body: impl Into<Bytes>,
        now: UnixTime,
    ) -> Result<Verified, Error> {
        let mut state = self.prepared.state();
        self.prepared.begin(head, &mut state)?;
        let body = body.into();
        if body.len() > self.body_limit {
            return Err(Error::new(ErrorKind::BodyTooLarge));
        }
        self.prepared.conclude(&state, body, self.tolerance, now)
    }

    /// The events of a verified delivery, in the order they stand in it: one, or as many as a batch
    /// holds. What cannot be identified is one event under the digest of its bytes.
    pub fn identify(&self, verified: &Verified) -> Vec<Identity> {
        self.prepared.identify(verified)
    }

    /// Begins to verify a delivery from its head.
    ///
    /// # Errors
    ///
    /// A duplicate, missing or malformed header: nothing of the body need then be read.
    #[inline]
    pub fn begin<'h, H: Head + ?Sized>(&self, head: &'h H) -> Result<Verification<'h>, Error> {
        let mut verification = self.verification(self.prepared.clone());
        self.prepared.begin(head, &mut verification.state)?;
        Ok(verification)
    }

    /// The same with other secrets, in a box, for who would move it often.
    pub(crate) fn begin_boxed<'h, H: Head + ?Sized>(
        &self,
        prepared: Arc<Prepared>,
        head: &'h H,
    ) -> Result<Box<Verification<'h>>, Error> {
        let mut verification = Box::new(self.verification(prepared));
        let Verification {
            prepared, state, ..
        } = &mut *verification;
        prepared.begin(head, state)?;
        Ok(verification)
    }

    pub(crate) fn secrets(&self) -> &Arc<Prepared> {
        &self.prepared
    }

    #[inline]
    fn verification<'h>(&self, prepared: Arc<Prepared>) -> Verification<'h> {
        Verification {
            state: prepared.state(),
            prepared,
            tolerance: self.tolerance,
            body_limit: self.body_limit,
            body: Body::default(),
        }
    }
}

/// A delivery being verified, chunk by chunk. However the body is cut, the verdict is the same.
///
/// It owns the keys it began with and borrows the head, which holds the signatures.
pub struct Verification<'h> {
    prepared: Arc<Prepared>,
    tolerance: Option<Tolerance>,
    body_limit: usize,
    state: State<'h>,
    body: Body,
}

impl Verification<'_> {
    /// Says how long the body will be, as `Content-Length` has it, so that room is made once. The
    /// number is the sender's: it is capped by the body limit, and believed only once bytes came.
    ///
    /// # Errors
    ///
    /// [`BodyTooLarge`](ErrorKind::BodyTooLarge) if it is over the limit.
    pub fn expect(&mut self, bytes: u64) -> Result<(), Error> {
        match usize::try_from(bytes) {
            Ok(bytes) if bytes <= self.body_limit => {
                if !self.body.joins() {
                    self.body = Body::with_declared(bytes);
                }
                Ok(())
            }
            _ => Err(Error::new(ErrorKind::BodyTooLarge)),
        }
    }

    /// Takes the next chunk of the body. A body in one chunk is never copied.
    ///
    /// # Errors
    ///
    /// [`BodyTooLarge`](ErrorKind::BodyTooLarge) as soon as the chunks are over the limit.
    #[inline]
    pub fn update(&mut self, chunk: impl Into<Bytes>) -> Result<(), Error> {
        let chunk = chunk.into();
        if chunk.len() > self.body_limit - self.body.len() {
            return Err(Error::new(ErrorKind::BodyTooLarge));
        }
        if chunk.is_empty() {
            return Ok(());
        }
        if self.body.joins() {
            self.prepared
                .update(&mut self.state, self.body.first(), &chunk);
        }
        self.body.push(chunk);
        Ok(())
    }

    /// The verdict on the whole body. `now` is the wall clock.
    ///
    /// # Errors
    ///
    /// The first fault in this order: signature, payload, time window.
    #[inline]
    pub fn finish(mut self, now: UnixTime) -> Result<Verified, Error> {
        self.verdict(now)
    }

    /// The verdict on the whole body, which is taken from it.
    #[inline]
    pub(crate) fn verdict(&mut self, now: UnixTime) -> Result<Verified, Error> {
        let body = std::mem::take(&mut self.body).finish();
        self.prepared
            .conclude(&self.state, body, self.tolerance, now)
    }

    /// How many bytes would be held after another chunk of `more` bytes.
    pub(crate) fn footprint_with(&self, more: usize) -> usize {
        self.body.footprint_with(more)
    }

    /// The signed timestamp, where there is one. Not yet proved to be the sender's.
    pub(crate) fn claimed_timestamp(&self) -> Option<UnixTime> {
        match &self.state {
            State::Hmac(state) => state.timestamp(),
            State::Message(state) => state.timestamp(),
            State::Sealed(_) | State::Jwt(_) | State::Token(_) | State::Unsigned => None,
        }
    }
}

impl std::fmt::Debug for Verification<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verification")
            .field("received", &self.body.len())
            .finish_non_exhaustive()
    }
}
