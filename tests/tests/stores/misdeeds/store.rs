//! A store that does one thing wrong.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use countersign::{Claim, Commit, DedupeStore, Key, Lease, Renewal, StoreError, Token};

use super::Misdeed;
use super::Misdeed as M;

struct Entry {
    holder: Option<Token>,
    payload: u64,
    until: Instant,
}

pub struct Store {
    misdeed: Misdeed,
    entries: Mutex<HashMap<Vec<u8>, Entry>>,
}

impl Store {
    pub fn new(misdeed: Misdeed) -> Store {
        Store {
            misdeed,
            entries: Mutex::default(),
        }
    }

    fn does(&self, misdeed: Misdeed) -> bool {
        self.misdeed == misdeed
    }

    fn file(&self, key: &Key) -> Vec<u8> {
        match self.does(M::FilesByPayload) {
            true => key.payload_hash().to_le_bytes().to_vec(),
            false => key.as_bytes().to_vec(),
        }
    }

    fn is_over(&self, entry: &Entry, now: Instant) -> bool {
        let kept = match entry.holder {
            Some(_) => self.does(M::NeverEndsALease),
            None => self.does(M::NeverForgets),
        };
        !kept && entry.until <= now
    }

    fn claim_now(&self, keys: &[Key], token: Token, lease: Duration) -> Claim {
        let (mut entries, now) = (self.entries.lock().unwrap(), Instant::now());
        let (mut fresh, mut differing, mut longest) = (Vec::new(), Vec::new(), None);
        for (at, key) in keys.iter().enumerate() {
            match entries
                .get_mut(&self.file(key))
                .filter(|entry| !self.is_over(entry, now))
            {
                None => fresh.push(*key),
                Some(Entry {
                    holder: None,
                    payload,
                    until,
                }) => {
                    if self.does(M::ClaimCountsAnew) {
                        *until += Duration::from_secs(1);
                    }
                    if *payload != key.payload_hash() && !self.does(M::TellsNoPayload) {
                        differing.push(*key);
                    }
                    if self.does(M::MixesUpBatches) && keys.len() > 1 {
                        fresh.push(*key);
                    }
                }
                Some(Entry {
                    holder: Some(holder),
                    ..
                }) if *holder == token && !self.does(M::RefusesItsOwnToken) => {
                    fresh.push(*key);
                }
                Some(Entry { payload, .. })
                    if self.does(M::TellsPayloadsOfClaims) && *payload != key.payload_hash() =>
                {
                    differing.push(*key);
                }
                Some(_) if self.does(M::LooksAtTheFirstOnly) && at > 0 => {}
                Some(entry) => {
                    longest = longest.max(Some(entry.until.saturating_duration_since(now)))
                }
            }
        }
        let held = longest.is_some();
        if held && !self.does(M::KeepsPartOfABatch) {
            let retry_after = longest.filter(|_| !self.does(M::ForgetsTheLeaseLeft));
            return Claim::InProgress { retry_after };
        }
        for key in &fresh {
            let until = now + lease;
            let first = entries
                .get(&self.file(key))
                .filter(|_| self.does(M::KeepsTheFirstLease));
            let until = first
                .filter(|entry| !self.is_over(entry, now))
                .map_or(until, |entry| entry.until);
            let entry = Entry {
                holder: Some(token),
                payload: key.payload_hash(),
                until,
            };
            entries.insert(self.file(key), entry);
        }
        if self.does(M::TurnsBatchesRound) {
            fresh.reverse();
        }
        match (held, fresh.is_empty()) {
            (true, _) => Claim::InProgress {
                retry_after: longest,
            },
            (false, true) => Claim::Committed { differing },
            (false, false) => Claim::Acquired(Lease { fresh, differing }),
        }
    }

    /// What a claim would answer.
    fn look(&self, keys: &[Key], token: Token) -> Claim {
        let (entries, now) = (self.entries.lock().unwrap(), Instant::now());
        let live = |key: &&Key| {
            entries
                .get(&self.file(key))
                .filter(|entry| !self.is_over(entry, now))
        };
        let free = |key: &&Key| live(key).is_none_or(|entry| entry.holder == Some(token));
        let fresh: Vec<Key> = keys.iter().filter(free).copied().collect();
        let held = |key: &&Key| !free(key) && live(key).is_some_and(|entry| entry.holder.is_some());
        let left = |key: &Key| live(&key).map(|entry| entry.until.saturating_duration_since(now));
        match keys.iter().find(held) {
            Some(key) => Claim::InProgress {
                retry_after: left(key),
            },
            None if fresh.is_empty() => Claim::Committed {
                differing: Vec::new(),
            },
            None => Claim::Acquired(Lease {
                fresh,
                differing: Vec::new(),
            }),
        }
    }
}

impl DedupeStore for Store {
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        if self.does(M::LooksThenClaims) {
            let looked = self.look(keys, token);
            tokio::task::yield_now().await;
            // What it saw a while ago it takes to be so still.
            if !matches!(looked, Claim::Acquired(_)) {
                return Ok(self.claim_now(keys, token, lease));
            }
            let (mut entries, until) = (self.entries.lock().unwrap(), Instant::now() + lease);
            for key in keys {
                let entry = Entry {
                    holder: Some(token),
                    payload: key.payload_hash(),
                    until,
                };
                entries.insert(self.file(key), entry);
            }
            return Ok(looked);
        }
        Ok(self.claim_now(keys, token, lease))
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        let (mut entries, now) = (self.entries.lock().unwrap(), Instant::now());
        let mut commit = Commit::Landed;
        for key in keys {
            let until = match self.does(M::ForgetsEarly) {
                true => now,
                false => now + retention,
            };
            match entries
                .get(&self.file(key))
                .filter(|entry| !self.is_over(entry, now))
            {
                Some(Entry { holder: None, .. }) if self.does(M::CommitTwiceIsLost) => {
                    commit = Commit::LostLease
                }
                Some(Entry { holder: None, .. }) if self.does(M::CommitCountsAnew) => {}
                Some(Entry { holder: None, .. }) => continue,
                Some(Entry {
                    holder: Some(holder),
                    ..
                }) if *holder != token => {
                    if !self.does(M::CommitTellsNoLostLease) {
                        commit = Commit::LostLease;
                    }
                    if self.does(M::CommitNeedsTheToken) {
                        continue;
                    }
                }
                None if self.does(M::CommitNeedsAnEntry) => continue,
                _ => {}
            }
            entries.insert(
                self.file(key),
                Entry {
                    holder: None,
                    payload: key.payload_hash(),
                    until,
                },
            );
        }
        Ok(commit)
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        let (mut entries, until) = (self.entries.lock().unwrap(), Instant::now() + lease);
        let mine = |entry: &Entry| match entry.holder {
            Some(holder) => holder == token || self.does(M::RenewsForAll),
            None => self.does(M::RenewsTheCommitted),
        };
        let held = keys
            .iter()
            .filter(|key| entries.get(&self.file(key)).is_some_and(mine))
            .count();
        let lost = held < keys.len();
        if !(lost && self.does(M::RenewsAllOrNone) || self.does(M::RenewsNothing)) {
            for key in keys {
                if self.does(M::RenewalMakesEntries) {
                    let entry = Entry {
                        holder: Some(token),
                        payload: key.payload_hash(),
                        until,
                    };
                    entries.entry(self.file(key)).or_insert(entry);
                }
                if let Some(entry) = entries.get_mut(&self.file(key)).filter(|entry| mine(entry)) {
                    entry.until = until;
                    entry.holder = Some(token);
                }
            }
        }
        match lost && !self.does(M::RenewalNeverLost) {
            true => Ok(Renewal::Lost),
            false => Ok(Renewal::Renewed),
        }
    }

    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        let mut entries = self.entries.lock().unwrap();
        for key in keys {
            let mine = |entry: &&Entry| match entry.holder {
                Some(holder) => {
                    (holder == token && !self.does(M::ReleasesNothing))
                        || self.does(M::ReleasesForAll)
                }
                None => self.does(M::ReleasesTheCommitted),
            };
            if entries.get(&self.file(key)).filter(mine).is_some() {
                entries.remove(&self.file(key));
            }
        }
        Ok(())
    }

    fn leases_expire(&self) -> bool {
        true
    }
}
