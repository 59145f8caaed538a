//! What the signature headers of one delivery say.

use http::HeaderName;

use crate::error::{ConfigError, ErrorKind};
use crate::head::Head;
use crate::scheme::MAX_HEADER;
use crate::scheme::encoding::SignatureEncoding;
use crate::scheme::grammar::{Grammar, Prefix};
use crate::scheme::signature::only_value;
use crate::scheme::template::header_name;

/// The most signatures one delivery may carry.
const MAX_SIGNATURES: usize = 16;

/// The most that cost a hash of the body each: groups, which have a time of their own, and signatures that
/// only a public key tells from others. One is usual, and two while a key is replaced.
const MAX_HASHED: usize = 4;

/// Signature headers, checked and prepared.
#[derive(Debug)]
pub(super) struct SignatureHeaders {
    names: Vec<HeaderName>,
    grammar: Grammar,
    /// The key of the timestamp, where it stands beside the signature.
    timestamp_key: Option<Box<str>>,
    /// The keys of other pairs that are signed.
    pairs: Vec<Box<str>>,
}

/// How a signature becomes bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spelling {
    pub(super) encoding: SignatureEncoding,
    /// The fewest and the most bytes of a signature.
    pub(super) length: (usize, usize),
    /// Whether each is checked with a public key.
    pub(super) public: bool,
}

/// Signatures that belong to one timestamp.
#[derive(Debug, Default)]
pub(super) struct Group<'h> {
    pub(super) timestamp: Option<&'h [u8]>,
    /// In the order of the pairs that are signed.
    pub(super) pairs: Vec<&'h [u8]>,
    pub(super) signatures: Vec<Vec<u8>>,
}

/// One pair or bare value of a group.
enum Entry<'h> {
    Signature(&'h [u8]),
    Timestamp(&'h [u8]),
    Pair(usize, &'h [u8]),
}

impl Spelling {
    /// The bytes, if the text spells as many as a signature has.
    pub(super) fn read(self, text: &[u8]) -> Option<Vec<u8>> {
        let bytes = self.encoding.decode(text)?;
        let (least, most) = self.length;
        (least..=most).contains(&bytes.len()).then_some(bytes)
    }
}

impl SignatureHeaders {
    pub(super) fn new(
        names: &[std::borrow::Cow<'static, str>],
        grammar: &Grammar,
        timestamp_key: Option<&str>,
        pairs: Vec<Box<str>>,
    ) -> Result<Self, ConfigError> {
        Ok(SignatureHeaders {
            names: names
                .iter()
                .map(|name| header_name(name))
                .collect::<Result<_, _>>()?,
            grammar: grammar.clone(),
            timestamp_key: timestamp_key.map(Box::from),
            pairs,
        })
    }

    /// Reads the signature headers. An undecodable signature beside a well-formed one is skipped, and
    /// so is a group without one. Of several faults it is the first in the order duplicate, missing,
    /// malformed.
    pub(super) fn read<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
        spelling: Spelling,
    ) -> Result<Vec<Group<'h>>, (ErrorKind, &'static str)> {
        let signature = |kind| (kind, "signature header");
        let mut values = Vec::new();
        for name in &self.names {
            values.extend(only_value(head, name).map_err(signature)?);
        }
        if values.is_empty() {
            return Err(signature(ErrorKind::MissingHeader));
        }
        let mut groups = Vec::new();
        let (mut wanted, mut whole, mut grouped) = (0, 0, 0);
        for value in values {
            if value.len() > MAX_HEADER {
                return Err(signature(ErrorKind::MalformedHeader));
            }
            // The names of several headers are several places for one group.
            let apart = match self.grammar {
                Grammar::Groups {
                    group_separator, ..
                } => Some(group_separator),
                _ => None,
            };
            for text in value.split(|byte| Some(*byte) == apart) {
                let (group, found) = self.group(text, spelling)?;
                wanted += found;
                grouped += usize::from(found > 0 && apart.is_some());
                let hashed = if spelling.public { wanted } else { grouped };
                if wanted > MAX_SIGNATURES || hashed > MAX_HASHED {
                    return Err(signature(ErrorKind::MalformedHeader));
                }
                let timed = group.timestamp.is_some() || self.timestamp_key.is_none();
                let paired = group.pairs.len() == self.pairs.len();
                if found > 0 && timed && paired {
                    whole += 1;
                    if !group.signatures.is_empty() {
                        groups.push(group);
                    }
                }
            }
        }
        match (wanted, whole, groups.is_empty()) {
            (0, ..) => Err(signature(ErrorKind::MissingHeader)),
            (_, 0, _) => Err((ErrorKind::MissingHeader, "timestamp")),
            (_, _, true) => Err(signature(ErrorKind::MalformedHeader)),
            _ => Ok(groups),
        }
    }

    /// One group, and how many signatures it has, well-formed or not.
    fn group<'h>(
        &self,
        text: &'h [u8],
        spelling: Spelling,
    ) -> Result<(Group<'h>, usize), (ErrorKind, &'static str)> {
        let mut group = Group::default();
        let mut wanted = 0;
        let mut pairs: Vec<Option<&'h [u8]>> = vec![None; self.pairs.len()];
        let mut twice = None;
        self.each(text, |entry| match entry {
            Entry::Signature(text) => {
                wanted += 1;
                group.signatures.extend(spelling.read(text));
            }
            Entry::Timestamp(text) => {
                if group.timestamp.replace(text).is_some() {
                    twice = Some("timestamp");
                }
            }
            Entry::Pair(at, text) => {
                if let Some(slot) = pairs.get_mut(at)
                    && slot.replace(text).is_some()
                {
                    twice = Some("signed entry");
                }
            }
        });
        if let Some(part) = twice {
            return Err((ErrorKind::DuplicateHeader, part));
        }
        group.pairs = pairs.into_iter().flatten().collect();
        Ok((group, wanted))
    }

    fn each<'h>(&self, value: &'h [u8], mut found: impl FnMut(Entry<'h>)) {
        match &self.grammar {
            Grammar::Plain { prefix } => found(Entry::Signature(match prefix {
                Prefix::None => value,
                Prefix::Required(prefix) => value.strip_prefix(prefix.as_bytes()).unwrap_or(b""),
                Prefix::Optional(prefix) => value.strip_prefix(prefix.as_bytes()).unwrap_or(value),
            })),
            Grammar::Pairs { separator, keys }
            | Grammar::Groups {
                separator, keys, ..
            } => {
                for entry in value.split(|byte| byte == separator) {
                    let entry = entry.trim_ascii();
                    let mut halves = entry.splitn(2, |byte| *byte == b'=');
                    let (Some(key), Some(value)) = (halves.next(), halves.next()) else {
                        continue;
                    };
                    let is_key = |known: &str| known.as_bytes() == key;
                    if keys.iter().any(|known| is_key(known)) {
                        found(Entry::Signature(value));
                    } else if self.timestamp_key.as_deref().is_some_and(is_key) {
                        found(Entry::Timestamp(value));
                    } else if let Some(at) = self.pairs.iter().position(|known| is_key(known)) {
                        found(Entry::Pair(at, value));
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
                    if halves.next() == Some(version.as_bytes())
                        && let Some(text) = halves.next()
                    {
                        found(Entry::Signature(text));
                    }
                }
            }
            Grammar::Positional { separator } => {
                let mut entries = value.split(|byte| byte == separator);
                entries
                    .next()
                    .map(Entry::Timestamp)
                    .into_iter()
                    .for_each(&mut found);
                entries.for_each(|text| found(Entry::Signature(text)));
            }
        }
    }
}
