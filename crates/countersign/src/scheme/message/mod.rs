//! Signed messages: what is signed is put together from parts of the delivery once its body is whole,
//! and checked with a keyed hash, a plain hash that has the secret in it, or a public key.
//!
//! It is for whatever [`HmacScheme`](super::HmacScheme) cannot say, which hashes the body while it
//! arrives: signed URLs and forms, signatures inside the body, public keys.

mod candidates;
mod check;
mod contents;
pub(crate) mod form;
mod listed;
mod parted;
mod spoken;
mod target;
mod template;
mod url;
mod verification;

use std::borrow::Cow;

use serde::Deserialize;

use super::grammar::Grammar;
use super::key::KeyFormat;
use super::signature::TimestampFormat;
use super::{Coverage, SignatureEncoding};
use crate::scan::Pointer;

use self::template::Template;
pub(crate) use self::url::PublicUrl;
pub(crate) use self::verification::{MessageProof, MessageVerification};

/// A recipe for a signature over a message put together from parts of the delivery. Data only: it is
/// checked when a [`Verifier`](crate::Verifier) is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageScheme {
    /// The algorithm.
    pub algorithm: MessageAlgorithm,
    /// The form of the secret or of the public key.
    pub key: KeyFormat,
    /// Where the signature stands.
    pub signature: SignatureSource,
    /// How it is spelled.
    pub encoding: SignatureEncoding,
    /// Where the signed timestamp stands, if there is one.
    pub timestamp: Option<TimestampFormat>,
    /// The signed bytes: literal text and holes. Those of [`HmacScheme`](super::HmacScheme), and
    /// `{method}`, `{url}`, `{bare_url}`, `{secret}`, `{const:NAME}`, `{query:NAME}`, `{kv:KEY}`,
    /// `{signed_headers:KEY}`, `{json:POINTER}`, `{free-json:POINTER}`, `{form:NAME}`,
    /// `{sorted_form}` and `{body_crc32}`. What is in square brackets is left out together with a
    /// query parameter that is not there; in `{query:NAME or const:NAME}` the constant counts where it
    /// is set.
    pub template: Cow<'static, str>,
    /// What a `{const:NAME}` stands for. Only the merchant knows it.
    pub constants: Cow<'static, [(Cow<'static, str>, Cow<'static, str>)]>,
    /// The URL that the provider was given, without which a `{url}` cannot be verified: behind a proxy
    /// a request does not tell it. Where it has no query, that of each request is put behind it, but for
    /// a `{bare_url}`, which has none.
    pub public_url: Option<Cow<'static, str>>,
    /// Whether a provider is known to sign the URL now with its port and now without.
    pub ports: Ports,
    /// Whether a `{json:POINTER}` that finds nothing stands for no text, and not for a fault.
    pub missing_json_as_empty: bool,
    /// A query parameter that holds the SHA-256 of the body in hexadecimal digits, where the URL is
    /// signed and the body is not.
    pub body_digest: Option<Cow<'static, str>>,
}

/// The algorithm of a [`MessageScheme`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum MessageAlgorithm {
    /// HMAC-SHA1.
    #[serde(rename = "hmac-sha1")]
    HmacSha1,
    /// HMAC-SHA256.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// HMAC-SHA512.
    #[serde(rename = "hmac-sha512")]
    HmacSha512,
    /// SHA-256 of a text that has the secret in it.
    #[serde(rename = "sha256")]
    Sha256,
    /// SHA-512 of a text that has the secret in it.
    #[serde(rename = "sha512")]
    Sha512,
    /// Ed25519. Needs the feature `public-key`.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// ECDSA on P-256 with SHA-256, the signature in DER. Needs the feature `public-key`.
    #[serde(rename = "ecdsa-p256-sha256")]
    EcdsaP256Sha256,
    /// RSA with PKCS #1 v1.5 padding and SHA-256, 2048 bits and more. Needs the feature
    /// `public-key`.
    #[serde(rename = "rsa-sha256")]
    RsaSha256,
}

impl MessageAlgorithm {
    /// Whether it is verified with a public key, so that nobody but who holds the private one can sign.
    pub const fn is_public_key(self) -> bool {
        matches!(
            self,
            MessageAlgorithm::Ed25519
                | MessageAlgorithm::EcdsaP256Sha256
                | MessageAlgorithm::RsaSha256
        )
    }
}

/// Where the signature of a [`MessageScheme`] stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureSource {
    /// In headers, of which one is enough.
    Headers {
        /// Their names.
        names: Cow<'static, [Cow<'static, str>]>,
        /// What a value looks like.
        grammar: Grammar,
    },
    /// In the body, at this JSON pointer, as text.
    Json(Cow<'static, str>),
}

/// Which spellings of a URL are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ports {
    /// The one that is configured.
    #[default]
    AsConfigured,
    /// Also the one with the scheme's own port, and the one without any.
    WithAndWithout,
}

impl MessageScheme {
    /// The names of the constants in the template, which only the merchant knows.
    pub fn constant_names(&self) -> impl Iterator<Item = &str> {
        template::holes(&self.template).filter_map(|hole| match hole.split_once(template::OR) {
            Some((_, instead_of_query)) => Some(instead_of_query),
            None => hole.strip_prefix("const:"),
        })
    }

    /// Whether something that is signed stands in the query of each request.
    pub fn reads_query(&self) -> bool {
        let set = |name: &str| self.constants.iter().any(|(known, _)| known == name);
        self.body_digest.is_some()
            || template::holes(&self.template).any(|hole| match hole.split_once(template::OR) {
                Some((_, instead)) => !set(instead),
                None => hole.starts_with("query:"),
            })
    }

    /// Whether the signed bytes hold the URL that the provider was given.
    pub fn signs_url(&self) -> bool {
        template::holes(&self.template).any(|hole| matches!(hole, "url" | "bare_url"))
    }

    /// Whether the field of the body at this pointer is signed by itself.
    pub(crate) fn reads_field(&self, at: &str) -> bool {
        template::holes(&self.template).any(|hole| {
            let pointer = hole.strip_prefix("free-").unwrap_or(hole);
            pointer.strip_prefix("json:") == Some(at)
        })
    }

    /// Whether it is signed by itself with its two ends, so that the same signed bytes are no other
    /// value as well. A constant that is not set yet proves nothing.
    pub(crate) fn proves_field(&self, at: &str) -> bool {
        let constant = |name: &str| {
            let mut known = self.constants.iter();
            match known.find(|(known, _)| known == name) {
                Some((_, value)) => Some(&**value),
                None => {
                    let instead_of_query = format!("{}{name}}}", template::OR);
                    (!self.template.contains(&instead_of_query)).then_some("")
                }
            }
        };
        let template = Template::parse(&self.template, constant);
        template.is_ok_and(|template| template.proves_json(at, self.timestamp.as_ref()))
    }

    /// Whether a window tells one time from another.
    fn has_window(&self) -> bool {
        let time = self.timestamp.as_ref();
        time.is_some_and(|format| format.tolerance.is_some())
    }

    /// How much of the body a verified delivery covers.
    pub fn coverage(&self) -> Coverage {
        let has = |wanted: &dyn Fn(&str) -> bool| template::holes(&self.template).any(wanted);
        if has(&|hole| matches!(hole, "body" | "sorted_form")) || self.body_digest.is_some() {
            return Coverage::WholeBody;
        }
        let part = ["json:", "free-json:", "form:"];
        if has(&|hole| hole == "body_crc32" || part.iter().any(|kind| hole.starts_with(kind))) {
            return Coverage::PartOfBody;
        }
        Coverage::Nothing
    }

    /// Whether nothing of the request is signed, so that what stands in the header is the same each
    /// time.
    pub fn is_static(&self) -> bool {
        template::holes(&self.template).all(|hole| hole == "secret" || hole.starts_with("const:"))
    }
}

/// A pointer of the data, which has to be one.
fn pointer(text: &str) -> Result<Pointer, crate::error::ConfigError> {
    Pointer::new(text)
}
