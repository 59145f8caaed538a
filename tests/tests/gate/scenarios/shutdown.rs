//! A server that is told to end, as it should be on SIGTERM: no new connections, drain, stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::Outcome;

use crate::deliveries::event;
use crate::sender::Sender;
use crate::site::{Leave, PATIENCE, Runs, Site};
use crate::stage::Stage;

/// Notes what the store held when a handler was dropped.
struct AtItsEnd<F: Fn()>(F);

impl<F: Fn()> Drop for AtItsEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// S22
pub fn ten_in_flight(stage: &Stage) {
    let (runs, leave, store) = (Runs::default(), Leave::default(), stage.store());
    // How many of those that were stopped were still held when they were joined.
    let joined = Arc::new(AtomicUsize::new(0));
    let (wait, noted, looked_at) = (leave.clone(), joined.clone(), store.clone());
    let handler = runs.handler(move |delivery| {
        let obeys = delivery
            .events()
            .any(|event| event.id().starts_with("ends"));
        let (wait, noted, store) = (wait.clone(), noted.clone(), looked_at.clone());
        async move {
            let _at_its_end = (!obeys).then(|| {
                AtItsEnd(move || {
                    noted.fetch_add(store.held().0, Ordering::SeqCst);
                })
            });
            if obeys {
                wait.wait().await;
            } else {
                // It hears of no cancellation, and would never end by itself.
                std::future::pending::<()>().await;
            }
            201
        }
    });
    let mut site = Site::new(
        stage.framework,
        stage.shop().with_store(store.clone()),
        handler,
    );
    let retried = Runs::default();
    let other = stage.shop().with_store(store.clone()).with_wait(PATIENCE);
    let running = runs.clone();
    let overlaps = Arc::new(AtomicUsize::new(0));
    let overlapping = overlaps.clone();
    let other = Site::new(
        stage.framework,
        other,
        retried.handler(move |_| {
            overlapping.fetch_max(running.now(), Ordering::SeqCst);
            std::future::ready(202)
        }),
    );

    let mut senders: Vec<Sender> = (0..10).map(|_| site.connect()).collect();
    for (n, sender) in senders.iter_mut().enumerate() {
        let id = if n < 9 {
            format!("ends {n}")
        } else {
            "ignores".into()
        };
        sender.start(&event(&id));
    }
    runs.begun.reach(10);
    assert_eq!(store.held(), (10, 0));
    let mut retry = other.connect();
    retry.start(&event("ignores"));

    site.stop_accepting();
    let receiver = site.receiver().clone();
    let drain = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime
            .unwrap()
            .block_on(receiver.drain(Duration::from_secs(1)))
    });
    leave.give(9);
    for sender in &mut senders[..9] {
        assert_eq!(sender.response().status, 201, "it may finish");
    }
    assert!(drain.join().unwrap(), "all is settled");
    let stopped = senders[9].response();
    assert_eq!((stopped.status, runs.now()), (503, 0));
    assert_eq!(
        joined.load(Ordering::SeqCst),
        1,
        "joined before it was released"
    );
    assert_eq!(site.log.count(Outcome::Delivered), 9);
    assert_eq!(site.log.count(Outcome::HandlerTimedOut), 1);
    drop(site);

    // The retry waited for the one that was stopped, and ran behind it.
    assert_eq!(retry.response().status, 202);
    for n in 0..9 {
        let answer = other.connect().send(&event(&format!("ends {n}")));
        assert!(answer.is_duplicate(), "{n}: {answer:?}");
    }
    assert_eq!((retried.number(), overlaps.load(Ordering::SeqCst)), (1, 0));
    assert_eq!(store.held(), (0, 10));
}
