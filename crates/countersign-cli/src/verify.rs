//! `countersign verify`: the verdict on one delivery.

use std::time::{Duration, SystemTime};

use countersign::{ErrorKind, UnixTime, Verified, Verifier};

use crate::Ending;
use crate::failure::Failure;
use crate::input::at_most_one_stdin;
use crate::output;
use crate::provider_choice::{ProviderArgs, with_url};
use crate::request::{Request, RequestArgs};
use crate::secrets::SecretArgs;
use crate::verdict::{Event, Verdict};

/// Say whether one delivery is genuine, and which events it holds
///
/// Signature and time window are checked as a server would; duplicates and source addresses are
/// not.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    provider: ProviderArgs,

    #[command(flatten)]
    secrets: SecretArgs,

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
  countersign verify --provider fedapay --secret-file fedapay.secret --request delivery.json
  countersign verify --provider 4pay --secret-file 4pay.secret \\
      --header 'X-Webhook-Signature: 6a0c...' --body body.json --json

Exit status: 0 verified, 1 rejected, 2 the input cannot be used.";

impl VerifyArgs {
    pub(crate) fn run(self, json: bool) -> Result<Ending, Failure> {
        at_most_one_stdin(self.secrets.inputs().chain(self.request.inputs()))?;
        let provider = self.provider.read()?;
        let secrets = self.secrets.read()?;
        let request = self.request.read(provider.body_limit())?;
        let provider = with_url(provider, request.head.url())?;
        let mut verifier = Verifier::new(&provider, &secrets)?;
        if let Some(seconds) = self.tolerance {
            let tolerance = Duration::from_secs(seconds);
            verifier = verifier.with_tolerance(tolerance, tolerance);
        }
        let now = match self.at {
            Some(seconds) => UnixTime::from_secs(seconds),
            None => SystemTime::now().into(),
        };

        let verdict = verify(&verifier, request, now);
        let events = match &verdict {
            Ok(verified) => verifier.identify(verified),
            Err(_) => Vec::new(),
        };
        let (verdict, ending) = match &verdict {
            Ok(verified) => (
                Verdict::Verified {
                    provider: provider.name(),
                    key_index: verified.key_index(),
                    timestamp: verified.timestamp().map(UnixTime::as_secs),
                    events: events.iter().map(Event::new).collect(),
                },
                Ending::Good,
            ),
            Err(rejected) => (
                Verdict::rejected(provider.name(), rejected.kind, &rejected.why),
                Ending::Bad,
            ),
        };
        if json {
            output::json_line(&verdict);
        } else {
            output::text(&verdict);
        }
        Ok(ending)
    }
}

struct Rejected {
    kind: ErrorKind,
    why: String,
}

impl From<countersign::Error> for Rejected {
    fn from(error: countersign::Error) -> Self {
        Rejected {
            kind: error.kind(),
            why: error.to_string(),
        }
    }
}

fn verify(verifier: &Verifier, request: Request, now: UnixTime) -> Result<Verified, Rejected> {
    let mut verification = verifier.begin(&request.head)?;
    // A header that is malformed ranks behind one that is missing or there twice.
    if !request.head.is_http() {
        return Err(Rejected {
            kind: ErrorKind::MalformedHeader,
            why: "malformed header: HTTP cannot carry it".to_owned(),
        });
    }
    verification.update(request.body)?;
    Ok(verification.finish(now)?)
}
