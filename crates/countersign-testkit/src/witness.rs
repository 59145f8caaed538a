//! What a receiver observed, and what a test has to say about it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign::{ErrorKind, Identity, Observation, Observer, Outcome};
use http::StatusCode;

/// Watches a receiver, and is asked afterwards. Clones share what was seen.
///
/// ```
/// use countersign::{Receiver, Secret, provider};
/// use countersign_testkit::Witness;
///
/// let witness = Witness::default();
/// let secret = Secret::new("wh_sandbox_0123456789")?;
/// let receiver = Receiver::new("test", provider::fedapay(), [secret])?
///     .with_observer(witness.clone());
/// // … deliveries …
/// witness.never_ran("evt_1");
/// witness.was_refused(0);
/// # drop(receiver);
/// # Ok::<(), countersign::ConfigError>(())
/// ```
///
/// An event *ran* as often as a handler ended with it in hand, however it ended: an answer, a panic,
/// or a stop. Of a batch that is every event that was handed over. One whose JSON did not decode counts
/// as a run that failed, and a handler that still runs does not count yet.
#[derive(Clone, Default)]
pub struct Witness {
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// One observation, without what it borrows.
#[derive(Clone)]
struct Seen {
    outcome: Outcome,
    reason: Option<ErrorKind>,
    status: Option<StatusCode>,
    ids: Vec<String>,
    committed: Vec<String>,
    late: bool,
}

impl Seen {
    fn is_run(&self) -> bool {
        matches!(
            self.outcome,
            Outcome::Delivered | Outcome::HandlerFailed | Outcome::HandlerTimedOut
        )
    }
}

impl Witness {
    /// How often the event ran.
    pub fn runs(&self, id: &str) -> usize {
        self.count(id, Seen::is_run)
    }

    /// How often it ran and succeeded.
    pub fn successes(&self, id: &str) -> usize {
        let committed = |seen: &&Seen| seen.committed.iter().any(|known| known == id);
        self.seen().iter().filter(committed).count()
    }

    /// How often it came again after it had succeeded.
    pub fn duplicates(&self, id: &str) -> usize {
        self.count(id, |seen| seen.outcome == Outcome::Duplicate)
    }

    /// How many deliveries were refused as not genuine, too long or too slow.
    pub fn refusals(&self) -> usize {
        let refused = |seen: &&Seen| seen.outcome == Outcome::Rejected;
        self.seen().iter().filter(refused).count()
    }

    /// How often an outcome was observed, of whatever event.
    pub fn observed(&self, outcome: Outcome) -> usize {
        let same = |seen: &&Seen| seen.outcome == outcome;
        self.seen().iter().filter(same).count()
    }

    /// The event ran a single time, and succeeded.
    ///
    /// # Panics
    ///
    /// If not, with all that was seen.
    #[track_caller]
    pub fn ran_once(&self, id: &str) {
        let (runs, successes) = (self.runs(id), self.successes(id));
        self.expect(runs == 1 && successes == 1, || {
            format!("{id:?} was to run once and succeed, but ran {runs} times, {successes} of them with success")
        });
    }

    /// The event did not run.
    ///
    /// # Panics
    ///
    /// If it did, with all that was seen.
    #[track_caller]
    pub fn never_ran(&self, id: &str) {
        self.ran(id, 0);
    }

    /// The event ran so many times, with whatever success.
    ///
    /// # Panics
    ///
    /// If not, with all that was seen.
    #[track_caller]
    pub fn ran(&self, id: &str, times: usize) {
        let runs = self.runs(id);
        self.expect(runs == times, || {
            format!("{id:?} was to run {times} times, but ran {runs} times")
        });
    }

    /// The event succeeded a single time, however often it ran.
    ///
    /// # Panics
    ///
    /// If not, with all that was seen.
    #[track_caller]
    pub fn succeeded_once(&self, id: &str) {
        let successes = self.successes(id);
        self.expect(successes == 1, || {
            format!("{id:?} was to succeed once, but did {successes} times")
        });
    }

    /// The event came so many times after it had succeeded.
    ///
    /// # Panics
    ///
    /// If not, with all that was seen.
    #[track_caller]
    pub fn was_duplicate(&self, id: &str, times: usize) {
        let duplicates = self.duplicates(id);
        self.expect(duplicates == times, || {
            format!("{id:?} was to be a duplicate {times} times, but was {duplicates} times")
        });
    }

    /// So many deliveries were refused, for whatever reason.
    ///
    /// # Panics
    ///
    /// If not, with all that was seen.
    #[track_caller]
    pub fn was_refused(&self, times: usize) {
        let refusals = self.refusals();
        self.expect(refusals == times, || {
            format!("{times} deliveries were to be refused, but {refusals} were")
        });
    }

    /// So many deliveries were refused for this reason.
    ///
    /// # Panics
    ///
    /// If not, with all that was seen.
    #[track_caller]
    pub fn was_refused_for(&self, reason: ErrorKind, times: usize) {
        let same = |seen: &&Seen| seen.reason == Some(reason);
        let refusals = self.seen().iter().filter(same).count();
        self.expect(refusals == times, || {
            let reason = reason.as_str();
            format!("{times} deliveries were to be refused for {reason}, but {refusals} were")
        });
    }

    fn count(&self, id: &str, which: impl Fn(&Seen) -> bool) -> usize {
        let seen = self.seen();
        let of_event = seen.iter().filter(|seen| which(seen));
        of_event
            .filter(|seen| seen.ids.iter().any(|known| known == id))
            .count()
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "that is what an assertion does")]
    fn expect(&self, held: bool, claim: impl FnOnce() -> String) {
        if !held {
            panic!("{}\nseen: {self:?}", claim());
        }
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Witness {
    fn observe(&self, observation: &Observation<'_>) {
        let ids = |events: &[Identity]| events.iter().map(|event| event.id().to_owned()).collect();
        self.seen().push(Seen {
            outcome: observation.outcome,
            reason: observation.reason,
            status: observation.status,
            ids: ids(observation.events),
            committed: ids(observation.committed),
            late: observation.late,
        });
    }
}

/// All that was seen, a line each.
impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.seen().clone();
        if seen.is_empty() {
            return f.write_str("nothing");
        }
        for seen in seen {
            write!(f, "\n  {}", seen.outcome.as_str())?;
            if let Some(reason) = seen.reason {
                write!(f, " for {}", reason.as_str())?;
            }
            if let Some(status) = seen.status {
                write!(f, ", answered {}", status.as_u16())?;
            }
            for id in &seen.ids {
                write!(f, ", {id:?}")?;
            }
            if seen.late {
                f.write_str(", after the answer")?;
            }
        }
        Ok(())
    }
}
