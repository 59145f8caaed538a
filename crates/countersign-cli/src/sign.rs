//! `countersign sign`: a delivery signed as the provider would.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::scheme::Scheme;
use countersign::{ConfigErrorKind, Provider, Secret, UnixTime, Verifier};
use countersign_testkit::{SignError, SignErrorKind, Signed, Signer};
use serde::Serialize;

use crate::Ending;
use crate::failure::{Failure, Reason};
use crate::input::{Input, at_most_one_stdin};
use crate::output::{self, Printable};
use crate::provider_choice::{ProviderArgs, with_url};
use crate::secrets::SecretArgs;
use crate::url::Url;

/// Sign a body as the provider would
///
/// Prints the headers, or the whole delivery as --json, which `verify --request` reads. Several secrets
/// may be given, as for `verify`; the first one signs.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    provider: ProviderArgs,

    #[command(flatten)]
    secrets: SecretArgs,

    /// The body to sign: the bytes as they are sent, or the JSON text that is to be sealed
    #[arg(long, value_name = "FILE|-")]
    body: Input,

    /// When it is sent, in seconds since 1970; now if not given
    #[arg(long, value_name = "UNIX", allow_negative_numbers = true)]
    at: Option<i64>,

    /// The message id, where it is a signed header; a fresh one if not given
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    id: Option<String>,

    /// The URL that the provider was given, where it signs it; that of --curl if not given
    #[arg(long, value_name = "U")]
    url: Option<String>,

    /// Print a command that sends the delivery there
    #[arg(long, value_name = "URL")]
    curl: Option<Url>,

    /// Write the body as it is sent to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const EXAMPLE: &str = "\
Examples:
  countersign sign --provider fedapay --secret-file fedapay.secret --body event.json
  countersign sign --provider banking-circle --secret-file bank.secret --body batch.json \\
      --curl http://127.0.0.1:8080/webhooks/banking-circle
  countersign sign --provider 4pay --secret-file 4pay.secret --body event.json --json |
      countersign verify --provider 4pay --secret-file 4pay.secret --request -";

/// The longest body that is read: twice the largest limit there is.
const MAX_BODY: usize = 100_000_000;

/// What the longest argument of a command may have on Linux, less room for the quotes.
const MAX_ARGUMENT: usize = 96 * 1024;

/// The delivery in the form that `verify --request` reads.
#[derive(Serialize)]
struct Request<'a> {
    method: &'static str,
    url: Option<&'a str>,
    headers: Vec<(&'a str, &'a str)>,
    body_b64: String,
}

impl SignArgs {
    pub(crate) fn run(self, json: bool) -> Result<Ending, Failure> {
        at_most_one_stdin(self.secrets.inputs().chain([&self.body]))?;
        let provider = self.provider.read()?;
        let url = self.url.as_deref();
        let url = url.or(self.curl.as_ref().map(Url::as_str));
        let provider = with_url_to_sign(provider, url)?;
        let secrets = self.secrets.read()?;
        let sealed = matches!(provider.scheme(), Scheme::Sealed(_));
        if sealed && !json && self.curl.is_none() && self.out.is_none() {
            return Err(Failure::new(
                Reason::Usage,
                "the body is sealed, and headers alone are no delivery: add --json, --curl or --out",
            ));
        }
        let signer = signer(&provider, &secrets, self.id.as_deref())?;
        let body = self.body.read(MAX_BODY + 1)?;
        if body.len() > MAX_BODY {
            return Err(Failure::new(Reason::Usage, "the body is over 100 MB"));
        }
        let at = match self.at {
            Some(seconds) => UnixTime::from_secs(seconds),
            None => SystemTime::now().into(),
        };
        let signed = signer.sign(body, at)?;
        // An id or a time that no receiver takes is for a test, and not for here.
        let known = match signer.public_key() {
            Some(public) => vec![public],
            None => secrets,
        };
        let verifier = Verifier::new(&provider, &known)?.with_body_limit(usize::MAX);
        let request = signed.clone().into_request();
        if let Err(error) = verifier.verify(&request, signed.body().clone(), at) {
            let message = format!("no receiver would take it: {error}");
            return Err(Failure::new(Reason::Usage, message));
        }
        if let Some(path) = &self.out {
            fs::write(path, signed.body()).map_err(|error| {
                let path = path.to_string_lossy();
                let message = format!("cannot write {}: {error}", Printable(&path));
                Failure::new(Reason::UnreadableFile, message)
            })?;
        }
        let headers = headers(&signed);
        if json {
            output::json_line(&Request {
                method: "POST",
                url: signed.url().or(url),
                headers,
                body_b64: STANDARD.encode(signed.body()),
            });
        } else if let Some(url) = self.curl.as_ref().map(Url::as_str) {
            output::text(&Curl {
                url: target(url, &signed),
                headers,
                body: signed.body(),
                content_type: signed.content_type().to_str().unwrap_or_default(),
            });
        } else {
            output::text(&Lines(headers));
        }
        Ok(Ending::Good)
    }
}

/// The provider with the URL that is signed. A query that a signer adds is not the configured URL's.
fn with_url_to_sign(provider: Provider, url: Option<&str>) -> Result<Provider, Failure> {
    match url {
        Some(_) => with_url(provider, url),
        None => Ok(provider),
    }
}

/// Where a delivery is sent: with the query that was signed, where the signer has added one.
fn target(url: &str, signed: &Signed) -> String {
    match signed.url().and_then(|signed| signed.split_once('?')) {
        Some((_, query)) if !url.contains('?') => format!("{url}?{query}"),
        _ => url.to_owned(),
    }
}

/// A signer for a configuration that a server would take.
pub(crate) fn signer(
    provider: &Provider,
    secrets: &[Secret],
    id: Option<&str>,
) -> Result<Signer, Failure> {
    // A private key is no configuration of a server.
    if !provider.scheme().has_public_key() {
        Verifier::new(provider, secrets)?;
    }
    let Some(first) = secrets.first() else {
        let no_secret = Reason::Config(ConfigErrorKind::NoSecret);
        return Err(Failure::new(no_secret, "no secret to sign with"));
    };
    let signer = Signer::new(provider, first)?;
    Ok(match id {
        Some(id) => signer.with_id(id)?,
        None => signer,
    })
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Failure {
        let reason = match error.kind() {
            SignErrorKind::SecretEncoding => Reason::Config(ConfigErrorKind::SecretEncoding),
            SignErrorKind::MissingSetting => Reason::Config(ConfigErrorKind::MissingSetting),
            SignErrorKind::MissingUrl => Reason::Config(ConfigErrorKind::MissingUrl),
            SignErrorKind::BadScheme => Reason::Config(ConfigErrorKind::BadScheme),
            SignErrorKind::NotApplicable => Reason::Config(ConfigErrorKind::NotApplicable),
            SignErrorKind::BadId | SignErrorKind::BadTime => Reason::Usage,
            _ => Reason::CannotSign,
        };
        Failure::new(reason, error.to_string())
    }
}

/// Names and values as text, which all that is signed is.
fn headers(signed: &Signed) -> Vec<(&str, &str)> {
    signed
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect()
}

struct Lines<'a>(Vec<(&'a str, &'a str)>);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(name, value)| writeln!(f, "{name}: {value}"))
    }
}

/// A command for a shell, with the body in it.
struct Curl<'a> {
    url: String,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a [u8],
    content_type: &'a str,
}

impl fmt::Display for Curl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = std::str::from_utf8(self.body).ok();
        let plain = plain.filter(|text| text.len() <= MAX_ARGUMENT && !text.contains('\0'));
        if plain.is_none() {
            // What no argument can hold; `printf` is a shell's own, and takes any length.
            write!(
                f,
                "printf %s {} | base64 -d | ",
                Quoted(&STANDARD.encode(self.body))
            )?;
        }
        write!(
            f,
            "curl --include --header {}",
            Quoted(&format!("content-type: {}", self.content_type))
        )?;
        let sent_already = |name: &str| name == "content-type";
        for (name, value) in self.headers.iter().filter(|(name, _)| !sent_already(name)) {
            write!(f, " --header {}", Quoted(&format!("{name}: {value}")))?;
        }
        match plain {
            Some(text) => write!(f, " --data-raw {}", Quoted(text))?,
            None => f.write_str(" --data-binary @-")?,
        }
        writeln!(f, " {}", Quoted(&self.url))
    }
}

/// One word for a shell, whatever is in it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', r"'\''"))
    }
}
