//! Senders that hang up, time out and find nobody, and the runs that they leave behind.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, web};
use axum::http::StatusCode;
use axum::{Router, routing::post};
use countersign::{Clock, Outcome, Receiver, provider};
use countersign_axum::Delivery;
use countersign_testkit::{
    ActixApp, CueStore, Ending, Heard, ManualClock, Operation, OverHttp, Sample,
};
use tokio::sync::Notify;

use crate::stage::{ROUTE, Runs, Stage, centralpay, five};

const SECOND: Duration = Duration::from_secs(1);

/// A handler's two signals: it runs, and it may end.
#[derive(Clone, Default)]
struct Signals {
    running: Arc<Notify>,
    may_end: Arc<Notify>,
    runs: Runs,
}

impl Signals {
    async fn handle(self) {
        self.running.notify_one();
        self.may_end.notified().await;
        self.runs.add();
    }
}

fn event(stage: &Stage) -> Sample {
    let provider = stage.receiver.provider();
    Sample::of(provider, Sample::kinds(provider)[0]).unwrap()
}

#[actix_web::test]
async fn a_retry_after_a_hang_up_is_a_duplicate() {
    for provider in five() {
        for actix in [false, true] {
            let (stage, signals) = (Stage::new(&provider), Signals::default());
            let (event, simulator) = (event(&stage), stage.simulator());
            let running = async {
                signals.running.notified().await;
                signals.may_end.notify_one();
            };
            let handled = signals.clone();
            let course = if actix {
                let handler = move |_: countersign_actix_web::Delivery| {
                    let handled = handled.clone();
                    async move {
                        handled.handle().await;
                        HttpResponse::Ok().finish()
                    }
                };
                let route = web::post().to(handler).wrap(stage.middleware());
                let app = App::new().route(ROUTE, route);
                let app = ActixApp(actix_web::test::init_service(app).await);
                let delivering = simulator.deliver_and_hang_up(&app, ROUTE, &event, running);
                delivering.await.unwrap()
            } else {
                let handler = move |_: Delivery| async move {
                    handled.handle().await;
                    StatusCode::OK
                };
                let route = post(handler).route_layer(stage.layer());
                let app: Router = Router::new().route(ROUTE, route);
                let delivering = simulator.deliver_and_hang_up(&app, ROUTE, &event, running);
                delivering.await.unwrap()
            };
            assert_eq!(course.statuses().len(), course.attempts.len());
            assert_eq!(course.attempts[0].heard, Heard::HungUp);
            assert!(course.attempts[1].is_duplicate(), "{course}");
            assert_eq!(course.attempts.len(), 2);
            assert_eq!(signals.runs.get(), 1);
            stage.witness.ran_once(event.id());
        }
    }
}

/// A shop whose handler winds the clock for so many seconds.
fn slow_shop(stage: &Stage, clock: &ManualClock, takes: u32) -> Router {
    let clock = clock.clone();
    let handler = move |_: Delivery| async move {
        clock.wind(takes * SECOND).await;
        StatusCode::OK
    };
    Router::new().route(ROUTE, post(handler).route_layer(stage.layer()))
}

#[tokio::test]
async fn the_answer_deadline_strikes_before_the_provider_hangs_up() {
    let stage = Stage::new(&provider::fourpay());
    let event = event(&stage);
    let app = slow_shop(&stage, &stage.clock, 12);
    let course = stage
        .simulator()
        .deliver(&app, ROUTE, &event)
        .await
        .unwrap();
    assert_eq!(
        course.attempts[0].status(),
        Some(StatusCode::SERVICE_UNAVAILABLE)
    );
    assert!(course.attempts[1].is_duplicate(), "{course}");
    assert_eq!(course.attempts[1].after, Duration::from_secs(8 + 60));
    stage.witness.ran_once(event.id());
}

#[tokio::test]
async fn fourpay_waits_for_ten_seconds() {
    for (takes, heard) in [(9, None), (12, Some(Heard::TimedOut))] {
        let stage = Stage::with(&provider::fourpay(), |receiver| {
            receiver.with_deadlines(20 * SECOND, 300 * SECOND).unwrap()
        });
        let event = event(&stage);
        let app = slow_shop(&stage, &stage.clock, takes);
        let course = stage
            .simulator()
            .deliver(&app, ROUTE, &event)
            .await
            .unwrap();
        match heard {
            None => assert_eq!(course.statuses(), [200]),
            Some(heard) => {
                assert_eq!(course.attempts[0].heard, heard);
                assert!(course.attempts[1].is_duplicate(), "{course}");
                assert_eq!(course.attempts[1].after, Duration::from_secs(10 + 60));
            }
        }
        stage.witness.ran_once(event.id());

        // One that moves the clock in a single step lets the provider wait as well.
        let stage = Stage::new(&provider::fourpay());
        let clock = stage.clock.clone();
        let handler = move |_: Delivery| {
            clock.advance(takes * SECOND);
            async { StatusCode::OK }
        };
        let app: Router = Router::new().route(ROUTE, post(handler).route_layer(stage.layer()));
        let course = stage
            .simulator()
            .deliver(&app, ROUTE, &event)
            .await
            .unwrap();
        assert_eq!(course.attempts[0].heard == Heard::TimedOut, takes == 12);
    }
}

#[tokio::test]
async fn a_long_run_keeps_its_lease_while_time_passes() {
    let clock = crate::stage::clock();
    let store = CueStore::new(clock.clone());
    let provider = provider::banking_circle();
    let kept = |receiver: Receiver| receiver.with_store(store.clone()).with_lease(6 * SECOND);
    let mut stage = Stage::with(&provider, |receiver| kept(receiver).unwrap());
    stage.clock = clock.clone();
    let event = event(&stage);
    let running = Arc::new(Notify::new());
    let (told, runs) = (running.clone(), Runs::default());
    let counted = runs.clone();
    let handler = move |_: Delivery| async move {
        counted.add();
        told.notify_one();
        clock.sleep(100 * SECOND).await;
        StatusCode::OK
    };
    let app: Router = Router::new().route(ROUTE, post(handler).route_layer(stage.layer()));
    let simulator = stage.simulator();
    let course = simulator.deliver_and_hang_up(&app, ROUTE, &event, running.notified());
    let course = course.await.unwrap();
    // The copies of a run that goes on wait for 2 seconds each; the third comes when it is over.
    assert_eq!(course.statuses(), [0, 409, 409, 200], "{course}");
    assert_eq!(runs.get(), 1);
    stage.witness.ran_once(event.id());
    assert_eq!(stage.witness.observed(Outcome::LeaseLost), 0);
    // Every 2 seconds, for 100: had time gone on without the keeper, there were fewer.
    let renewals = store.calls(Operation::Renew);
    assert!((40..=55).contains(&renewals), "{renewals} renewals");
}

#[tokio::test]
async fn a_commit_that_fails_lands_before_the_provider_comes_again() {
    let clock = crate::stage::clock();
    let store = CueStore::new(clock.clone());
    store.cue_next(Operation::Commit, 3, countersign_testkit::Cue::Fail);
    let mut stage = Stage::with(&provider::fedapay(), |receiver| {
        receiver
            .with_store(store.clone())
            .with_lease(SECOND / 2)
            .unwrap()
    });
    stage.clock = clock;
    let event = event(&stage);
    let app = crate::stage::axum_shop(stage.layer(), &Runs::default());
    let simulator = stage.simulator();
    let first = simulator.deliver(&app, ROUTE, &event).await.unwrap();
    assert_eq!(first.statuses(), [201]);
    stage.clock.wind(60 * SECOND).await;
    let again = simulator.deliver(&app, ROUTE, &event).await.unwrap();
    assert!(again.attempts[0].is_duplicate(), "{again}");
    stage.witness.ran_once(event.id());
}

#[tokio::test]
async fn nobody_listens() {
    let stage = Stage::new(&centralpay());
    let event = event(&stage);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let nobody = OverHttp::new(format!("http://{address}/"));
    let course = stage
        .simulator()
        .deliver(&nobody, ROUTE, &event)
        .await
        .unwrap();
    assert_eq!(course.statuses(), [0; 6]);
    assert_eq!(course.ending, Ending::GivenUp);
    assert!(
        course.to_string().contains("after 0ns: no answer: "),
        "{course}"
    );
    stage.witness.never_ran(event.id());
}
