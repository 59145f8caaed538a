//! The text form of a scheme: JSON or TOML, as a merchant writes it for an unlisted provider.

mod envelope;
mod signature;

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error as Unknown;

use self::signature::{RecipeSignature, RecipeTimestamp};
use super::{Provider, SettingName};
use crate::error::{ConfigError, ConfigErrorKind};
use crate::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyFormat, MessageAlgorithm, MessageScheme, Ports, Scheme,
    SignatureFormat, SignatureSource, TimestampFormat, TimestampSource, TokenScheme,
};

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
/// supported. Nothing is passed over in silence. The keys are described in `docs/schemes.md`.
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
    /// Names the key that the sender used. All are tried, so that it changes nothing.
    #[serde(rename = "key_id")]
    _key_id: Option<String>,
    #[serde(default)]
    missing_json_as_empty: bool,
    #[serde(default)]
    url_ports: Ports,
    body_digest: Option<String>,
    extra: Option<String>,
    note: Option<String>,
}

impl TryFrom<Recipe> for Provider {
    type Error = ConfigError;

    fn try_from(recipe: Recipe) -> Result<Provider, ConfigError> {
        // Prose may hold a condition.
        for (asked, name) in [
            (recipe.extra.is_some(), "extra"),
            (recipe.note.is_some(), "note"),
        ] {
            if asked {
                return Err(bad(format!("{name:?} is not supported")));
            }
        }
        if recipe.id.is_empty() {
            return Err(bad("\"id\" is empty"));
        }
        let mut open = vec![SettingName::Time];
        if recipe.id_from.is_none() || recipe.alg == "token" {
            open.push(SettingName::Id);
        }
        if recipe.type_from.is_none() {
            open.extend([SettingName::TypePointer, SettingName::TypeName]);
        }
        let (id, id_from, type_from) = (
            recipe.id.clone(),
            recipe.id_from.clone(),
            recipe.type_from.clone(),
        );
        let scheme = recipe.scheme()?;
        let envelope = envelope::envelope(id_from.as_deref(), type_from.as_deref(), &scheme)?;
        let mut provider = Provider::new(id, scheme, envelope);
        provider.open = Cow::Owned(open);
        Ok(provider)
    }
}

impl Recipe {
    /// The simplest scheme that can say it.
    fn scheme(self) -> Result<Scheme, ConfigError> {
        if self.alg == "token" {
            return self.token();
        }
        let algorithm = MessageAlgorithm::deserialize(self.alg.as_str().into_deserializer())
            .map_err(|_: Unknown| bad(format!("the algorithm {:?} is not supported", self.alg)))?;
        let template = self
            .template
            .ok_or_else(|| bad("\"template\" is missing"))?;
        let timestamp = self
            .timestamp
            .map(RecipeTimestamp::into_format)
            .transpose()?;
        let (source, encoding) = self.signature.into_source()?;
        Ok(simplest(MessageScheme {
            algorithm,
            key: self.key,
            signature: source,
            encoding,
            timestamp,
            template: Cow::Owned(template),
            constants: Cow::Borrowed(&[]),
            public_url: None,
            ports: self.url_ports,
            missing_json_as_empty: self.missing_json_as_empty,
            body_digest: self.body_digest.map(Cow::Owned),
        }))
    }

    fn token(self) -> Result<Scheme, ConfigError> {
        let signs = self.template.is_some_and(|template| !template.is_empty());
        if signs || self.timestamp.is_some() || self.body_digest.is_some() {
            return Err(bad(
                "a token signs nothing: it has no template and no timestamp",
            ));
        }
        Ok(Scheme::DangerousToken(TokenScheme {
            header: self.signature.into_token_header()?,
            key: self.key,
        }))
    }
}

/// The scheme that says the same in the simplest way: one that hashes the body while it arrives, if it
/// can.
pub(super) fn simplest(scheme: MessageScheme) -> Scheme {
    let plain = !scheme.missing_json_as_empty
        && scheme.ports == Ports::AsConfigured
        && scheme.body_digest.is_none();
    match (hashed_as_it_comes(scheme.algorithm), scheme.signature) {
        (Some(algorithm), SignatureSource::Headers { names, grammar })
            if plain && is_flat(&scheme.template, &grammar, scheme.timestamp.as_ref()) =>
        {
            Scheme::Hmac(HmacScheme {
                algorithm,
                key: scheme.key,
                signature: SignatureFormat {
                    headers: names,
                    grammar,
                    encoding: scheme.encoding,
                },
                timestamp: scheme.timestamp,
                template: scheme.template,
            })
        }
        (_, signature) => Scheme::Message(MessageScheme {
            signature,
            ..scheme
        }),
    }
}

fn hashed_as_it_comes(algorithm: MessageAlgorithm) -> Option<HmacAlgorithm> {
    match algorithm {
        MessageAlgorithm::HmacSha1 => Some(HmacAlgorithm::Sha1),
        MessageAlgorithm::HmacSha256 => Some(HmacAlgorithm::Sha256),
        MessageAlgorithm::HmacSha512 => Some(HmacAlgorithm::Sha512),
        _ => None,
    }
}

/// Whether the body can be hashed while it arrives: all else that is signed stands in headers.
fn is_flat(template: &str, grammar: &Grammar, timestamp: Option<&TimestampFormat>) -> bool {
    let from_json = timestamp.is_some_and(|format| matches!(format.from, TimestampSource::Json(_)));
    let flat = |piece: &str| {
        piece.starts_with("body}") || piece.starts_with("ts}") || piece.starts_with("header:")
    };
    !from_json
        && !matches!(grammar, Grammar::Groups { .. } | Grammar::Positional { .. })
        && !template.contains('[')
        && template.contains("{body}")
        && template.split('{').skip(1).all(flat)
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
