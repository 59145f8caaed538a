//! What becomes of each event of a run, as the keeper, the handler and the connection see it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http::StatusCode;

use super::delivery::Proven;
use super::signal::Signal;
use super::track::Track;
use crate::dedupe::{Key, Token};
use crate::event::Identity;
use crate::observer::Outcome;
use crate::sync::{Mutex, MutexGuard};
use crate::typed::DecodeError;

/// A delivery and its run, as the keeper, the handler and the connection share them.
pub(crate) struct RunState {
    pub(crate) track: Track,
    pub(crate) proven: Proven,
    /// What observations name the events by, without their payloads.
    pub(crate) names: Vec<Identity>,
    /// `None` if the store could not be reached and the run goes on without a claim.
    pub(crate) token: Option<Token>,
    /// All keys of the run, which are sorted.
    pub(crate) keys: Arc<[Key]>,
    /// Asks the handler's future to be dropped.
    pub(crate) stop: Signal,
    /// Tells the handler that another run took an event over.
    pub(crate) lost: Signal,
    /// Whether the sender was answered, or hung up, before the handler was done.
    detached: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    keys: Vec<(Key, Mark)>,
    /// The events that did not decode, and whether that refuses them.
    undecodable: Vec<(Key, bool)>,
    /// When the run began: as it was claimed where a lease depends on it, else as its handler did.
    started: Option<Duration>,
    renewed_at: Duration,
    renewing: bool,
    /// The place among the watched runs.
    watched: Option<usize>,
    given_up: bool,
    /// Whether an event was fresh when the handler claimed them in its own transaction.
    found_fresh: Option<bool>,
    /// Whether the handler has ended, so that nothing but commits is left to wait for.
    ended: bool,
}

/// What a handler has left to settle.
struct Left {
    done: Option<Arc<[Key]>>,
    failed: Option<Arc<[Key]>>,
}

impl Inner {
    fn begin(&mut self, now: Duration) {
        self.started = Some(now);
        self.renewed_at = now;
    }

    /// Moves those of `keys` that are still held to `mark`; `all` are the keys of the run.
    fn take(
        &mut self,
        all: &Arc<[Key]>,
        keys: impl Fn(&Key) -> bool,
        mark: Mark,
    ) -> Option<Arc<[Key]>> {
        let takes = |(key, was): &(Key, Mark)| *was == Mark::Held && keys(key);
        let taken = self.keys.iter().filter(|entry| takes(entry));
        let taken: Arc<[Key]> = match taken.clone().count() {
            0 => return None,
            // Mostly it is all of them: then the list is there.
            count if count == all.len() => all.clone(),
            _ => taken.map(|(key, _)| *key).collect(),
        };
        for entry in self.keys.iter_mut().filter(|entry| takes(entry)) {
            entry.1 = mark;
        }
        Some(taken)
    }
}

/// What became of one event of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It follows the handler's answer.
    Held,
    /// It succeeded; its commit has not landed yet.
    Committing,
    /// Its commit has landed.
    Committed,
    /// It failed.
    Failed,
}

impl RunState {
    /// Of a delivery whose run has not begun.
    pub(crate) fn new(track: Track, proven: Proven, keys: Arc<[Key]>) -> RunState {
        RunState {
            track,
            proven,
            names: Vec::new(),
            token: None,
            keys,
            stop: Signal::default(),
            lost: Signal::default(),
            detached: AtomicBool::new(false),
            inner: Mutex::default(),
        }
    }

    /// The run begins; it holds its keys from now on if it has a token.
    pub(crate) fn start(&mut self, token: Option<Token>) {
        self.names = self.track.names(self.proven.seen());
        self.track.identified(&self.names);
        self.token = token;
        let expires = token.is_some() && self.track.gate.config.store.leases_expire();
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.keys = self.keys.iter().map(|key| (*key, Mark::Held)).collect();
        if expires {
            inner.begin(self.track.gate.clock.monotonic());
        }
    }

    pub(crate) fn dedupes(&self) -> bool {
        self.track.gate.config.dedupe.is_on()
    }

    /// Whether no settlement has to wait for an answer.
    pub(crate) fn settles_at_once(&self) -> bool {
        let config = &self.track.gate.config;
        !config.dedupe.is_in_transaction()
            && (self.token.is_none() || config.store.answers_at_once())
    }

    /// The sender was answered, or hung up, before the handler was done.
    pub(crate) fn detach(&self) {
        self.detached.store(true, Ordering::Release);
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.detached.load(Ordering::Acquire)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the run under the keeper's watch, until it has ended and what succeeded is committed.
    pub(crate) fn watch(self: &Arc<Self>) {
        let mut inner = self.inner();
        if inner.watched.is_none() {
            if inner.started.is_none() {
                inner.begin(self.track.gate.clock.monotonic());
            }
            inner.watched = Some(self.track.gate.shared.watched().insert(self.clone()));
        }
    }

    fn unwatch_if_done(&self, inner: &mut Inner) {
        let open = inner
            .keys
            .iter()
            .any(|(_, mark)| matches!(mark, Mark::Held | Mark::Committing));
        if inner.ended
            && !open
            && let Some(place) = inner.watched.take()
        {
            self.track.gate.shared.watched().try_remove(place);
        }
    }

    /// The keys that are marked so.
    pub(crate) fn keys(&self, mark: Mark) -> Arc<[Key]> {
        let inner = self.inner();
        let marked = inner.keys.iter().filter(|(_, is)| *is == mark);
        marked.map(|(key, _)| *key).collect()
    }

    /// For how long the run has been going on.
    pub(crate) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.inner().started.unwrap_or(now))
    }

    /// Whether a renewal is due now; if so, it is begun.
    pub(crate) fn is_renewal_due(&self, now: Duration) -> bool {
        let config = &self.track.gate.config;
        if self.token.is_none() || !config.store.leases_expire() {
            return false;
        }
        let mut inner = self.inner();
        let due = !inner.renewing && now.saturating_sub(inner.renewed_at) >= config.lease / 3;
        inner.renewing |= due;
        due
    }

    pub(crate) fn renewed(&self, now: Duration) {
        self.inner().renewed_at = now;
    }

    pub(crate) fn renewal_ended(&self) {
        self.inner().renewing = false;
    }

    /// Another run holds an event: says so to the handler and to the operator, once.
    pub(crate) fn lose(&self) {
        if !self.lost.is_given() {
            self.lost.give();
            self.track
                .noticed(Outcome::LeaseLost, &self.names, self.is_detached());
        }
    }

    /// Gives up a handler that was told to stop and did not: it blocks its thread. Its events
    /// become free after a lease, since nobody renews it.
    pub(crate) fn give_up(self: &Arc<Self>) {
        {
            let mut inner = self.inner();
            if inner.given_up || inner.ended {
                return;
            }
            inner.given_up = true;
        }
        self.track.noticed(Outcome::HandlerStuck, &self.names, true);
        let gate = self.track.gate.clone();
        if let Some(token) = self.token
            && !gate.config.store.leases_expire()
        {
            let run = self.clone();
            self.track.gate.shared.jobs.push(async move {
                gate.clock.sleep(gate.config.lease).await;
                // It may have come to its end after all: what succeeded waits for its commit.
                let keys = run.keys(Mark::Held);
                if !keys.is_empty() {
                    gate.release_until_answered(keys, token).await;
                }
            });
        }
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.inner().given_up
    }

    /// Remembers that an event did not decode, and tells the operator, once. One that was refused in one
    /// form stays so in whatever other it is asked for: who asked for the first did not get it.
    pub(crate) fn undecodable(
        &self,
        key: &Key,
        event: &Identity,
        error: &DecodeError,
        refused: bool,
    ) {
        {
            let mut inner = self.inner();
            match inner
                .undecodable
                .iter_mut()
                .find(|(known, _)| known.is_same(key))
            {
                Some((_, known)) => {
                    *known |= refused;
                    return;
                }
                None => inner.undecodable.push((*key, refused)),
            }
        }
        self.track
            .undecodable(error, &[event.name()], self.is_detached());
    }

    /// Those of `names` whose events succeeded; `keys` are theirs, in the same order.
    pub(crate) fn done_among<'k>(
        &self,
        names: &[Identity],
        keys: impl Iterator<Item = &'k Key>,
    ) -> Vec<Identity> {
        let inner = self.inner();
        let done: HashSet<&Key> = inner
            .keys
            .iter()
            .filter(|(_, mark)| matches!(mark, Mark::Committing | Mark::Committed))
            .map(|(key, _)| key)
            .collect();
        if done.is_empty() {
            return Vec::new();
        }
        let named = names.iter().zip(keys).filter(|(_, key)| done.contains(key));
        named.map(|(name, _)| name.clone()).collect()
    }

    /// What the sender has to be told of a success in which an event was marked as failed or did
    /// not decode; `None` if there is no such event.
    pub(crate) fn failed_status(&self) -> Option<StatusCode> {
        let inner = self.inner();
        let mut failed = inner.keys.iter().filter(|(_, mark)| *mark == Mark::Failed);
        let undecodable = |key: &Key| inner.undecodable.iter().any(|(known, _)| known == key);
        let Some(first) = failed.next() else {
            // Without a claim nothing is marked, and what did not decode is known from here alone.
            let lost = inner.undecodable.iter().any(|(_, refused)| *refused);
            return (lost && !self.dedupes()).then_some(StatusCode::UNPROCESSABLE_ENTITY);
        };
        Some(
            match undecodable(&first.0) && failed.all(|(key, _)| undecodable(key)) {
                true => StatusCode::UNPROCESSABLE_ENTITY,
                false => StatusCode::INTERNAL_SERVER_ERROR,
            },
        )
    }

    /// Moves those of `keys` that are still held to `mark`; the ones that were.
    pub(crate) fn take(&self, keys: impl Fn(&Key) -> bool, mark: Mark) -> Arc<[Key]> {
        self.inner()
            .take(&self.keys, keys, mark)
            .unwrap_or_default()
    }

    /// The handler has ended: commits or releases what it has not settled itself.
    pub(crate) async fn settle(self: &Arc<Self>, success: bool) {
        let Left { done, failed } = self.end(success);
        // Begun before anything is waited for: nobody else knows of it any longer.
        let release = failed.map(|failed| self.release(failed));
        if let Some(done) = done {
            self.commit(done).await;
        }
        if let Some(release) = release {
            release.await;
        }
    }

    /// What did not decode, and is refused for it.
    pub(crate) fn refused(&self) -> Vec<Key> {
        let inner = self.inner();
        let refused = inner.undecodable.iter().filter(|(_, refused)| *refused);
        refused.map(|(key, _)| *key).collect()
    }

    /// The handler will never end: what is still held is released in the background.
    pub(crate) fn settle_later(self: &Arc<Self>) {
        if self.inner().ended {
            return;
        }
        if let Some(failed) = self.end(false).failed {
            self.release_later(failed);
        }
    }

    /// Takes all that is still held.
    fn end(&self, success: bool) -> Left {
        let mut inner = self.inner();
        // What did not decode is failed: no answer makes a success of it.
        let undecodable = std::mem::take(&mut inner.undecodable);
        let refused = |key: &Key| {
            let mut refused = undecodable.iter().filter(|(_, refused)| *refused);
            !success || refused.any(|(known, _)| known == key)
        };
        let failed = inner.take(&self.keys, refused, Mark::Failed);
        let done = inner.take(&self.keys, |_| true, Mark::Committing);
        inner.undecodable = undecodable;
        inner.ended = true;
        self.unwatch_if_done(&mut inner);
        Left { done, failed }
    }

    /// The handler has claimed its events in its own transaction, and some were fresh, or none was.
    pub(crate) fn found_fresh(&self, some: bool) {
        let mut inner = self.inner();
        let before = inner.found_fresh.unwrap_or_default();
        inner.found_fresh = Some(before || some);
    }

    /// Whether the handler has learnt that all its events had been committed before.
    pub(crate) fn found_duplicates_only(&self) -> bool {
        self.inner().found_fresh == Some(false)
    }

    /// The handler has ended, and these are the events that its own transaction has committed.
    pub(crate) fn committed_by_handler(&self, keys: Vec<Key>) {
        let keys = keys.into_iter().map(|key| (key, Mark::Committed));
        self.inner().keys.extend(keys);
    }

    /// The commit of `keys` has landed.
    pub(crate) fn committed(&self, keys: &[Key]) {
        let mut inner = self.inner();
        for (key, mark) in &mut inner.keys {
            if *mark == Mark::Committing && keys.contains(key) {
                *mark = Mark::Committed;
            }
        }
        self.unwatch_if_done(&mut inner);
    }
}
