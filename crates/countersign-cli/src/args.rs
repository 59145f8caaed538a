//! The command line: which commands there are, and what is said when it is used wrongly.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

use crate::completions::CompletionsArgs;
use crate::demo::DemoArgs;
use crate::explain::ExplainArgs;
use crate::failure::{Failure, Reason};
use crate::listen::ListenArgs;
use crate::providers::ProvidersArgs;
use crate::send::SendArgs;
use crate::sign::SignArgs;
use crate::verify::VerifyArgs;

/// Verifies webhook deliveries as a merchant's server would.
#[derive(Parser)]
#[command(name = "countersign", version, after_help = EXAMPLE)]
pub(crate) struct Args {
    /// Write JSON lines to standard output, and nothing else
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Verify(Box<VerifyArgs>),
    Explain(Box<ExplainArgs>),
    Sign(Box<SignArgs>),
    Send(Box<SendArgs>),
    Listen(Box<ListenArgs>),
    Providers(ProvidersArgs),
    Demo(DemoArgs),
    Completions(CompletionsArgs),
}

const EXAMPLE: &str = "\
Examples:
  countersign demo
  countersign verify --provider fedapay --secret-file fedapay.secret --request delivery.json
  countersign explain --provider fedapay --secret-file fedapay.secret --request delivery.json

Exit status: 0 verified or done, 1 rejected, 2 the input cannot be used.";

pub(crate) enum Parsed {
    Run(Box<Args>),
    /// The help or the version was asked for and has been shown.
    Shown,
    /// `json`: whether the answer is to be JSON, which the arguments that could not be read said.
    Wrong {
        json: bool,
        failure: Failure,
    },
}

pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Parsed {
    let args: Vec<OsString> = args.collect();
    match Args::try_parse_from(&args) {
        Ok(args) => Parsed::Run(Box::new(args)),
        Err(shown) if !shown.use_stderr() => {
            // A reader that has gone away has seen what it wanted.
            let _ = shown.print();
            Parsed::Shown
        }
        Err(error) => Parsed::Wrong {
            json: args.iter().any(|arg| arg == "--json"),
            failure: Failure::new(Reason::Usage, describe(&error)),
        },
    }
}

/// One line that never quotes a value: clap's own text does, and a value put in the wrong place may
/// well be a secret.
fn describe(error: &clap::Error) -> String {
    let option = listed(error, ContextKind::InvalidArg).unwrap_or_else(|| "an option".to_owned());
    match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "a command is needed; countersign --help lists them".to_owned()
        }
        ErrorKind::InvalidSubcommand => {
            "there is no such command; countersign --help lists them".to_owned()
        }
        ErrorKind::MissingRequiredArgument => format!("needed: {option}"),
        ErrorKind::ArgumentConflict => match listed(error, ContextKind::PriorArg) {
            Some(prior) if prior != option => {
                format!("{option} and {prior} cannot be given together")
            }
            _ => format!("{option} can be given only once"),
        },
        // An option comes without its value, but a stray value comes as it is.
        ErrorKind::UnknownArgument if option.starts_with('-') => {
            format!("{option} is not known here; --help lists the options")
        }
        ErrorKind::UnknownArgument => {
            "a value stands where an option is expected; quote values that hold spaces".to_owned()
        }
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        _ => match listed(error, ContextKind::ValidValue) {
            Some(valid) => format!("{option} takes one of {valid}"),
            None => format!("the value of {option} is missing or of another form"),
        },
    }
}

fn listed(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(one) => Some(one.clone()),
        ContextValue::Strings(several) if !several.is_empty() => Some(several.join(", ")),
        _ => None,
    }
}
