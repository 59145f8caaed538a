//! The memory store among so many ids, and between so many threads.

use std::num::NonZeroUsize;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use countersign::{Claim, DedupeStore, Key, MemoryStore, Token};
use futures_util::FutureExt;

use crate::Effort;
use crate::keys::Keys;

const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(3 * 24 * 3600);

const THREADS: [usize; 5] = [1, 2, 4, 8, 16];

/// About how many ids a cell claims in all, so that a small store is filled more often.
const ALL: usize = 3_000_000;

/// Elapsed time a claim and its commit, while an empty store is filled to its capacity.
pub(crate) fn claims(effort: Effort) {
    let threads: Vec<String> = THREADS.iter().map(usize::to_string).collect();
    println!("\n| ids, by threads | {} |", threads.join(" | "));
    println!("|---|{}", "---|".repeat(THREADS.len()));
    let mut ids = 1000;
    while ids <= effort.ids {
        let mut source = Keys::new(ids);
        let keys: Vec<Key> = (0..ids).map(|_| source.next()).collect();
        // Of small stores many runs, of which the least counts; of the largest, three.
        let runs = (ALL.min(effort.ids * 3) / ids).clamp(3, 300);
        let cells = THREADS.map(|threads| {
            let fastest = (0..runs).map(|_| filled(&keys, threads)).min();
            let nanos = fastest.expect("a run").as_nanos() as f64 / ids as f64;
            format!("{nanos:.0} ns")
        });
        println!("| {ids} | {} |", cells.join(" | "));
        ids *= 10;
    }
}

/// Until the last of the threads has claimed and committed its share.
fn filled(keys: &[Key], threads: usize) -> Duration {
    let store = MemoryStore::new(NonZeroUsize::new(keys.len()).expect("not zero"));
    let shares = keys.chunks(keys.len().div_ceil(threads));
    let start = Barrier::new(shares.len());
    thread::scope(|scope| {
        let running: Vec<_> = shares
            .map(|keys| {
                let (store, start) = (&store, &start);
                scope.spawn(move || {
                    let token = Token::random();
                    start.wait();
                    let begun = Instant::now();
                    for key in keys {
                        claim_and_commit(store, key, token);
                    }
                    (begun, Instant::now())
                })
            })
            .collect();
        let times = running
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        let (begun, ended): (Vec<_>, Vec<_>) = times.unzip();
        *ended.iter().max().expect("a thread") - *begun.iter().min().expect("a thread")
    })
}

fn claim_and_commit(store: &MemoryStore, key: &Key, token: Token) {
    let keys = std::slice::from_ref(key);
    let claim = store.claim(keys, token, LEASE).now_or_never();
    let claim = claim.expect("no waiting").expect("no fault");
    assert!(matches!(claim, Claim::Acquired(_)), "{claim:?}");
    let commit = store.commit(keys, token, RETENTION).now_or_never();
    commit.expect("no waiting").expect("no fault");
}
