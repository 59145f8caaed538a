//! Workers that are killed.

use std::time::{Duration, Instant};

use crate::deliveries::event;
use crate::site::PATIENCE;
use crate::stage::Stage;
use crate::worker::{POINTS, Point, Worker};

const LEASE: Duration = Duration::from_secs(3);

/// S6, at each point of a delivery; each on a store of its own, all at once.
pub fn at_each_point(stage: &Stage) {
    std::thread::scope(|scope| {
        for point in POINTS {
            scope.spawn(move || at(stage, point));
        }
    });
}

fn at(stage: &Stage, point: Point) {
    let store = stage.store();
    let mut killed = Worker::start(stage, &store, LEASE, Some(point));
    let mut sender = killed.connect();
    sender.start(&event("a"));
    let before: &[&str] = match point {
        Point::AfterTheClaim => &[],
        Point::InTheHandler => &["begun"],
        _ => &["begun", "done"],
    };
    for said in before {
        killed.says(said);
    }
    killed.says("halted");
    killed.process.kill();
    let killed_at = Instant::now();
    assert!(sender.try_response().is_err(), "nobody was told anything");

    let restarted = Worker::start(stage, &store, LEASE, None);
    if point == Point::AfterTheCommit {
        assert!(restarted.connect().send(&event("a")).is_duplicate());
        assert!(restarted.said().is_empty(), "{point:?}");
        return;
    }
    // Before the lease ends it is in progress, and nobody waits for longer than that.
    let mut told = 0;
    loop {
        let answer = restarted.connect().send(&event("a"));
        if answer.status == 201 {
            break;
        }
        assert!(answer.is_in_progress(), "{point:?}: {answer:?}");
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=LEASE.as_secs()).contains(&seconds), "{seconds}");
        assert!(killed_at.elapsed() < PATIENCE, "{point:?}: it is lost");
        told += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(told > 0, "{point:?}: the lease was over too early");
    assert!(restarted.connect().send(&event("a")).is_duplicate());
    assert_eq!(store.held(), (0, 1));
    assert_eq!(restarted.said(), ["begun", "done"], "{point:?}");
}
