//! The grammars in which signatures and timestamps stand in their headers.

use std::borrow::Cow;

use arrayvec::ArrayVec;
use http::HeaderName;

use super::encoding::{SignatureEncoding, Tag};
use super::grammar::{Grammar, MAX_SIGNATURE_HEADERS, Prefix, check_grammar};
use super::template::header_name;
use crate::error::{ConfigError, ConfigErrorKind, ErrorKind};
use crate::head::Head;
use crate::scheme::MAX_HEADER;
use crate::window::TimeUnit;

/// The most signatures one delivery may carry.
const MAX_SIGNATURES: usize = 16;

/// Where the signatures stand, and how they are spelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFormat {
    /// The names of the headers; one of them is enough.
    pub headers: Cow<'static, [Cow<'static, str>]>,
    /// What a header's value looks like.
    pub grammar: Grammar,
    /// How a signature is spelled.
    pub encoding: SignatureEncoding,
}

/// Where a signed timestamp stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampFormat {
    /// Where it stands.
    pub from: TimestampSource,
    /// How it is written.
    pub unit: TimeUnit,
    /// How many seconds it may be away from now, each way; `None` for no window at all.
    pub tolerance: Option<u64>,
}

/// Where a timestamp stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampSource {
    /// In a header of its own.
    Header(Cow<'static, str>),
    /// In the signature header, under this key.
    Pair(Cow<'static, str>),
    /// In the body, at this JSON pointer. For a [`MessageScheme`](super::MessageScheme).
    Json(Cow<'static, str>),
}

/// The signature format, checked and prepared.
#[derive(Debug)]
pub(crate) struct Signatures {
    headers: Vec<HeaderName>,
    grammar: Grammar,
    encoding: SignatureEncoding,
    /// The key of the timestamp, where it stands among the pairs.
    timestamp_key: Option<Cow<'static, str>>,
    /// The length of a tag in bytes.
    length: usize,
}

/// What the signature headers of one delivery say: the first well-formed signature decoded, the
/// others left in their headers until it is known that the first one does not match.
pub(crate) struct Candidates<'h> {
    values: ArrayVec<&'h [u8], MAX_SIGNATURE_HEADERS>,
    first: Tag,
    /// How many are well-formed.
    count: usize,
    /// The text of the timestamp, where it stands among the pairs.
    timestamp: Option<&'h [u8]>,
}

impl<'h> Candidates<'h> {
    pub(crate) fn none() -> Self {
        Candidates {
            values: ArrayVec::new(),
            first: Tag::empty(),
            count: 0,
            timestamp: None,
        }
    }

    /// The text of the timestamp, where it stands among the pairs.
    pub(crate) fn timestamp(&self) -> Option<&'h [u8]> {
        self.timestamp
    }
}

/// What is wrong with the signature headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// With the signatures, or with a header as a whole.
    Signature(ErrorKind),
    /// With the timestamp among the pairs.
    Timestamp(ErrorKind),
}

impl Signatures {
    pub(crate) fn new(
        format: &SignatureFormat,
        timestamp: Option<&TimestampFormat>,
        length: usize,
    ) -> Result<Self, ConfigError> {
        let timestamp_key = match timestamp.map(|format| &format.from) {
            Some(TimestampSource::Pair(key)) => Some(key.clone()),
            _ => None,
        };
        check_grammar(&format.headers, &format.grammar, timestamp)?;
        if matches!(
            format.grammar,
            Grammar::Groups { .. } | Grammar::Positional { .. }
        ) {
            return Err(ConfigError::new(
                ConfigErrorKind::BadScheme,
                "this grammar is for a message scheme",
            ));
        }
        Ok(Signatures {
            headers: format
                .headers
                .iter()
                .map(|name| header_name(name))
                .collect::<Result<_, _>>()?,
            grammar: format.grammar.clone(),
            encoding: format.encoding,
            timestamp_key,
            length,
        })
    }

    /// Reads the signature headers into `candidates`, which are none yet. An undecodable signature
    /// beside a well-formed one is skipped. Of several faults it is the first in the order
    /// duplicate, missing, malformed.
    #[inline]
    pub(crate) fn read<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
        candidates: &mut Candidates<'h>,
    ) -> Result<(), Fault> {
        for name in &self.headers {
            if let Some(value) = only_value(head, name).map_err(Fault::Signature)? {
                // There are as many places as headers.
                let _ = candidates.values.try_push(value);
            }
        }
        if candidates.values.is_empty() {
            return Err(Fault::Signature(ErrorKind::MissingHeader));
        }
        let mut wanted = 0;
        let mut timestamps = 0;
        for value in &candidates.values {
            if value.len() > MAX_HEADER {
                return Err(Fault::Signature(ErrorKind::MalformedHeader));
            }
            self.each(value, |entry| match entry {
                Entry::Signature(text) => {
                    wanted += 1;
                    let fits = if candidates.count == 0 {
                        candidates.first.read(text, self.length, self.encoding)
                    } else {
                        Tag::empty().read(text, self.length, self.encoding)
                    };
                    candidates.count += usize::from(fits);
                }
                Entry::Timestamp(text) => {
                    timestamps += 1;
                    candidates.timestamp = Some(text);
                }
            });
        }
        match (wanted, timestamps) {
            (_, 2..) => Err(Fault::Timestamp(ErrorKind::DuplicateHeader)),
            (0, _) => Err(Fault::Signature(ErrorKind::MissingHeader)),
            (_, 0) if self.timestamp_key.is_some() => {
                Err(Fault::Timestamp(ErrorKind::MissingHeader))
            }
            _ if wanted > MAX_SIGNATURES || candidates.count == 0 => {
                Err(Fault::Signature(ErrorKind::MalformedHeader))
            }
            _ => Ok(()),
        }
    }

    /// Whether any of the candidates is `expected`.
    #[inline]
    pub(crate) fn matches(&self, candidates: &Candidates<'_>, expected: &[u8]) -> bool {
        if candidates.first.matches(expected) {
            return true;
        }
        if candidates.count == 1 {
            return false;
        }
        self.any_matches(candidates, expected)
    }

    /// The way of a delivery with several signatures, of which the first does not match.
    #[cold]
    fn any_matches(&self, candidates: &Candidates<'_>, expected: &[u8]) -> bool {
        let mut tag = Tag::empty();
        let mut matched = false;
        for value in &candidates.values {
            self.each(value, |entry| {
                if let Entry::Signature(text) = entry
                    && tag.read(text, self.length, self.encoding)
                {
                    matched |= tag.matches(expected);
                }
            });
        }
        matched
    }

    /// Calls `found` with each wanted entry of one header value.
    #[inline]
    fn each<'h>(&self, value: &'h [u8], mut found: impl FnMut(Entry<'h>)) {
        match &self.grammar {
            Grammar::Plain { prefix } => found(Entry::Signature(match prefix {
                Prefix::None => value,
                // Without its prefix it is undecodable: the empty text is no signature.
                Prefix::Required(prefix) => value.strip_prefix(prefix.as_bytes()).unwrap_or(b""),
                Prefix::Optional(prefix) => value.strip_prefix(prefix.as_bytes()).unwrap_or(value),
            })),
            Grammar::Pairs { separator, keys } => {
                let timestamp_key = self.timestamp_key.as_ref().map(|key| key.as_bytes());
                for entry in entries(value, *separator) {
                    let Some((key, value)) = halves(trim(entry), b'=') else {
                        continue;
                    };
                    if keys.iter().any(|wanted| wanted.as_bytes() == key) {
                        found(Entry::Signature(value));
                    } else if timestamp_key == Some(key) {
                        found(Entry::Timestamp(value));
                    }
                }
            }
            Grammar::List {
                separator,
                version_separator,
                version,
            } => {
                for entry in entries(value, *separator) {
                    if let Some((found_version, text)) = halves(entry, *version_separator)
                        && found_version == version.as_bytes()
                    {
                        found(Entry::Signature(text));
                    }
                }
            }
            // Refused when the scheme was read.
            Grammar::Groups { .. } | Grammar::Positional { .. } => {}
        }
    }
}

/// A wanted entry of a signature header.
enum Entry<'h> {
    Signature(&'h [u8]),
    Timestamp(&'h [u8]),
}

/// The value of a header that may be there once at most.
#[inline]
pub(crate) fn only_value<'h, H: Head + ?Sized>(
    head: &'h H,
    name: &HeaderName,
) -> Result<Option<&'h [u8]>, ErrorKind> {
    let mut values = head.values(name);
    let first = values.next();
    if first.is_some() && values.next().is_some() {
        return Err(ErrorKind::DuplicateHeader);
    }
    Ok(first)
}

/// The entries of a value.
fn entries(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let value = rest?;
        let (entry, behind) = match halves(value, separator) {
            Some((entry, behind)) => (entry, Some(behind)),
            None => (value, None),
        };
        rest = behind;
        Some(entry)
    })
}

/// What stands before and behind the first `separator`.
fn halves(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(separator, text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
