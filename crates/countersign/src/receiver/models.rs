//! What the threads of a receiver share, in every order in which they can meet: `just loom`.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use arrayvec::ArrayVec;
use bytes::Bytes;
use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::Receiver;
use super::delivery::Proven;
use super::keeper::{Keeper, renew};
use super::limits::{Shared, Unverified};
use super::signal::Signal;
use super::state::{Mark, RunState};
use super::track::Track;
use crate::dedupe::{Claim, Key, Token};
use crate::event::Identity;
use crate::provider;
use crate::secret::Secret;
use crate::time::{Clock, Sleep, UnixTime};
use crate::verified::Verified;
use crate::verifier::Verifier;

fn shared() -> Arc<Shared> {
    let secret = Secret::new("0123456789abcdef").unwrap();
    let verifier = Verifier::new(&provider::github(), &[secret]).unwrap();
    Arc::new(Shared::new(verifier.secrets().clone()))
}

#[test]
fn no_more_runs_than_the_limit_and_every_place_comes_back() {
    loom::model(|| {
        let (shared, inside) = (shared(), Arc::new(AtomicUsize::new(0)));
        let run = |shared: &Arc<Shared>, inside: &AtomicUsize| {
            if let Some(_place) = shared.take_run(1) {
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                inside.fetch_sub(1, Ordering::SeqCst);
            }
        };
        let others: Vec<_> = (0..2)
            .map(|_| {
                let (shared, inside) = (shared.clone(), inside.clone());
                thread::spawn(move || run(&shared, &inside))
            })
            .collect();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(shared.runs(), 0);
        assert!(shared.take_run(1).is_some());
    });
}

#[test]
fn no_more_unverified_bytes_than_the_limit() {
    loom::model(|| {
        let (shared, held) = (shared(), Arc::new(AtomicUsize::new(0)));
        let grow = |shared: &Arc<Shared>, held: &AtomicUsize| {
            let mut body = Unverified::new(shared);
            if body.grow_to(6, 10) {
                assert!(held.fetch_add(6, Ordering::SeqCst) + 6 <= 10);
                held.fetch_sub(6, Ordering::SeqCst);
            }
        };
        let other = {
            let (shared, held) = (shared.clone(), held.clone());
            thread::spawn(move || grow(&shared, &held))
        };
        grow(&shared, &held);
        other.join().unwrap();
        assert!(
            Unverified::new(&shared).grow_to(10, 10),
            "bytes are still counted"
        );
    });
}

#[test]
fn waiters_are_bounded_by_key_and_in_all() {
    loom::model(|| {
        let shared = shared();
        let [a, b] = ["a", "b"].map(|id| Key::new("shop", &[id.as_bytes()], b""));
        let other = {
            let shared = shared.clone();
            thread::spawn(move || shared.take_wait(&a, 2, 1))
        };
        let (own, beside) = (shared.take_wait(&a, 2, 1), shared.take_wait(&b, 2, 1));
        let others = other.join().unwrap();
        assert!(own.is_some() ^ others.is_some(), "one a key");
        assert!(beside.is_some());
        assert!(shared.take_wait(&b, 2, 9).is_none(), "two in all");
        drop((own, others, beside));
        assert!(shared.take_wait(&a, 1, 1).is_some());
    });
}

#[test]
fn a_signal_reaches_who_begins_to_wait() {
    loom::model(|| {
        let signal = Arc::new(Signal::default());
        let giving = {
            let signal = signal.clone();
            thread::spawn(move || signal.give())
        };
        // One that is not woken hangs, which the model tells.
        block_on(signal.given());
        assert!(signal.is_given());
        giving.join().unwrap();
    });
}

/// A clock whose sleeps do not end: the keeper is woken by jobs only.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(0)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_job_reaches_the_keeper_whenever_it_comes() {
    loom::model(|| {
        let (shared, done) = (shared(), Arc::new(AtomicUsize::new(0)));
        let job = |done: &Arc<AtomicUsize>| {
            let done = done.clone();
            async move {
                done.fetch_add(1, Ordering::SeqCst);
            }
        };
        let pushing = {
            let (jobs, job) = (shared.jobs.clone(), job(&done));
            thread::spawn(move || jobs.push(job))
        };
        shared.jobs.push(job(&done));
        let mut keeper = pin!(Keeper::of(&shared, Arc::new(Stopped), Duration::MAX));
        block_on(std::future::poll_fn(|cx| {
            assert!(keeper.as_mut().poll(cx).is_pending(), "the receiver lives");
            match done.load(Ordering::SeqCst) {
                2 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        pushing.join().unwrap();
        assert!(shared.jobs.is_empty());
    });
}

/// A run that holds one event in a memory store.
fn claimed() -> Arc<RunState> {
    let secret = Secret::new("0123456789abcdef").unwrap();
    let receiver = Receiver::new("shop", provider::github(), [secret]).unwrap();
    let (gate, _) = receiver.open(Arc::new(Stopped));
    let verified = Verified {
        payload: Bytes::new(),
        received: 0,
        key_index: 0,
        timestamp: None,
        signed_id: ArrayVec::new(),
        verified_at: UnixTime::from_secs(0),
        beside: None,
    };
    let event = Identity::unidentified(Bytes::new(), None);
    let (key, token) = (event.key("shop"), Token::random());
    let keys: Arc<[Key]> = Arc::new([key]);
    let claim = gate
        .config
        .store
        .call_claim(&keys, token, gate.config.lease);
    assert!(matches!(block_on(claim), Ok(Claim::Acquired(_))));
    let proven = Proven::new(verified, OnceLock::from(vec![(key, event)]));
    let mut run = RunState::new(Track::new(&gate), proven, keys);
    run.start(Some(token));
    Arc::new(run)
}

/// The keeper renews while the handler ends: what was settled in between is no lost lease, and stays settled.
#[test]
fn a_renewal_beside_a_settlement_loses_nothing() {
    for success in [true, false] {
        loom::model(move || {
            let run = claimed();
            let renewing = {
                let run = run.clone();
                thread::spawn(move || block_on(renew(run)))
            };
            block_on(run.settle(success));
            renewing.join().unwrap();
            assert!(!run.lost.is_given());
            let mark = if success {
                Mark::Committed
            } else {
                Mark::Failed
            };
            assert_eq!(run.keys(mark).len(), 1);
            let store = &run.track.gate.config.store;
            let again = block_on(store.call_claim(&run.keys, Token::random(), Duration::ZERO));
            match again {
                Ok(Claim::Committed { .. }) => assert!(success),
                Ok(Claim::Acquired(_)) => assert!(!success),
                other => panic!("{other:?}"),
            }
        });
    }
}
