//! The default store: one process, bounded, nothing on disk.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::moment::{Moment, Time};
use super::{Claim, Commit, DedupeStore, Key, Lease, Renewal, StoreError, Token};
use crate::sync::{Mutex, MutexGuard};
use crate::time::Clock;

const DEFAULT_CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// The largest table allocated in advance: a capacity meant as "no limit" must not be taken at its
/// word.
const MOST_RESERVED: NonZeroUsize = NonZeroUsize::MIN.saturating_add((1 << 24) - 1);

/// The default store: ids in the memory of this process.
///
/// It promises, to any number of threads:
///
/// - **Bounded.** Committed ids and claims in progress together never exceed the capacity. An id
///   costs 65 to 97 bytes, whatever its length was.
/// - **A claim in progress is never dropped**, and its lease never expires: it ends by a commit or
///   a release, or with the process. When all of the capacity is in progress, further claims are
///   refused with [`StoreError::full`], and counted by [`refusals`](Self::refusals).
/// - **An id is remembered for its retention**, measured from its first commit on a monotonic
///   clock. Only when the store is full is the id with the oldest commit forgotten earlier, and
///   counted by [`evictions`](Self::evictions): the capacity should hold all the events of one
///   retention. Duplicates neither refresh that order nor extend a retention, and no new id is
///   ever turned away in favour of an old one.
///
/// It knows nothing of other processes and nothing after a restart: several workers need a store
/// that they share. Within one process, share one `Arc<MemoryStore>` among all workers.
///
/// Ids whose retention has ended make room a few at a time, oldest commit first. Where one store
/// serves endpoints of different retentions, a short one's ended ids can hold their room until the
/// older ids of a long one are gone.
pub struct MemoryStore {
    state: Mutex<State>,
    capacity: NonZeroUsize,
    time: Time,
}

impl MemoryStore {
    /// A store that holds at most `capacity` ids, committed and in progress together.
    ///
    /// The table (17 to 39 bytes an id) is allocated at once, so that no call stalls while it
    /// grows; the ids (48 bytes each) as they come. Of more than 16 777 216 ids the table grows too.
    pub fn new(capacity: NonZeroUsize) -> Self {
        MemoryStore {
            state: Mutex::new(State {
                running: HashMap::default(),
                committed: if capacity <= MOST_RESERVED {
                    LruCache::with_hasher(capacity, PassThrough::default())
                } else {
                    LruCache::unbounded_with_hasher(PassThrough::default())
                },
                capacity: capacity.get(),
                evictions: 0,
                refusals: 0,
            }),
            capacity,
            time: Time::Process(Instant::now()),
        }
    }

    /// Measures retention by `clock`'s monotonic time instead of the process's: for tests that
    /// wind a clock by hand. To be called before the first claim.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.time = Time::Brought(clock);
        self
    }

    /// The most ids that the store holds, committed and in progress together.
    pub fn capacity(&self) -> NonZeroUsize {
        self.capacity
    }

    /// How many committed ids were forgotten before their retention ended, for want of room.
    /// A duplicate of one of those runs again.
    pub fn evictions(&self) -> u64 {
        self.state().evictions
    }

    /// How many calls were refused with [`StoreError::full`].
    pub fn refusals(&self) -> u64 {
        self.state().refusals
    }

    pub(super) fn claim_now(&self, keys: &[Key], token: Token) -> Result<Claim, StoreError> {
        let now = self.time.now();
        self.state().claim(keys, token, now)
    }

    pub(super) fn commit_now(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        let now = self.time.now();
        self.state().commit(keys, token, now, now.after(retention))
    }

    pub(super) fn renew_now(&self, keys: &[Key], token: Token) -> Result<Renewal, StoreError> {
        let state = self.state();
        let held = keys
            .iter()
            .all(|key| state.running.get(&Id::of(key)) == Some(&token));
        Ok(if held {
            Renewal::Renewed
        } else {
            Renewal::Lost
        })
    }

    pub(super) fn release_now(&self, keys: &[Key], token: Token) {
        self.state().release(keys, token);
    }

    /// A poisoned lock is taken all the same: nothing under it panics in the midst of a change.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    /// A store of 100 000 ids.
    fn default() -> Self {
        MemoryStore::new(DEFAULT_CAPACITY)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("MemoryStore")
            .field("capacity", &self.capacity)
            .field("in_progress", &state.running.len())
            .field("committed", &state.committed.len())
            .field("evictions", &state.evictions)
            .field("refusals", &state.refusals)
            .finish_non_exhaustive()
    }
}

impl DedupeStore for MemoryStore {
    /// Ignores `lease`: a claim lasts until it is committed or released.
    ///
    /// # Errors
    ///
    /// [`StoreError::full`] if the fresh keys do not fit beside the claims in progress; nothing
    /// was done then, and it is counted.
    async fn claim(&self, keys: &[Key], token: Token, _: Duration) -> Result<Claim, StoreError> {
        self.claim_now(keys, token)
    }

    /// # Errors
    ///
    /// [`StoreError::full`] if keys that were never claimed do not fit beside the claims in
    /// progress; nothing was done then, and it is counted. It does not happen to the holder of the
    /// keys, who has their room already.
    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        self.commit_now(keys, token, retention)
    }

    /// Tells whether the token still holds all keys; there is nothing to extend.
    ///
    /// # Errors
    ///
    /// None.
    async fn renew(&self, keys: &[Key], token: Token, _: Duration) -> Result<Renewal, StoreError> {
        self.renew_now(keys, token)
    }

    /// # Errors
    ///
    /// None.
    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        self.release_now(keys, token);
        Ok(())
    }

    fn leases_expire(&self) -> bool {
        false
    }
}

/// All that the lock guards. An id stands in one of the two maps at most, and both together hold
/// no more than `capacity`.
struct State {
    running: HashMap<Id, Token, PassThrough>,
    /// In the order of their commits: nothing here ever promotes an entry by reading it.
    committed: LruCache<Id, Past, PassThrough>,
    capacity: usize,
    evictions: u64,
    refusals: u64,
}

/// What is remembered of a committed id.
struct Past {
    payload_hash: u64,
    until: Moment,
}

impl State {
    fn claim(&mut self, keys: &[Key], token: Token, now: Moment) -> Result<Claim, StoreError> {
        let (mut fresh, mut differing) = (Vec::with_capacity(keys.len()), Vec::new());
        let mut held = 0;
        for key in keys {
            let id = Id::of(key);
            match self.running.get(&id) {
                Some(holder) if *holder != token => {
                    return Ok(Claim::InProgress { retry_after: None });
                }
                Some(_) => {
                    held += 1;
                    fresh.push(*key);
                }
                None => match self.remembered(id, now) {
                    None => fresh.push(*key),
                    Some(past) if past.payload_hash != key.payload_hash() => differing.push(*key),
                    Some(_) => {}
                },
            }
        }
        if fresh.is_empty() {
            return Ok(Claim::Committed { differing });
        }
        let more = fresh.len().saturating_sub(held);
        self.check_room(more)?;
        self.forget_oldest(more, &[], now);
        self.running
            .extend(fresh.iter().map(|key| (Id::of(key), token)));
        Ok(Claim::Acquired(Lease { fresh, differing }))
    }

    fn commit(
        &mut self,
        keys: &[Key],
        token: Token,
        now: Moment,
        until: Moment,
    ) -> Result<Commit, StoreError> {
        self.drop_ended(keys.len(), now);
        let running = keys
            .iter()
            .filter(|key| self.running.contains_key(&Id::of(key)))
            .count();
        self.check_room(keys.len().saturating_sub(running))?;
        let mut outcome = Commit::Landed;
        for key in keys {
            let id = Id::of(key);
            if self
                .running
                .remove(&id)
                .is_some_and(|holder| holder != token)
            {
                outcome = Commit::LostLease;
            }
            if self.remembered(id, now).is_none() {
                self.forget_oldest(1, keys, now);
                self.committed.put(
                    id,
                    Past {
                        payload_hash: key.payload_hash(),
                        until,
                    },
                );
            }
        }
        self.shrink_running();
        Ok(outcome)
    }

    fn release(&mut self, keys: &[Key], token: Token) {
        for key in keys {
            let id = Id::of(key);
            if self.running.get(&id) == Some(&token) {
                self.running.remove(&id);
            }
        }
        self.shrink_running();
    }

    /// The entry of a committed id. One whose retention has ended is dropped and absent.
    fn remembered(&mut self, id: Id, now: Moment) -> Option<&Past> {
        if self.committed.peek(&id)?.until <= now {
            self.committed.pop(&id);
        }
        self.committed.peek(&id)
    }

    /// Refuses `more` ids if they do not fit even once every other committed one is forgotten.
    fn check_room(&mut self, more: usize) -> Result<(), StoreError> {
        if more > self.capacity.saturating_sub(self.running.len()) {
            self.refusals += 1;
            return Err(StoreError::full());
        }
        Ok(())
    }

    /// Forgets the oldest committed ids, `but` for these, until `more` fit.
    fn forget_oldest(&mut self, more: usize, but: &[Key], now: Moment) {
        while self.running.len() + self.committed.len() + more > self.capacity {
            let spared = |id: &Id| but.binary_search_by_key(id, Id::of).is_ok();
            let oldest = self
                .committed
                .iter()
                .rev()
                .map(|(id, _)| *id)
                .find(|id| !spared(id));
            let Some(past) = oldest.and_then(|id| self.committed.pop(&id)) else {
                break;
            };
            if now < past.until {
                self.evictions += 1;
            }
        }
    }

    /// Drops ids whose retention has ended from the old end: twice as many as may be added, so
    /// that it gets ahead of them, and no call has to clear a backlog.
    fn drop_ended(&mut self, added: usize, now: Moment) {
        for _ in 0..added.saturating_mul(2) {
            match self.committed.peek_lru() {
                Some((_, past)) if past.until <= now => self.committed.pop_lru(),
                _ => break,
            };
        }
    }

    /// Gives back what a burst of claims took, once it is over.
    fn shrink_running(&mut self) {
        const WORTHWHILE: usize = 4096;
        if self.running.capacity() > WORTHWHILE && self.running.len() < self.running.capacity() / 8
        {
            self.running.shrink_to(self.running.len() * 2);
        }
    }
}

/// The first half of a key. The key is SHA-256 output, so 128 bits of it are as good a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Id(u128);

impl Id {
    fn of(key: &Key) -> Self {
        Id(key
            .as_bytes()
            .first_chunk()
            .map_or(0, |half| u128::from_be_bytes(*half)))
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.0);
    }
}

type PassThrough = BuildHasherDefault<FirstBits>;

/// Takes 64 bits of an [`Id`] for its hash: they are evenly spread already.
#[derive(Default)]
struct FirstBits(u64);

impl Hasher for FirstBits {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .first_chunk()
            .map_or(0, |first| u64::from_ne_bytes(*first));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use futures_util::FutureExt;

    use super::*;
    use crate::time::{Sleep, UnixTime};

    const LEASE: Duration = Duration::from_secs(30);
    const RETENTION: Duration = Duration::from_secs(100);

    /// Monotonic seconds, set by hand.
    #[derive(Default)]
    struct Seconds(AtomicU64);

    impl Clock for Seconds {
        fn now(&self) -> UnixTime {
            UnixTime::from_secs(0)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::Relaxed))
        }

        fn sleep(&self, _: Duration) -> Sleep {
            unreachable!("the store does not sleep")
        }
    }

    fn store(capacity: usize) -> MemoryStore {
        MemoryStore::new(NonZeroUsize::new(capacity).unwrap())
    }

    fn wound_store(capacity: usize) -> (MemoryStore, Arc<Seconds>) {
        let clock = Arc::new(Seconds::default());
        (store(capacity).with_clock(clock.clone()), clock)
    }

    fn key(id: &str) -> Key {
        key_with(id, "payload")
    }

    fn key_with(id: &str, payload: &str) -> Key {
        Key::new("shop", &[id.as_bytes()], payload.as_bytes())
    }

    fn batch(ids: &[&str]) -> Vec<Key> {
        let mut keys: Vec<Key> = ids.iter().copied().map(key).collect();
        keys.sort();
        keys
    }

    fn claim(store: &MemoryStore, keys: &[Key], token: Token) -> Claim {
        store
            .claim(keys, token, LEASE)
            .now_or_never()
            .unwrap()
            .unwrap()
    }

    fn claim_is_full(store: &MemoryStore, keys: &[Key]) -> bool {
        store
            .claim(keys, Token::random(), LEASE)
            .now_or_never()
            .unwrap()
            .is_err_and(|error| error.is_full())
    }

    fn commit(store: &MemoryStore, keys: &[Key], token: Token) -> Commit {
        store
            .commit(keys, token, RETENTION)
            .now_or_never()
            .unwrap()
            .unwrap()
    }

    fn renew(store: &MemoryStore, keys: &[Key], token: Token) -> Renewal {
        store
            .renew(keys, token, LEASE)
            .now_or_never()
            .unwrap()
            .unwrap()
    }

    fn release(store: &MemoryStore, keys: &[Key], token: Token) {
        store.release(keys, token).now_or_never().unwrap().unwrap();
    }

    /// Commits each id in a run of its own, in this order.
    fn commit_each(store: &MemoryStore, ids: &[&str]) {
        for id in ids {
            let token = Token::random();
            assert_eq!(claim(store, &[key(id)], token), acquired(&[key(id)]));
            assert_eq!(commit(store, &[key(id)], token), Commit::Landed);
        }
    }

    fn acquired(fresh: &[Key]) -> Claim {
        Claim::Acquired(Lease {
            fresh: fresh.to_vec(),
            differing: Vec::new(),
        })
    }

    fn committed() -> Claim {
        Claim::Committed {
            differing: Vec::new(),
        }
    }

    const BUSY: Claim = Claim::InProgress { retry_after: None };

    /// What the store holds, by looking only.
    fn holds(store: &MemoryStore, id: &str) -> bool {
        let id = Id::of(&key(id));
        let state = store.state();
        state.running.contains_key(&id) || state.committed.contains(&id)
    }

    #[test]
    fn a_claim_is_acquired_once_and_then_committed() {
        let store = MemoryStore::default();
        assert_eq!(store.capacity().get(), 100_000);
        assert!(!store.leases_expire());
        let (token, other) = (Token::random(), Token::random());
        let keys = [key("a")];

        assert_eq!(claim(&store, &keys, token), acquired(&keys));
        assert_eq!(claim(&store, &keys, other), BUSY);
        assert_eq!(
            claim(&store, &keys, token),
            acquired(&keys),
            "one's own claim, repeated"
        );
        assert_eq!(commit(&store, &keys, token), Commit::Landed);
        assert_eq!(claim(&store, &keys, other), committed());
        assert_eq!(claim(&store, &keys, token), committed());
        assert_eq!(
            commit(&store, &keys, token),
            Commit::Landed,
            "twice is success"
        );
    }

    #[test]
    fn a_call_does_nothing_until_it_is_polled() {
        let store = MemoryStore::default();
        drop(store.claim(&[key("a")], Token::random(), LEASE));
        assert!(!holds(&store, "a"));
    }

    #[test]
    fn empty_batches_are_settled() {
        let (store, token) = (store(1), Token::random());
        assert_eq!(claim(&store, &[], token), committed());
        assert_eq!(commit(&store, &[], token), Commit::Landed);
        assert_eq!(renew(&store, &[], token), Renewal::Renewed);
        release(&store, &[], token);
    }

    #[test]
    fn only_the_holder_releases() {
        let store = MemoryStore::default();
        let (token, other) = (Token::random(), Token::random());
        let keys = batch(&["a", "b"]);
        claim(&store, &[key("a")], token);
        claim(&store, &[key("b")], other);

        release(&store, &keys, token);
        assert!(!holds(&store, "a"));
        assert_eq!(claim(&store, &[key("b")], token), BUSY);

        commit(&store, &[key("b")], other);
        release(&store, &keys, other);
        assert_eq!(
            claim(&store, &[key("b")], token),
            committed(),
            "committed ones stay"
        );
    }

    #[test]
    fn a_renewal_needs_every_key_and_makes_none() {
        let store = MemoryStore::default();
        let (token, other) = (Token::random(), Token::random());
        let keys = batch(&["a", "b"]);
        claim(&store, &[key("a")], token);
        assert_eq!(renew(&store, &keys, token), Renewal::Lost);
        assert!(!holds(&store, "b"));
        claim(&store, &[key("b")], token);
        assert_eq!(renew(&store, &keys, token), Renewal::Renewed);
        assert_eq!(renew(&store, &keys, other), Renewal::Lost);
        commit(&store, &[key("a")], token);
        assert_eq!(renew(&store, &keys, token), Renewal::Lost);
    }

    #[test]
    fn a_late_commit_lands_over_an_absent_key() {
        let store = MemoryStore::default();
        assert_eq!(commit(&store, &[key("a")], Token::random()), Commit::Landed);
        assert_eq!(claim(&store, &[key("a")], Token::random()), committed());
    }

    #[test]
    fn a_late_commit_lands_over_another_run_and_outlives_its_release() {
        let store = MemoryStore::default();
        let (late, holder) = (Token::random(), Token::random());
        let keys = batch(&["a", "b"]);
        claim(&store, &keys, holder);
        assert_eq!(commit(&store, &[key("a")], late), Commit::LostLease);
        release(&store, &keys, holder);
        assert_eq!(claim(&store, &keys, late), acquired(&[key("b")]));
        assert_eq!(
            commit(&store, &[key("a")], holder),
            Commit::Landed,
            "nothing is held any more"
        );
    }

    #[test]
    fn a_batch_is_claimed_whole_or_not_at_all() {
        let store = MemoryStore::default();
        let (first, second) = (Token::random(), Token::random());
        let overlap = batch(&["b", "c", "d", "e"]);
        commit_each(&store, &["c"]);
        claim(&store, &batch(&["a", "b"]), first);

        assert_eq!(claim(&store, &overlap, second), BUSY);
        assert!(
            !holds(&store, "d") && !holds(&store, "e"),
            "nothing is left claimed"
        );

        release(&store, &batch(&["a", "b"]), first);
        assert_eq!(
            claim(&store, &overlap, second),
            acquired(&batch(&["b", "d", "e"]))
        );
        assert_eq!(commit(&store, &batch(&["b"]), second), Commit::Landed);
        assert_eq!(
            claim(&store, &overlap, second),
            acquired(&batch(&["d", "e"]))
        );
        commit(&store, &overlap, second);
        assert_eq!(claim(&store, &overlap, first), committed());
    }

    #[test]
    fn another_payload_under_a_committed_id_is_told() {
        let store = MemoryStore::default();
        let token = Token::random();
        commit_each(&store, &["a"]);
        let changed = key_with("a", "changed");
        assert_eq!(
            claim(&store, &[changed], token),
            Claim::Committed {
                differing: vec![changed]
            }
        );
        let mut keys = vec![changed, key("b")];
        keys.sort();
        assert_eq!(
            claim(&store, &keys, token),
            Claim::Acquired(Lease {
                fresh: vec![key("b")],
                differing: vec![changed]
            })
        );
        commit(&store, &[changed], token);
        assert_eq!(
            claim(&store, &[key("a")], token),
            committed(),
            "the first commit counts"
        );
    }

    #[test]
    fn a_full_store_forgets_the_oldest_commit() {
        let store = store(3);
        commit_each(&store, &["a", "b", "c"]);
        assert_eq!(
            claim(&store, &[key("a")], Token::random()),
            committed(),
            "does not refresh it"
        );
        assert_eq!(
            commit(&store, &[key("a")], Token::random()),
            Commit::Landed,
            "nor does this"
        );
        assert_eq!(store.evictions(), 0);
        commit_each(&store, &["d"]);
        assert_eq!(store.evictions(), 1);
        assert!(!holds(&store, "a"));
        for id in ["b", "c", "d"] {
            assert_eq!(claim(&store, &[key(id)], Token::random()), committed());
        }
    }

    #[test]
    fn the_order_is_that_of_the_commits_not_of_the_claims() {
        let store = store(3);
        let slow = Token::random();
        claim(&store, &[key("slow")], slow);
        commit_each(&store, &["a", "b"]);
        commit(&store, &[key("slow")], slow);
        commit_each(&store, &["c"]);
        assert!(!holds(&store, "a"));
        assert!(holds(&store, "slow") && holds(&store, "b"));
    }

    #[test]
    fn a_claim_in_progress_is_never_dropped() {
        let store = store(2);
        let holder = Token::random();
        claim(&store, &[key("held")], holder);
        commit_each(&store, &["a", "b", "c"]);
        assert_eq!(store.evictions(), 2);
        assert_eq!(claim(&store, &[key("held")], Token::random()), BUSY);

        claim(&store, &[key("too")], holder);
        assert_eq!(store.evictions(), 3);
        assert!(claim_is_full(&store, &[key("d")]));
        assert_eq!(store.refusals(), 1);
        assert_eq!(
            renew(&store, &batch(&["held", "too"]), holder),
            Renewal::Renewed
        );
        assert_eq!(
            claim(&store, &[key("held")], holder),
            acquired(&[key("held")])
        );
        release(&store, &[key("held")], holder);
        commit_each(&store, &["d"]);
    }

    #[test]
    fn a_batch_that_does_not_fit_changes_nothing() {
        let store = store(3);
        let holder = Token::random();
        commit_each(&store, &["a", "b"]);
        claim(&store, &[key("held")], holder);

        assert!(claim_is_full(&store, &batch(&["c", "d", "e"])));
        assert_eq!((store.refusals(), store.evictions()), (1, 0));
        assert!(holds(&store, "a") && holds(&store, "b") && !holds(&store, "c"));

        let keys = batch(&["b", "c", "d"]);
        assert_eq!(
            claim(&store, &keys, Token::random()),
            acquired(&batch(&["c", "d"]))
        );
        assert_eq!(store.evictions(), 2);
    }

    #[test]
    fn a_late_commit_stays_within_the_bound() {
        let store = store(2);
        let (late, holder) = (Token::random(), Token::random());
        let try_late = |keys: &[Key]| store.commit(keys, late, RETENTION).now_or_never().unwrap();
        claim(&store, &batch(&["a", "b"]), holder);
        assert!(try_late(&[key("c")]).is_err_and(|error| error.is_full()));
        assert!(!holds(&store, "c"));
        assert_eq!(store.refusals(), 1);

        commit(&store, &[key("a")], holder);
        commit(&store, &[key("b")], holder);
        // Of the batch's own keys, none makes room for another.
        assert_eq!(commit(&store, &batch(&["a", "c"]), late), Commit::Landed);
        assert!(holds(&store, "a") && holds(&store, "c") && !holds(&store, "b"));
        assert_eq!(store.evictions(), 1);
    }

    #[test]
    fn retention_counts_from_the_first_commit() {
        let (store, clock) = wound_store(10);
        let token = Token::random();
        let wind_to = |seconds| clock.0.store(seconds, Ordering::Relaxed);
        commit_each(&store, &["a"]);
        wind_to(60);
        assert_eq!(claim(&store, &[key("a")], token), committed());
        assert_eq!(commit(&store, &[key("a")], token), Commit::Landed);
        wind_to(99);
        assert_eq!(claim(&store, &[key("a")], token), committed());
        wind_to(100);
        assert_eq!(claim(&store, &[key("a")], token), acquired(&[key("a")]));
        commit(&store, &[key("a")], token);
        wind_to(199);
        assert_eq!(
            claim(&store, &[key("a")], token),
            committed(),
            "counted anew"
        );
    }

    #[test]
    fn ended_ids_give_room_without_being_counted() {
        let (store, clock) = wound_store(4);
        commit_each(&store, &["a", "b", "c", "d"]);
        clock.0.store(100, Ordering::Relaxed);
        commit_each(&store, &["e"]);
        // The claim took the room of one, the commit dropped two more.
        assert_eq!(
            ["a", "b", "c", "d"].map(|id| holds(&store, id)),
            [false, false, false, true]
        );
        commit_each(&store, &["f", "g", "h"]);
        assert_eq!(store.evictions(), 0);
        // A late commit finds its own ended entry in the way.
        clock.0.store(200, Ordering::Relaxed);
        assert_eq!(commit(&store, &[key("h")], Token::random()), Commit::Landed);
        assert_eq!(claim(&store, &[key("h")], Token::random()), committed());
    }

    #[test]
    fn an_ended_id_behind_a_lasting_one_is_no_eviction() {
        let (store, clock) = wound_store(2);
        let token = Token::random();
        store
            .commit(&[key("a")], token, 2 * RETENTION)
            .now_or_never()
            .unwrap()
            .unwrap();
        commit_each(&store, &["b"]);
        clock.0.store(100, Ordering::Relaxed);
        let keys = batch(&["c", "d"]);
        assert_eq!(claim(&store, &keys, token), acquired(&keys));
        assert_eq!(store.evictions(), 1);
    }

    #[test]
    fn endless_retention_and_capacity_are_taken() {
        let store = MemoryStore::new(NonZeroUsize::MAX);
        let token = Token::random();
        store
            .commit(&[key("a")], token, Duration::MAX)
            .now_or_never()
            .unwrap()
            .unwrap();
        assert_eq!(claim(&store, &[key("a")], token), committed());
    }

    #[test]
    fn a_burst_of_claims_gives_its_room_back() {
        let store = store(50_000);
        let token = Token::random();
        let keys: Vec<Key> = (0..20_000).map(|n| key(&n.to_string())).collect();
        claim(&store, &keys, token);
        commit(&store, &keys, token);
        assert!(store.state().running.capacity() < 5_000);
        assert_eq!(store.state().committed.len(), 20_000);
    }

    #[test]
    fn debug_shows_numbers_only() {
        let store = store(7);
        commit_each(&store, &["a"]);
        assert_eq!(
            format!("{store:?}"),
            "MemoryStore { capacity: 7, in_progress: 0, committed: 1, evictions: 0, \
             refusals: 0, .. }"
        );
    }

    #[test]
    fn of_64_threads_one_wins() {
        let store = MemoryStore::default();
        let gate = Barrier::new(64);
        for round in 0..20 {
            let keys = [key(&format!("event {round}"))];
            let wins: usize = thread::scope(|scope| {
                let threads: Vec<_> = (0..64)
                    .map(|_| {
                        scope.spawn(|| {
                            let token = Token::random();
                            gate.wait();
                            let won = matches!(claim(&store, &keys, token), Claim::Acquired(_));
                            if won {
                                commit(&store, &keys, token);
                            }
                            usize::from(won)
                        })
                    })
                    .collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .sum()
            });
            assert_eq!(wins, 1);
            assert_eq!(claim(&store, &keys, Token::random()), committed());
        }
    }

    #[test]
    fn full_of_what_several_threads_committed_it_misses_none() {
        let store = store(1_000);
        thread::scope(|scope| {
            for thread in 0..4 {
                let store = &store;
                scope.spawn(move || {
                    for n in 0..1_000 {
                        commit_each(store, &[&format!("old {thread} {n}")]);
                    }
                });
            }
        });
        assert_eq!(store.evictions(), 3_000);
        thread::scope(|scope| {
            for thread in 0..4 {
                let store = &store;
                scope.spawn(move || {
                    for n in 0..250 {
                        commit_each(store, &[&format!("{thread} {n}")]);
                    }
                });
            }
        });
        for thread in 0..4 {
            for n in 0..250 {
                let keys = [key(&format!("{thread} {n}"))];
                assert_eq!(claim(&store, &keys, Token::random()), committed());
            }
        }
    }

    #[test]
    fn a_poisoned_lock_is_no_end() {
        let store = MemoryStore::default();
        let poison = thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _guard = store.state();
                    panic!("while holding the lock");
                })
                .join()
        });
        assert!(poison.is_err() && store.state.is_poisoned());
        commit_each(&store, &["a"]);
    }
}
