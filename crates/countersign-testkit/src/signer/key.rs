//! The signer's own reading of a secret.

use countersign::Secret;
use countersign::scheme::{KeyEncoding, KeyFormat};
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER_PERMISSIVE};

use super::{SignError, SignErrorKind};

/// The bytes of the key. Whether it is long enough is the verifier's to say.
pub(super) fn decode(format: &KeyFormat, secret: &Secret) -> Result<Vec<u8>, SignError> {
    if !secret.is_text() {
        return Ok(secret.expose().to_vec());
    }
    let mut text = secret.expose();
    for prefix in format.strip_prefix.iter() {
        if let Some(rest) = text.strip_prefix(prefix.as_bytes()) {
            text = rest;
            break;
        }
    }
    let key = match format.encoding {
        KeyEncoding::Text => Some(text.to_vec()),
        KeyEncoding::Hex => HEXLOWER_PERMISSIVE.decode(text).ok(),
        KeyEncoding::Base64 => BASE64.decode(text).ok(),
        KeyEncoding::Base64PaddingOptional if text.ends_with(b"=") => BASE64.decode(text).ok(),
        KeyEncoding::Base64PaddingOptional => BASE64_NOPAD.decode(text).ok(),
        _ => None,
    };
    key.filter(|key| !key.is_empty())
        .ok_or_else(wrong_form_of_secret)
}

pub(super) fn wrong_form_of_secret() -> SignError {
    SignError::new(
        SignErrorKind::SecretEncoding,
        "the secret is not in the form that the scheme asks for",
    )
}
