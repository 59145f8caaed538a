//! Signature and timestamp of a scheme in words.

use std::borrow::Cow;

use serde::Deserialize;

use super::bad;
use crate::error::ConfigError;
use crate::scheme::{
    Grammar, Prefix, SignatureEncoding, SignatureSource, TimestampFormat, TimestampSource,
};
use crate::window::TimeUnit;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecipeSignature {
    header: Option<String>,
    headers: Option<Vec<String>>,
    json: Option<String>,
    grammar: String,
    prefix: Option<String>,
    pair_sep: Option<String>,
    keys: Option<Vec<String>>,
    entry_sep: Option<String>,
    vsep: Option<String>,
    version: Option<String>,
    group_sep: Option<String>,
    encoding: Encoding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Hex,
    Base64,
    /// Of a token: the text itself.
    Utf8,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecipeTimestamp {
    from: String,
    unit: TimeUnit,
    /// `null` is no window; a key that was left out is not, for a forgotten one must not switch the
    /// window off.
    #[serde(default = "default_tolerance")]
    tolerance: Option<u64>,
}

fn default_tolerance() -> Option<u64> {
    Some(300)
}

impl RecipeSignature {
    pub(super) fn into_source(self) -> Result<(SignatureSource, SignatureEncoding), ConfigError> {
        let encoding = match self.encoding {
            Encoding::Hex => SignatureEncoding::Hex,
            Encoding::Base64 => SignatureEncoding::Base64,
            Encoding::Utf8 => return Err(bad("the encoding \"utf8\" is for tokens")),
        };
        self.refuse_strangers()?;
        let names = match (&self.header, &self.headers, &self.json) {
            (Some(header), None, None) => vec![header.clone()],
            (None, Some(headers), None) => headers.clone(),
            (None, None, Some(json)) => {
                if self.grammar != "plain" || self.prefix.is_some() {
                    return Err(bad("\"signature.json\" is for the grammar \"plain\" alone"));
                }
                return Ok((SignatureSource::Json(Cow::Owned(json.clone())), encoding));
            }
            _ => {
                return Err(bad(
                    "\"signature\" needs one of \"header\", \"headers\" and \"json\"",
                ));
            }
        };
        let names = names.into_iter().map(Cow::Owned).collect();
        let grammar = self.into_grammar()?;
        Ok((SignatureSource::Headers { names, grammar }, encoding))
    }

    pub(super) fn into_token_header(self) -> Result<Cow<'static, str>, ConfigError> {
        self.refuse_strangers()?;
        match (
            self.grammar.as_str(),
            self.encoding,
            self.prefix,
            self.header,
        ) {
            ("plain", Encoding::Utf8, None, Some(header)) => Ok(Cow::Owned(header)),
            _ => Err(bad(
                "a token is in one \"header\", with the grammar \"plain\" and the encoding \"utf8\"",
            )),
        }
    }

    fn refuse_strangers(&self) -> Result<(), ConfigError> {
        let grammar = self.grammar.as_str();
        for (given, name, fits) in [
            (self.prefix.is_some(), "prefix", grammar == "plain"),
            (
                self.pair_sep.is_some(),
                "pair_sep",
                matches!(grammar, "kv" | "positional"),
            ),
            (self.keys.is_some(), "keys", grammar == "kv"),
            (self.group_sep.is_some(), "group_sep", grammar == "kv"),
            (self.entry_sep.is_some(), "entry_sep", grammar == "list"),
            (self.vsep.is_some(), "vsep", grammar == "list"),
            (self.version.is_some(), "version", grammar == "list"),
        ] {
            if given && !fits {
                return Err(bad(format!(
                    "\"signature.{name}\" does not belong to this grammar"
                )));
            }
        }
        Ok(())
    }

    fn into_grammar(self) -> Result<Grammar, ConfigError> {
        let text = |value: Option<String>, name: &str| {
            value.ok_or_else(|| bad(format!("\"signature.{name}\" is missing for this grammar")))
        };
        Ok(match self.grammar.as_str() {
            "plain" => Grammar::Plain {
                prefix: match self.prefix {
                    Some(prefix) if !prefix.is_empty() => Prefix::Required(Cow::Owned(prefix)),
                    _ => Prefix::None,
                },
            },
            "kv" => {
                let separator = one_byte(&text(self.pair_sep, "pair_sep")?)?;
                let keys = self
                    .keys
                    .ok_or_else(|| bad("\"signature.keys\" is missing"))?
                    .into_iter()
                    .map(Cow::Owned)
                    .collect();
                match self.group_sep {
                    None => Grammar::Pairs { separator, keys },
                    Some(group) => Grammar::Groups {
                        group_separator: one_byte(&group)?,
                        separator,
                        keys,
                    },
                }
            }
            "list" => Grammar::List {
                separator: one_byte(&text(self.entry_sep, "entry_sep")?)?,
                version_separator: one_byte(&text(self.vsep, "vsep")?)?,
                version: Cow::Owned(text(self.version, "version")?),
            },
            "positional" => Grammar::Positional {
                separator: self.pair_sep.as_deref().map_or(Ok(b','), one_byte)?,
            },
            other => return Err(bad(format!("the grammar {other:?} is not supported"))),
        })
    }
}

impl RecipeTimestamp {
    pub(super) fn into_format(self) -> Result<TimestampFormat, ConfigError> {
        let from = match self.from.split_once(':') {
            Some(("header", name)) => TimestampSource::Header(Cow::Owned(name.to_owned())),
            Some(("kv", key)) => TimestampSource::Pair(Cow::Owned(key.to_owned())),
            Some(("json", at)) => TimestampSource::Json(Cow::Owned(at.to_owned())),
            _ => {
                return Err(bad(format!(
                    "a timestamp from {:?} is not supported",
                    self.from
                )));
            }
        };
        Ok(TimestampFormat {
            from,
            unit: self.unit,
            tolerance: self.tolerance,
        })
    }
}

fn one_byte(text: &str) -> Result<u8, ConfigError> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        _ => Err(bad(format!(
            "the separator {text:?} is not one ASCII character"
        ))),
    }
}
