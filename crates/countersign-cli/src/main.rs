#![doc = include_str!("../README.md")]
//!
//! # The code
//!
//! Each command is one file; what several of them read (which provider, which secrets, which
//! request) is one file each beside them.

#![forbid(unsafe_code)]

mod args;
mod completions;
mod demo;
mod explain;
mod failure;
mod http_client;
mod input;
mod listen;
mod output;
mod provider_choice;
mod providers;
mod request;
mod secrets;
mod send;
mod sign;
mod url;
mod verdict;
mod verify;

use std::process::ExitCode;

use crate::args::{Args, Command, Parsed};
use crate::failure::Failure;

/// How a command that could do its work ended.
enum Ending {
    /// Verified, or done.
    Good,
    /// Rejected, or something was not as it should be.
    Bad,
}

fn main() -> ExitCode {
    let (json, result) = match args::parse(std::env::args_os()) {
        Parsed::Run(args) => (args.json, run(*args)),
        Parsed::Shown => return ExitCode::SUCCESS,
        Parsed::Wrong { json, failure } => (json, Err(failure)),
    };
    match result {
        Ok(Ending::Good) => ExitCode::SUCCESS,
        Ok(Ending::Bad) => ExitCode::from(1),
        Err(failure) => {
            output::failure(&failure, json);
            ExitCode::from(2)
        }
    }
}

fn run(args: Args) -> Result<Ending, Failure> {
    match args.command {
        Command::Demo(demo) => demo.run(args.json),
        Command::Completions(completions) => completions.run(),
        Command::Explain(explain) => explain.run(args.json),
        Command::Listen(listen) => listen.run(args.json),
        Command::Providers(providers) => providers.run(args.json),
        Command::Send(send) => send.run(args.json),
        Command::Sign(sign) => sign.run(args.json),
        Command::Verify(verify) => verify.run(args.json),
    }
}
