//! The verdict on a delivery, as scripts and people read it.

use std::fmt;

use countersign::{ErrorKind, Identity};
use serde::Serialize;

use crate::output::Printable;

/// The verdict, as scripts read it.
#[derive(Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(crate) enum Verdict<'a> {
    Verified {
        provider: &'a str,
        key_index: usize,
        timestamp: Option<i64>,
        events: Vec<Event<'a>>,
    },
    Rejected {
        provider: &'a str,
        reason: &'static str,
        status: u16,
        /// For people, in the words of the library.
        #[serde(skip)]
        why: &'a str,
    },
}

#[derive(Serialize)]
pub(crate) struct Event<'a> {
    id: Option<&'a str>,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
}

impl<'a> Event<'a> {
    pub(crate) fn new(identity: &'a Identity) -> Self {
        Event {
            // Of what nothing signed names there is no id to rely on.
            id: identity.is_keyed().then(|| identity.id()),
            kind: identity.kind(),
        }
    }
}

impl<'a> Verdict<'a> {
    pub(crate) fn rejected(provider: &'a str, kind: ErrorKind, why: &'a str) -> Self {
        Verdict::Rejected {
            provider,
            reason: kind.as_str(),
            status: kind.status().as_u16(),
            why,
        }
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Verified {
                provider,
                key_index,
                timestamp,
                events,
            } => {
                write!(
                    f,
                    "verified: {}, key_index {key_index}",
                    Printable(provider)
                )?;
                match timestamp {
                    Some(seconds) => writeln!(f, ", signed at {seconds}")?,
                    None => writeln!(f, ", no signed time")?,
                }
                for event in events {
                    let kind = event.kind.unwrap_or("unknown");
                    writeln!(
                        f,
                        "  event {}, type {}",
                        Printable(event.id.unwrap_or("without an id")),
                        Printable(kind)
                    )?;
                }
                Ok(())
            }
            Verdict::Rejected {
                provider,
                reason,
                status,
                why,
            } => {
                let provider = Printable(provider);
                writeln!(f, "rejected: {provider}, {why} ({reason}, status {status})")
            }
        }
    }
}
