//! Whether one of the received signatures is that of a message under a key.

use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::MessageAlgorithm;
use crate::error::ConfigError;
use crate::scheme::hmac::prepare;
use crate::scheme::key::KeyFormat;
#[cfg(feature = "public-key")]
use crate::scheme::public_key::PublicKey;
use crate::secret::Secret;

/// A key, prepared.
pub(super) enum Key {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
    /// Of a plain hash, with the secret somewhere in the message.
    Within(Plain, Zeroizing<Vec<u8>>),
    #[cfg(feature = "public-key")]
    Public(PublicKey),
}

#[derive(Clone, Copy)]
pub(super) enum Plain {
    Sha256,
    Sha512,
}

/// Takes the pieces of a message one after the other.
pub(super) type Sink<'s> = dyn FnMut(&[u8]) + 's;

impl Key {
    pub(super) fn new(
        algorithm: MessageAlgorithm,
        format: &KeyFormat,
        secret: &Secret,
    ) -> Result<Key, ConfigError> {
        if algorithm.is_public_key() {
            return Key::public(algorithm, format, secret);
        }
        let key = format.decode_shared(secret)?;
        Ok(match algorithm {
            MessageAlgorithm::HmacSha1 => Key::Sha1(prepare(&key)?),
            MessageAlgorithm::HmacSha512 => Key::Sha512(prepare(&key)?),
            MessageAlgorithm::Sha256 => Key::Within(Plain::Sha256, key),
            MessageAlgorithm::Sha512 => Key::Within(Plain::Sha512, key),
            _ => Key::Sha256(prepare(&key)?),
        })
    }

    #[cfg(feature = "public-key")]
    fn public(
        algorithm: MessageAlgorithm,
        format: &KeyFormat,
        secret: &Secret,
    ) -> Result<Key, ConfigError> {
        PublicKey::new(algorithm, format, secret).map(Key::Public)
    }

    #[cfg(not(feature = "public-key"))]
    fn public(_: MessageAlgorithm, _: &KeyFormat, _: &Secret) -> Result<Key, ConfigError> {
        Err(crate::scheme::without_public_keys())
    }

    /// The secret's bytes, where they are part of the message.
    pub(super) fn within(&self) -> &[u8] {
        match self {
            Key::Within(_, secret) => secret,
            _ => b"",
        }
    }

    /// Whether one of `signatures` is the message's. `feed` hands the message's pieces over.
    pub(super) fn verifies(&self, signatures: &[Vec<u8>], feed: &dyn Fn(&mut Sink<'_>)) -> bool {
        match self {
            Key::Sha1(state) => is_any(signatures, &mac(state.clone(), feed)),
            Key::Sha256(state) => is_any(signatures, &mac(state.clone(), feed)),
            Key::Sha512(state) => is_any(signatures, &mac(state.clone(), feed)),
            Key::Within(Plain::Sha256, _) => is_any(signatures, &hash::<Sha256>(feed)),
            Key::Within(Plain::Sha512, _) => is_any(signatures, &hash::<Sha512>(feed)),
            #[cfg(feature = "public-key")]
            Key::Public(key) => {
                let mut message = Vec::new();
                feed(&mut |piece| message.extend_from_slice(piece));
                signatures
                    .iter()
                    .any(|signature| key.verifies(&message, signature))
            }
        }
    }
}

/// The fewest and the most bytes that a signature has.
pub(super) fn signature_length(algorithm: MessageAlgorithm) -> (usize, usize) {
    match algorithm {
        MessageAlgorithm::HmacSha1 => (20, 20),
        MessageAlgorithm::HmacSha256 | MessageAlgorithm::Sha256 => (32, 32),
        MessageAlgorithm::HmacSha512 | MessageAlgorithm::Sha512 | MessageAlgorithm::Ed25519 => {
            (64, 64)
        }
        // Two whole numbers in DER, each of 1 to 33 bytes.
        MessageAlgorithm::EcdsaP256Sha256 => (8, 72),
        // As long as the modulus.
        MessageAlgorithm::RsaSha256 => (256, 1024),
    }
}

fn mac<M: Mac>(mut state: M, feed: &dyn Fn(&mut Sink<'_>)) -> Vec<u8> {
    feed(&mut |piece| state.update(piece));
    state.finalize().into_bytes().to_vec()
}

fn hash<D: Digest>(feed: &dyn Fn(&mut Sink<'_>)) -> Vec<u8> {
    let mut state = D::new();
    feed(&mut |piece| state.update(piece));
    state.finalize().to_vec()
}

/// In constant time, and one comparison a signature.
fn is_any(signatures: &[Vec<u8>], expected: &[u8]) -> bool {
    signatures.iter().fold(false, |found, signature| {
        found | bool::from(signature.as_slice().ct_eq(expected))
    })
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(redacted)")
    }
}
