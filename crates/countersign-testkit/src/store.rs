//! A store that fails, loses its answers and hangs when a test says so.

mod register;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use countersign::{Claim, Clock, Commit, DedupeStore, Key, Lease, Renewal, StoreError, Token};

use self::register::{Claimed, Entry, Register, Standing, ids};
use crate::ManualClock;

/// A store shared by several workers, as seen by them on a bad day: leases and retention run by a
/// [`ManualClock`], and each operation can be told to misbehave. Clones are handles to the same
/// store.
///
/// It keeps an entry whose lease has expired until somebody takes it over, so that its holder can
/// still renew it. Nothing in it sleeps or needs a runtime: a hanging call waits for
/// [`resume`](Self::resume).
#[derive(Clone)]
pub struct CueStore {
    state: Arc<Mutex<State>>,
    clock: ManualClock,
}

/// One of the four calls of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// [`DedupeStore::claim`].
    Claim,
    /// [`DedupeStore::commit`].
    Commit,
    /// [`DedupeStore::renew`].
    Renew,
    /// [`DedupeStore::release`].
    Release,
}

/// What a call is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cue {
    /// Carry out the call and answer it.
    #[default]
    Obey,
    /// Fail without carrying it out: the server was not reached.
    Fail,
    /// Carry it out, and then fail: the answer was lost.
    LoseAnswer,
    /// Carry it out at once, but answer only when told to [resume](CueStore::resume).
    HangAnswer,
    /// Neither carry it out nor answer before told to [resume](CueStore::resume). It is then
    /// carried out even if the caller has long given up, by the clock of that moment: a frozen
    /// server finds the request in its socket when it wakes.
    Freeze,
    /// Fail at once, and carry it out when told to [resume](CueStore::resume): the connection broke,
    /// and the request was still on its way.
    Straggle,
}

/// What stands under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryState {
    /// A run holds it, or held it until its lease expired.
    InProgress {
        /// The token of the run.
        token: [u8; 16],
        /// What is left of the lease; zero once it has expired, and anybody may take it over.
        lease_left: Duration,
    },
    /// A run succeeded.
    Committed {
        /// How long it is still remembered; never zero.
        retention_left: Duration,
    },
}

impl CueStore {
    /// An empty store that obeys, on this clock.
    pub fn new(clock: ManualClock) -> Self {
        CueStore {
            state: Arc::default(),
            clock,
        }
    }

    /// Tells what every further call of `operation` is to do, until told otherwise. What was told
    /// for its [next](Self::cue_next) calls is forgotten.
    pub fn cue(&self, operation: Operation, cue: Cue) {
        let mut state = self.state();
        let script = state.scripts.entry(operation).or_default();
        script.next.clear();
        script.standing = cue;
    }

    /// Tells what the next `calls` of `operation` are to do, after those that were told before.
    pub fn cue_next(&self, operation: Operation, calls: usize, cue: Cue) {
        let mut state = self.state();
        state
            .scripts
            .entry(operation)
            .or_default()
            .next
            .extend(std::iter::repeat_n(cue, calls));
    }

    /// Lets all calls that hang now go on, in the order in which they arrived. What further calls are to
    /// do does not change by it.
    pub fn resume(&self) {
        for _ in 0..self.hanging() {
            self.resume_one();
        }
    }

    /// Lets the hanging call that arrived first go on. Answers whether there was one.
    pub fn resume_one(&self) -> bool {
        let mut state = self.state();
        let Some(go_on) = state.hanging.pop_front() else {
            return false;
        };
        let waker = go_on(&mut state, self.clock.monotonic());
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// How many calls hang, those included whose caller has given up.
    pub fn hanging(&self) -> usize {
        self.state().hanging.len()
    }

    /// How many calls of `operation` were made, carried out or not.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.state()
            .scripts
            .get(&operation)
            .map_or(0, |script| script.calls)
    }

    /// How many calls of `operation` were carried out, answered or not.
    pub fn carried_out(&self, operation: Operation) -> u64 {
        self.state()
            .scripts
            .get(&operation)
            .map_or(0, |script| script.carried_out)
    }

    /// Everything the store holds, in the order of the keys.
    pub fn entries(&self) -> Vec<([u8; 32], EntryState)> {
        let mut state = self.state();
        let now = self.clock.monotonic();
        state.register.drop_ended(now);
        let show = |(id, entry): (&[u8; 32], &Entry)| match entry.standing {
            Standing::Held { token, until } => (
                *id,
                EntryState::InProgress {
                    token,
                    lease_left: until.saturating_sub(now),
                },
            ),
            Standing::Committed { until } => (
                *id,
                EntryState::Committed {
                    retention_left: until.saturating_sub(now),
                },
            ),
        };
        state.register.entries.iter().map(show).collect()
    }

    /// One call: does with `work`, which carries it out, what the script says.
    async fn call<T: Send + 'static>(
        &self,
        operation: Operation,
        work: impl FnOnce(&mut Register, Duration) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let hung = {
            let mut state = self.state();
            let now = self.clock.monotonic();
            match state.next_cue(operation) {
                Cue::Obey => return Ok(state.carry_out(operation, now, work)),
                Cue::Fail => return Err(StoreError::unavailable("told to fail")),
                Cue::LoseAnswer => {
                    state.carry_out(operation, now, work);
                    return Err(StoreError::unavailable("told to lose the answer"));
                }
                Cue::HangAnswer => {
                    let answer = state.carry_out(operation, now, work);
                    state.hang(move |_, _| answer)
                }
                Cue::Freeze => state.hang(move |state, now| state.carry_out(operation, now, work)),
                Cue::Straggle => {
                    state.hang(move |state, now| state.carry_out(operation, now, work));
                    return Err(StoreError::unavailable("told to lose the connection"));
                }
            }
        };
        Ok(future::poll_fn(|cx| lock(&hung).poll(cx.waker())).await)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl DedupeStore for CueStore {
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        let (ids, token) = (ids(keys), *token.as_bytes());
        let claimed = self
            .call(Operation::Claim, move |register, now| {
                register.claim(&ids, token, lease, now)
            })
            .await?;
        let pick = |places: Vec<usize>| {
            places
                .into_iter()
                .filter_map(|at| keys.get(at).copied())
                .collect::<Vec<_>>()
        };
        Ok(match claimed {
            Claimed::Busy { longest } => Claim::InProgress {
                retry_after: Some(longest),
            },
            Claimed::Settled { fresh, differing } if fresh.is_empty() => Claim::Committed {
                differing: pick(differing),
            },
            Claimed::Settled { fresh, differing } => Claim::Acquired(Lease {
                fresh: pick(fresh),
                differing: pick(differing),
            }),
        })
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        let (ids, token) = (ids(keys), *token.as_bytes());
        self.call(Operation::Commit, move |register, now| {
            register.commit(&ids, token, retention, now)
        })
        .await
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        let (ids, token) = (ids(keys), *token.as_bytes());
        self.call(Operation::Renew, move |register, now| {
            register.renew(&ids, token, lease, now)
        })
        .await
    }

    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        let (ids, token) = (ids(keys), *token.as_bytes());
        self.call(Operation::Release, move |register, _| {
            register.release(&ids, token)
        })
        .await
    }

    fn leases_expire(&self) -> bool {
        true
    }
}

impl fmt::Debug for CueStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("CueStore")
            .field("scripts", &state.scripts)
            .field("entries", &state.register.entries.len())
            .field("hanging", &state.hanging.len())
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    register: Register,
    scripts: BTreeMap<Operation, Script>,
    hanging: VecDeque<GoOn>,
}

/// The rest of a hanging call. Gives the caller its answer, and returns whom to wake for it.
type GoOn = Box<dyn FnOnce(&mut State, Duration) -> Option<Waker> + Send>;

#[derive(Debug, Default)]
struct Script {
    standing: Cue,
    next: VecDeque<Cue>,
    calls: u64,
    carried_out: u64,
}

impl State {
    fn next_cue(&mut self, operation: Operation) -> Cue {
        let script = self.scripts.entry(operation).or_default();
        script.calls += 1;
        script.next.pop_front().unwrap_or(script.standing)
    }

    fn carry_out<T>(
        &mut self,
        operation: Operation,
        now: Duration,
        work: impl FnOnce(&mut Register, Duration) -> T,
    ) -> T {
        self.scripts.entry(operation).or_default().carried_out += 1;
        work(&mut self.register, now)
    }

    fn hang<T: Send + 'static>(
        &mut self,
        go_on: impl FnOnce(&mut State, Duration) -> T + Send + 'static,
    ) -> Arc<Mutex<Answer<T>>> {
        let answer = Arc::new(Mutex::new(Answer::Awaited(None)));
        let caller = Arc::clone(&answer);
        self.hanging.push_back(Box::new(move |state, now| {
            let given = Answer::Given(Some(go_on(state, now)));
            match std::mem::replace(&mut *lock(&caller), given) {
                Answer::Awaited(waker) => waker,
                Answer::Given(_) => None,
            }
        }));
        answer
    }
}

/// The answer to a call that hangs.
enum Answer<T> {
    Awaited(Option<Waker>),
    Given(Option<T>),
}

impl<T> Answer<T> {
    fn poll(&mut self, waker: &Waker) -> Poll<T> {
        match self {
            Answer::Given(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Answer::Awaited(awaiting) => {
                *awaiting = Some(waker.clone());
                Poll::Pending
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Context;

    use countersign::UnixTime;
    use futures_util::FutureExt;
    use futures_util::task::{ArcWake, waker};

    use super::register::Id;
    use super::*;

    const LEASE: Duration = Duration::from_secs(30);
    const RETENTION: Duration = Duration::from_secs(1000);
    const MINE: [u8; 16] = [1; 16];

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn id(name: u8) -> Id {
        Id {
            bytes: [name; 32],
            payload_hash: 7,
        }
    }

    fn fresh(places: &[usize]) -> Claimed {
        Claimed::Settled {
            fresh: places.to_vec(),
            differing: Vec::new(),
        }
    }

    fn store() -> (CueStore, ManualClock) {
        let clock = ManualClock::new(UnixTime::from_secs(0));
        (CueStore::new(clock.clone()), clock)
    }

    fn claim(store: &CueStore) -> impl Future<Output = Result<Claimed, StoreError>> + Send {
        store.call(Operation::Claim, |register, now| {
            register.claim(&[id(0)], MINE, LEASE, now)
        })
    }

    fn held(lease_left: Duration) -> Vec<([u8; 32], EntryState)> {
        vec![(
            [0; 32],
            EntryState::InProgress {
                token: MINE,
                lease_left,
            },
        )]
    }

    #[test]
    fn a_failing_call_is_not_carried_out() {
        let (store, _) = store();
        store.cue(Operation::Claim, Cue::Fail);
        for _ in 0..3 {
            assert!(!claim(&store).now_or_never().unwrap().unwrap_err().is_full());
        }
        assert_eq!(store.entries(), []);
        store.cue(Operation::Claim, Cue::Obey);
        assert_eq!(claim(&store).now_or_never().unwrap().unwrap(), fresh(&[0]));
        assert_eq!(
            (
                store.calls(Operation::Claim),
                store.carried_out(Operation::Claim)
            ),
            (4, 1)
        );
        assert_eq!(store.calls(Operation::Commit), 0);
    }

    #[test]
    fn a_lost_answer_was_carried_out() {
        let (store, _) = store();
        store.cue(Operation::Claim, Cue::LoseAnswer);
        assert!(claim(&store).now_or_never().unwrap().is_err());
        assert_eq!(store.entries(), held(LEASE));
        assert_eq!(store.carried_out(Operation::Claim), 1);
    }

    #[test]
    fn cues_for_the_next_calls_come_before_the_standing_one() {
        let (store, _) = store();
        store.cue(Operation::Claim, Cue::LoseAnswer);
        store.cue_next(Operation::Claim, 2, Cue::Fail);
        store.cue_next(Operation::Claim, 1, Cue::Obey);
        let mut outcomes = Vec::new();
        for _ in 0..4 {
            let answered = claim(&store).now_or_never().unwrap().is_ok();
            outcomes.push((answered, store.carried_out(Operation::Claim)));
        }
        assert_eq!(outcomes, [(false, 0), (false, 0), (true, 1), (false, 2)]);
        store.cue_next(Operation::Claim, 9, Cue::Fail);
        store.cue(Operation::Claim, Cue::Obey);
        assert!(
            claim(&store).now_or_never().unwrap().is_ok(),
            "told otherwise"
        );
    }

    #[test]
    fn a_hanging_answer_was_carried_out_at_once() {
        let (store, clock) = store();
        store.cue_next(Operation::Claim, 1, Cue::HangAnswer);
        let mut call = Box::pin(claim(&store));
        assert!((&mut call).now_or_never().is_none());
        assert_eq!(store.entries(), held(LEASE));
        clock.advance(seconds(10));
        assert!((&mut call).now_or_never().is_none());
        store.resume();
        assert_eq!(call.now_or_never().unwrap().unwrap(), fresh(&[0]));
        assert_eq!(store.entries(), held(seconds(20)));
    }

    #[test]
    fn a_frozen_call_is_carried_out_when_resumed() {
        let (store, clock) = store();
        store.cue_next(Operation::Claim, 1, Cue::Freeze);
        let mut call = Box::pin(claim(&store));
        assert!((&mut call).now_or_never().is_none());
        assert_eq!((store.entries(), store.hanging()), (Vec::new(), 1));
        clock.advance(seconds(10));
        store.resume();
        assert_eq!(store.entries(), held(LEASE));
        assert_eq!(call.now_or_never().unwrap().unwrap(), fresh(&[0]));
    }

    #[test]
    fn a_frozen_call_is_carried_out_though_its_caller_has_given_up() {
        let (store, _) = store();
        store.cue(Operation::Claim, Cue::Freeze);
        assert!(claim(&store).now_or_never().is_none());
        drop(claim(&store)); // never polled, so never made
        assert_eq!((store.calls(Operation::Claim), store.hanging()), (1, 1));
        store.resume();
        assert_eq!(store.entries(), held(LEASE));
        assert_eq!(
            (store.carried_out(Operation::Claim), store.hanging()),
            (1, 0)
        );
    }

    #[test]
    fn a_straggling_call_fails_and_is_carried_out_later() {
        let (store, clock) = store();
        store.cue_next(Operation::Claim, 1, Cue::Straggle);
        assert!(claim(&store).now_or_never().unwrap().is_err());
        assert_eq!((store.entries(), store.hanging()), (Vec::new(), 1));
        clock.advance(seconds(10));
        store.resume();
        assert_eq!(store.entries(), held(LEASE));
    }

    #[test]
    fn hanging_calls_go_on_in_order_of_arrival() {
        let (store, _) = store();
        store.cue(Operation::Claim, Cue::Freeze);
        store.cue(Operation::Release, Cue::Freeze);
        let release = store.call(Operation::Release, |register, _| {
            register.release(&[id(0)], MINE)
        });
        assert!(claim(&store).now_or_never().is_none());
        assert!(release.now_or_never().is_none());
        assert!(store.resume_one());
        assert_eq!(store.entries(), held(LEASE));
        assert!(store.resume_one());
        assert_eq!(store.entries(), []);
        assert!(!store.resume_one());
    }

    #[test]
    fn a_resumed_caller_is_woken() {
        let (store, _) = store();
        for cue in [Cue::HangAnswer, Cue::Freeze] {
            store.cue(Operation::Claim, cue);
            let woken = Arc::new(Woken::default());
            let waker = waker(Arc::clone(&woken));
            let mut context = Context::from_waker(&waker);
            let mut call = Box::pin(claim(&store));
            assert!(call.as_mut().poll(&mut context).is_pending());
            store.resume();
            assert!(woken.0.load(Ordering::Relaxed));
            assert!(call.as_mut().poll(&mut context).is_ready());
        }
    }

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl ArcWake for Woken {
        fn wake_by_ref(this: &Arc<Self>) {
            this.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn entries_show_what_is_left() {
        let (store, clock) = store();
        let _ = claim(&store).now_or_never();
        let commit = store.call(Operation::Commit, |register, now| {
            register.commit(&[id(1)], MINE, RETENTION, now)
        });
        assert!(commit.now_or_never().is_some());
        clock.advance(seconds(999));
        assert_eq!(
            store.entries(),
            [
                (
                    [0; 32],
                    EntryState::InProgress {
                        token: MINE,
                        lease_left: Duration::ZERO
                    }
                ),
                (
                    [1; 32],
                    EntryState::Committed {
                        retention_left: seconds(1)
                    }
                ),
            ]
        );
        clock.advance(seconds(1));
        assert_eq!(
            store.entries(),
            held(Duration::ZERO),
            "expired ones can still be renewed"
        );
        assert!(store.leases_expire());
    }
}
