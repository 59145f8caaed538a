//! A line for each delivery, and one for each thing that should not have happened.

use std::fmt;
use std::io::{self, IsTerminal};

use countersign::{ErrorKind, Identity, Observation, Observer, Outcome};
use serde::Serialize;

use crate::output::{self, Printable};

/// Writes what it is told to standard output.
pub(super) struct Report {
    json: bool,
    colour: bool,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        Report {
            json,
            colour: !json && !plain && io::stdout().is_terminal(),
        }
    }

    fn line(&self, line: &(impl Serialize + fmt::Display), colour: &str) {
        match (self.json, self.colour) {
            (true, _) => output::json_line(line),
            (false, true) => output::text(&format!("{colour}{line}\x1b[0m\n")),
            (false, false) => output::text(&format!("{line}\n")),
        }
    }
}

impl Observer for Report {
    fn observe(&self, told: &Observation<'_>) {
        // Said at the start, and for people: scripts read of deliveries here.
        if told.outcome == Outcome::NoSignedTime && self.json {
            return;
        }
        let one = match told.events {
            [one] => Some(one),
            _ => None,
        };
        let (id, kind) = (one.map(Identity::id), one.and_then(Identity::kind));
        let answered = told
            .status
            .filter(|_| !told.late && is_answer(told.outcome));
        if let Some(status) = answered {
            let line = Delivered {
                outcome: told.outcome.as_str(),
                reason: told.reason.and_then(reason),
                status: status.as_u16(),
                id,
                kind,
            };
            self.line(&line, colour(told.outcome));
        } else {
            let late = is_answer(told.outcome);
            let line = Noticed {
                event: if late {
                    "late_settlement"
                } else {
                    told.outcome.as_str()
                },
                outcome: late.then_some(told.outcome.as_str()),
                id,
                kind,
                detail: told.decode_error.map(ToString::to_string),
            };
            self.line(&line, YELLOW);
        }
    }
}

const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const DIM: &str = "\x1b[2m";

fn colour(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => GREEN,
        Outcome::Duplicate | Outcome::Ignored | Outcome::Handshake => DIM,
        Outcome::InProgress | Outcome::AnswerDeadline | Outcome::Overloaded => YELLOW,
        _ => RED,
    }
}

/// Whether it is what a delivery was answered, and not something beside it.
fn is_answer(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Delivered
            | Outcome::Duplicate
            | Outcome::InProgress
            | Outcome::Ignored
            | Outcome::Rejected
            | Outcome::Overloaded
            | Outcome::HandlerFailed
            | Outcome::AnswerDeadline
            | Outcome::HandlerTimedOut
            | Outcome::StoreUnavailable
            | Outcome::Handshake
    )
}

/// The reasons that scripts know; any other is told by the outcome.
fn reason(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::ShuttingDown | ErrorKind::StoreUnavailable => None,
        kind => Some(kind.as_str()),
    }
}

#[derive(Serialize)]
struct Delivered<'a> {
    outcome: &'a str,
    reason: Option<&'a str>,
    status: u16,
    id: Option<&'a str>,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
}

#[derive(Serialize)]
struct Noticed<'a> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    id: Option<&'a str>,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl fmt::Display for Delivered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.outcome)?;
        if let Some(reason) = self.reason {
            write!(f, " ({reason})")?;
        }
        named(f, self.id, self.kind)
    }
}

impl fmt::Display for Noticed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--- {}", self.event)?;
        if let Some(outcome) = self.outcome {
            write!(f, ": {outcome}")?;
        }
        named(f, self.id, self.kind)?;
        match &self.detail {
            Some(detail) => write!(f, ": {}", Printable(detail)),
            None => Ok(()),
        }
    }
}

fn named(f: &mut fmt::Formatter<'_>, id: Option<&str>, kind: Option<&str>) -> fmt::Result {
    if let Some(kind) = kind {
        write!(f, " {}", Printable(kind))?;
    }
    if let Some(id) = id {
        write!(f, " {}", Printable(id))?;
    }
    Ok(())
}
