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
    /// Which secret matched.
    pub key_index: Option<usize>,
    /// Whose it was.
    pub tenant: Option<String>,
}

impl Observer for Log {
    fn observe(&self, observation: &Observation<'_>) {
        // Said once, of no delivery.
        if let Outcome::NoSignedTime | Outcome::ObserveOnly | Outcome::Unsigned =
            observation.outcome
        {
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
            key_index: observation.key_index,
            tenant: observation.tenant.map(str::to_owned),
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

    /// Which secrets matched, in the order of the deliveries.
    pub fn keys(&self) -> Vec<usize> {
        self.all()
            .iter()
            .filter_map(|seen| seen.key_index)
            .collect()
    }

    pub fn texts(&self) -> Vec<String> {
        self.all().into_iter().map(|seen| seen.text).collect()
    }
}

fn count(seen: &[Seen], outcome: Outcome) -> usize {
    seen.iter().filter(|seen| seen.outcome == outcome).count()
}
