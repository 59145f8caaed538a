//! Servers of stores that are killed, frozen and started again.

use std::time::{Duration, Instant};

use countersign::{Outcome, Receiver};

use crate::deliveries::{event, shop};
use crate::site::{Leave, PATIENCE, Runs, Site, until};
use crate::stage::{Served, Shelf, Stage};

fn on(store: &Shelf) -> Receiver {
    shop().with_store(store.clone())
}

/// S15, down and hanging.
pub fn down(stage: &Stage) {
    let Served { mut server, store } = stage.served();
    let runs = Runs::default();
    let site = Site::new(stage.framework, on(&store), runs.at_once(201));
    assert_eq!(site.connect().send(&event("before")).status, 201);
    for (n, hangs) in [false, true, false].into_iter().enumerate() {
        let id = format!("during {n}");
        match hangs {
            true => server.freeze(),
            false => server.kill(),
        }
        for _ in 0..3 {
            let began = Instant::now();
            let answer = site.connect().send(&event(&id));
            let after = began.elapsed();
            assert_eq!(
                (answer.status, answer.header("retry-after")),
                (503, Some("5")),
                "hangs: {hangs}"
            );
            // A second, and what a machine at work adds to it.
            assert!(after < Duration::from_secs(5), "{after:?}");
        }
        assert_eq!(runs.number(), 1 + n, "no run without a claim");
        match hangs {
            true => server.thaw(),
            false => server.restart(),
        }
        // Without a restart of the worker.
        until("a run", || {
            let status = site.connect().send(&event(&id)).status;
            assert!([201, 409, 503].contains(&status), "{status}");
            status == 201
        });
        assert!(site.connect().send(&event(&id)).is_duplicate());
    }
    assert_eq!(runs.number(), 4);
}

/// S29. What the store carries out late is undone long before its lease ends.
pub fn frozen_during_a_claim(stage: &Stage) {
    for hangs_up in [false, true] {
        let Served { mut server, store } = stage.served();
        let runs = Runs::default();
        let site = Site::new(stage.framework, on(&store), runs.at_once(201));
        assert_eq!(site.connect().send(&event("before")).status, 201);
        server.freeze();
        let mut sender = site.connect();
        sender.start(&event("a"));
        match hangs_up {
            false => assert_eq!(sender.response().status, 503),
            true => {
                // Its claim is on its way by the time that another's has failed.
                assert_eq!(site.connect().send(&event("b")).status, 503);
                sender.reset();
            }
        }
        server.thaw();
        let began = Instant::now();
        until("a run", || {
            site.connect().send(&event("a")).status == 201
                || runs.ids().contains(&vec!["a".to_owned()])
        });
        // A lease is 30 seconds.
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(20), "{waited:?}");
        assert!(site.connect().send(&event("a")).is_duplicate());
        let ran = runs.ids().iter().filter(|ids| ids[0] == "a").count();
        assert_eq!(ran, 1);
    }
}

/// S19: while nothing happens, and while a run is held.
pub fn restarted(stage: &Stage) {
    let Served { mut server, store } = stage.served();
    restart(stage, &mut server, &store, true);
    if let Some(Served { mut server, store }) = stage.forgetful() {
        restart(stage, &mut server, &store, false);
    }
}

fn restart(stage: &Stage, server: &mut crate::stage::Server, store: &Shelf, remembers: bool) {
    let (runs, leave) = (Runs::default(), Leave::default());
    let handler = runs.handler({
        let leave = leave.clone();
        move |delivery| {
            let held = delivery.events().any(|event| event.id() == "held");
            let leave = leave.clone();
            async move {
                if held {
                    leave.wait().await;
                }
                201
            }
        }
    });
    let receiver = on(store).with_wait(PATIENCE);
    let site = Site::new(stage.framework, receiver, handler);
    assert_eq!(site.connect().send(&event("a")).status, 201);
    let mut held = site.connect();
    held.start(&event("held"));
    runs.begun.reach(2);
    server.kill();
    // Its commit finds no server, and goes on until it lands.
    leave.give(1);
    assert_eq!(held.response().status, 201);
    assert_eq!(site.log.count(Outcome::CommitFailed), 1);
    server.restart();
    until("the commit", || {
        store.held().1 == 1 + usize::from(remembers)
    });
    assert!(site.connect().send(&event("held")).is_duplicate());
    let mut status = 0;
    until("an answer", || {
        let answer = site.connect().send(&event("a"));
        status = answer.status;
        status != 503
    });
    // One that kept nothing has forgotten it: its documentation says so.
    assert_eq!(status, if remembers { 200 } else { 201 });
    assert_eq!(runs.number(), if remembers { 2 } else { 3 });
}
