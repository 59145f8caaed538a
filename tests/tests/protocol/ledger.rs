//! What really happened, and what must hold of it.
//!
//! The invariants are those of the protocol: no loss, no double success, no poison, no
//! abandonment, bounded, monotone. A run is excused for another one beside or behind it only if its
//! worker crashed, its thread was blocked beyond all limits, or, in a rough walk, its lease was
//! allowed to expire.

use std::time::Duration;

use countersign_testkit::EntryState;

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
#[derive(Debug, Default)]
pub struct EventLog {
    pub runs: Vec<EventRun>,
    /// When the store first showed it committed, and until when it has to remember it.
    pub committed_until: Option<Duration>,
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

#[derive(Default)]
pub struct Ledger {
    pub events: Vec<EventLog>,
    pub handlers: Vec<Handler>,
    pub violation: Option<Violation>,
    /// Whether leases may expire under a living worker in this walk.
    pub rough: bool,
    pub tolerates_cuts: bool,
    pub delivered: usize,
    pub log: Vec<String>,
}

impl Ledger {
    pub fn violate(&mut self, invariant: &'static str, detail: String) {
        self.log.push(format!("VIOLATION {invariant}: {detail}"));
        self.violation
            .get_or_insert(Violation { invariant, detail });
    }

    /// A handler begins with an event. `standing` is what the store says of it, where it can be
    /// asked.
    pub fn begin(&mut self, event: usize, attempt: usize, standing: Option<EntryState>) {
        if self.events[event].forged {
            self.violate(
                "no poison",
                format!("event {event} was forged and reached a handler"),
            );
        }
        let rough = self.rough;
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
        if let (Some((invariant, other)), false) = (problem, rough) {
            self.violate(
                invariant,
                format!("event {event}: attempt {attempt} runs beside attempt {other}"),
            );
        }
        if matches!(standing, Some(EntryState::Committed { .. })) && !rough {
            self.violate(
                "monotone",
                format!("event {event} is committed, and attempt {attempt} runs it"),
            );
        }
        self.events[event].runs.push(EventRun {
            attempt,
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

    pub fn excuse(&mut self, attempt: usize) {
        for run in self.events.iter_mut().flat_map(|event| &mut event.runs) {
            if run.attempt == attempt {
                run.excused = true;
            }
        }
    }

    pub fn succeeded(&self, event: usize) -> bool {
        self.events[event]
            .runs
            .iter()
            .any(|run| run.end == End::Succeeded)
    }

    /// What the store shows of an event: a commit stays, and its retention never moves.
    pub fn look(&mut self, event: usize, standing: Option<EntryState>, now: Duration) {
        let until = self.events[event].committed_until;
        match (until, standing) {
            (None, Some(EntryState::Committed { retention_left })) => {
                self.events[event].committed_until = Some(now + retention_left);
                if !self.succeeded(event) {
                    self.violate(
                        "no loss",
                        format!("event {event} is committed, and no run succeeded"),
                    );
                }
            }
            (Some(until), Some(EntryState::Committed { retention_left })) => {
                if until != now + retention_left {
                    self.violate(
                        "monotone",
                        format!("event {event}: its retention was moved"),
                    );
                }
            }
            (Some(until), _) if now < until => {
                self.violate("monotone", format!("event {event} is no longer committed"));
            }
            (Some(_), _) => self.events[event].committed_until = None,
            (None, _) => {}
        }
    }
}
