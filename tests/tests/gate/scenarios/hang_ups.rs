//! Senders that do not wait for the answer.

use countersign::Outcome;

use crate::deliveries::event;
use crate::site::{Framework, Leave, PATIENCE, Runs, Site};
use crate::stage::Stage;

#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Fin,
    Rst,
}

/// S5
pub fn hangs_up(stage: &Stage) {
    for by in [By::Fin, By::Rst] {
        let (runs, leave, store) = (Runs::default(), Leave::default(), stage.store());
        let receiver = stage.shop().with_store(store.clone()).with_wait(PATIENCE);
        let site = Site::new(stage.framework, receiver, runs.held(&leave, 201));
        let mut sender = site.connect();
        sender.start(&event("a"));
        runs.begun.reach(1);
        match by {
            By::Fin => sender.close(),
            By::Rst => sender.reset(),
        }
        // hyper drops a request at either, actix-web at a reset only, and serves on after a FIN.
        let dropped = (stage.framework, by) != (Framework::ActixWeb, By::Fin);
        if dropped {
            site.closed.reach(1);
        }
        assert_eq!(
            (runs.now(), store.held()),
            (1, (1, 0)),
            "{by:?}: it goes on"
        );
        let mut retry = site.connect();
        retry.start(&event("a"));
        leave.give(1);
        runs.ended.reach(1);
        assert!(retry.response().is_duplicate());
        site.log.reach(Outcome::Delivered, 1);
        let delivered = if dropped {
            "delivered late a"
        } else {
            "delivered 201 a"
        };
        assert!(
            site.log.texts().iter().any(|text| text == delivered),
            "{by:?}"
        );
        assert_eq!((runs.number(), store.held()), (1, (0, 1)));
    }
}
