//! Static tokens: the same text in a header, each time. It proves that the sender knows it, and nothing
//! about what was sent.

use std::borrow::Cow;

use http::HeaderName;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::MAX_HEADER;
use super::key::KeyFormat;
use super::signature::only_value;
use super::template::header_name;
use crate::error::{ConfigError, Error, ErrorKind};
use crate::head::Head;
use crate::secret::Secret;

/// A recipe for a secret that is sent along with each delivery. Data only.
///
/// Whoever sees one delivery can make any other, and change a genuine one on its way. Nothing of the
/// body is proved, so that no id in it is a dedupe key unless the merchant says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenScheme {
    /// The header that holds the token.
    pub header: Cow<'static, str>,
    /// The form of the token.
    pub key: KeyFormat,
}

/// The recipe with its tokens, checked and prepared.
#[derive(Debug)]
pub(crate) struct TokenProof {
    header: HeaderName,
    tokens: Vec<Hashed>,
}

/// A token's SHA-256: compared in its place, so that the time tells nothing, not even a length.
#[derive(Clone, Copy)]
struct Hashed([u8; 32]);

impl TokenProof {
    pub(crate) fn new(scheme: &TokenScheme, secrets: &[Secret]) -> Result<Self, ConfigError> {
        let hashed = |secret: &Secret| {
            let token = scheme.key.decode_shared(secret)?;
            Ok(Hashed(Sha256::digest(&token).into()))
        };
        Ok(TokenProof {
            header: header_name(&scheme.header)?,
            tokens: secrets.iter().map(hashed).collect::<Result<_, _>>()?,
        })
    }

    /// The index of the token that was sent; `None` for another one.
    pub(crate) fn begin<H: Head + ?Sized>(&self, head: &H) -> Result<Option<usize>, Error> {
        let fault = |kind| Error::of(kind, "token header");
        let sent = only_value(head, &self.header).map_err(fault)?;
        let sent = sent.ok_or(fault(ErrorKind::MissingHeader))?;
        if sent.is_empty() || sent.len() > MAX_HEADER {
            return Err(fault(ErrorKind::MalformedHeader));
        }
        let sent: [u8; 32] = Sha256::digest(sent).into();
        let mut tokens = self.tokens.iter();
        Ok(tokens.position(|token| token.0.ct_eq(&sent).into()))
    }
}

impl std::fmt::Debug for Hashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hashed(redacted)")
    }
}
