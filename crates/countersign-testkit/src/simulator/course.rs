//! What became of a delivery, attempt by attempt.

use std::fmt;
use std::time::Duration;

use countersign::UnixTime;
use http::StatusCode;

use crate::target::NoAnswer;

/// The course of one delivery: its attempts, and how they ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Course {
    /// Which of the events that were sent it is of.
    pub event: usize,
    /// Which copy of it: 0, and further ones where the provider sends duplicates.
    pub copy: usize,
    /// The attempts, in order.
    pub attempts: Vec<Attempt>,
    /// How it ended.
    pub ending: Ending,
}

/// How a course ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// With a 2xx.
    Delivered,
    /// All attempts were used up.
    GivenUp,
    /// All attempts of this event, or of another one, were used up, and the provider switched the endpoint
    /// off.
    SwitchedOff,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// When it was sent, since the first attempt.
    pub after: Duration,
    /// When it was sent, by the wall clock: the time that is signed, where one is.
    pub sent: UnixTime,
    /// What the provider heard.
    pub heard: Heard,
}

/// What a provider heard of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// An answer.
    Answer {
        /// Its status.
        status: StatusCode,
        /// Its header `webhook-outcome`.
        outcome: Option<String>,
    },
    /// Nothing for as long as the provider waits; it hung up.
    TimedOut,
    /// Nothing: it hung up as it was told to.
    HungUp,
    /// Nothing: there was no connection, or it broke.
    Nothing(NoAnswer),
}

impl Course {
    /// The statuses that came back, 0 where none did.
    pub fn statuses(&self) -> Vec<u16> {
        let statuses = self.attempts.iter().map(Attempt::status);
        statuses
            .map(|status| status.map_or(0, |status| status.as_u16()))
            .collect()
    }

    /// The time from each attempt to the next.
    pub fn gaps(&self) -> Vec<Duration> {
        let next = self.attempts.iter().skip(1);
        self.attempts
            .iter()
            .zip(next)
            .map(|(earlier, later)| later.after.saturating_sub(earlier.after))
            .collect()
    }
}

impl Attempt {
    /// The status, if there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.heard {
            Heard::Answer { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether it was answered as a duplicate.
    pub fn is_duplicate(&self) -> bool {
        matches!(&self.heard, Heard::Answer { outcome: Some(outcome), .. } if outcome == "duplicate")
    }

    pub(super) fn is_success(&self) -> bool {
        self.status().is_some_and(|status| status.is_success())
    }
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for attempt in &self.attempts {
            writeln!(f, "after {:?}: {}", attempt.after, attempt.heard)?;
        }
        f.write_str(match self.ending {
            Ending::Delivered => "delivered",
            Ending::GivenUp => "given up",
            Ending::SwitchedOff => "switched off",
        })
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Heard::Answer { status, outcome } => {
                write!(f, "{}", status.as_u16())?;
                match outcome {
                    Some(outcome) => write!(f, " {outcome}"),
                    None => Ok(()),
                }
            }
            Heard::TimedOut => f.write_str("no answer in time"),
            Heard::HungUp => f.write_str("hung up"),
            Heard::Nothing(no_answer) => no_answer.fmt(f),
        }
    }
}
