//! An observer that writes down what it is told.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::{ErrorKind, Observation, Observer, Outcome};

/// Clones share what was written down.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Seen>>>, Arc<Mutex<Vec<Outcome>>>);

/// An [`Observation`] that was kept.
#[derive(Debug, Clone)]
pub struct Seen {
    pub endpoint: String,
    pub provider: String,
    pub outcome: Outcome,
    pub reason: Option<ErrorKind>,
    pub decode_error: Option<String>,
    pub status: Option<u16>,
    pub key_index: Option<usize>,
    pub skew_millis: Option<i64>,
    pub bytes: usize,
    pub ids: Vec<String>,
    pub committed: Vec<String>,
    pub kinds: Vec<Option<String>>,
    pub elapsed: Duration,
    pub late: bool,
    pub observe_only: bool,
    pub failures_in_a_row: u32,
}

impl Observer for Log {
    fn observe(&self, told: &Observation<'_>) {
        // Said of the receiver when it is opened, and of no delivery.
        if let Outcome::NoSignedTime | Outcome::ObserveOnly | Outcome::Unsigned = told.outcome {
            self.1.lock().unwrap().push(told.outcome);
            return;
        }
        self.0.lock().unwrap().push(Seen {
            endpoint: told.endpoint.to_owned(),
            provider: told.provider.to_owned(),
            outcome: told.outcome,
            reason: told.reason,
            decode_error: told.decode_error.map(ToString::to_string),
            status: told.status.map(|status| status.as_u16()),
            key_index: told.key_index,
            skew_millis: told.skew_millis,
            bytes: told.bytes,
            ids: told.events.iter().map(|event| event.id().into()).collect(),
            committed: told
                .committed
                .iter()
                .map(|event| event.id().into())
                .collect(),
            kinds: told
                .events
                .iter()
                .map(|event| event.kind().map(str::to_owned))
                .collect(),
            elapsed: told.elapsed,
            late: told.late,
            observe_only: told.observe_only,
            failures_in_a_row: told.failures_in_a_row,
        });
    }
}

impl Log {
    /// How often that was said of a receiver.
    pub fn said_of_the_receiver(&self, outcome: Outcome) -> usize {
        let said = self.1.lock().unwrap();
        said.iter().filter(|said| **said == outcome).count()
    }

    /// All that was seen since the last time this was asked.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Outcome, reason, status, `late` and ids, as far as there are any.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.outcome.as_str())?;
        if let Some(reason) = self.reason {
            write!(f, " {}", reason.as_str())?;
        }
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        if self.late {
            f.write_str(" late")?;
        }
        for id in &self.ids {
            write!(f, " {id}")?;
        }
        Ok(())
    }
}
