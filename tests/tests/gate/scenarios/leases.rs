//! Leases that run out. The memory store's do not: the test-kit's stands in for it, by a clock that is wound.

use countersign::{Outcome, Receiver};
use countersign_testkit::Operation;

use crate::deliveries::{event, shop};

use crate::site::{Leave, PATIENCE, Runs, Site, until};
use crate::stage::{Lame, Stage};

/// A worker of its own on the shared store.
fn worker(store: &Lame) -> Receiver {
    shop()
        .with_store(store.clone())
        .with_lease(store.lease)
        .unwrap()
}

/// What becomes of the run that took over.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Second {
    Succeeds,
    Fails,
    IsKilled,
}

/// S7. All at once, since most of it is waiting.
pub fn taken_over(stage: &Stage) {
    std::thread::scope(|scope| {
        for second in [Second::Succeeds, Second::Fails, Second::IsKilled] {
            scope.spawn(move || taken_over_by(stage, second));
        }
    });
}

fn taken_over_by(stage: &Stage, second: Second) {
    let store = Lame::new(stage);
    store.fail(Operation::Renew);
    let (runs, first_leave, second_leave) = (Runs::default(), Leave::default(), Leave::default());
    let first = runs.held(&first_leave, 201);
    let first = Site::new(stage.framework, worker(&store), first);
    let status = if second == Second::Fails { 500 } else { 202 };
    let other = runs.held(&second_leave, status);
    let other = Site::new(stage.framework, worker(&store), other);

    let mut sender = first.connect();
    sender.start(&event("a"));
    runs.begun.reach(1);
    store.pass(store.lease * 3 / 2);
    let mut retry = other.connect();
    retry.start(&event("a"));
    runs.begun.reach(2);

    first_leave.give(1);
    assert_eq!(sender.response().status, 201);
    assert_eq!(store.held(), (0, 1), "the late commit has landed");
    assert_eq!(first.log.texts(), ["lease_lost a", "delivered 201 a"]);
    match second {
        Second::Succeeds | Second::Fails => {
            second_leave.give(1);
            assert_eq!(retry.response().status, status);
        }
        Second::IsKilled => {
            // Nothing of it reaches the store any more.
            store.fail(Operation::Release);
            store.fail(Operation::Commit);
            drop(other);
            runs.ended.reach(2);
        }
    }
    // No third run, neither now nor when the second lease is over.
    for _ in 0..2 {
        let third = first.connect().send(&event("a"));
        assert!(third.is_duplicate(), "{third:?}");
        store.pass(store.lease);
    }
    assert_eq!(runs.number(), 2, "{second:?}");
    assert_eq!(store.held(), (0, 1));
}

/// S31
pub fn late_commit(stage: &Stage) {
    std::thread::scope(|scope| {
        for gone in [false, true] {
            scope.spawn(move || late_commit_over(stage, gone));
        }
    });
}

fn late_commit_over(stage: &Stage, gone: bool) {
    let store = Lame::new(stage);
    store.fail(Operation::Renew);
    let (runs, leave) = (Runs::default(), Leave::default());
    let slow = Site::new(stage.framework, worker(&store), runs.held(&leave, 201));
    let failing = Site::new(stage.framework, worker(&store), runs.at_once(500));
    let mut sender = slow.connect();
    sender.start(&event("a"));
    runs.begun.reach(1);
    store.pass(store.lease * 2);
    if gone {
        // Another run takes it over, fails, and so removes it.
        assert_eq!(failing.connect().send(&event("a")).status, 500);
    }
    assert_eq!(store.held(), (0, 0), "over, or gone");
    leave.give(1);
    assert_eq!(sender.response().status, 201);
    assert_eq!(store.held(), (0, 1));
    assert_eq!(
        slow.log.texts(),
        ["delivered 201 a"],
        "nobody holds it: no lost lease"
    );
    assert!(failing.connect().send(&event("a")).is_duplicate());
    assert_eq!(runs.number(), if gone { 2 } else { 1 });
}

/// S16. A clock that is wound follows the renewals, so that a lease that is not renewed runs out.
pub fn commit_fails(stage: &Stage) {
    let store = Lame::new(stage);
    store.fail(Operation::Commit);
    let runs = Runs::default();
    let site = Site::new(stage.framework, worker(&store), runs.at_once(201));
    let patient = worker(&store).with_wait(PATIENCE);
    let other = Site::new(stage.framework, patient, runs.at_once(202));
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
        store.pass(store.lease / 3);
        assert_eq!(store.held(), (1, 0));
    }
    assert!(
        store.calls(Operation::Commit) > retried,
        "tried again meanwhile"
    );
    let mut retry = other.connect();
    retry.start(&event("a"));
    store.recover(Operation::Commit);
    assert!(retry.response().is_duplicate());
    assert_eq!(store.held(), (0, 1));
    assert_eq!(runs.number(), 1);
    assert_eq!(site.log.count(Outcome::CommitFailed), 1);
    assert_eq!(site.log.count(Outcome::LeaseLost), 0);
}
