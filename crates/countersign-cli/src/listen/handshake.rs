//! `--handshake`: what a provider asks before it sends anything, answered as its own library would.

use countersign::{ConfigErrorKind, Handshake, Provider, Secret};

use crate::failure::{Failure, Reason};
use crate::input::Input;
use crate::secrets::secret_of_file;

#[derive(clap::Args)]
pub(crate) struct HandshakeArgs {
    /// Answer the provider's handshake, which comes before its first delivery, where its own proof
    /// holds: meta (with --verify-token-file), slack, zoom, twitch, dropbox or x-twitter. Zoom and X are
    /// answered under the first secret
    #[arg(long)]
    handshake: bool,

    /// A file that holds the verify token that you chose at Meta, - for standard input
    #[arg(long, value_name = "FILE|-", requires = "handshake")]
    verify_token_file: Option<Input>,
}

const OPTION: &str = "--verify-token-file";

impl HandshakeArgs {
    pub(crate) fn input(&self) -> Option<&Input> {
        self.verify_token_file.as_ref()
    }

    /// The handshake to answer, if any is to be.
    pub(crate) fn read(
        self,
        provider: &Provider,
        secrets: &[Secret],
    ) -> Result<Option<Handshake>, Failure> {
        if !self.handshake {
            return Ok(None);
        }
        let token = self.verify_token_file;
        let token = token
            .map(|input| secret_of_file(&input, OPTION))
            .transpose()?;
        let missing = || not_applicable(format!("meta's handshake needs {OPTION}"));
        let handshake = match (provider.name(), &token, secrets.first()) {
            ("meta", token, _) => Handshake::meta(token.as_ref().ok_or_else(missing)?),
            (name, Some(_), _) => {
                return Err(not_applicable(format!("{name} has no verify token")));
            }
            ("slack", ..) => Handshake::slack(),
            ("twitch", ..) => Handshake::twitch(),
            ("dropbox", ..) => Handshake::dropbox(),
            ("zoom", _, Some(secret)) => Handshake::zoom(secret)?,
            ("x-twitter", _, Some(secret)) => Handshake::x(secret)?,
            (name, ..) => {
                return Err(not_applicable(format!("{name} has no handshake")));
            }
        };
        Ok(Some(handshake))
    }
}

fn not_applicable(message: String) -> Failure {
    Failure::new(Reason::Config(ConfigErrorKind::NotApplicable), message)
}
