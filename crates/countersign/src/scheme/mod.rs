//! How a delivery is proved: schemes, as data.

mod encoding;
mod hmac;
mod key;
mod sealed;
mod signature;
mod template;

use serde::Deserialize;

pub use self::encoding::SignatureEncoding;
pub use self::hmac::{HmacAlgorithm, HmacScheme};
pub use self::key::{KeyEncoding, KeyFormat};
pub use self::sealed::SealedScheme;
pub use self::signature::{Grammar, Prefix, SignatureFormat, TimestampFormat, TimestampSource};

pub(crate) use self::hmac::{HmacProof, HmacVerification, MAX_SIGNED_VALUE};
pub(crate) use self::sealed::{SealedProof, SealedVerification};

/// The longest value of one header that is read at all, in bytes.
pub(crate) const MAX_HEADER: usize = 8 * 1024;

/// How a provider proves that a delivery is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// A keyed hash over the body, and often a timestamp and an id, in a header.
    Hmac(HmacScheme),
    /// The body is encrypted and authenticated: AES-256-GCM.
    Sealed(SealedScheme),
}

/// How much of a delivery the proof covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum Coverage {
    /// Every byte of the body.
    WholeBody,
}
