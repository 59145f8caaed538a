//! `countersign explain`: why a delivery does not verify.

use std::ffi::OsString;
use std::fmt;
use std::time::{Duration, SystemTime};

use countersign::explain::{Cause, Question, explain};
use countersign::{ErrorKind, UnixTime};
use serde::Serialize;

use crate::Ending;
use crate::failure::Failure;
use crate::input::at_most_one_stdin;
use crate::output::{self, Printable};
use crate::provider_choice::{ProviderArgs, with_url};
use crate::request::RequestArgs;
use crate::secrets::{SecretArgs, Text};
use crate::verdict::{Event, Verdict};

/// Name the mistake for which a genuine delivery does not verify
///
/// Each usual mistake is tried, alone and two together, and is named only if the delivery verifies
/// without it. If nothing verifies, the delivery is forged, or the secret is another one. No secret and
/// no expected signature is printed.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    provider: ProviderArgs,

    #[command(flatten)]
    secrets: SecretArgs,

    /// The secret of another endpoint of yours, repeatable: it may have been mistaken for this one's.
    /// Other users of this machine can see it in the list of processes
    #[arg(long, value_name = "S", allow_hyphen_values = true)]
    other_secret: Vec<OsString>,

    #[command(flatten)]
    request: RequestArgs,

    /// The moment to verify at, in seconds since 1970; now if not given
    #[arg(long, value_name = "UNIX", allow_negative_numbers = true)]
    at: Option<i64>,

    /// How many seconds a signed time may be away from that moment, each way; 0 means exactly then.
    /// If not given, what the scheme says, else 300
    #[arg(long, value_name = "SECS")]
    tolerance: Option<u64>,
}

const EXAMPLE: &str = "\
Examples:
  countersign explain --provider fedapay --secret-file fedapay.secret --request delivery.json
  countersign explain --provider centralpay --secret-file centralpay.secret \\
      --request capture.json   # finds the signature header that is not documented

Exit status: 0 verified, 1 rejected, 2 the input cannot be used.";

/// The verdict, and its causes.
#[derive(Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    verdict: Verdict<'a>,
    causes: Vec<Named<'a>>,
    #[serde(skip)]
    cut_short: bool,
    #[serde(skip)]
    fault: Option<ErrorKind>,
}

#[derive(Serialize)]
struct Named<'a> {
    code: String,
    detail: &'a str,
    /// Only what verifies is a cause.
    verifies: bool,
}

impl<'a> Named<'a> {
    fn new(cause: &'a Cause) -> Self {
        let codes: Vec<&str> = cause.codes.iter().map(|code| code.as_str()).collect();
        Named {
            code: codes.join("+"),
            detail: &cause.detail,
            verifies: true,
        }
    }
}

impl ExplainArgs {
    pub(crate) fn run(self, json: bool) -> Result<Ending, Failure> {
        at_most_one_stdin(self.secrets.inputs().chain(self.request.inputs()))?;
        let provider = self.provider.read()?;
        let secrets = self.secrets.read_texts()?;
        let other = |(index, text): (usize, OsString)| {
            let origin = format!("--other-secret (number {index})");
            Text::new(text.into_encoded_bytes(), &origin)
        };
        let others = self.other_secret.into_iter().enumerate().map(other);
        let others: Vec<Text> = others.collect::<Result<_, _>>()?;
        let secrets: Vec<&str> = secrets.iter().map(Text::expose).collect::<Result<_, _>>()?;
        let others: Vec<&str> = others.iter().map(Text::expose).collect::<Result<_, _>>()?;
        let request = self.request.read(provider.body_limit())?;
        let provider = with_url(provider, request.head.url())?;
        let is_http = request.head.is_http();
        let delivery = request.captured();
        let explanation = explain(&Question {
            provider: &provider,
            secrets: &secrets,
            other_secrets: &others,
            delivery: &delivery,
            now: match self.at {
                Some(seconds) => UnixTime::from_secs(seconds),
                None => SystemTime::now().into(),
            },
            tolerance: self.tolerance.map(Duration::from_secs),
        })?;

        let verdict = match &explanation.verdict {
            Err(error) if is_http || is_head_fault(error.kind()) => {
                Err((error.kind(), error.to_string()))
            }
            Ok(proof) if is_http => Ok(proof),
            _ => Err((
                ErrorKind::MalformedHeader,
                "malformed header: HTTP cannot carry it".to_owned(),
            )),
        };
        let fault = verdict.as_ref().err().map(|(kind, _)| *kind);
        let (verdict, ending) = match &verdict {
            Ok(proof) => (
                Verdict::Verified {
                    provider: provider.name(),
                    key_index: proof.key_index,
                    timestamp: proof.verified.timestamp().map(UnixTime::as_secs),
                    events: proof.events.iter().map(Event::new).collect(),
                },
                Ending::Good,
            ),
            Err((kind, why)) => (Verdict::rejected(provider.name(), *kind, why), Ending::Bad),
        };
        let explained = Explained {
            verdict,
            causes: explanation.causes.iter().map(Named::new).collect(),
            cut_short: explanation.cut_short,
            fault,
        };
        if json {
            output::json_line(&explained);
        } else {
            output::text(&explained);
        }
        Ok(ending)
    }
}

/// Whether it ranks no lower than a header that HTTP cannot carry.
fn is_head_fault(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::DuplicateHeader | ErrorKind::MissingHeader | ErrorKind::MalformedHeader
    )
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verdict.fmt(f)?;
        for cause in &self.causes {
            writeln!(f, "cause: {}\n  {}", cause.code, Printable(cause.detail))?;
        }
        if self.causes.is_empty() && matches!(self.verdict, Verdict::Rejected { .. }) {
            let why = match self.fault {
                _ if self.cut_short => "the body is too long to try every mistake",
                Some(ErrorKind::BodyTooLarge) => "the body is longer than the provider's limit",
                Some(ErrorKind::MalformedPayload) => {
                    "it was decrypted, so the key is right; its checksum or its text is not"
                }
                Some(
                    ErrorKind::MissingHeader
                    | ErrorKind::MalformedHeader
                    | ErrorKind::DuplicateHeader,
                ) => "see to that header first",
                _ => "it is forged, or the secret is another one",
            };
            writeln!(f, "nothing that was tried makes it verify: {why}")?;
        }
        Ok(())
    }
}
