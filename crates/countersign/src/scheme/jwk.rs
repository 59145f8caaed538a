//! A public key on P-256 as a JSON Web Key, in the form in which Plaid's API hands it out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::{ConfigError, ConfigErrorKind};

/// What of it counts (RFC 7517 and 7518). The rest describes the key, as `kid` does: all keys are tried.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    /// The private number.
    d: Option<IgnoredAny>,
    /// When Plaid took the key out of use.
    expired_at: Option<IgnoredAny>,
}

/// The point of the key, uncompressed. Whether it is on the curve, this does not say.
///
/// # Errors
///
/// [`SecretEncoding`](ConfigErrorKind::SecretEncoding) for whatever is no such key, for a private one, and
/// for one that its issuer says to be expired.
pub(super) fn p256_point(text: &[u8]) -> Result<Vec<u8>, ConfigError> {
    let refused = |why| ConfigError::new(ConfigErrorKind::SecretEncoding, why);
    let expected = refused(
        "the key is not a JSON Web Key on the curve P-256: {\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":…,\"y\":…}, \
         for signatures by ES256",
    );
    let Ok(key) = serde_json::from_slice::<Jwk>(text) else {
        return Err(expected);
    };
    if key.d.is_some() {
        return Err(refused(super::public_key::IS_PRIVATE));
    }
    if key.expired_at.is_some() {
        return Err(refused(
            "this key says expired_at, so that its provider signs with it no longer: fetch the one of the \
             token's kid",
        ));
    }
    let is_for = |said: &Option<String>, wanted| said.as_deref().is_none_or(|said| said == wanted);
    let fits = key.kty == "EC"
        && key.crv == "P-256"
        && is_for(&key.alg, "ES256")
        && is_for(&key.used_for, "sig");
    match (coordinate(&key.x), coordinate(&key.y)) {
        (Some(x), Some(y)) if fits => Ok([&[4], &x[..], &y[..]].concat()),
        _ => Err(expected),
    }
}

fn coordinate(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}
