//! What the receivers of a site tell their operator.

use std::sync::{Arc, Condvar, Mutex};

use countersign::{Observation, Observer, Outcome};

use super::signal::PATIENCE;

#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<Vec<Seen>>, Condvar)>);

#[derive(Debug, Clone)]
pub struct Seen {
    pub outcome: Outcome,
    /// Outcome, reason, status, whether it is late, and ids: what there is of it.
    pub text: String,
    /// How much of the body was read.
    pub bytes: usize,
}

impl Observer for Log {
    fn observe(&self, observation: &Observation<'_>) {
        // Said once, of no delivery.
        if observation.outcome == Outcome::NoSignedTime {
            return;
        }
        let mut text = observation.outcome.as_str().to_owned();
        if let Some(reason) = observation.reason {
            text = text + " " + reason.as_str();
        }
        if let Some(status) = observation.status {
            text = text + " " + status.as_str();
        }
        if observation.late {
            text += " late";
        }
        for event in observation.events {
            text = text + " " + event.id();
        }
        let seen = Seen {
            outcome: observation.outcome,
            text,
            bytes: observation.bytes,
        };
        self.0.0.lock().unwrap().push(seen);
        self.0.1.notify_all();
    }
}

impl Log {
    /// Waits until `outcome` has been seen so many times.
    #[track_caller]
    pub fn reach(&self, outcome: Outcome, times: usize) {
        let seen = self.0.0.lock().unwrap();
        let too_few = |seen: &mut Vec<Seen>| count(seen, outcome) < times;
        let waited = self.0.1.wait_timeout_while(seen, PATIENCE, too_few);
        let (seen, timeout) = waited.unwrap();
        assert!(!timeout.timed_out(), "no {times} {outcome:?}: {seen:#?}");
    }

    pub fn count(&self, outcome: Outcome) -> usize {
        count(&self.0.0.lock().unwrap(), outcome)
    }

    pub fn all(&self) -> Vec<Seen> {
        self.0.0.lock().unwrap().clone()
    }

    pub fn texts(&self) -> Vec<String> {
        self.all().into_iter().map(|seen| seen.text).collect()
    }
}

fn count(seen: &[Seen], outcome: Outcome) -> usize {
    seen.iter().filter(|seen| seen.outcome == outcome).count()
}
