//! The sealed scheme: the body is ciphertext, and its authentication tag is the proof.
//!
//! AES-256-GCM without associated data. The plaintext is UTF-16LE; a checksum beside it is SHA-256
//! of the same text in UTF-8. What is handed on is the UTF-8 text.

use std::borrow::Cow;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag};
use bytes::{Bytes, BytesMut};
use http::HeaderName;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::encoding::base64_array;
use super::key::{KeyEncoding, KeyFormat};
use super::signature::only_value;
use super::template::header_name;
use crate::error::{ConfigError, ConfigErrorKind, Error, ErrorKind};
use crate::head::Head;
use crate::secret::Secret;

/// A recipe for an encrypted body. Data only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedScheme {
    /// The header that holds the nonce: 12 bytes in Base64.
    pub nonce: Cow<'static, str>,
    /// The header that holds the authentication tag: 16 bytes in Base64.
    pub tag: Cow<'static, str>,
    /// The header that holds SHA-256 of the text in UTF-8: 32 bytes in Base64.
    pub checksum: Cow<'static, str>,
    /// The form of the 32-byte key.
    pub key: KeyFormat,
}

/// The recipe with its keys, checked and prepared.
pub(crate) struct SealedProof {
    ciphers: Vec<Aes256Gcm>,
    nonce: HeaderName,
    tag: HeaderName,
    checksum: HeaderName,
}

/// What the head of one delivery says.
#[derive(Default)]
pub(crate) struct SealedVerification {
    nonce: [u8; 12],
    tag: [u8; 16],
    checksum: [u8; 32],
}

impl SealedProof {
    pub(crate) fn new(scheme: &SealedScheme, secrets: &[Secret]) -> Result<Self, ConfigError> {
        let cipher = |secret: &Secret| {
            let key = scheme.key.decode(secret)?;
            Aes256Gcm::new_from_slice(&key).map_err(|_| {
                let expected = match scheme.key.encoding {
                    KeyEncoding::Text => "a text of 32 characters",
                    _ => "an encoding of 32 bytes",
                };
                ConfigError::new(
                    ConfigErrorKind::SecretEncoding,
                    format!("the secret is not {expected}, which an AES-256 key is"),
                )
            })
        };
        let proof = SealedProof {
            ciphers: secrets.iter().map(cipher).collect::<Result<_, _>>()?,
            nonce: header_name(&scheme.nonce)?,
            tag: header_name(&scheme.tag)?,
            checksum: header_name(&scheme.checksum)?,
        };
        if proof.nonce == proof.tag || proof.nonce == proof.checksum || proof.tag == proof.checksum
        {
            return Err(ConfigError::new(
                ConfigErrorKind::BadScheme,
                "nonce, tag and checksum need a header each",
            ));
        }
        Ok(proof)
    }

    pub(crate) fn begin<H: Head + ?Sized>(&self, head: &H) -> Result<SealedVerification, Error> {
        let nonce = only_value(head, &self.nonce).map_err(of_nonce)?;
        let tag = only_value(head, &self.tag).map_err(of_tag)?;
        let checksum = only_value(head, &self.checksum).map_err(of_checksum)?;

        let nonce = nonce.ok_or(of_nonce(ErrorKind::MissingHeader))?;
        let tag = tag.ok_or(of_tag(ErrorKind::MissingHeader))?;
        let checksum = checksum.ok_or(of_checksum(ErrorKind::MissingHeader))?;

        Ok(SealedVerification {
            nonce: base64_array(nonce).ok_or(of_nonce(ErrorKind::MalformedHeader))?,
            tag: base64_array(tag).ok_or(of_tag(ErrorKind::MalformedHeader))?,
            checksum: base64_array(checksum).ok_or(of_checksum(ErrorKind::MalformedHeader))?,
        })
    }
}

impl SealedVerification {
    /// Opens the body: the index of the secret that did, and the text in UTF-8.
    pub(crate) fn finish(&self, proof: &SealedProof, body: Bytes) -> Result<(usize, Bytes), Error> {
        // Decrypted in place; only a body that somebody else holds too is copied first.
        let mut text = body
            .try_into_mut()
            .unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        let nonce = Nonce::from(self.nonce);
        let tag = Tag::from(self.tag);
        // The tag is checked before a byte is decrypted, so that a wrong key leaves the ciphertext
        // as it was for the next one.
        let key = proof
            .ciphers
            .iter()
            .position(|cipher| {
                cipher
                    .decrypt_inout_detached(&nonce, b"", text.as_mut().into(), &tag)
                    .is_ok()
            })
            .ok_or(Error::new(ErrorKind::SignatureMismatch))?;
        let text = utf8(&text).ok_or(Error::of(ErrorKind::MalformedPayload, "not UTF-16LE"))?;
        let marked = text.as_bytes();
        let plain = text.strip_prefix('\u{feff}').unwrap_or(&text).as_bytes();
        // It is not said whether a byte order mark counts, so that either sum is taken.
        if !self.is_checksum_of(plain) && !self.is_checksum_of(marked) {
            return Err(Error::of(ErrorKind::MalformedPayload, "wrong checksum"));
        }
        let mark = marked.len() - plain.len();
        Ok((key, Bytes::from(text).slice(mark..)))
    }

    fn is_checksum_of(&self, text: &[u8]) -> bool {
        Sha256::digest(text).as_slice().ct_eq(&self.checksum).into()
    }
}

/// The UTF-16LE text as UTF-8; `None` for half a unit or half a pair.
fn utf8(utf16: &[u8]) -> Option<String> {
    let (units, half) = utf16.as_chunks::<2>();
    if !half.is_empty() {
        return None;
    }
    // Most of it is JSON punctuation and ASCII: one byte a unit, with a little room to spare.
    let mut text = String::with_capacity(units.len() + units.len() / 16);
    for c in char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit))) {
        text.push(c.ok()?);
    }
    Some(text)
}

fn of_nonce(kind: ErrorKind) -> Error {
    Error::of(kind, "nonce header")
}

fn of_tag(kind: ErrorKind) -> Error {
    Error::of(kind, "tag header")
}

fn of_checksum(kind: ErrorKind) -> Error {
    Error::of(kind, "checksum header")
}

impl std::fmt::Debug for SealedProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedProof({} keys)", self.ciphers.len())
    }
}
