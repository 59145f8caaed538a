//! Secrets: never empty, never shown, wiped when dropped.

use std::cell::Cell;
use std::fmt;

use zeroize::Zeroizing;

use crate::error::{ConfigError, ConfigErrorKind, Error, ErrorKind};
use crate::time::UnixTime;

/// Which of a verifier's secrets may verify something now.
pub(crate) struct Usable<'v> {
    validity: &'v [Validity],
    now: UnixTime,
    /// Whether one matched that is not valid.
    passed_over: Cell<bool>,
}

impl<'v> Usable<'v> {
    /// `validity` is empty if all of them are valid for ever.
    pub(crate) fn new(validity: &'v [Validity], now: UnixTime) -> Self {
        Usable {
            validity,
            now,
            passed_over: Cell::new(false),
        }
    }

    /// Whether the secret `index`, which matches, counts. If not, the next one is to be looked at: a delivery
    /// of a rotation may be signed under both.
    #[inline]
    pub(crate) fn takes(&self, index: usize) -> bool {
        match self.validity.get(index) {
            Some(validity) if !validity.holds(self.now) => {
                self.passed_over.set(true);
                false
            }
            _ => true,
        }
    }

    /// What is wrong if none counts.
    pub(crate) fn mismatch(&self) -> Error {
        Error::new(match self.passed_over.get() {
            true => ErrorKind::SecretNotValid,
            false => ErrorKind::SignatureMismatch,
        })
    }
}

/// The key that the provider shares with the merchant, as the provider shows it.
///
/// It has no `Display` and cannot be serialised; its `Debug` shows nothing of it; its bytes are
/// wiped when it is dropped.
#[derive(Clone)]
pub struct Secret {
    bytes: Zeroizing<Vec<u8>>,
    form: Form,
    validity: Validity,
}

/// When a secret is valid, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validity {
    from: Option<UnixTime>,
    until: Option<UnixTime>,
}

impl Validity {
    /// Whether there is no time at which it holds.
    pub(crate) fn is_empty(&self) -> bool {
        match (self.from, self.until) {
            (Some(from), Some(until)) => until.millis_since(from) < 0,
            _ => false,
        }
    }

    pub(crate) fn holds(&self, now: UnixTime) -> bool {
        self.from.is_none_or(|from| now.millis_since(from) >= 0)
            && self.until.is_none_or(|until| now.millis_since(until) <= 0)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Text, which the scheme decodes.
    Text,
    /// The key itself.
    Raw,
}

impl Secret {
    /// A secret in the text form the provider shows, whole, with any prefix. The scheme knows how
    /// to decode it.
    ///
    /// # Errors
    ///
    /// [`EmptySecret`](ConfigErrorKind::EmptySecret),
    /// [`BlankSecret`](ConfigErrorKind::BlankSecret), and
    /// [`SecretWhitespace`](ConfigErrorKind::SecretWhitespace) for white space at either end: it
    /// is nearly always the line end of a file, and a key that differs by it verifies nothing. Around a
    /// key in PEM it is passed over, since no line of it can be mistaken for another.
    pub fn new(text: impl Into<String>) -> Result<Self, ConfigError> {
        let text = Zeroizing::new(text.into());
        refuse_empty(text.is_empty(), text.chars().all(is_blank))?;
        let text = text.as_str();
        let inside = text.trim_ascii();
        let is_pem = inside.starts_with("-----BEGIN ") && inside.ends_with("-----");
        let text = if is_pem { inside } else { text };
        if text.starts_with(is_blank) || text.ends_with(is_blank) {
            return Err(ConfigError::new(
                ConfigErrorKind::SecretWhitespace,
                "the secret begins or ends with white space; remove it, most likely a line end",
            ));
        }
        Ok(Secret {
            bytes: Zeroizing::new(text.as_bytes().to_vec()),
            form: Form::Text,
            validity: Validity::default(),
        })
    }

    /// The key itself, where it is kept as bytes. The scheme takes it as it is.
    ///
    /// # Errors
    ///
    /// [`EmptySecret`](ConfigErrorKind::EmptySecret) and, for white space alone,
    /// [`BlankSecret`](ConfigErrorKind::BlankSecret).
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self, ConfigError> {
        let bytes = Zeroizing::new(bytes.into());
        refuse_empty(bytes.is_empty(), bytes.iter().all(is_line_blank))?;
        Ok(Secret {
            bytes,
            form: Form::Raw,
            validity: Validity::default(),
        })
    }

    /// Verifies nothing before `time`: for a secret that is announced for a day to come. One that would end
    /// before it begins is refused where it is used, as [`BadLimit`](ConfigErrorKind::BadLimit).
    #[must_use]
    pub fn valid_from(mut self, time: UnixTime) -> Self {
        self.validity.from = Some(time);
        self
    }

    /// Verifies nothing after `time`: for the old secret of a rotation, which then ends by itself. A
    /// delivery that it would have verified is refused as
    /// [`SecretNotValid`](crate::ErrorKind::SecretNotValid).
    #[must_use]
    pub fn valid_until(mut self, time: UnixTime) -> Self {
        self.validity.until = Some(time);
        self
    }

    /// Whether it is not valid for ever.
    pub(crate) fn is_bounded(&self) -> bool {
        self.validity != Validity::default()
    }

    pub(crate) fn validity(&self) -> Validity {
        self.validity
    }

    /// The secret's text or bytes. Named for what it is, so that a reviewer sees it.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it is the provider's text, which the scheme decodes, and not the key itself.
    pub fn is_text(&self) -> bool {
        self.form == Form::Text
    }
}

fn refuse_empty(empty: bool, blank: bool) -> Result<(), ConfigError> {
    if empty {
        return Err(ConfigError::new(
            ConfigErrorKind::EmptySecret,
            "the secret is empty; is its variable or file set?",
        ));
    }
    if blank {
        return Err(ConfigError::new(
            ConfigErrorKind::BlankSecret,
            "the secret is nothing but white space",
        ));
    }
    Ok(())
}

/// White space, and the two marks that are as invisible: byte order mark and zero-width space.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}')
}

/// What an empty file or variable holds. Fewer bytes than the white space of a text: to a key of
/// bytes a form feed is a byte like any other.
fn is_line_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(result: Result<Secret, ConfigError>) -> ConfigErrorKind {
        result.expect_err("refused").kind()
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused() {
        assert_eq!(kind(Secret::new("")), ConfigErrorKind::EmptySecret);
        assert_eq!(kind(Secret::from_bytes([])), ConfigErrorKind::EmptySecret);
        for blank in [" ", "\t\r\n", "\u{a0}", "\u{feff}", "\u{200b} "] {
            assert_eq!(
                kind(Secret::new(blank)),
                ConfigErrorKind::BlankSecret,
                "{blank:?}"
            );
        }
        assert_eq!(
            kind(Secret::from_bytes(*b" \n")),
            ConfigErrorKind::BlankSecret
        );
        for padded in ["s\n", " s", "s\r\n", "\u{feff}s", "s\u{a0}"] {
            assert_eq!(
                kind(Secret::new(padded)),
                ConfigErrorKind::SecretWhitespace,
                "{padded:?}"
            );
        }
    }

    #[test]
    fn what_can_be_one_is_kept_as_it_is() {
        for text in ["s", "two words", "nul\0inside", "\0"] {
            assert_eq!(
                Secret::new(text).expect("accepted").expose(),
                text.as_bytes()
            );
        }
        for bytes in [&b" \x01"[..], &[0x0c; 20], &[0; 32]] {
            assert_eq!(Secret::from_bytes(bytes).expect("accepted").expose(), bytes);
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("wh_live_hunter2").expect("accepted");
        assert_eq!(format!("{secret:?}"), "Secret(redacted)");
    }
}
