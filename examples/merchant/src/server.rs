//! How a server begins and ends.

use std::env;
use std::error::Error;
use std::fmt;
use std::iter::successors;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use countersign::Receiver;
use futures_util::future::join_all;

/// Listens on what `BIND` says, or on 127.0.0.1:8080, and says so in the first line that is printed.
///
/// # Errors
///
/// If that address cannot be had.
pub fn listen() -> Result<TcpListener, Box<dyn Error>> {
    let bind = env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".into());
    let listener = TcpListener::bind(&bind).map_err(|error| format!("BIND={bind}: {error}"))?;
    // As an asynchronous runtime wants it.
    listener.set_nonblocking(true)?;
    say(format_args!(
        "listening on http://{}",
        listener.local_addr()?
    ));
    Ok(listener)
}

/// What a server ends with: 0 if all was well, and else 2, with one line on standard error that says why.
pub fn exit_code(program: &str, end: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(why) = end else {
        return ExitCode::SUCCESS;
    };
    // A store that failed leaves it to its database to say why.
    let first: &dyn Error = &*why;
    let causes = successors(Some(first), |&why| why.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    eprintln!("{program}: {}", causes.join(": "));
    ExitCode::from(2)
}

/// Drains all receivers at once: they finish what goes on without a connection, which is handlers whose
/// sender hung up, and commits that are being retried.
///
/// # Errors
///
/// If something was left unsettled after `deadline`; its provider sends it again.
pub async fn drain(
    receivers: impl IntoIterator<Item = &Receiver>,
    deadline: Duration,
) -> Result<(), Box<dyn Error>> {
    let all = receivers
        .into_iter()
        .map(|receiver| receiver.drain(deadline));
    match join_all(all).await.into_iter().all(|settled| settled) {
        true => Ok(()),
        false => Err("stopped before every event was settled; those come again".into()),
    }
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
pub fn say(what: fmt::Arguments<'_>) {
    println!("{what}");
}
