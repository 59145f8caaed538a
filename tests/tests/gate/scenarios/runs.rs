//! Handlers that fail, panic, or take longer than their sender waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::Outcome;

use crate::deliveries::event;
use crate::site::{Leave, Runs, Site, panics};
use crate::stage::Stage;

/// S2
pub fn fails_once(stage: &Stage) {
    let (runs, store) = (Runs::default(), stage.store());
    let number = AtomicUsize::new(0);
    let handler = runs.handler(move |_| {
        let first = number.fetch_add(1, Ordering::SeqCst) == 0;
        std::future::ready(if first { 500 } else { 201 })
    });
    let site = Site::new(
        stage.framework,
        stage.shop().with_store(store.clone()),
        handler,
    );
    assert_eq!(site.connect().send(&event("a")).status, 500);
    assert_eq!(store.held(), (0, 0), "released");
    assert_eq!(site.connect().send(&event("a")).status, 201);
    assert_eq!((runs.number(), store.held()), (2, (0, 1)));
    assert!(site.connect().send(&event("a")).is_duplicate());
    assert_eq!(
        site.log.texts()[..2],
        ["handler_failed 500 a", "delivered 201 a"]
    );
}

/// S3, both where the handler panics at once and where it does so later.
pub fn panics(stage: &Stage) {
    for later in [false, true] {
        let (runs, store, leave) = (Runs::default(), stage.store(), Leave::default());
        let (number, wait) = (AtomicUsize::new(0), leave.clone());
        let handler = runs.handler(move |_| {
            let first = number.fetch_add(1, Ordering::SeqCst) == 0;
            let wait = wait.clone();
            async move {
                if first && later {
                    wait.wait().await;
                }
                if first {
                    panics::intended();
                }
                201
            }
        });
        let site = Site::new(
            stage.framework,
            stage.shop().with_store(store.clone()),
            handler,
        );
        let mut sender = site.connect();
        sender.start(&event("a"));
        runs.begun.reach(1);
        leave.give(1);
        let answer = sender.response();
        assert_eq!((answer.status, &*answer.body), (500, &b""[..]));
        assert_eq!(store.held(), (0, 0), "released");
        // On the same connection: it was not reset.
        assert_eq!(sender.send(&event("a")).status, 201);
        assert_eq!((runs.number(), store.held()), (2, (0, 1)));
        assert_eq!(
            site.log.texts(),
            ["handler_failed 500 a", "delivered 201 a"]
        );
    }
}

/// S4
pub fn exceeds_the_answer_deadline(stage: &Stage) {
    let (runs, leave) = (Runs::default(), Leave::default());
    let receiver = stage
        .shop()
        .with_deadlines(Duration::from_millis(50), Duration::from_secs(300))
        .unwrap()
        .with_wait(Duration::ZERO);
    let site = Site::new(stage.framework, receiver, runs.held(&leave, 201));
    let mut sender = site.connect();
    let late = sender.send(&event("a"));
    assert_eq!((late.status, late.header("retry-after")), (503, Some("5")));
    for _ in 0..5 {
        let retry = sender.send(&event("a"));
        assert!(retry.is_in_progress(), "{retry:?}");
    }
    assert_eq!((runs.number(), runs.now()), (1, 1));
    leave.give(1);
    site.log.reach(Outcome::Delivered, 1);
    assert!(sender.send(&event("a")).is_duplicate());
    assert_eq!((runs.number(), runs.most()), (1, 1));
    let texts = site.log.texts();
    assert_eq!(texts[0], "answer_deadline 503 a");
    assert_eq!(texts[6..], ["delivered late a", "duplicate 200 a"]);
}

/// S26
pub fn always_fails(stage: &Stage) {
    let (runs, store) = (Runs::default(), stage.store());
    let handler = runs.handler(|delivery| {
        let bad = delivery.events().any(|event| event.id() == "bad");
        std::future::ready(if bad { 500 } else { 201 })
    });
    let site = Site::new(
        stage.framework,
        stage.shop().with_store(store.clone()),
        handler,
    );
    let mut sender = site.connect();
    for retry in 1..=20 {
        assert_eq!(sender.send(&event("bad")).status, 500);
        assert_eq!(site.log.count(Outcome::HandlerFailed), retry);
        assert_eq!(sender.send(&event(&retry.to_string())).status, 201);
        assert_eq!(store.held(), (0, retry));
    }
    assert_eq!(runs.number(), 40);
}
