//! The text form of a scheme: JSON or TOML, as a merchant writes it for an unlisted provider.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Provider, SettingName};
use crate::error::{ConfigError, ConfigErrorKind};
use crate::event::{Envelope, IdSource, TypeSource};
use crate::scan::Pointer;
use crate::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyFormat, Prefix, Scheme, SignatureEncoding,
    SignatureFormat, TimestampFormat, TimestampSource,
};
use crate::window::TimeUnit;

/// A scheme in words, to be read by `serde` from JSON or TOML, and turned into a [`Provider`].
///
/// ```
/// let recipe: countersign::provider::Recipe = serde_json::from_str(r#"{
///     "id": "acme",
///     "alg": "hmac-sha256",
///     "key": {"encoding": "utf8"},
///     "signature": {"header": "x-acme-signature", "grammar": "kv", "pair_sep": ",",
///                   "keys": ["v1"], "encoding": "hex"},
///     "timestamp": {"from": "kv:t", "unit": "s", "tolerance": 300},
///     "template": "{ts}.{body}",
///     "id_from": "json:/id",
///     "type_from": "json:/type"
/// }"#)?;
/// let acme = countersign::Provider::try_from(recipe)?;
/// assert_eq!(acme.name(), "acme");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Every key is known: a misspelt one is an error, and so is one that asks for what is not
/// supported. Nothing is passed over in silence.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    id: String,
    alg: String,
    key: KeyFormat,
    signature: RecipeSignature,
    timestamp: Option<RecipeTimestamp>,
    template: Option<String>,
    id_from: Option<String>,
    type_from: Option<String>,
    key_id: Option<String>,
    missing_json_as_empty: Option<bool>,
    extra: Option<String>,
    note: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeSignature {
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
    encoding: SignatureEncoding,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeTimestamp {
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

impl TryFrom<Recipe> for Provider {
    type Error = ConfigError;

    fn try_from(recipe: Recipe) -> Result<Provider, ConfigError> {
        for (asked, name) in [
            (recipe.extra.is_some(), "extra"),
            (recipe.note.is_some(), "note"),
            (recipe.key_id.is_some(), "key_id"),
            (
                recipe.missing_json_as_empty.is_some(),
                "missing_json_as_empty",
            ),
            (recipe.signature.json.is_some(), "signature.json"),
            (recipe.signature.group_sep.is_some(), "signature.group_sep"),
        ] {
            if asked {
                return Err(bad(format!("{name:?} is not supported")));
            }
        }
        if recipe.id.is_empty() {
            return Err(bad("\"id\" is empty"));
        }
        let algorithm = match recipe.alg.as_str() {
            "hmac-sha1" => HmacAlgorithm::Sha1,
            "hmac-sha256" => HmacAlgorithm::Sha256,
            "hmac-sha512" => HmacAlgorithm::Sha512,
            other => return Err(bad(format!("the algorithm {other:?} is not supported"))),
        };
        let template = recipe
            .template
            .ok_or_else(|| bad("\"template\" is missing"))?;
        let timestamp = recipe
            .timestamp
            .map(RecipeTimestamp::into_format)
            .transpose()?;
        let scheme = HmacScheme {
            algorithm,
            key: recipe.key,
            signature: recipe.signature.into_format()?,
            timestamp,
            template: Cow::Owned(template),
        };
        let (members, id) = id_from(recipe.id_from.as_deref(), &scheme)?;
        let kind = type_from(recipe.type_from.as_deref(), members.as_ref())?;
        let mut open = vec![SettingName::Time];
        if recipe.id_from.is_none() {
            open.push(SettingName::Id);
        }
        if recipe.type_from.is_none() {
            open.extend([SettingName::TypePointer, SettingName::TypeName]);
        }
        let envelope = Envelope {
            members,
            id,
            kind,
            time: None,
        };
        let mut provider = Provider::new(recipe.id, Scheme::Hmac(scheme), envelope);
        provider.open = Cow::Owned(open);
        Ok(provider)
    }
}

impl RecipeSignature {
    fn into_format(self) -> Result<SignatureFormat, ConfigError> {
        let headers = match (self.header, self.headers) {
            (Some(header), None) => vec![header],
            (None, Some(headers)) => headers,
            _ => return Err(bad("\"signature\" needs one of \"header\" and \"headers\"")),
        };
        let text = |value: Option<String>, name: &str| {
            value.ok_or_else(|| bad(format!("\"signature.{name}\" is missing for this grammar")))
        };
        let is_list = self.grammar == "list";
        for (given, name, fits) in [
            (self.prefix.is_some(), "prefix", self.grammar == "plain"),
            (self.pair_sep.is_some(), "pair_sep", self.grammar == "kv"),
            (self.keys.is_some(), "keys", self.grammar == "kv"),
            (self.entry_sep.is_some(), "entry_sep", is_list),
            (self.vsep.is_some(), "vsep", is_list),
            (self.version.is_some(), "version", is_list),
        ] {
            if given && !fits {
                return Err(bad(format!(
                    "\"signature.{name}\" does not belong to this grammar"
                )));
            }
        }
        let grammar = match self.grammar.as_str() {
            "plain" => Grammar::Plain {
                prefix: match self.prefix {
                    Some(prefix) if !prefix.is_empty() => Prefix::Required(Cow::Owned(prefix)),
                    _ => Prefix::None,
                },
            },
            "kv" => Grammar::Pairs {
                separator: one_byte(&text(self.pair_sep, "pair_sep")?)?,
                keys: self
                    .keys
                    .ok_or_else(|| bad("\"signature.keys\" is missing"))?
                    .into_iter()
                    .map(Cow::Owned)
                    .collect(),
            },
            "list" => Grammar::List {
                separator: one_byte(&text(self.entry_sep, "entry_sep")?)?,
                version_separator: one_byte(&text(self.vsep, "vsep")?)?,
                version: Cow::Owned(text(self.version, "version")?),
            },
            other => return Err(bad(format!("the grammar {other:?} is not supported"))),
        };
        let headers = headers.into_iter().map(Cow::Owned).collect();
        Ok(SignatureFormat {
            headers,
            grammar,
            encoding: self.encoding,
        })
    }
}

impl RecipeTimestamp {
    fn into_format(self) -> Result<TimestampFormat, ConfigError> {
        let from = match self.from.split_once(':') {
            Some(("header", name)) => TimestampSource::Header(Cow::Owned(name.to_owned())),
            Some(("kv", key)) => TimestampSource::Pair(Cow::Owned(key.to_owned())),
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

/// Where the id stands, and the array of events if its pointer has a `*`.
fn id_from(
    text: Option<&str>,
    scheme: &HmacScheme,
) -> Result<(Option<Pointer>, IdSource), ConfigError> {
    match text.map(|text| (text, text.split_once(':'))) {
        None => Ok((None, IdSource::Digest)),
        Some((_, Some(("header", name)))) => {
            let hole = format!("{{header:{}}}", name.to_ascii_lowercase());
            // Not signed, it is a label that anyone can change, and no id.
            Ok(if scheme.template.to_ascii_lowercase().contains(&hole) {
                (
                    None,
                    IdSource::SignedHeader(Cow::Owned(name.to_ascii_lowercase())),
                )
            } else {
                (None, IdSource::Digest)
            })
        }
        Some((_, Some(("json", pointer)))) => {
            let (members, pointer) = starred(pointer)?;
            Ok((members, IdSource::Pointer(Pointer::new(&pointer)?)))
        }
        Some((text, _)) => Err(bad(format!("an id from {text:?} is not supported"))),
    }
}

fn type_from(text: Option<&str>, members: Option<&Pointer>) -> Result<TypeSource, ConfigError> {
    match text.map(|text| (text, text.split_once(':'))) {
        None => Ok(TypeSource::None),
        Some((text, Some(("json", pointer)))) => {
            let (of, pointer) = starred(pointer)?;
            if of.as_ref() != members {
                return Err(bad(format!(
                    "{text:?} names another array than \"id_from\", or none"
                )));
            }
            Ok(TypeSource::Pointers(vec![Pointer::new(&pointer)?]))
        }
        Some((text, _)) => Err(bad(format!("a type from {text:?} is not supported"))),
    }
}

/// Splits `/events/*/id` into the array and the pointer within each member.
fn starred(pointer: &str) -> Result<(Option<Pointer>, String), ConfigError> {
    let stars = pointer.split('/').filter(|step| *step == "*").count();
    match pointer.split_once("/*/") {
        // Taken for a name, a star would find nothing, and every event would go unidentified.
        starred if stars != usize::from(starred.is_some()) => Err(bad(format!(
            "{pointer:?} has a * that is not followed by a name, or more than one"
        ))),
        None => Ok((None, pointer.to_owned())),
        Some((array, member)) => {
            let array = if array.is_empty() {
                Pointer::of(&[])
            } else {
                Pointer::new(array)?
            };
            Ok((Some(array), format!("/{member}")))
        }
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

fn bad(why: impl Into<Cow<'static, str>>) -> ConfigError {
    ConfigError::new(ConfigErrorKind::BadScheme, why)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::window::Tolerance;

    fn provider(timestamp: &str) -> Provider {
        let json = format!(
            r#"{{"id": "acme", "alg": "hmac-sha256", "key": {{"encoding": "utf8"}},
                "signature": {{"header": "x-sig", "grammar": "plain", "encoding": "hex"}},
                "timestamp": {timestamp}, "template": "{{ts}}.{{body}}"}}"#
        );
        let recipe: Recipe = serde_json::from_str(&json).expect("a recipe");
        Provider::try_from(recipe).expect("a provider")
    }

    #[test]
    fn a_star_stands_for_the_members_of_one_array() {
        for (pointer, splits) in [
            ("/id", Some((None, "/id"))),
            ("/events/*/id", Some((Some("/events"), "/id"))),
            ("/events/*", None),
            ("/a/*/b/*/c", None),
            ("/*", None),
        ] {
            let expected = splits.map(|(array, member)| {
                let array = array.map(|array| Pointer::new(array).expect(array));
                (array, member.to_owned())
            });
            assert_eq!(starred(pointer).ok(), expected, "{pointer}");
        }
        let events = Pointer::of(&["events"]);
        assert!(type_from(Some("json:/events/*/type"), Some(&events)).is_ok());
        for elsewhere in ["json:/type", "json:/others/*/type"] {
            assert!(
                type_from(Some(elsewhere), Some(&events)).is_err(),
                "{elsewhere}"
            );
        }
    }

    #[test]
    fn only_null_switches_the_window_off() {
        for (timestamp, seconds) in [
            (r#"{"from": "header:x-ts", "unit": "s"}"#, Some(300)),
            (
                r#"{"from": "header:x-ts", "unit": "s", "tolerance": 60}"#,
                Some(60),
            ),
            (
                r#"{"from": "header:x-ts", "unit": "s", "tolerance": null}"#,
                None,
            ),
        ] {
            let expected = seconds.map(|seconds| Tolerance::both(Duration::from_secs(seconds)));
            assert_eq!(provider(timestamp).tolerance(), expected, "{timestamp}");
        }
    }
}
