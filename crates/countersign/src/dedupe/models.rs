//! The memory store in every order in which threads can meet: `just loom`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use loom::thread;

use super::{Claim, Commit, DedupeStore as _, Key, MemoryStore, Renewal, StoreError, Token};

const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(100);

fn store(capacity: usize) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(NonZeroUsize::new(capacity).unwrap()))
}

fn key(id: &str) -> Key {
    Key::new("shop", &[id.as_bytes()], b"payload")
}

fn claim(store: &MemoryStore, keys: &[Key], token: Token) -> Result<Claim, StoreError> {
    let call = store.claim(keys, token, LEASE);
    call.now_or_never().unwrap()
}

fn wins(store: &MemoryStore, keys: &[Key], token: Token) -> bool {
    matches!(claim(store, keys, token), Ok(Claim::Acquired(_)))
}

fn commit(store: &MemoryStore, keys: &[Key], token: Token) -> Commit {
    let call = store.commit(keys, token, RETENTION);
    call.now_or_never().unwrap().unwrap()
}

fn renew(store: &MemoryStore, keys: &[Key], token: Token) -> Renewal {
    let call = store.renew(keys, token, LEASE);
    call.now_or_never().unwrap().unwrap()
}

fn release(store: &MemoryStore, keys: &[Key], token: Token) {
    store.release(keys, token).now_or_never().unwrap().unwrap();
}

fn is_committed(store: &MemoryStore, keys: &[Key]) -> bool {
    matches!(
        claim(store, keys, Token::random()),
        Ok(Claim::Committed { .. })
    )
}

#[test]
fn of_three_claims_one_wins_and_its_commit_is_kept() {
    loom::model(|| {
        let (store, keys) = (store(10), [key("a")]);
        let run = move |store: Arc<MemoryStore>| {
            let token = Token::random();
            let won = wins(&store, &keys, token);
            if won {
                assert_eq!(commit(&store, &keys, token), Commit::Landed);
            }
            usize::from(won)
        };
        let others: Vec<_> = (0..2)
            .map(|_| {
                let store = store.clone();
                thread::spawn(move || run(store))
            })
            .collect();
        let own = run(store.clone());
        let wins = others.into_iter().map(|other| other.join().unwrap());
        assert_eq!(own + wins.sum::<usize>(), 1);
        assert!(is_committed(&store, &keys));
    });
}

#[test]
fn a_late_commit_outlives_another_runs_release() {
    loom::model(|| {
        let (store, keys) = (store(10), [key("a")]);
        let (late, holder) = (Token::random(), Token::random());
        assert!(wins(&store, &keys, holder));
        let other = store.clone();
        let committing = thread::spawn(move || commit(&other, &keys, late));
        release(&store, &keys, holder);
        committing.join().unwrap();
        assert!(is_committed(&store, &keys));
    });
}

#[test]
fn a_release_lets_one_of_two_in_and_never_both() {
    loom::model(|| {
        let (store, keys) = (store(10), [key("a")]);
        let holder = Token::random();
        assert!(wins(&store, &keys, holder));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let store = store.clone();
                thread::spawn(move || wins(&store, &keys, Token::random()))
            })
            .collect();
        release(&store, &keys, holder);
        // One's own release is behind: it must not free what another holds by now.
        release(&store, &keys, holder);
        let winners = others.into_iter().map(|other| other.join().unwrap());
        let winners = winners.filter(|won| *won).count();
        assert!(winners <= 1);
        assert_eq!(wins(&store, &keys, Token::random()), winners == 0);
    });
}

#[test]
fn a_renewal_is_true_of_some_moment() {
    loom::model(|| {
        let (store, keys) = (store(10), [key("a")]);
        let holder = Token::random();
        assert!(wins(&store, &keys, holder));
        let other = store.clone();
        let renewing = thread::spawn(move || {
            let first = renew(&other, &keys, holder);
            (first, renew(&other, &keys, holder))
        });
        assert_eq!(commit(&store, &keys, holder), Commit::Landed);
        let renewals = renewing.join().unwrap();
        assert_ne!(renewals, (Renewal::Lost, Renewal::Renewed), "it came back");
        assert!(is_committed(&store, &keys), "a renewal undid a commit");
    });
}

#[test]
fn overlapping_batches_never_both_win_and_leave_nothing_behind() {
    loom::model(|| {
        let store = store(10);
        // They share the key in the middle, so that one of them meets it behind another of its own.
        let mut all = ["a", "b", "c"].map(key);
        all.sort();
        let (first, second) = ([all[0], all[1]], [all[1], all[2]]);
        let other = store.clone();
        let run = |store: &MemoryStore, keys: &[Key]| {
            let token = Token::random();
            let won = wins(store, keys, token);
            if won {
                release(store, keys, token);
            }
            won
        };
        let claiming = thread::spawn(move || run(&other, &first));
        let own = run(&store, &second);
        let others = claiming.join().unwrap();
        assert!(own || others, "they kept each other out");
        assert!(
            wins(&store, &all, Token::random()),
            "something is left claimed"
        );
    });
}

#[test]
fn a_full_store_refuses_and_drops_no_claim() {
    loom::model(|| {
        let store = store(1);
        let run = |store: &MemoryStore, id: &str| {
            let token = Token::random();
            let won = wins(store, &[key(id)], token);
            if won {
                assert_eq!(renew(store, &[key(id)], token), Renewal::Renewed);
            }
            won
        };
        let other = store.clone();
        let claiming = thread::spawn(move || run(&other, "a"));
        let own = run(&store, "b");
        assert!(own ^ claiming.join().unwrap());
        assert_eq!(store.refusals(), 1);
    });
}
