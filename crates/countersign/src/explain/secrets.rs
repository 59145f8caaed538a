//! What may be wrong with a secret.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::Code;
use super::attempt::Key;
use crate::provider::Provider;

/// Prefixes that providers put before secrets, and that get lost when one is copied.
const PREFIXES: &[&str] = &["whsec_", "wh_live_", "wh_sandbox_", "sk_", "sec_"];

/// A key to try instead.
pub(super) struct Other {
    pub(super) code: Code,
    pub(super) detail: String,
    pub(super) key: Key,
}

/// The keys that the secret may have been meant to be, likely ones first and each once.
pub(super) fn others(provider: &Provider, secret: &str, neighbours: &[&str]) -> Vec<Other> {
    let mut all: Vec<Other> = Vec::new();
    // Two texts may stand for one key.
    let mut known: Vec<Option<Zeroizing<Vec<u8>>>> = vec![Key::text(secret).bytes(provider)];
    let mut add = |code, detail: String, key: Key| {
        let bytes = key.bytes(provider);
        if bytes.is_some() && !known.contains(&bytes) {
            known.push(bytes);
            all.push(Other { code, detail, key });
        }
    };
    let text = secret.trim_matches(|c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}')
    });
    if text != secret {
        let detail = "The secret has white space around it, a line end perhaps: remove it.";
        add(Code::SecretWhitespace, detail.to_owned(), Key::text(text));
    }
    for inside in ['\n', '\r', ' '] {
        if text.contains(inside) {
            let detail = "The secret was broken by white space: write it in one piece.";
            let joined: String = text.split_whitespace().collect();
            add(
                Code::SecretWhitespace,
                detail.to_owned(),
                Key::text(&joined),
            );
        }
    }

    let stripped = "The secret has a prefix that is no part of the key: leave it out.";
    for separator in ['_', ':', '='] {
        let ends = [text.split_once(separator), text.rsplit_once(separator)];
        for (_, rest) in ends.into_iter().flatten() {
            add(Code::SecretPrefix, stripped.to_owned(), Key::text(rest));
        }
    }
    for prefix in PREFIXES {
        let detail =
            format!("The secret lost its prefix {prefix}, which is part of it: copy it whole.");
        add(
            Code::SecretPrefix,
            detail,
            Key::text(&format!("{prefix}{text}")),
        );
    }
    // Of each text, the key that it may stand for, whatever the scheme makes of texts.
    let bare = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
    for text in [Some(text), bare].into_iter().flatten() {
        let mut encoded = |how: &str, bytes: Option<Vec<u8>>| {
            if let Some(bytes) = bytes {
                let detail = format!(
                    "The key is the secret {how}: look up in which form the provider shows it, and \
                     how your code decodes it."
                );
                add(
                    Code::WrongSecretEncoding,
                    detail,
                    Key::Bytes(Zeroizing::new(bytes)),
                );
            }
        };
        encoded("decoded from Base64", base64(&alphabet::STANDARD, text));
        encoded(
            "decoded from Base64 for URLs",
            base64(&alphabet::URL_SAFE, text),
        );
        encoded("decoded from hexadecimal digits", hex::decode(text).ok());
        encoded("as plain text, not decoded", Some(text.as_bytes().to_vec()));
    }

    for (index, neighbour) in neighbours.iter().enumerate() {
        let detail = format!(
            "The delivery is signed with another endpoint's secret: --other-secret number {index}, \
             counted from 0. Each endpoint, and each mode, has a secret of its own."
        );
        add(Code::NeighbourSecret, detail, Key::text(neighbour.trim()));
    }
    all
}

fn base64(alphabet: &alphabet::Alphabet, text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}
