//! What must hold after every step, after a rest, after a shutdown and at the end.

use std::time::Duration;

use countersign::{Clock, Outcome};
use countersign_testkit::EntryState;

use super::executor::Role;
use super::ledger::{End, Handler};
use super::server::waiting;
use super::store::Store;
use super::walk::{SECOND, Walk};
use super::world::{Attempt, ENDPOINTS, LEASE, MAX_RUN, WAITERS};

/// From when on nobody renews the lease of a handler that cannot be stopped.
const STUCK: Duration = Duration::from_secs(MAX_RUN.as_secs() + 3);

impl Walk {
    /// What must hold after every step.
    pub fn check(&mut self) {
        self.check_entries();
        self.check_handlers();
        self.check_connections();
        let now = self.world.clock.monotonic();
        self.world.book.open().check_owed(now);
        self.finish_drains();
    }

    fn check_entries(&self) {
        let Some(store) = self.world.store.cue() else {
            return;
        };
        let now = self.world.clock.monotonic();
        let turn = self.world.spawner.turns.now();
        let entries = store.entries();
        let mut ledger = self.world.book.open();
        for (key, _) in &entries {
            if ledger.event_of(key).is_none() {
                ledger.violate("no poison", "an entry that no genuine event made".into());
            }
        }
        for event in 0..ledger.events.len() {
            let key = ledger.events[event].key;
            let standing = entries
                .binary_search_by_key(&key, |(other, _)| *other)
                .ok()
                .map(|at| &entries[at]);
            if standing.is_some() && ledger.events[event].forged {
                ledger.violate("no poison", format!("forged event {event} has an entry"));
            }
            let standing = standing.map(|(_, state)| *state);
            ledger.look(event, standing, now, turn);
            ledger.look_at_lease(event, standing);
        }
    }

    /// Handlers run as long as they may and no longer; one that blocks its thread loses its events.
    fn check_handlers(&self) {
        let now = self.world.clock.monotonic();
        let mut ledger = self.world.book.open();
        for handler in ledger.handlers.clone() {
            let Handler { attempt, .. } = handler;
            let ran = now - handler.started;
            if !handler.blocking && ran > MAX_RUN + 4 * SECOND {
                ledger.violate("bounded", format!("attempt {attempt} runs for {ran:?}"));
            }
            if !handler.blocking {
                continue;
            }
            // Its last renewal may be a third of a lease and some old.
            if ran > MAX_RUN + LEASE / 2 {
                ledger.excuse(attempt);
            }
            let lasting = !matches!(self.world.store, Store::Cue(_));
            let runs = (0..ledger.events.len()).any(|event| ledger.is_running(event, attempt));
            let released = !runs || ledger.claim_of(attempt).is_none_or(|claim| claim.released);
            if lasting && ran > STUCK + LEASE && !released {
                let detail = format!("attempt {attempt} cannot be stopped, and keeps its events");
                ledger.violate("no abandonment", detail);
            }
            if ran > STUCK && ran < STUCK + SECOND {
                let events: Vec<usize> = (0..ledger.events.len())
                    .filter(|event| ledger.is_running(*event, attempt))
                    .collect();
                for event in events {
                    let (receiver, outcome) = (handler.receiver, Outcome::HandlerStuck);
                    let watched = &mut ledger.watched;
                    watched.owe(receiver, event, outcome, handler.started, now);
                }
            }
        }
    }

    fn check_connections(&mut self) {
        let now = self.world.clock.monotonic();
        let attempts = self.world.attempts.borrow();
        let open = |(_, attempt): &(usize, &Attempt)| attempt.is_open();
        let first = attempts.iter().skip(self.first_open);
        self.first_open += first.take_while(|attempt| !attempt.is_open()).count();
        let from = attempts.iter().enumerate().skip(self.first_open);
        for (number, attempt) in from.filter(open) {
            let took = now.saturating_sub(attempt.sent);
            let role = Role::Connection { attempt: number };
            let blocking = {
                let ledger = self.world.book.open();
                let this = |h: &Handler| h.attempt == number && h.blocking;
                ledger.handlers.iter().any(this)
            };
            if !blocking && took > 18 * SECOND && !self.world.spawner.is_blocked(role, now) {
                self.violate("answers", format!("attempt {number} waits for {took:?}"));
            }
        }
        // Who waits was in progress at the last look.
        let last = attempts.len().saturating_sub(1);
        if last > 0
            && attempts[last].is_open()
            && waiting(&attempts, &self.world.book, last) > WAITERS
        {
            self.violate("bounded", "more wait for a run than may".into());
        }
    }

    /// After a rest: what is claimed is run, and what succeeded is committed.
    pub fn check_claims(&self) {
        let Some(store) = self.world.store.cue() else {
            return;
        };
        let now = self.world.clock.monotonic();
        let mut problems = Vec::new();
        let ledger = self.world.book.open();
        for (key, state) in store.entries() {
            let EntryState::InProgress { token, lease_left } = state else {
                continue;
            };
            let Some(event) = ledger.event_of(&key) else {
                continue;
            };
            let lasting = matches!(self.world.store, Store::Lasting(_));
            let held_since = match lasting {
                true => Duration::ZERO,
                false => (now + lease_left).saturating_sub(LEASE),
            };
            if !lease_left.is_zero() && !ledger.is_held(&token, held_since, LEASE) {
                problems.push((
                    "no abandonment",
                    format!("event {event} is claimed for {lease_left:?} more, and nobody runs it"),
                ));
            }
        }
        for (event, log) in ledger.events.iter().enumerate() {
            let succeeded =
                |run: &super::ledger::EventRun| run.end == End::Succeeded && !run.excused;
            let standing = self.world.store.standing(&log.key);
            if log.runs.iter().any(succeeded)
                && !matches!(standing, Some(EntryState::Committed { .. }))
            {
                problems.push((
                    "commit lands",
                    format!("event {event} succeeded and is not committed"),
                ));
            }
        }
        drop(ledger);
        for (invariant, detail) in problems {
            self.violate(invariant, detail);
        }
    }

    /// After a shutdown: what could be stopped was, and a receiver that says that all is settled
    /// leaves nothing behind.
    pub fn check_drained(&self, worker: usize, settled: &[bool]) {
        let mut problems = Vec::new();
        let ledger = self.world.book.open();
        for (endpoint, settled) in settled.iter().enumerate() {
            let receiver = worker * ENDPOINTS + endpoint;
            for handler in ledger.handlers.iter().filter(|h| h.receiver == receiver) {
                if *settled || !handler.blocking {
                    problems.push(format!("attempt {} runs on", handler.attempt));
                }
            }
            for (event, log) in ledger.events.iter().enumerate() {
                let lost = |run: &super::ledger::EventRun| {
                    run.receiver == receiver && run.end == End::Succeeded && !run.excused
                };
                if *settled && log.settled.is_none() && log.runs.iter().any(lost) {
                    problems.push(format!("event {event} succeeded and is not committed"));
                }
            }
        }
        drop(ledger);
        for detail in problems {
            self.violate("shutdown", detail);
        }
    }

    /// At the end: nothing is left but the keepers.
    pub fn check_left(&self) {
        let tasks = &self.executor.tasks;
        let left = tasks
            .iter()
            .filter(|task| task.role != Role::Keeper)
            .count();
        if left > 0 {
            self.violate("bounded", format!("{left} tasks are left"));
        }
    }
}
