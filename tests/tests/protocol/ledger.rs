//! What really happened, and what must hold of it.
//!
//! A run is excused for another one beside or behind it only if its worker crashed before its
//! commit was seen, or its thread was blocked beyond all limits. In a rough walk, where leases run
//! out under living workers, runs may overlap; but no run may begin under a claim that was made
//! after a commit.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_testkit::EntryState;

use super::watch::Watched;
use super::world::RETENTION;

pub type Token = [u8; 16];

/// The first thing that went wrong.
#[derive(Debug, Clone)]
pub struct Violation {
    pub invariant: &'static str,
    pub detail: String,
}

/// One run of a handler for one event.
#[derive(Debug, Clone)]
pub struct EventRun {
    pub attempt: usize,
    pub receiver: usize,
    pub end: End,
    /// Another run of the event may come although this one lives or succeeded.
    pub excused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Running,
    Succeeded,
    Failed,
}

/// What is known of one event.
#[derive(Debug)]
pub struct EventLog {
    pub endpoint: usize,
    /// What its id says: the same number names another event at another endpoint.
    pub name: usize,
    pub key: [u8; 32],
    pub runs: Vec<EventRun>,
    /// Until when the store has to remember it, once it showed it committed.
    pub committed_until: Option<Duration>,
    /// The poll by which it was committed.
    pub settled: Option<u64>,
    pub forged: bool,
}

/// One handler, from its first poll to its end.
#[derive(Debug, Clone, Copy)]
pub struct Handler {
    pub attempt: usize,
    pub receiver: usize,
    pub started: Duration,
    pub blocking: bool,
}

/// A delivery's claim, by the token it was made under.
pub struct ClaimLog {
    pub attempt: usize,
    pub alive: Arc<AtomicBool>,
    /// The last call, and whether it failed.
    pub called: Duration,
    pub turn: u64,
    pub failed: bool,
    /// The last answer, and when it came.
    pub said: Option<Said>,
    pub said_at: (Duration, u64),
    pub released: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Acquired,
    InProgress { left: Option<Duration> },
    Committed,
}

/// A receiver that is being shut down.
#[derive(Debug, Clone, Copy)]
pub struct Drained {
    pub turn: u64,
    /// When its handlers may be stopped.
    pub until: Duration,
    pub done: Option<bool>,
}

#[derive(Default)]
pub struct Ledger {
    pub events: Vec<EventLog>,
    pub handlers: Vec<Handler>,
    pub claims: HashMap<Token, ClaimLog>,
    /// The token of an attempt, and the status its handler answered.
    pub tokens: HashMap<usize, Token>,
    pub answers: HashMap<usize, u16>,
    /// Attempts whose handler marked an event as failed.
    pub marked: HashSet<usize>,
    pub drained: HashMap<usize, Drained>,
    pub watched: Watched,
    pub violation: Option<Violation>,
    /// Whether leases may run out under a living worker in this walk.
    pub rough: bool,
    pub tolerates_cuts: bool,
    pub delivered: usize,
    pub log: Vec<String>,
}

/// The ledger, as all who write into it share it.
#[derive(Clone, Default)]
pub struct Book(Arc<Mutex<Ledger>>);

impl Book {
    pub fn open(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    pub fn violate(&mut self, invariant: &'static str, detail: String) {
        self.log.push(format!("VIOLATION {invariant}: {detail}"));
        self.violation
            .get_or_insert(Violation { invariant, detail });
    }

    pub fn event_named(&self, endpoint: usize, name: usize) -> Option<usize> {
        let named = |event: &EventLog| event.endpoint == endpoint && event.name == name;
        self.events.iter().position(named)
    }

    pub fn event_of(&self, key: &[u8; 32]) -> Option<usize> {
        self.events.iter().position(|event| event.key == *key)
    }

    pub fn claim_of(&self, attempt: usize) -> Option<&ClaimLog> {
        self.claims.get(self.tokens.get(&attempt)?)
    }

    pub fn said(&self, attempt: usize) -> Option<Said> {
        self.claim_of(attempt)?.said
    }

    /// A handler begins with an event.
    pub fn begin(&mut self, event: usize, attempt: usize, receiver: usize) {
        if self.events[event].forged {
            self.violate(
                "no poison",
                format!("event {event} was forged and reached a handler"),
            );
        }
        let other = self.events[event]
            .runs
            .iter()
            .rev()
            .find(|run| !run.excused);
        let problem = match other.map(|run| (run.end, run.attempt)) {
            Some((End::Running, other)) => Some(("no overlap", other)),
            Some((End::Succeeded, other)) => Some(("no double success", other)),
            _ => None,
        };
        if let (Some((invariant, other)), false) = (problem, self.rough) {
            self.violate(
                invariant,
                format!("event {event}: attempt {attempt} runs beside attempt {other}"),
            );
        }
        let claimed = self.claim_of(attempt).map_or(u64::MAX, |claim| claim.turn);
        if self.events[event]
            .settled
            .is_some_and(|turn| turn < claimed)
        {
            self.violate(
                "monotone",
                format!("event {event} was committed before attempt {attempt} claimed and ran it"),
            );
        }
        self.events[event].runs.push(EventRun {
            attempt,
            receiver,
            end: End::Running,
            excused: false,
        });
    }

    pub fn end(&mut self, event: usize, attempt: usize, end: End) {
        for run in &mut self.events[event].runs {
            if run.attempt == attempt && run.end == End::Running {
                run.end = end;
            }
        }
        if end == End::Succeeded {
            self.delivered += 1;
        }
    }

    /// A handler has been given up: what it has not settled may run again.
    pub fn excuse(&mut self, attempt: usize) {
        for run in self.events.iter_mut().flat_map(|event| &mut event.runs) {
            if run.attempt == attempt && run.end == End::Running {
                run.excused = true;
            }
        }
    }

    /// A worker's process is gone, and with it what its receivers had not committed.
    pub fn crash(&mut self, receivers: std::ops::Range<usize>) {
        for event in &mut self.events {
            let settled = event.settled.is_some();
            for run in &mut event.runs {
                run.excused |= receivers.contains(&run.receiver) && !settled;
            }
        }
        self.forget(receivers);
    }

    /// What was expected of receivers that are no more.
    pub fn forget(&mut self, receivers: std::ops::Range<usize>) {
        self.watched.forget(&receivers);
        for receiver in receivers {
            self.drained.remove(&receiver);
        }
    }

    pub fn succeeded(&self, event: usize) -> bool {
        self.events[event]
            .runs
            .iter()
            .any(|run| run.end == End::Succeeded)
    }

    pub fn is_running(&self, event: usize, attempt: usize) -> bool {
        self.has_run(event, attempt, End::Running)
    }

    pub fn is_done(&self, event: usize, attempt: usize) -> bool {
        self.has_run(event, attempt, End::Succeeded)
    }

    fn has_run(&self, event: usize, attempt: usize, end: End) -> bool {
        let mut runs = self.events[event].runs.iter();
        runs.any(|run| run.attempt == attempt && run.end == end)
    }

    /// Whether somebody may still hold an entry under `token`, or nobody can be blamed for it.
    pub fn is_held(&self, token: &Token, held_since: Duration, lease: Duration) -> bool {
        let Some(claim) = self.claims.get(token) else {
            return false;
        };
        let lives = claim.alive.load(Ordering::Acquire);
        let runs = self.handlers.iter().any(|h| h.attempt == claim.attempt);
        // A store that carries a claim out so late finds nobody undoing it any longer: a lease
        // after it failed, two after it was given up.
        let patience = if claim.failed { lease } else { 2 * lease };
        let stray = claim.said != Some(Said::Acquired) && held_since >= claim.called + patience;
        !lives || runs || stray
    }

    /// What the store shows of an event: a commit stays, and its retention never moves.
    pub fn look(&mut self, event: usize, standing: Option<EntryState>, now: Duration, turn: u64) {
        match (self.events[event].committed_until, standing) {
            (None, Some(EntryState::Committed { retention_left })) => {
                self.events[event].committed_until = Some(now + retention_left);
                self.events[event].settled.get_or_insert(turn);
                if !self.succeeded(event) {
                    self.violate(
                        "no loss",
                        format!("event {event} is committed, and no run succeeded"),
                    );
                }
                if retention_left != RETENTION {
                    self.violate(
                        "monotone",
                        format!("event {event} is committed for {retention_left:?}"),
                    );
                }
            }
            (Some(until), Some(EntryState::Committed { retention_left }))
                if until != now + retention_left =>
            {
                let detail = format!("event {event}: its retention was moved");
                self.violate("monotone", detail);
            }
            (Some(until), None | Some(EntryState::InProgress { .. })) if now < until => {
                self.violate("monotone", format!("event {event} is no longer committed"));
            }
            _ => {}
        }
    }

    /// A worker that lives keeps its lease until its commit lands, but for a rough walk.
    pub fn look_at_lease(&mut self, event: usize, standing: Option<EntryState>) {
        let Some(EntryState::InProgress { token, lease_left }) = standing else {
            return;
        };
        let Some(claim) = self.claims.get(&token) else {
            return;
        };
        let needs =
            |run: &EventRun| run.attempt == claim.attempt && run.end != End::Failed && !run.excused;
        let (attempt, lives) = (claim.attempt, claim.alive.load(Ordering::Acquire));
        let needed = lives && self.events[event].runs.iter().any(needs);
        if lease_left.is_zero() && needed && !self.rough {
            let detail = format!("event {event}: the lease of attempt {attempt} ran out");
            self.violate("lease kept", detail);
        }
    }
}
