//! Why a genuine delivery does not verify: the usual mistakes, each of them tried.
//!
//! A hypothesis changes one thing about the delivery, the secret or the scheme, and is named only if
//! what results passes [`Verifier::verify`](crate::Verifier::verify). Where none does, the delivery is
//! forged or the secret is another one.
//!
//! **For a terminal, never for a request.** It tries thousands of keys and forms, and tells which one
//! fits: offered over a network it would be an oracle for forgers.

mod attempt;
mod bodies;
mod forms;
mod json;
mod messages;
mod schemes;
mod search;
mod secrets;
mod urls;

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;

use crate::error::{ConfigError, Error};
use crate::event::Identity;
use crate::head::Head;
use crate::provider::Provider;
use crate::time::UnixTime;
use crate::verified::Verified;

/// A delivery as it was captured.
#[derive(Debug, Clone)]
pub struct Captured {
    /// The method.
    pub method: String,
    /// The URL or target.
    pub target: String,
    /// All headers, in the order received.
    pub headers: Vec<(HeaderName, Vec<u8>)>,
    /// The body as it was captured.
    pub body: Bytes,
}

impl Head for Captured {
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
        let named = self.headers.iter().filter(move |(other, _)| other == name);
        named.map(|(_, value)| value.as_slice())
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn target(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.target)
    }
}

/// What is to be explained.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The provider as it is configured.
    pub provider: &'a Provider,
    /// The secrets as they are configured, in whatever form.
    pub secrets: &'a [&'a str],
    /// Secrets of the merchant's other endpoints.
    pub other_secrets: &'a [&'a str],
    /// The delivery.
    pub delivery: &'a Captured,
    /// The moment to verify at.
    pub now: UnixTime,
    /// Another tolerance than the scheme's, for the past and for the future.
    pub tolerance: Option<Duration>,
}

/// Without the secrets.
impl std::fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question")
            .field("provider", &self.provider.name())
            .finish_non_exhaustive()
    }
}

/// The verdict, and what would make a rejected delivery verify.
#[derive(Debug)]
pub struct Explanation {
    /// The proof and its events, or why the delivery is refused as it is.
    pub verdict: Result<Proof, Error>,
    /// What verifies, best first. Empty for a delivery that verifies as it is, and for one that nothing
    /// makes verify.
    pub causes: Vec<Cause>,
    /// Whether hypotheses were left out, because the body is too long to try them all.
    pub cut_short: bool,
}

/// A delivery that verifies as it is.
#[derive(Debug)]
pub struct Proof {
    /// The index of the secret that matched.
    pub key_index: usize,
    /// The proof.
    pub verified: Verified,
    /// Its events.
    pub events: Vec<Identity>,
}

/// One or two mistakes without which the delivery verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The mistakes.
    pub codes: Vec<Code>,
    /// What to do, in a sentence. No secret and no expected signature is in it.
    pub detail: String,
}

/// A mistake, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The secret has white space around it.
    SecretWhitespace,
    /// The secret was decoded where its text is the key, or the other way round.
    WrongSecretEncoding,
    /// A prefix of the secret is missing, or does not belong to it.
    SecretPrefix,
    /// The secret is another endpoint's.
    NeighbourSecret,
    /// The body gained a line end after it was signed.
    TrailingNewlineInBody,
    /// The body lost the line end that it was signed with.
    MissingTrailingNewline,
    /// The line ends of the body were converted.
    CrlfBody,
    /// A byte order mark was added to the body, or taken from it.
    Bom,
    /// The body is compressed, and was signed before it was.
    CompressedBody,
    /// The body was parsed and written again.
    ReserialisedJson,
    /// The form was parsed and written again.
    RewrittenForm,
    /// The proof is genuine, but its hash of the body is another body's.
    OtherBody,
    /// The URL that was signed is written otherwise than the one that is configured.
    WrongUrl,
    /// The signature covers the body alone, where the scheme signs more.
    BodyOnlySigned,
    /// The signature is spelled in the other encoding.
    HexVsBase64,
    /// The signature was made with another hash function.
    WrongAlgorithm,
    /// The signed time is in seconds where the scheme has milliseconds, or the other way round.
    SecondsVsMilliseconds,
    /// The signature stands in another header.
    OtherSignatureHeader,
    /// The delivery is another provider's.
    WrongProvider,
    /// Only the time is wrong: a clock is, or the delivery is old.
    ClockSkew,
}

impl Code {
    /// Every code.
    pub const ALL: &'static [Code] = &[
        Code::SecretWhitespace,
        Code::WrongSecretEncoding,
        Code::SecretPrefix,
        Code::NeighbourSecret,
        Code::TrailingNewlineInBody,
        Code::MissingTrailingNewline,
        Code::CrlfBody,
        Code::Bom,
        Code::CompressedBody,
        Code::ReserialisedJson,
        Code::RewrittenForm,
        Code::OtherBody,
        Code::WrongUrl,
        Code::BodyOnlySigned,
        Code::HexVsBase64,
        Code::WrongAlgorithm,
        Code::SecondsVsMilliseconds,
        Code::OtherSignatureHeader,
        Code::WrongProvider,
        Code::ClockSkew,
    ];

    /// A stable name for scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::SecretWhitespace => "secret_whitespace",
            Code::WrongSecretEncoding => "wrong_secret_encoding",
            Code::SecretPrefix => "secret_prefix",
            Code::NeighbourSecret => "neighbour_secret",
            Code::TrailingNewlineInBody => "trailing_newline_in_body",
            Code::MissingTrailingNewline => "missing_trailing_newline",
            Code::CrlfBody => "crlf_body",
            Code::Bom => "bom",
            Code::CompressedBody => "compressed_body",
            Code::ReserialisedJson => "reserialised_json",
            Code::RewrittenForm => "rewritten_form",
            Code::OtherBody => "other_body",
            Code::WrongUrl => "wrong_url",
            Code::BodyOnlySigned => "body_only_signed",
            Code::HexVsBase64 => "hex_vs_base64",
            Code::WrongAlgorithm => "wrong_algorithm",
            Code::SecondsVsMilliseconds => "seconds_vs_milliseconds",
            Code::OtherSignatureHeader => "other_signature_header",
            Code::WrongProvider => "wrong_provider",
            Code::ClockSkew => "clock_skew",
        }
    }
}

/// Verifies a delivery and, if it is refused, tries the usual mistakes: each alone, and if none
/// explains it two together. The work is bounded, whatever the body's length.
///
/// # Errors
///
/// What [`Verifier::new`](crate::Verifier::new) refuses in the provider, and a secret that is missing
/// or empty. Secrets that are refused for their form are explained instead.
pub fn explain(question: &Question<'_>) -> Result<Explanation, ConfigError> {
    search::search(question)
}
