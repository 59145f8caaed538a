//! The grammars in which signatures and timestamps stand in their headers.

use std::borrow::Cow;

use arrayvec::ArrayVec;
use http::HeaderName;

use super::encoding::{SignatureEncoding, Tag};
use super::template::header_name;
use crate::error::{ConfigError, ConfigErrorKind, ErrorKind};
use crate::head::Head;
use crate::scheme::MAX_HEADER;
use crate::window::TimeUnit;

/// The most signatures one delivery may carry.
const MAX_SIGNATURES: usize = 16;

/// The most headers a scheme may spread its signatures over: DocuSign's ten.
const MAX_SIGNATURE_HEADERS: usize = 10;

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

/// What the value of a signature header looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grammar {
    /// One signature and nothing else.
    Plain {
        /// What stands before it.
        prefix: Prefix,
    },
    /// Pairs `key=value`, as in `t=…,v1=…`. Unknown keys are ignored.
    Pairs {
        /// What separates two pairs. Spaces and tabs around a pair are ignored.
        separator: u8,
        /// The keys of signatures.
        keys: Cow<'static, [Cow<'static, str>]>,
    },
    /// Entries of a version and a signature, as in `v1,… v1,…`. Other versions are ignored.
    List {
        /// What separates two entries.
        separator: u8,
        /// What separates version and signature.
        version_separator: u8,
        /// The version to accept.
        version: Cow<'static, str>,
    },
}

/// What stands before a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prefix {
    /// Nothing.
    None,
    /// This text, always.
    Required(Cow<'static, str>),
    /// This text, or nothing. For a provider that does not say.
    Optional(Cow<'static, str>),
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

/// The signatures of one delivery: the first well-formed one decoded, the others left in their
/// headers until it is known that the first one does not match.
pub(crate) struct Candidates<'h> {
    first: Tag,
    values: ArrayVec<&'h [u8], MAX_SIGNATURE_HEADERS>,
    count: usize,
}

impl Signatures {
    pub(crate) fn new(
        format: &SignatureFormat,
        timestamp: Option<&TimestampFormat>,
        length: usize,
    ) -> Result<Self, ConfigError> {
        let bad = |why: &'static str| Err(ConfigError::new(ConfigErrorKind::BadScheme, why));
        if format.headers.is_empty() {
            return Err(ConfigError::new(
                ConfigErrorKind::MissingSetting,
                "the name of the signature header is needed; the provider's dashboard or a \
                 captured delivery shows it",
            ));
        }
        if format.headers.len() > MAX_SIGNATURE_HEADERS {
            return bad("a scheme may name at most 10 signature headers");
        }
        let timestamp_key = match timestamp.map(|format| &format.from) {
            Some(TimestampSource::Pair(key)) => Some(key.clone()),
            _ => None,
        };
        match &format.grammar {
            Grammar::Pairs { keys, .. } => {
                if keys.is_empty() || keys.iter().any(|key| key.is_empty()) {
                    return bad("the keys of the signatures must not be empty");
                }
                if timestamp_key
                    .as_ref()
                    .is_some_and(|key| key.is_empty() || keys.contains(key))
                {
                    return bad("the timestamp needs a key of its own");
                }
                if timestamp_key.is_some() && format.headers.len() > 1 {
                    return bad("a timestamp among pairs allows one signature header only");
                }
            }
            _ if timestamp_key.is_some() => {
                return bad("a timestamp among pairs needs the grammar of pairs");
            }
            Grammar::List { version, .. } if version.is_empty() => {
                return bad("the version of the signatures must not be empty");
            }
            _ => {}
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

    /// The values of the signature headers.
    pub(crate) fn values<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
    ) -> Result<ArrayVec<&'h [u8], MAX_SIGNATURE_HEADERS>, ErrorKind> {
        let mut values = ArrayVec::new();
        for name in &self.headers {
            if let Some(value) = only_value(head, name)? {
                // There are as many places as headers.
                let _ = values.try_push(value);
            }
        }
        if values.is_empty() {
            Err(ErrorKind::MissingHeader)
        } else {
            Ok(values)
        }
    }

    /// The text of the timestamp among the pairs, where that is where it stands.
    pub(crate) fn timestamp<'h>(&self, values: &[&'h [u8]]) -> Result<Option<&'h [u8]>, ErrorKind> {
        let (Some(wanted), Grammar::Pairs { separator, .. }, Some(value)) =
            (&self.timestamp_key, &self.grammar, values.first())
        else {
            return Ok(None);
        };
        if value.len() > MAX_HEADER {
            return Err(ErrorKind::MalformedHeader);
        }
        let mut found = None;
        for (key, value) in pairs(value, *separator) {
            if key == wanted.as_bytes() && found.replace(value).is_some() {
                return Err(ErrorKind::DuplicateHeader);
            }
        }
        match found {
            Some(text) => Ok(Some(text)),
            None => Err(ErrorKind::MissingHeader),
        }
    }

    /// The signatures in `values`. An undecodable one beside a well-formed one is skipped.
    pub(crate) fn candidates<'h>(
        &self,
        values: ArrayVec<&'h [u8], MAX_SIGNATURE_HEADERS>,
    ) -> Result<Candidates<'h>, ErrorKind> {
        let mut first = None;
        let mut count = 0;
        let mut wanted = 0;
        for value in &values {
            if value.len() > MAX_HEADER {
                return Err(ErrorKind::MalformedHeader);
            }
            self.each(value, |text| {
                wanted += 1;
                if let Some(tag) = self.encoding.decode(text, self.length) {
                    count += 1;
                    first.get_or_insert(tag);
                }
            });
        }
        match first {
            _ if wanted > MAX_SIGNATURES => Err(ErrorKind::MalformedHeader),
            Some(first) => Ok(Candidates {
                first,
                values,
                count,
            }),
            None if wanted > 0 => Err(ErrorKind::MalformedHeader),
            None => Err(ErrorKind::MissingHeader),
        }
    }

    /// Whether any of the candidates is `tag`.
    #[inline]
    pub(crate) fn matches(&self, candidates: &Candidates<'_>, tag: &Tag) -> bool {
        if candidates.first.matches(tag, self.length) {
            return true;
        }
        if candidates.count == 1 {
            return false;
        }
        let mut matched = false;
        for value in &candidates.values {
            self.each(value, |text| {
                if let Some(candidate) = self.encoding.decode(text, self.length) {
                    matched |= candidate.matches(tag, self.length);
                }
            });
        }
        matched
    }

    /// Calls `found` with the text of each wanted signature of one header value.
    #[inline]
    fn each<'h>(&self, value: &'h [u8], mut found: impl FnMut(&'h [u8])) {
        match &self.grammar {
            Grammar::Plain { prefix } => found(match prefix {
                Prefix::None => value,
                // Without its prefix it is undecodable: the empty text is no signature.
                Prefix::Required(prefix) => value.strip_prefix(prefix.as_bytes()).unwrap_or(b""),
                Prefix::Optional(prefix) => value.strip_prefix(prefix.as_bytes()).unwrap_or(value),
            }),
            Grammar::Pairs { separator, keys } => {
                for (key, value) in pairs(value, *separator) {
                    if keys.iter().any(|wanted| wanted.as_bytes() == key) {
                        found(value);
                    }
                }
            }
            Grammar::List {
                separator,
                version_separator,
                version,
            } => {
                for entry in value.split(|byte| byte == separator) {
                    let mut halves = entry.splitn(2, |byte| byte == version_separator);
                    if let (Some(found_version), Some(text)) = (halves.next(), halves.next())
                        && found_version == version.as_bytes()
                    {
                        found(text);
                    }
                }
            }
        }
    }
}

/// The value of a header that may be there once at most.
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

/// The pairs of a value; what is no pair is passed over.
fn pairs(value: &[u8], separator: u8) -> impl Iterator<Item = (&[u8], &[u8])> {
    value
        .split(move |byte| *byte == separator)
        .filter_map(|pair| {
            let pair = trim(pair);
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            Some((pair.get(..equals)?, pair.get(equals + 1..)?))
        })
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
