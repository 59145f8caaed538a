//! What a signature header looks like.

use std::borrow::Cow;

use super::signature::{TimestampFormat, TimestampSource};
use crate::error::{ConfigError, ConfigErrorKind};
use crate::window::TimeUnit;

/// The most headers a scheme may spread its signatures over: DocuSign's ten.
pub(crate) const MAX_SIGNATURE_HEADERS: usize = 10;

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
    /// Pairs in groups, each with a timestamp of its own: `t=…,v1=… t=…,v1=…`. For a
    /// [`MessageScheme`](super::MessageScheme).
    Groups {
        /// What separates two groups.
        group_separator: u8,
        /// What separates two pairs.
        separator: u8,
        /// The keys of signatures.
        keys: Cow<'static, [Cow<'static, str>]>,
    },
    /// The timestamp, and behind it one signature or more. For a
    /// [`MessageScheme`](super::MessageScheme).
    Positional {
        /// What separates two of them.
        separator: u8,
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

impl Grammar {
    /// What stands between two pairs, entries or groups, and between a version and its signature.
    pub(crate) fn separators(&self) -> (Option<u8>, Option<u8>) {
        match self {
            Grammar::Plain { .. } => (None, None),
            Grammar::Pairs { separator, .. } | Grammar::Positional { separator } => {
                (Some(*separator), None)
            }
            Grammar::List {
                separator,
                version_separator: other,
                ..
            }
            | Grammar::Groups {
                group_separator: other,
                separator,
                ..
            } => (Some(*separator), Some(*other)),
        }
    }
}

/// Whether names, grammar and the timestamp go together, and a header in this grammar has one reading.
pub(crate) fn check_grammar(
    names: &[Cow<'static, str>],
    grammar: &Grammar,
    timestamp: Option<&TimestampFormat>,
) -> Result<(), ConfigError> {
    let bad = |why: &'static str| Err(ConfigError::new(ConfigErrorKind::BadScheme, why));
    let beside = timestamp.and_then(|format| match &format.from {
        TimestampSource::Pair(key) => Some((&**key, format.unit)),
        _ => None,
    });
    let timestamp_key = beside.map(|(key, _)| key);
    let (separator, other) = grammar.separators();
    let separates = |byte: u8| separator == Some(byte) || other == Some(byte);
    // What hexadecimal digits, Base64 and the sign between a key and its value may hold parts nothing.
    let is_separator =
        |byte: u8| byte == b' ' || byte.is_ascii_punctuation() && !b"+/=-_".contains(&byte);
    if ![separator, other].into_iter().flatten().all(is_separator) {
        return bad("a separator is a space or a sign that no signature has: not one of + / = - _");
    }
    if separator.is_some() && separator == other {
        return bad("two separators that are the same part nothing");
    }
    if beside.is_some_and(|(_, unit)| unit == TimeUnit::Iso8601)
        && (separates(b':') || separates(b'.'))
    {
        return bad("a date holds : and . so that neither can stand between it and its neighbour");
    }
    let is_name = |name: &str| !name.bytes().any(|byte| byte == b'=' || separates(byte));
    let named: Vec<&str> = match grammar {
        Grammar::Pairs { keys, .. } | Grammar::Groups { keys, .. } => {
            keys.iter().map(|key| &**key).chain(timestamp_key).collect()
        }
        Grammar::List { version, .. } => vec![&**version],
        _ => Vec::new(),
    };
    let is_trimmed = |name: &&str| name.trim_ascii().len() == name.len();
    if !named.iter().all(|name| is_name(name) && is_trimmed(name)) {
        return bad("a key or a version holds = or a separator, or begins or ends with a space");
    }
    if names.is_empty() {
        return Err(ConfigError::new(
            ConfigErrorKind::MissingSetting,
            "the name of the signature header is needed; the provider's dashboard or a \
             captured delivery shows it",
        ));
    }
    if names.len() > MAX_SIGNATURE_HEADERS {
        return bad("a scheme may name at most 10 signature headers");
    }
    match grammar {
        Grammar::Pairs { keys, .. } | Grammar::Groups { keys, .. } => {
            if keys.is_empty() || keys.iter().any(|key| key.is_empty()) {
                return bad("the keys of the signatures must not be empty");
            }
            if timestamp_key.is_some_and(|own| own.is_empty() || keys.iter().any(|key| key == own))
            {
                return bad("the timestamp needs a key of its own");
            }
            if timestamp_key.is_some() && names.len() > 1 {
                return bad("a timestamp among pairs allows one signature header only");
            }
        }
        Grammar::Positional { .. } if timestamp_key != Some("0") || names.len() > 1 => {
            return bad("in this grammar the timestamp is the first entry of the one header");
        }
        Grammar::Positional { .. } => {}
        _ if timestamp_key.is_some() => {
            return bad("a timestamp among pairs needs the grammar of pairs");
        }
        Grammar::List { version, .. } if version.is_empty() => {
            return bad("the version of the signatures must not be empty");
        }
        _ => {}
    }
    Ok(())
}
