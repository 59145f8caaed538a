//! What the clones of a receiver share: counters that bound its work, and what runs in it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use slab::Slab;

use super::dangers::Said;
use super::keeper::Jobs;
use super::state::RunState;
use crate::dedupe::Key;
use crate::prepared::Prepared;
use crate::sync::{AtomicUsize, Mutex, MutexGuard};
use crate::time::Clock;

pub(crate) struct Shared {
    /// What deliveries are verified under, unless they are a tenant's.
    pub(crate) secrets: ArcSwap<Prepared>,
    runs: AtomicUsize,
    unverified: AtomicUsize,
    waiters: Mutex<Waiters>,
    pub(crate) failures_in_a_row: AtomicU32,
    pub(crate) draining: AtomicBool,
    pub(crate) clock: OnceLock<Arc<dyn Clock>>,
    pub(crate) keeper_made: AtomicBool,
    pub(crate) said: Said,
    pub(crate) jobs: Arc<Jobs>,
    /// The runs that did not finish at once: those that the keeper watches and renews.
    pub(crate) watched: Mutex<Slab<Arc<RunState>>>,
}

#[derive(Default)]
struct Waiters {
    total: usize,
    by_key: HashMap<[u8; 32], usize>,
}

impl Shared {
    pub(crate) fn new(secrets: Arc<Prepared>) -> Shared {
        Shared {
            secrets: ArcSwap::new(secrets),
            runs: AtomicUsize::default(),
            unverified: AtomicUsize::default(),
            waiters: Mutex::default(),
            failures_in_a_row: AtomicU32::default(),
            draining: AtomicBool::default(),
            clock: OnceLock::default(),
            keeper_made: AtomicBool::default(),
            said: Said::default(),
            jobs: Arc::default(),
            watched: Mutex::default(),
        }
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    pub(crate) fn watched(&self) -> MutexGuard<'_, Slab<Arc<RunState>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runs that are watched now, to be told something without holding the lock: a handler that
    /// is woken may end, and leave the watch.
    pub(crate) fn watched_runs(&self) -> Vec<Arc<RunState>> {
        self.watched().iter().map(|(_, run)| run.clone()).collect()
    }

    /// A place for a handler, if there is one.
    pub(crate) fn take_run(self: &Arc<Self>, limit: usize) -> Option<RunPlace> {
        // In one order with the flag of a shutdown: either it sees this place, or this sees the flag.
        if self.runs.fetch_add(1, Ordering::SeqCst) >= limit {
            self.runs.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(RunPlace {
            shared: self.clone(),
        })
    }

    /// A place to wait for the run of `key`, if there is one.
    pub(crate) fn take_wait(
        self: &Arc<Self>,
        key: &Key,
        limit: usize,
        limit_a_key: usize,
    ) -> Option<WaitPlace> {
        let mut waiters = self.waiters();
        if waiters.total >= limit {
            return None;
        }
        let of_key = waiters.by_key.entry(*key.as_bytes()).or_default();
        if *of_key >= limit_a_key {
            return None;
        }
        *of_key += 1;
        waiters.total += 1;
        Some(WaitPlace {
            shared: self.clone(),
            key: *key.as_bytes(),
        })
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct RunPlace {
    shared: Arc<Shared>,
}

impl Drop for RunPlace {
    fn drop(&mut self) {
        self.shared.runs.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(crate) struct WaitPlace {
    shared: Arc<Shared>,
    key: [u8; 32],
}

impl Drop for WaitPlace {
    fn drop(&mut self) {
        let mut waiters = self.shared.waiters();
        waiters.total -= 1;
        if let Some(of_key) = waiters.by_key.get_mut(&self.key) {
            *of_key -= 1;
            if *of_key == 0 {
                waiters.by_key.remove(&self.key);
            }
        }
    }
}

/// Bytes of one unverified body, counted while they are held.
pub(crate) struct Unverified {
    shared: Arc<Shared>,
    held: usize,
}

impl Unverified {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Unverified {
            shared: shared.clone(),
            held: 0,
        }
    }

    /// Counts `held` bytes in all for this body; `false`, and nothing counted, if that is more than
    /// is left of `limit`. Bytes that were refused must not take their room from others.
    pub(crate) fn grow_to(&mut self, held: usize, limit: usize) -> bool {
        let more = held.saturating_sub(self.held);
        let before = self.shared.unverified.fetch_add(more, Ordering::AcqRel);
        if before.saturating_add(more) > limit {
            self.shared.unverified.fetch_sub(more, Ordering::AcqRel);
            return false;
        }
        self.held += more;
        true
    }

    /// Whether as much as `limit` is held already.
    pub(crate) fn is_exhausted(&self, limit: usize) -> bool {
        self.shared.unverified.load(Ordering::Acquire) >= limit
    }
}

impl Drop for Unverified {
    fn drop(&mut self) {
        self.shared
            .unverified
            .fetch_sub(self.held, Ordering::AcqRel);
    }
}
