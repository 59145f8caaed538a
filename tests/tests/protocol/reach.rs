//! The store as one receiver reaches it: every call is written down, and held against the contract
//! of the store where it was carried out at once.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::{Claim, Clock, Commit, DedupeStore, Key, Outcome, Renewal, StoreError};
use countersign_testkit::{EntryState, ManualClock, Operation};

use super::executor::Turns;
use super::ledger::{Book, ClaimLog, Said};
use super::store::Store;
use super::world::{LEASE, LINGER, MAX_RUN};

/// Before and behind a call: what stands under its keys.
type Picture = Option<Vec<Option<EntryState>>>;

#[derive(Clone)]
pub struct Reach {
    pub store: Store,
    pub receiver: usize,
    /// Whether the worker's process lives: a dead one's calls go nowhere.
    pub alive: Arc<AtomicBool>,
    pub book: Book,
    pub clock: ManualClock,
    pub turns: Turns,
}

impl Reach {
    async fn reach<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if !self.alive.load(Ordering::Acquire) {
            std::future::pending::<()>().await;
        }
        call.await
    }

    fn picture(&self, keys: &[Key]) -> Picture {
        let entries = self.store.cue()?.entries();
        let find = |key: &Key| entries.iter().find(|(other, _)| other == key.as_bytes());
        Some(
            keys.iter()
                .map(|key| find(key).map(|(_, state)| *state))
                .collect(),
        )
    }

    fn violate(&self, invariant: &'static str, detail: String) {
        self.book.open().violate(invariant, detail);
    }

    /// What holds of every call.
    fn note(&self, operation: Operation, keys: &[Key]) {
        if !keys.is_sorted_by(|one, other| one < other) {
            self.violate(
                "contract",
                format!("{operation:?} with keys that are not sorted and unique"),
            );
        }
        let mut ledger = self.book.open();
        for key in keys {
            let event = ledger.event_of(key.as_bytes());
            if event.is_none_or(|event| ledger.events[event].forged) {
                let detail = format!("{operation:?} of an event that nobody signed");
                ledger.violate("no poison", detail);
            }
        }
    }

    fn note_claim(&self, token: [u8; 16]) {
        let (now, turn) = (self.clock.monotonic(), self.turns.now());
        let mut ledger = self.book.open();
        if ledger
            .drained
            .get(&self.receiver)
            .is_some_and(|drained| drained.turn < turn)
        {
            let detail = format!("receiver {} claims while it is drained", self.receiver);
            ledger.violate("shutdown", detail);
        }
        let attempt = self.turns.attempt().expect("a delivery claims");
        ledger.tokens.insert(attempt, token);
        let known = ledger.claims.entry(token).or_insert_with(|| ClaimLog {
            attempt,
            alive: self.alive.clone(),
            called: now,
            turn,
            failed: false,
            said: None,
            said_at: (now, turn),
            released: false,
        });
        known.called = now;
        known.turn = turn;
        if let (Some(Said::InProgress { left: Some(left) }), at) = (known.said, known.said_at.0)
            && now > at + left + Duration::from_millis(1)
        {
            let detail = format!("attempt {attempt} waits on behind the end of a lease");
            ledger.violate("takeover", detail);
        }
    }

    fn note_claimed(&self, token: [u8; 16], answer: &Result<Claim, StoreError>) {
        let said_at = (self.clock.monotonic(), self.turns.now());
        let mut ledger = self.book.open();
        let Some(claim) = ledger.claims.get_mut(&token) else {
            return;
        };
        claim.said_at = said_at;
        claim.failed = answer.is_err();
        claim.said = answer.as_ref().ok().map(|answer| match answer {
            Claim::Acquired(_) => Said::Acquired,
            Claim::InProgress { retry_after } => Said::InProgress { left: *retry_after },
            Claim::Committed { .. } => Said::Committed,
        });
        let attempt = claim.attempt;
        let differing = match answer {
            Ok(Claim::Acquired(lease)) => &lease.differing[..],
            Ok(Claim::Committed { differing }) => differing,
            _ => &[],
        };
        if self.turns.attempt() == Some(attempt) {
            for key in differing {
                if let Some(event) = ledger.event_of(key.as_bytes()) {
                    let (outcome, now) = (Outcome::PayloadDiffers, said_at.0);
                    ledger.watched.owe(self.receiver, event, outcome, now, now);
                }
            }
        }
    }

    /// An outcome that has to be reported of the run that holds `token`.
    fn owe(&self, keys: &[Key], token: [u8; 16], outcome: Outcome) {
        let now = self.clock.monotonic();
        let mut ledger = self.book.open();
        let Some(since) = ledger.claims.get(&token).map(|claim| claim.called) else {
            return;
        };
        for key in keys {
            if let Some(event) = ledger.event_of(key.as_bytes()) {
                let watched = &mut ledger.watched;
                watched.owe(self.receiver, event, outcome, since, now);
            }
        }
    }

    fn note_renewal(&self, keys: &[Key], token: [u8; 16]) {
        let now = self.clock.monotonic();
        let mut ledger = self.book.open();
        let Some(attempt) = ledger.claims.get(&token).map(|claim| claim.attempt) else {
            return;
        };
        let stuck = ledger.handlers.iter().any(|handler| {
            handler.attempt == attempt && now > handler.started + MAX_RUN + Duration::from_secs(3)
        });
        let runs = |key: &Key| {
            let event = ledger.event_of(key.as_bytes());
            event.is_some_and(|event| ledger.is_running(event, attempt))
        };
        if stuck && keys.iter().any(runs) {
            let detail = format!("attempt {attempt} cannot be stopped, and is renewed");
            ledger.violate("no abandonment", detail);
        }
    }

    /// A handler has come to its end before its events are released, or was given up a lease ago.
    fn note_release(&self, keys: &[Key], token: [u8; 16]) {
        let now = self.clock.monotonic();
        let mut ledger = self.book.open();
        let Some(claim) = ledger.claims.get_mut(&token) else {
            return;
        };
        claim.released = true;
        let attempt = claim.attempt;
        let live = ledger
            .handlers
            .iter()
            .any(|h| h.attempt == attempt && now + LINGER < h.started + MAX_RUN + LEASE);
        let runs = |key: &Key| {
            let event = ledger.event_of(key.as_bytes());
            event.is_some_and(|event| ledger.is_running(event, attempt))
        };
        if live && keys.iter().any(runs) {
            let detail = format!("attempt {attempt} still runs, and is released");
            ledger.violate("no overlap", detail);
        }
    }

    fn note_renewed(&self, keys: &[Key], token: [u8; 16], answer: &Result<Renewal, StoreError>) {
        if !matches!(answer, Ok(Renewal::Lost)) {
            return;
        }
        let standing = self.picture(keys);
        let taken = (standing.iter().flatten()).any(|state| is_held_by_other(*state, token));
        let (attempt, runs) = {
            let mut ledger = self.book.open();
            let Some(attempt) = ledger.claims.get(&token).map(|claim| claim.attempt) else {
                return;
            };
            // What is committed by the run itself is not lost.
            let kept = |(key, state): (&Key, &Option<EntryState>)| {
                let event = ledger.event_of(key.as_bytes());
                let own = event.is_some_and(|event| ledger.is_done(event, attempt));
                is_held_by(*state, token) || is_committed(*state) && own
            };
            let false_alarm = standing
                .as_ref()
                .is_some_and(|standing| keys.iter().zip(standing).all(kept));
            let turn = self.turns.now();
            ledger.watched.lost(turn, attempt, false_alarm);
            let events: Vec<Option<usize>> = keys
                .iter()
                .map(|key| ledger.event_of(key.as_bytes()))
                .collect();
            let runs = |event: &Option<usize>| {
                event.is_some_and(|event| ledger.is_running(event, attempt))
            };
            (attempt, events.iter().all(runs))
        };
        // A handler that blocks its thread may have been given up.
        let blocking = |h: &super::ledger::Handler| h.attempt == attempt && h.blocking;
        if taken && runs && !self.book.open().handlers.iter().any(blocking) {
            self.owe(keys, token, Outcome::LeaseLost);
        }
    }

    fn note_committed(&self, keys: &[Key], token: [u8; 16], answer: &Result<Commit, StoreError>) {
        match answer {
            Err(_) => return self.owe(keys, token, Outcome::CommitFailed),
            Ok(Commit::LostLease) => self.owe(keys, token, Outcome::LeaseLost),
            Ok(Commit::Landed) => {}
        }
        let landed =
            |state: &Option<EntryState>| matches!(state, Some(EntryState::Committed { .. }));
        if let Some(after) = self.picture(keys)
            && !after.iter().all(landed)
        {
            self.violate("commit lands", format!("a commit left {after:?}"));
        }
        let turn = self.turns.now();
        let mut ledger = self.book.open();
        for key in keys {
            if let Some(event) = ledger.event_of(key.as_bytes()) {
                ledger.events[event].settled.get_or_insert(turn);
            }
        }
    }

    /// Holds a call that was carried out at once against the contract.
    fn judge<T>(
        &self,
        (turn, before): (u64, Picture),
        keys: &[Key],
        allowed: impl Fn(Option<EntryState>, Option<EntryState>) -> bool,
        answer: &Result<T, StoreError>,
        fits: impl Fn(&T, &[Option<EntryState>]) -> bool,
    ) {
        let (Some(before), Some(after)) = (before, self.picture(keys)) else {
            return;
        };
        if turn != self.turns.now() {
            return;
        }
        if let Some(at) = (0..keys.len()).find(|at| !allowed(before[*at], after[*at])) {
            let detail = format!("{:?} became {:?}", before[at], after[at]);
            self.violate("owner", detail);
        }
        if let Ok(answer) = answer
            && !fits(answer, &before)
        {
            self.violate(
                "owner",
                format!("the store's answer is wrong for {before:?}"),
            );
        }
    }
}

/// Whether an entry is in progress under a token.
fn is_held_by(state: Option<EntryState>, token: [u8; 16]) -> bool {
    matches!(state, Some(EntryState::InProgress { token: holder, .. }) if holder == token)
}

fn is_held_by_other(state: Option<EntryState>, token: [u8; 16]) -> bool {
    matches!(state, Some(EntryState::InProgress { token: holder, .. }) if holder != token)
}

fn is_committed(state: Option<EntryState>) -> bool {
    matches!(state, Some(EntryState::Committed { .. }))
}

impl DedupeStore for Reach {
    async fn claim(
        &self,
        keys: &[Key],
        token: countersign::Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        let mine = *token.as_bytes();
        self.note(Operation::Claim, keys);
        self.note_claim(mine);
        let before = (self.turns.now(), self.picture(keys));
        let answer = self.reach(self.store.claim(keys, token, lease)).await;
        let allowed = |before, after| before == after || is_held_by(after, mine);
        self.judge(before, keys, allowed, &answer, |answer, before| {
            let held = |state: &Option<EntryState>| is_held_by_other(*state, mine);
            let live = |state: &Option<EntryState>| {
                held(state)
                    && matches!(state, Some(EntryState::InProgress { lease_left, .. }) if !lease_left.is_zero())
            };
            match answer {
                Claim::Acquired(_) => !before.iter().any(live),
                Claim::InProgress { .. } => before.iter().any(live),
                Claim::Committed { .. } => before.iter().all(|state| is_committed(*state)),
            }
        });
        self.note_claimed(mine, &answer);
        answer
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: countersign::Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        let mine = *token.as_bytes();
        self.note(Operation::Commit, keys);
        let before = (self.turns.now(), self.picture(keys));
        let answer = self.reach(self.store.commit(keys, token, retention)).await;
        let allowed =
            |before, after| before == after || !is_committed(before) && is_committed(after);
        self.judge(before, keys, allowed, &answer, |answer, before| {
            let lost = before.iter().any(|state| is_held_by_other(*state, mine));
            (*answer == Commit::LostLease) == lost
        });
        self.note_committed(keys, mine, &answer);
        answer
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: countersign::Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        let mine = *token.as_bytes();
        self.note(Operation::Renew, keys);
        self.note_renewal(keys, mine);
        let before = (self.turns.now(), self.picture(keys));
        let answer = self.reach(self.store.renew(keys, token, lease)).await;
        let full = Some(EntryState::InProgress {
            token: mine,
            lease_left: LEASE,
        });
        let allowed = |before, after| before == after || is_held_by(before, mine) && after == full;
        self.judge(before, keys, allowed, &answer, |answer, before| {
            let held = before.iter().all(|state| is_held_by(*state, mine));
            (*answer == Renewal::Renewed) == held
        });
        self.note_renewed(keys, mine, &answer);
        answer
    }

    async fn release(&self, keys: &[Key], token: countersign::Token) -> Result<(), StoreError> {
        let mine = *token.as_bytes();
        self.note(Operation::Release, keys);
        self.note_release(keys, mine);
        let before = (self.turns.now(), self.picture(keys));
        let answer = self.reach(self.store.release(keys, token)).await;
        let allowed = |before, after: Option<_>| {
            before == after || is_held_by(before, mine) && after.is_none()
        };
        self.judge(before, keys, allowed, &answer, |_, _| true);
        answer
    }

    fn leases_expire(&self) -> bool {
        self.store.leases_expire()
    }
}
