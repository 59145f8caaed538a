//! One way in which the delivery may have been meant, and whether it verifies.

use bytes::Bytes;
use zeroize::Zeroizing;

use super::{Captured, Question};
use crate::error::{ConfigError, Error, ErrorKind};
use crate::provider::Provider;
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::verified::Verified;
use crate::verifier::Verifier;

/// A key to try: a text that the scheme decodes, or the key itself.
pub(super) enum Key {
    Text(Zeroizing<String>),
    Bytes(Zeroizing<Vec<u8>>),
}

impl Key {
    pub(super) fn text(text: &str) -> Key {
        Key::Text(Zeroizing::new(text.to_owned()))
    }

    /// The bytes that the provider's scheme makes of it, if any.
    pub(super) fn bytes(&self, provider: &Provider) -> Option<Zeroizing<Vec<u8>>> {
        provider.scheme().key().decode(&self.secret().ok()?).ok()
    }

    fn secret(&self) -> Result<Secret, ConfigError> {
        match self {
            Key::Text(text) => Secret::new(text.as_str()),
            Key::Bytes(bytes) => Secret::from_bytes(bytes.to_vec()),
        }
    }
}

/// What a hypothesis makes of scheme, key and body.
pub(super) struct Attempt<'a> {
    pub(super) provider: &'a Provider,
    pub(super) key: &'a Key,
    pub(super) body: &'a Bytes,
}

/// How an attempt ended.
pub(super) enum Trial {
    Verified(Box<(Verified, Verifier)>),
    /// Only the time is wrong; the moment that was signed, at which it verifies.
    AnotherTime(Error, UnixTime),
    Refused(Error),
    /// Scheme and key do not go together.
    Impossible(ConfigError),
}

impl Attempt<'_> {
    pub(super) fn verify(&self, question: &Question<'_>) -> Trial {
        let verifier = self
            .key
            .secret()
            .and_then(|secret| Verifier::new(self.provider, &[secret]));
        let verifier = match verifier {
            Ok(verifier) => match question.tolerance {
                Some(tolerance) => verifier.with_tolerance(tolerance, tolerance),
                None => verifier,
            },
            Err(error) => return Trial::Impossible(error),
        };
        match self.at(&verifier, question.delivery, question.now) {
            Ok(verified) => Trial::Verified(Box::new((verified, verifier))),
            Err(error) => match error.kind() {
                ErrorKind::TimestampStale | ErrorKind::TimestampFuture => {
                    match self.signed_time(&verifier, question.delivery, question.now) {
                        Some(time) => Trial::AnotherTime(error, time),
                        None => Trial::Refused(error),
                    }
                }
                _ => Trial::Refused(error),
            },
        }
    }

    fn at(
        &self,
        verifier: &Verifier,
        delivery: &Captured,
        now: UnixTime,
    ) -> Result<Verified, Error> {
        verifier.verify(delivery, self.body.clone(), now)
    }

    /// The signed time, if the delivery verifies at that moment.
    fn signed_time(
        &self,
        verifier: &Verifier,
        delivery: &Captured,
        now: UnixTime,
    ) -> Option<UnixTime> {
        let ever = std::time::Duration::MAX;
        let endless = verifier.clone().with_tolerance(ever, ever);
        // A token that has run out verifies at no tolerance, but at an early enough time.
        let early = UnixTime::from_secs(0);
        let found = self.at(&endless, delivery, now);
        let found = found.or_else(|_| self.at(&endless, delivery, early));
        let signed = found.ok()?.timestamp()?;
        self.at(verifier, delivery, signed).ok()?;
        Some(signed)
    }
}
