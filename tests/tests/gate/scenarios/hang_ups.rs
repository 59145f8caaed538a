//! Senders that do not wait for the answer.

use countersign::Outcome;

use crate::deliveries::{event, held, memory, shop};
use crate::site::{Framework, Leave, PATIENCE, Runs, Site};

#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Fin,
    Rst,
}

/// S5
pub fn hangs_up(framework: Framework) {
    for by in [By::Fin, By::Rst] {
        let (runs, leave, store) = (Runs::default(), Leave::default(), memory(100));
        let receiver = shop().with_store(store.clone()).with_wait(PATIENCE);
        let site = Site::new(framework, receiver, runs.held(&leave, 201));
        let mut sender = site.connect();
        sender.start(&event("a"));
        runs.begun.reach(1);
        match by {
            By::Fin => sender.close(),
            By::Rst => sender.reset(),
        }
        // hyper drops a request at either, actix-web at a reset only, and serves on after a FIN.
        let dropped = (framework, by) != (Framework::ActixWeb, By::Fin);
        if dropped {
            site.closed.reach(1);
        }
        assert_eq!(
            (runs.now(), held(&store)),
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
        assert_eq!((runs.number(), held(&store)), (1, (0, 1)));
    }
}
