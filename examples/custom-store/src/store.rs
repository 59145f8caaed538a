//! The store: a register in this process. What it does under one lock, another store does in one
//! transaction, one script or one conditional write; the rules are the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Key, Lease, Renewal, StoreError, Token};
use tokio::time::Instant;

#[derive(Clone, Default)]
pub(crate) struct Register {
    entries: Arc<Mutex<HashMap<Key, Entry>>>,
}

/// What stands under a key, and until when by the store's own clock.
#[derive(Clone, Copy)]
enum Entry {
    InProgress { token: Token, until: Instant },
    Committed { payload: u64, until: Instant },
}

impl Register {
    /// Whoever panicked under the lock had changed nothing halfway: each call writes last.
    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DedupeStore for Register {
    /// All keys or none: first it looks, then it writes.
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        let (now, mut entries) = (Instant::now(), self.entries());
        let (mut fresh, mut differing, mut busy) = (Vec::new(), Vec::new(), None);
        for key in keys {
            match entries.get(key) {
                Some(Entry::Committed { payload, until }) if now < *until => {
                    if *payload != key.payload_hash() {
                        differing.push(*key);
                    }
                }
                Some(Entry::InProgress {
                    token: other,
                    until,
                }) if now < *until && *other != token => {
                    busy = busy.max(Some(*until - now));
                }
                // Absent, run out, or this very claim once more, whose first answer was lost.
                _ => fresh.push(*key),
            }
        }
        if busy.is_some() {
            return Ok(Claim::InProgress { retry_after: busy });
        }
        if fresh.is_empty() {
            return Ok(Claim::Committed { differing });
        }
        let until = now + lease;
        entries.extend(
            fresh
                .iter()
                .map(|key| (*key, Entry::InProgress { token, until })),
        );
        Ok(Claim::Acquired(Lease { fresh, differing }))
    }

    /// It says that a run succeeded, so it lands whatever stands there.
    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        let (now, mut entries) = (Instant::now(), self.entries());
        let mut commit = Commit::Landed;
        for key in keys {
            match entries.get(key) {
                // Retention counts from the first commit.
                Some(Entry::Committed { until, .. }) if now < *until => continue,
                Some(Entry::InProgress { token: other, .. }) if *other != token => {
                    commit = Commit::LostLease;
                }
                _ => {}
            }
            let (payload, until) = (key.payload_hash(), now + retention);
            entries.insert(*key, Entry::Committed { payload, until });
        }
        // What is over need not be kept; a database would do this now and then, beside its work. A lease
        // that has run out stays for a while: its holder may yet renew it.
        let kept = |until: &Instant| now < *until + Duration::from_secs(3600);
        entries.retain(|_, entry| match entry {
            Entry::InProgress { until, .. } => kept(until),
            Entry::Committed { until, .. } => now < *until,
        });
        Ok(commit)
    }

    /// Also when the lease has run out, as long as nobody took it. Never makes an entry.
    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        let (now, mut entries) = (Instant::now(), self.entries());
        let mut renewal = Renewal::Renewed;
        for key in keys {
            match entries.get_mut(key) {
                Some(Entry::InProgress { token: own, until }) if *own == token => {
                    *until = now + lease
                }
                _ => renewal = Renewal::Lost,
            }
        }
        Ok(renewal)
    }

    /// Another run's claim and what is committed stay.
    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        let mut entries = self.entries();
        for key in keys {
            if matches!(entries.get(key), Some(Entry::InProgress { token: own, .. }) if *own == token)
            {
                entries.remove(key);
            }
        }
        Ok(())
    }

    /// As in any store that outlives a worker: nobody else would free what a dead one held.
    fn leases_expire(&self) -> bool {
        true
    }
}
