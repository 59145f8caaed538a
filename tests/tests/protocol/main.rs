//! The claim protocol under a random walk.
//!
//! The receiver of the library runs as it is, on a clock and an executor that the seed drives: two
//! workers, senders with finite attempts, handlers of every kind, a store that fails in every way,
//! crashes, shutdowns, hang-ups and steps of the wall clock. After every step the invariants are
//! checked. `docs/protocol.md` lists them, and what happens when a rule is taken out.
//!
//! `COUNTERSIGN_WALKS` sets how many seeds each kind of walk takes, `COUNTERSIGN_SEED` a single one;
//! `COUNTERSIGN_TRACE=1` prints the end of the trace that failed.

#![forbid(unsafe_code)]

mod checks;
mod deeds;
mod dice;
mod executor;
mod handler;
mod ledger;
mod reach;
mod server;
mod store;
mod walk;
mod watch;
mod world;

use walk::{Kind, walk};

const STEPS: usize = 12_000;

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    match number("COUNTERSIGN_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("COUNTERSIGN_WALKS").unwrap_or(4),
    }
}

fn walk_all(kind: Kind) {
    let (mut steps, mut delivered) = (0, 0);
    for seed in seeds() {
        let report = walk(kind, seed, STEPS);
        steps += report.steps;
        delivered += report.delivered;
        if let Some(violation) = report.violation {
            if std::env::var_os("COUNTERSIGN_TRACE").is_some() {
                for line in report.log.iter().rev().take(80).rev() {
                    println!("{line}");
                }
            }
            panic!(
                "violated: {} | {kind:?} seed {seed} step {} | {}",
                violation.invariant, report.steps, violation.detail
            );
        }
    }
    println!(
        "{kind:?}: {steps} steps, {delivered} events delivered, seeds {:?}",
        seeds()
    );
    assert!(
        delivered as u64 > 20 * (seeds().end - seeds().start),
        "the walk got somewhere"
    );
}

#[test]
fn gentle_walks() {
    walk_all(Kind::Gentle);
}

#[test]
fn rough_walks() {
    walk_all(Kind::Rough);
}

#[test]
fn lasting_walks() {
    walk_all(Kind::Lasting);
}

#[test]
fn memory_walks() {
    walk_all(Kind::Memory);
}
