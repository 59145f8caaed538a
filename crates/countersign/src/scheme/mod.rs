//! How a delivery is proved: schemes, as data.

mod encoding;
mod faults;
mod grammar;
mod hmac;
#[cfg(feature = "public-key")]
mod jwk;
mod jwt;
mod key;
mod message;
#[cfg(feature = "public-key")]
mod public_key;
mod sealed;
mod signature;
mod template;
mod token;

use bytes::Bytes;
use serde::Deserialize;

#[cfg(not(feature = "public-key"))]
use crate::error::{ConfigError, ConfigErrorKind};
use crate::time::UnixTime;

pub use self::encoding::SignatureEncoding;
pub use self::grammar::{Grammar, Prefix};
pub use self::hmac::{HmacAlgorithm, HmacScheme};
pub use self::jwt::{BodyHash, HashNeeded, JwtAlgorithms, JwtScheme};
pub use self::key::{KeyEncoding, KeyFormat};
pub use self::message::{MessageAlgorithm, MessageScheme, Ports, SignatureSource};
pub use self::sealed::SealedScheme;
pub use self::signature::{SignatureFormat, TimestampFormat, TimestampSource};
pub use self::token::TokenScheme;

pub(crate) use self::hmac::{HmacProof, HmacVerification, MAX_SIGNED_VALUE, prepare};
pub(crate) use self::jwt::{JwtProof, JwtVerification};
pub(crate) use self::message::{MessageProof, MessageVerification, form};
pub(crate) use self::sealed::{SealedProof, SealedVerification};
pub(crate) use self::signature::only_value;
pub(crate) use self::token::TokenProof;

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
    /// A signature over a message put together from parts of the delivery: URLs, forms, fields of the
    /// body; also plain hashes, and public keys.
    Message(MessageScheme),
    /// A JSON Web Token in a header.
    Jwt(JwtScheme),
    /// The same secret in a header each time. It proves nothing about the body.
    DangerousToken(TokenScheme),
    /// No proof at all. No [`Verifier`](crate::Verifier) takes it: see
    /// [`Receiver::dangerously_unsigned`](crate::Receiver::dangerously_unsigned).
    DangerousUnsigned,
}

impl Scheme {
    /// The form of the secret or of the key.
    pub fn key(&self) -> &KeyFormat {
        match self {
            Scheme::Hmac(scheme) => &scheme.key,
            Scheme::Sealed(scheme) => &scheme.key,
            Scheme::Message(scheme) => &scheme.key,
            Scheme::Jwt(scheme) => &scheme.key,
            Scheme::DangerousToken(scheme) => &scheme.key,
            Scheme::DangerousUnsigned => &KeyFormat::TEXT,
        }
    }

    /// Whether it signs the URL that the provider was given, so that a verifier has to know it.
    pub fn signs_url(&self) -> bool {
        match self {
            Scheme::Message(scheme) => scheme.signs_url(),
            Scheme::Jwt(scheme) => scheme.url_hash.is_some(),
            _ => false,
        }
    }

    /// Where the signed timestamp stands, if there is one and it is not in a token.
    pub fn timestamp(&self) -> Option<&TimestampFormat> {
        match self {
            Scheme::Hmac(scheme) => scheme.timestamp.as_ref(),
            Scheme::Message(scheme) => scheme.timestamp.as_ref(),
            _ => None,
        }
    }

    /// How much of the body a delivery with this proof covers at most. What one really covers, its
    /// [`Verified`](crate::Verified) says.
    pub fn coverage(&self) -> Coverage {
        match self {
            Scheme::Hmac(_) | Scheme::Sealed(_) => Coverage::WholeBody,
            Scheme::Message(scheme) => scheme.coverage(),
            Scheme::Jwt(scheme) if scheme.body_hash.is_some() => Coverage::WholeBody,
            Scheme::Jwt(_) | Scheme::DangerousToken(_) | Scheme::DangerousUnsigned => {
                Coverage::Nothing
            }
        }
    }

    /// Whether it is verified with a public key, so that nobody can sign but who holds the private one.
    pub fn has_public_key(&self) -> bool {
        match self {
            Scheme::Message(scheme) => scheme.algorithm.is_public_key(),
            Scheme::Jwt(scheme) => scheme.algorithms == JwtAlgorithms::Es256,
            _ => false,
        }
    }

    /// Whether what proves a delivery is the same each time, so that whoever saw one can make another.
    pub fn is_token_only(&self) -> bool {
        match self {
            Scheme::DangerousToken(_) | Scheme::DangerousUnsigned => true,
            Scheme::Message(scheme) => scheme.is_static(),
            _ => false,
        }
    }
}

/// How much of a delivery's body the proof covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum Coverage {
    /// Every byte of the body, or every field of a form.
    WholeBody,
    /// Some fields of the body, or a check sum of it that anyone can hit: what else it says may have
    /// been changed by whoever has seen one delivery.
    PartOfBody,
    /// Nothing of the body: it may be anybody's.
    Nothing,
}

/// What a scheme other than [`Scheme::Hmac`] has found to be proved.
pub(crate) struct Proved {
    pub(crate) key_index: usize,
    pub(crate) payload: Bytes,
    pub(crate) timestamp: Option<UnixTime>,
    /// When the proof ends, whatever the tolerance.
    pub(crate) expires: Option<UnixTime>,
    /// The signed header that is the message id.
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) coverage: Coverage,
    /// What tells one event from another, where it is not the SHA-256 of the body alone.
    pub(crate) content: Option<Box<[u8; 32]>>,
}

impl Proved {
    /// Of a scheme that signs no time and no id.
    pub(crate) fn of(key_index: usize, payload: Bytes, coverage: Coverage) -> Proved {
        Proved {
            key_index,
            payload,
            timestamp: None,
            expires: None,
            id: None,
            coverage,
            content: None,
        }
    }
}

#[cfg(not(feature = "public-key"))]
fn without_public_keys() -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::BadScheme,
        "this scheme is verified with a public key, for which the crate's feature public-key is \
         needed",
    )
}
