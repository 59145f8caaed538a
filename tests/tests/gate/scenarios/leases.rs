//! Leases that run out, on a store whose clock is wound by hand; the receivers' own time is real.

use std::time::{Duration, SystemTime};

use countersign::{Outcome, Receiver};
use countersign_testkit::{Cue, CueStore, EntryState, ManualClock, Operation};

use crate::deliveries::{event, shop};
use crate::site::{Framework, Leave, PATIENCE, Runs, Site, until};

const LEASE: Duration = Duration::from_secs(1);

fn store() -> (CueStore, ManualClock) {
    let clock = ManualClock::new(SystemTime::now().into());
    (CueStore::new(clock.clone()), clock)
}

/// A worker of its own on the shared store.
fn worker(store: &CueStore) -> Receiver {
    shop().with_store(store.clone()).with_lease(LEASE).unwrap()
}

fn is_committed(store: &CueStore) -> bool {
    matches!(store.entries()[..], [(_, EntryState::Committed { .. })])
}

/// S7
pub fn taken_over(framework: Framework) {
    enum Second {
        Succeeds,
        Fails,
        IsKilled,
    }
    for second in [Second::Succeeds, Second::Fails, Second::IsKilled] {
        let (store, clock) = store();
        store.cue(Operation::Renew, Cue::Fail);
        let (runs, first_leave, second_leave) =
            (Runs::default(), Leave::default(), Leave::default());
        let first = Site::new(framework, worker(&store), runs.held(&first_leave, 201));
        let status = if matches!(second, Second::Fails) {
            500
        } else {
            202
        };
        let other = Site::new(framework, worker(&store), runs.held(&second_leave, status));

        let mut sender = first.connect();
        sender.start(&event("a"));
        runs.begun.reach(1);
        clock.advance(LEASE + LEASE / 2);
        let mut retry = other.connect();
        retry.start(&event("a"));
        runs.begun.reach(2);

        first_leave.give(1);
        assert_eq!(sender.response().status, 201);
        assert!(is_committed(&store), "the late commit has landed");
        assert_eq!(first.log.texts(), ["lease_lost a", "delivered 201 a"]);
        match second {
            Second::Succeeds | Second::Fails => {
                second_leave.give(1);
                assert_eq!(retry.response().status, status);
            }
            Second::IsKilled => {
                // Nothing of it reaches the store any more.
                store.cue(Operation::Release, Cue::Fail);
                store.cue(Operation::Commit, Cue::Fail);
                drop(other);
                runs.ended.reach(2);
            }
        }
        // No third run, neither now nor when the second lease is over.
        for _ in 0..3 {
            let third = first.connect().send(&event("a"));
            assert!(third.is_duplicate(), "{third:?}");
            clock.advance(LEASE);
        }
        assert_eq!(runs.number(), 2);
        assert!(is_committed(&store));
    }
}

/// S31
pub fn late_commit(framework: Framework) {
    for gone in [false, true] {
        let (store, clock) = store();
        store.cue(Operation::Renew, Cue::Fail);
        let (runs, leave) = (Runs::default(), Leave::default());
        let slow = Site::new(framework, worker(&store), runs.held(&leave, 201));
        let failing = Site::new(framework, worker(&store), runs.at_once(500));
        let mut sender = slow.connect();
        sender.start(&event("a"));
        runs.begun.reach(1);
        clock.advance(LEASE * 5);
        if gone {
            // Another run takes it over, fails, and so removes it.
            assert_eq!(failing.connect().send(&event("a")).status, 500);
        }
        assert_eq!(store.entries().len(), usize::from(!gone));
        leave.give(1);
        assert_eq!(sender.response().status, 201);
        assert!(is_committed(&store));
        assert_eq!(
            slow.log.texts(),
            ["delivered 201 a"],
            "nobody holds it: no lost lease"
        );
        assert!(failing.connect().send(&event("a")).is_duplicate());
        assert_eq!(runs.number(), if gone { 2 } else { 1 });
    }
}

/// S16. The store's clock follows the renewals, so that a lease that is not renewed runs out.
pub fn commit_fails(framework: Framework) {
    let (store, clock) = store();
    store.cue(Operation::Commit, Cue::Fail);
    let runs = Runs::default();
    let site = Site::new(framework, worker(&store), runs.at_once(201));
    let other = Site::new(
        framework,
        worker(&store).with_wait(PATIENCE),
        runs.at_once(202),
    );
    assert_eq!(
        site.connect().send(&event("a")).status,
        201,
        "its own answer stands"
    );
    assert_eq!(site.log.texts(), ["commit_failed a", "delivered 201 a"]);
    let retried = store.calls(Operation::Commit);
    // Two leases, renewed every third of it.
    for _ in 0..6 {
        let renewed = store.carried_out(Operation::Renew);
        until("a renewal", || {
            store.carried_out(Operation::Renew) > renewed
        });
        clock.advance(LEASE / 3);
        let [(_, EntryState::InProgress { lease_left, .. })] = store.entries()[..] else {
            panic!("settled too early");
        };
        assert!(!lease_left.is_zero());
    }
    assert!(
        store.calls(Operation::Commit) > retried,
        "tried again meanwhile"
    );
    let mut retry = other.connect();
    retry.start(&event("a"));
    store.cue(Operation::Commit, Cue::Obey);
    assert!(retry.response().is_duplicate());
    assert!(is_committed(&store));
    assert_eq!(runs.number(), 1);
    assert_eq!(site.log.count(Outcome::CommitFailed), 1);
    assert_eq!(site.log.count(Outcome::LeaseLost), 0);
}
