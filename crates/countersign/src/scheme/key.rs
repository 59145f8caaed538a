//! Turning secrets into keys: the one place that decodes them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{ConfigError, ConfigErrorKind};
use crate::secret::Secret;

/// The fewest bytes of a key that was decoded. Shorter ones come from a cut or placeholder text.
const MIN_DECODED: usize = 16;

/// In what form the provider shows a secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFormat {
    /// How the text becomes bytes.
    pub encoding: KeyEncoding,
    /// Prefixes that are no part of the key, such as `whsec_`; at most one of them is removed,
    /// once.
    #[serde(default)]
    pub strip_prefix: Cow<'static, [Cow<'static, str>]>,
}

impl KeyFormat {
    /// The text itself is the key.
    pub const TEXT: KeyFormat = KeyFormat {
        encoding: KeyEncoding::Text,
        strip_prefix: Cow::Borrowed(&[]),
    };
}

/// How the text of a secret becomes the bytes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum KeyEncoding {
    /// The UTF-8 bytes of the text.
    #[serde(rename = "utf8")]
    Text,
    /// Hexadecimal digits.
    #[serde(rename = "hex")]
    Hex,
    /// Base64 with padding.
    #[serde(rename = "base64")]
    Base64,
    /// Base64 whose padding may be missing.
    #[serde(rename = "base64-nopad-ok")]
    Base64PaddingOptional,
    /// The UTF-8 bytes of the text in Unicode's compatibility decomposition (NFKD). A text beyond
    /// ASCII needs the feature `nfkd`.
    #[serde(rename = "utf8-nfkd")]
    TextNfkd,
    /// A public key: Base64 of its SubjectPublicKeyInfo, without the lines of PEM.
    #[serde(rename = "spki-base64")]
    SpkiBase64,
    /// A public key in PEM, `-----BEGIN PUBLIC KEY-----`. One on P-256 may also be a JSON Web Key,
    /// `{"kty":"EC","crv":"P-256",…}`.
    #[serde(rename = "pem")]
    Pem,
}

impl KeyFormat {
    /// Decodes a secret that both sides share.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and [`BadScheme`](ConfigErrorKind::BadScheme) if the format is one
    /// of public keys: what anyone may know proves nothing.
    pub(crate) fn decode_shared(&self, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        if matches!(self.encoding, KeyEncoding::SpkiBase64 | KeyEncoding::Pem) {
            return Err(ConfigError::new(
                ConfigErrorKind::BadScheme,
                "this form of key is for public keys, and the algorithm has none",
            ));
        }
        self.decode(secret)
    }

    /// Decodes one secret. A secret that was given as bytes is taken as it is.
    pub(crate) fn decode(&self, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        let whole = secret.expose();
        let bytes = if !secret.is_text() {
            Zeroizing::new(whole.to_vec())
        } else {
            let text = self
                .strip_prefix
                .iter()
                .find_map(|prefix| whole.strip_prefix(prefix.as_bytes()))
                .unwrap_or(whole);
            self.encoding.decode(text)?
        };
        if bytes.is_empty() {
            return Err(ConfigError::new(
                ConfigErrorKind::EmptySecret,
                "the secret is empty behind its prefix",
            ));
        }
        let is_text = matches!(self.encoding, KeyEncoding::Text | KeyEncoding::TextNfkd);
        if !is_text && bytes.len() < MIN_DECODED {
            return Err(ConfigError::new(
                ConfigErrorKind::SecretTooShort,
                format!(
                    "the secret decodes to {} bytes, at least {MIN_DECODED} are needed; was it cut?",
                    bytes.len()
                ),
            ));
        }
        Ok(bytes)
    }
}

impl KeyEncoding {
    fn decode(self, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        // The decoders' own errors name the offending byte, which is a byte of the secret.
        let (decoded, expected) = match self {
            KeyEncoding::Text => (Some(text.to_vec()), ""),
            KeyEncoding::Hex => (hex::decode(text).ok(), "hexadecimal digits"),
            KeyEncoding::Base64 => (
                base64(DecodePaddingMode::RequireCanonical, text),
                "Base64 with padding",
            ),
            KeyEncoding::Base64PaddingOptional => {
                (base64(DecodePaddingMode::Indifferent, text), "Base64")
            }
            KeyEncoding::TextNfkd => (nfkd(text), NFKD),
            KeyEncoding::SpkiBase64 => (
                base64(DecodePaddingMode::RequireCanonical, text),
                "a public key in Base64, without the lines of PEM",
            ),
            KeyEncoding::Pem => (
                pem(text),
                "a public key in PEM, from -----BEGIN PUBLIC KEY----- to its END",
            ),
        };
        decoded.map(Zeroizing::new).ok_or_else(|| {
            ConfigError::new(
                ConfigErrorKind::SecretEncoding,
                format!("the secret is not {expected}, as this scheme needs it; copy it whole"),
            )
        })
    }
}

fn base64(padding: DecodePaddingMode, text: &[u8]) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(padding);
    GeneralPurpose::new(&alphabet::STANDARD, config)
        .decode(text)
        .ok()
}

#[cfg(feature = "nfkd")]
const NFKD: &str = "UTF-8 text";
#[cfg(not(feature = "nfkd"))]
const NFKD: &str = "ASCII text (for any other the crate's feature nfkd is needed)";

fn nfkd(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_ascii() {
        return Some(text.to_vec());
    }
    #[cfg(feature = "nfkd")]
    {
        use unicode_normalization::UnicodeNormalization as _;
        let normal: Zeroizing<String> =
            Zeroizing::new(std::str::from_utf8(text).ok()?.nfkd().collect());
        Some(normal.as_bytes().to_vec())
    }
    #[cfg(not(feature = "nfkd"))]
    None
}

/// What stands between the lines of one PEM block that says it is a public key.
fn pem(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let inside = text
        .strip_prefix("-----BEGIN PUBLIC KEY-----")?
        .strip_suffix("-----END PUBLIC KEY-----")?;
    let joined: String = inside.split_ascii_whitespace().collect();
    base64(DecodePaddingMode::RequireCanonical, joined.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(format: &KeyFormat, text: &str) -> Result<Vec<u8>, ConfigErrorKind> {
        let secret = Secret::new(text).expect("a secret");
        format
            .decode(&secret)
            .map(|key| key.to_vec())
            .map_err(|e| e.kind())
    }

    fn whsec() -> KeyFormat {
        KeyFormat {
            encoding: KeyEncoding::Base64PaddingOptional,
            strip_prefix: Cow::Owned(vec!["whsec_".into()]),
        }
    }

    #[test]
    fn a_prefix_is_removed_once() {
        let key = decode(&whsec(), "whsec_AAECAwQFBgcICQoLDA0ODw==");
        assert_eq!(key, Ok((0..16).collect()));
        assert_eq!(decode(&whsec(), "AAECAwQFBgcICQoLDA0ODw"), key);
        assert_eq!(
            decode(&whsec(), "whsec_whsec_AAECAwQFBgcICQoLDA0ODw=="),
            Err(ConfigErrorKind::SecretEncoding)
        );
    }

    #[test]
    fn no_permissive_decoding() {
        for (text, kind) in [
            ("whsec_", ConfigErrorKind::EmptySecret),
            ("whsec_!!!!", ConfigErrorKind::SecretEncoding),
            (
                "whpk_AAECAwQFBgcICQoLDA0ODw==",
                ConfigErrorKind::SecretEncoding,
            ),
            (
                "whsec_AAECAwQFBgcICQoLDA0ODx==",
                ConfigErrorKind::SecretEncoding,
            ),
            (
                "whsec_AAECAwQFBgcICQoLDA0-_w==",
                ConfigErrorKind::SecretEncoding,
            ),
            ("whsec_AAECAwQF", ConfigErrorKind::SecretTooShort),
        ] {
            assert_eq!(decode(&whsec(), text), Err(kind), "{text}");
        }
        let hex = KeyFormat {
            encoding: KeyEncoding::Hex,
            strip_prefix: Cow::Borrowed(&[]),
        };
        assert_eq!(
            decode(&hex, "0x00112233445566778899aabbccddeeff"),
            Err(ConfigErrorKind::SecretEncoding)
        );
        assert_eq!(
            decode(&hex, "00112233445566778899aabbccddee"),
            Err(ConfigErrorKind::SecretTooShort)
        );
        let padded = KeyFormat {
            encoding: KeyEncoding::Base64,
            strip_prefix: Cow::Borrowed(&[]),
        };
        assert_eq!(
            decode(&padded, "AAECAwQFBgcICQoLDA0ODw"),
            Err(ConfigErrorKind::SecretEncoding)
        );
    }

    #[test]
    fn errors_do_not_quote_the_secret() {
        let secret = Secret::new("whsec_hunter2!").expect("a secret");
        let error = whsec().decode(&secret).expect_err("refused");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn bytes_are_taken_as_they_are_but_not_too_few() {
        let raw = |bytes: &[u8]| Secret::from_bytes(bytes).expect("a secret");
        assert_eq!(
            whsec().decode(&raw(&[7; 24])).expect("decoded").as_slice(),
            [7; 24]
        );
        assert_eq!(
            whsec().decode(&raw(&[7; 15])).expect_err("refused").kind(),
            ConfigErrorKind::SecretTooShort
        );
    }
}
