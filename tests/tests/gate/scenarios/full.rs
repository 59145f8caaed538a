//! A memory store that has no room left.

use countersign::Outcome;

use crate::deliveries::{event, held, memory, shop};
use crate::site::{Leave, Route, Runs, Site};
use crate::stage::Stage;

/// S13
pub fn of_committed(stage: &Stage) {
    let (runs, leave, store) = (Runs::default(), Leave::default(), memory(4));
    // One receiver on both routes.
    let receiver = stage
        .shop()
        .with_store(store.clone())
        .with_wait(std::time::Duration::ZERO);
    let routes = [
        Route::new("/held", receiver.clone(), runs.held(&leave, 201)),
        Route::new("/hook", receiver, runs.at_once(201)),
    ];
    let site = Site::with(stage.framework, routes);
    let mut held_up = site.connect();
    held_up.start(&event("running").to("/held"));
    runs.begun.reach(1);
    let mut sender = site.connect();
    for id in ["a", "b", "c"] {
        assert_eq!(sender.send(&event(id)).status, 201);
    }
    assert_eq!((held(&store), store.evictions()), ((1, 3), 0), "full");
    assert_eq!(sender.send(&event("d")).status, 201, "it runs");
    assert_eq!((held(&store), store.evictions()), ((1, 3), 1));
    for id in ["b", "c", "d"] {
        assert!(sender.send(&event(id)).is_duplicate(), "{id}");
    }
    // The one in progress is older than all of them, and still there.
    assert!(sender.send(&event("running")).is_in_progress());
    assert_eq!(
        sender.send(&event("a")).status,
        201,
        "the oldest was forgotten"
    );
    leave.give(1);
    assert_eq!(held_up.response().status, 201);
    assert!(sender.send(&event("running")).is_duplicate());
}

/// S14
pub fn of_claims(stage: &Stage) {
    let (runs, leave, store) = (Runs::default(), Leave::default(), memory(3));
    let site = Site::new(
        stage.framework,
        shop().with_store(store.clone()),
        runs.held(&leave, 201),
    );
    let mut senders: Vec<_> = (0..3).map(|_| site.connect()).collect();
    for (n, sender) in senders.iter_mut().enumerate() {
        sender.start(&event(&n.to_string()));
    }
    runs.begun.reach(3);
    let refused = site.connect().send(&event("one more"));
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("5"))
    );
    assert_eq!((store.refusals(), runs.number()), (1, 3));
    assert_eq!(site.log.count(Outcome::StoreUnavailable), 1);
    leave.give(4);
    for sender in &mut senders {
        assert_eq!(sender.response().status, 201);
    }
    assert_eq!(site.connect().send(&event("one more")).status, 201);
}
