//! The store: a register in this process. What it does under one lock, another store does in one
//! transaction, one script or one conditional write; the rules are the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Key, Lease, Renewal, StoreError, Token};
use tokio::sync::Mutex;
use tokio::time::Instant;

#[derive(Clone, Default)]
pub(crate) struct Register(Arc<Mutex<HashMap<Key, Entry>>>);

/// What stands under a key: who runs it, or nobody once it is committed.
struct Entry {
    run: Option<Token>,
    payload: u64,
    /// By the store's own clock.
    until: Instant,
}

fn entry(run: Option<Token>, key: &Key, until: Instant) -> Entry {
    Entry {
        run,
        payload: key.payload_hash(),
        until,
    }
}

type Answer<T> = Result<T, StoreError>;

impl DedupeStore for Register {
    /// All keys or none: first it looks, then it writes.
    async fn claim(&self, keys: &[Key], token: Token, lease: Duration) -> Answer<Claim> {
        let (now, mut entries) = (Instant::now(), self.0.lock().await);
        let (mut fresh, mut differing) = (Vec::new(), Vec::new());
        for key in keys {
            match entries.get(key).filter(|entry| now < entry.until) {
                Some(entry) if entry.run.is_some_and(|other| other != token) => {
                    let retry_after = Some(entry.until - now);
                    return Ok(Claim::InProgress { retry_after });
                }
                Some(entry) if entry.run.is_none() => {
                    if entry.payload != key.payload_hash() {
                        differing.push(*key);
                    }
                }
                // Absent, run out, or this very claim once more, whose first answer was lost.
                _ => fresh.push(*key),
            }
        }
        if fresh.is_empty() {
            return Ok(Claim::Committed { differing });
        }
        for key in &fresh {
            entries.insert(*key, entry(Some(token), key, now + lease));
        }
        Ok(Claim::Acquired(Lease { fresh, differing }))
    }

    /// It says that a run succeeded, so it lands whatever stands there.
    async fn commit(&self, keys: &[Key], token: Token, retention: Duration) -> Answer<Commit> {
        let (now, mut entries) = (Instant::now(), self.0.lock().await);
        let mut commit = Commit::Landed;
        for key in keys {
            match entries.get(key).map(|entry| (entry.run, entry.until)) {
                // Retention counts from the first commit.
                Some((None, until)) if now < until => continue,
                Some((Some(other), _)) if other != token => commit = Commit::LostLease,
                _ => {}
            }
            entries.insert(*key, entry(None, key, now + retention));
        }
        // What is over need not be kept; a database would do this now and then, beside its work. For an hour
        // it is: the holder of a lease that has run out may yet renew it.
        entries.retain(|_, entry| now < entry.until + Duration::from_secs(3600));
        Ok(commit)
    }

    /// Also when the lease has run out, as long as nobody took it. Never makes an entry.
    async fn renew(&self, keys: &[Key], token: Token, lease: Duration) -> Answer<Renewal> {
        let (now, mut entries) = (Instant::now(), self.0.lock().await);
        let mut renewal = Renewal::Renewed;
        for key in keys {
            match entries.get_mut(key) {
                Some(entry) if entry.run == Some(token) => entry.until = now + lease,
                _ => renewal = Renewal::Lost,
            }
        }
        Ok(renewal)
    }

    /// Another run's claim and what is committed stay.
    async fn release(&self, keys: &[Key], token: Token) -> Answer<()> {
        let mut entries = self.0.lock().await;
        for key in keys {
            if matches!(entries.get(key), Some(entry) if entry.run == Some(token)) {
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
