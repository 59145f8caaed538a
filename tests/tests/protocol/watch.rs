//! What the receivers report, held against what has to be reported.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use countersign::{Clock, Observation, Observer, Outcome};
use countersign_testkit::ManualClock;

use super::executor::Turns;
use super::ledger::{Book, Ledger};

/// How long an observation may be in coming: a release may have to be tried first.
const GRACE: Duration = Duration::from_secs(3);

#[derive(Default)]
pub struct Watched {
    /// When a receiver last reported an outcome of an event.
    seen: HashMap<(usize, usize, Outcome), Duration>,
    owed: Vec<Owed>,
    /// By receiver: the poll in which it last reported an answer, and its status.
    answers: HashMap<usize, (u64, u16)>,
    /// The poll in which a store last answered that a lease is lost, the attempt whose it was, and
    /// whether it was not lost at all.
    lost: Option<(u64, usize, bool)>,
    /// Attempts whose lost lease was reported.
    told: Vec<usize>,
}

struct Owed {
    receiver: usize,
    event: usize,
    outcome: Outcome,
    since: Duration,
    by: Duration,
}

impl Watched {
    /// `outcome` of `event` has to be reported, unless it was since.
    pub fn owe(
        &mut self,
        receiver: usize,
        event: usize,
        outcome: Outcome,
        since: Duration,
        now: Duration,
    ) {
        self.owed.push(Owed {
            receiver,
            event,
            outcome,
            since,
            by: now + GRACE,
        });
    }

    pub fn lost(&mut self, turn: u64, attempt: usize, false_alarm: bool) {
        self.lost = Some((turn, attempt, false_alarm));
    }

    /// Whether it was reported that `attempt` lost its lease.
    pub fn is_told(&self, attempt: usize) -> bool {
        self.told.contains(&attempt)
    }

    /// The status that a receiver reported in this poll.
    pub fn answered(&self, receiver: usize, turn: u64) -> Option<u16> {
        let (when, status) = self.answers.get(&receiver)?;
        (*when == turn).then_some(*status)
    }

    pub fn forget(&mut self, receivers: &Range<usize>) {
        self.owed.retain(|owed| !receivers.contains(&owed.receiver));
    }
}

impl Ledger {
    /// Every debt is paid in time.
    pub fn check_owed(&mut self, now: Duration) {
        let Watched { seen, owed, .. } = &mut self.watched;
        owed.retain(|owed| {
            let at = seen.get(&(owed.receiver, owed.event, owed.outcome));
            at.is_none_or(|at| *at < owed.since)
        });
        if let Some(late) = owed.iter().find(|owed| owed.by < now) {
            let detail = format!(
                "event {}: {} is not reported",
                late.event,
                late.outcome.as_str()
            );
            self.violate("observed", detail);
        }
    }
}

/// The observer of one receiver.
pub struct Watch {
    pub receiver: usize,
    pub endpoint: usize,
    pub book: Book,
    pub clock: ManualClock,
    pub turns: Turns,
}

impl Observer for Watch {
    fn observe(&self, observation: &Observation<'_>) {
        let now = self.clock.monotonic();
        let turn = self.turns.now();
        let mut ledger = self.book.open();
        for event in observation.events {
            let name = event.id().strip_prefix("evt_");
            let Some(name) = name.and_then(|name| name.parse().ok()) else {
                continue;
            };
            if let Some(event) = ledger.event_named(self.endpoint, name) {
                let what = (self.receiver, event, observation.outcome);
                ledger.watched.seen.insert(what, now);
            }
        }
        let watched = &mut ledger.watched;
        if let Some(status) = observation.status {
            let answer = (turn, status.as_u16());
            watched.answers.insert(self.receiver, answer);
        }
        if observation.outcome == Outcome::LeaseLost
            && let Some((when, attempt, false_alarm)) = watched.lost
            && when == turn
        {
            watched.told.push(attempt);
            if false_alarm {
                let detail = format!("attempt {attempt} is told of a lost lease, and lost none");
                ledger.violate("observed", detail);
            }
        }
        ledger.log.push(format!(
            "receiver {} reports {} {:?}",
            self.receiver,
            observation.outcome.as_str(),
            observation.status.map(|status| status.as_u16())
        ));
    }
}
