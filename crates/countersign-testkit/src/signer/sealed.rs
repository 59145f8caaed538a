//! The sealed scheme: AES-256-GCM over UTF-16LE, with a checksum of the UTF-8 text.

use std::fmt;

use bytes::Bytes;
use countersign::Secret;
use countersign::scheme::SealedScheme;
use data_encoding::BASE64;
use http::HeaderName;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};

use super::signed::OCTETS;
use super::{SignError, SignErrorKind, Signed, header_name, header_value, key, random};

#[derive(Clone)]
pub(super) struct SealedSigner {
    key: LessSafeKey,
    nonce: HeaderName,
    tag: HeaderName,
    checksum: HeaderName,
}

impl SealedSigner {
    pub(super) fn new(scheme: &SealedScheme, secret: &Secret) -> Result<Self, SignError> {
        let key = key::decode(&scheme.key, secret)?;
        let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| key::wrong_form_of_secret())?;
        Ok(SealedSigner {
            key: LessSafeKey::new(key),
            nonce: header_name(&scheme.nonce)?,
            tag: header_name(&scheme.tag)?,
            checksum: header_name(&scheme.checksum)?,
        })
    }

    pub(super) fn sign(&self, text: &[u8]) -> Result<Signed, SignError> {
        let text = std::str::from_utf8(text).map_err(|_| {
            SignError::new(
                SignErrorKind::NotText,
                "the body of a sealed delivery must be UTF-8 text; it is encrypted here",
            )
        })?;
        let checksum = digest(&SHA256, text.as_bytes());
        let nonce: [u8; 12] = random()?;
        let mut body: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::empty(),
                &mut body,
            )
            .map_err(|_| {
                SignError::new(
                    SignErrorKind::NotText,
                    "the body is too long for the cipher",
                )
            })?;
        let value = |bytes: &[u8]| header_value(&BASE64.encode(bytes));
        let headers = vec![
            (self.tag.clone(), value(tag.as_ref())?),
            (self.nonce.clone(), value(&nonce)?),
            (self.checksum.clone(), value(checksum.as_ref())?),
        ];
        Ok(Signed::new(headers, Bytes::from(body), OCTETS))
    }
}

impl fmt::Debug for SealedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSigner").finish_non_exhaustive()
    }
}
