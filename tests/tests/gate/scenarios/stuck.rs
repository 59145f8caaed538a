//! Handlers that never come to an end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use countersign::{Outcome, Receiver};
use countersign_testkit::ManualClock;

use crate::deliveries::event;
use crate::sender::Sender;
use crate::site::{
    Block, Framework, Leave, LiftAtTheEnd, PATIENCE, Route, Runs, Site, Tally, until,
};
use crate::stage::{Kind, Stage};

fn short(receiver: Receiver) -> Receiver {
    receiver
        .with_deadlines(Duration::from_millis(20), Duration::from_millis(60))
        .unwrap()
        .with_timeouts(Duration::from_millis(100), Duration::from_secs(10))
        .with_lease(Duration::from_millis(300))
        .unwrap()
        .with_wait(PATIENCE)
}

/// S30
pub fn hangs(stage: &Stage) {
    awaiting(stage);
    blocking(stage);
    finished_as_it_was_stopped(stage);
}

fn awaiting(stage: &Stage) {
    let (runs, store) = (Runs::default(), stage.store());
    let number = AtomicUsize::new(0);
    let handler = runs.handler(move |_| {
        let hangs = number.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            201
        }
    });
    let site = Site::new(
        stage.framework,
        short(stage.shop().with_store(store.clone())),
        handler,
    );
    let mut sender = site.connect();
    let mut tasks = None;
    for round in 1..=5 {
        let id = round.to_string();
        assert_eq!(sender.send(&event(&id)).status, 503);
        // It waits until the first is stopped, joined and released.
        assert_eq!(sender.send(&event(&id)).status, 201);
        site.log.reach(Outcome::HandlerTimedOut, round);
        assert_eq!((runs.now(), store.held()), (0, (0, round)), "flat");
        if let Some(tasks) = tasks {
            until("the same number of tasks", || site.tasks() == tasks);
        }
        tasks = Some(site.tasks());
    }
    assert_eq!((runs.number(), runs.most()), (10, 1));
}

/// Two connections that are served on different threads, whatever one of them is held up by.
fn on_two_threads(
    site: &Site,
    threads: &std::sync::Mutex<Vec<std::thread::ThreadId>>,
) -> [Sender; 2] {
    let probe = |sender: &mut Sender, n: usize| {
        assert_eq!(
            sender
                .send(&event(&format!("probe {n}")).to("/probe"))
                .status,
            201
        );
        *threads.lock().unwrap().last().unwrap()
    };
    let mut first = site.connect();
    let one = probe(&mut first, 0);
    let mut spare = Vec::new();
    for n in 1.. {
        let mut second = site.connect();
        if probe(&mut second, n) != one {
            return [first, second];
        }
        spare.push(second);
    }
    unreachable!()
}

fn blocking(stage: &Stage) {
    let (runs, store, block) = (Runs::default(), stage.store(), Block::default());
    let _lift = LiftAtTheEnd(block.clone());
    let number = AtomicUsize::new(0);
    let blocked = block.clone();
    let handler = runs.handler(move |_| {
        let first = number.fetch_add(1, Ordering::SeqCst) == 0;
        let blocked = blocked.clone();
        async move {
            if first {
                blocked.hold();
                std::future::pending::<()>().await;
            }
            201
        }
    });
    let threads = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = threads.clone();
    let probe = Runs::default().handler(move |_| {
        noted.lock().unwrap().push(std::thread::current().id());
        std::future::ready(201)
    });
    let receiver = short(stage.shop().with_store(store.clone()));
    let routes = [
        Route::new("/hook", receiver, handler),
        Route::new(
            "/probe",
            crate::deliveries::receiver("probe", countersign::provider::fedapay()),
            probe,
        ),
    ];
    let site = Site::with(stage.framework, routes);
    // Connections of axum's move between threads; those of actix-web stay on theirs.
    let [mut stuck, mut free] = match stage.framework {
        Framework::Axum => [site.connect(), site.connect()],
        Framework::ActixWeb => on_two_threads(&site, &threads),
    };
    stuck.start(&event("a"));
    site.log.reach(Outcome::HandlerStuck, 1);
    assert_eq!(
        (runs.now(), store.held().0),
        (1, 1),
        "a lease has to pass first"
    );
    site.nudge();
    assert_eq!(free.send(&event("a")).status, 201);
    assert_eq!((runs.number(), runs.now()), (2, 1));
    block.lift();
    runs.ended.reach(2);
    site.log.reach(Outcome::HandlerTimedOut, 1);
    assert!(
        free.send(&event("a")).is_duplicate(),
        "its release leaves the commit alone"
    );
    assert_eq!(site.log.count(Outcome::HandlerStuck), 1, "reported once");
}

/// By a clock wound by hand: it is told to stop while it holds its thread, and then answers.
fn finished_as_it_was_stopped(stage: &Stage) {
    let clock = ManualClock::new(SystemTime::now().into());
    let (runs, store) = (Runs::default(), stage.store());
    let (leave, block, blocking) = (Leave::default(), Block::default(), Tally::default());
    let _lift = LiftAtTheEnd(block.clone());
    let (wait, hold, holds) = (leave.clone(), block.clone(), blocking.clone());
    let handler = runs.handler(move |_| {
        let (wait, hold, holds) = (wait.clone(), hold.clone(), holds.clone());
        async move {
            wait.wait().await;
            holds.add();
            hold.hold();
            201
        }
    });
    let receiver = stage
        .shop()
        .with_store(store.clone())
        .with_deadlines(Duration::from_secs(60), Duration::from_secs(60))
        .unwrap();
    let route = Route::new("/hook", receiver, handler).with_clock(clock.clone());
    let site = Site::with(stage.framework, [route]);
    let mut sender = site.connect();
    sender.start(&event("a"));
    runs.begun.reach(1);
    // The keeper's timer, and that of a handler that was seen waiting: only then it is watched.
    until("the deadline's timer", || {
        format!("{clock:?}").contains("pending_sleeps: 2")
    });
    leave.give(1);
    blocking.reach(1);
    clock.advance(Duration::from_millis(60_500));
    until("the keeper's next look", || clock.next_wake().is_some());
    block.lift();
    // Its deadline is over as well: a commit that takes a moment lands behind the answer.
    let (status, delivered) = match stage.kind {
        Kind::Memory => (201, "delivered 201 a"),
        _ => (503, "delivered late a"),
    };
    assert_eq!(sender.response().status, status);
    site.log.reach(Outcome::Delivered, 1);
    assert_eq!((runs.number(), store.held()), (1, (0, 1)));
    assert!(site.log.texts().iter().any(|text| text == delivered));
    assert_eq!(site.log.count(Outcome::HandlerTimedOut), 0);
}
