//! Several workers on one store.

use std::time::{Duration, Instant};

use crate::deliveries::{event, shop};
use crate::site::{Block, LiftAtTheEnd, Runs, Site};
use crate::stage::Stage;

/// S38
pub fn blocked(stage: &Stage) {
    const LEASE: Duration = Duration::from_millis(500);
    let (runs, store, block) = (Runs::default(), stage.store(), Block::default());
    let _lift = LiftAtTheEnd(block.clone());
    let worker = || {
        let receiver = shop().with_store(store.clone()).with_lease(LEASE);
        receiver.unwrap().with_wait(Duration::ZERO)
    };
    let blocked = block.clone();
    let handler = runs.handler(move |_| {
        let blocked = blocked.clone();
        async move {
            blocked.hold();
            201
        }
    });
    let first = Site::new(stage.framework, worker(), handler);
    let other = Site::new(stage.framework, worker(), runs.at_once(202));
    let mut sender = first.connect();
    sender.start(&event("a"));
    runs.begun.reach(1);
    first.nudge();
    let end = Instant::now() + LEASE * 3;
    while Instant::now() < end {
        let answer = other.connect().send(&event("a"));
        assert!(answer.is_in_progress(), "{answer:?}");
        std::thread::sleep(LEASE / 10);
    }
    assert_eq!(runs.number(), 1);
    block.lift();
    assert_eq!(sender.response().status, 201);
    assert!(other.connect().send(&event("a")).is_duplicate());
    assert_eq!((runs.number(), store.held()), (1, (0, 1)));
}
