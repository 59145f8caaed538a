//! What a signature header looks like.

use std::borrow::Cow;

use crate::error::{ConfigError, ConfigErrorKind};

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

/// Whether names, grammar and the key of the timestamp go together.
pub(crate) fn check_grammar(
    names: &[Cow<'static, str>],
    grammar: &Grammar,
    timestamp_key: Option<&str>,
) -> Result<(), ConfigError> {
    let bad = |why: &'static str| Err(ConfigError::new(ConfigErrorKind::BadScheme, why));
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
