//! Providers that come again: on their own schedules, against both adapters.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use axum::{Router, routing::post};
use countersign::{Provider, UnixTime, provider};
use countersign_axum::Delivery;
use countersign_testkit::{Course, Ending, Sample};

use crate::stage::{ROUTE, Runs, Stage, actix_shop, axum_shop, centralpay, five};

/// A shop whose handler fails so many times, and notes when each delivery was signed.
#[derive(Clone, Default)]
struct Moody {
    failures: usize,
    runs: Runs,
    signed: Arc<Mutex<Vec<Option<UnixTime>>>>,
}

impl Moody {
    fn failing(failures: usize) -> Moody {
        Moody {
            failures,
            ..Moody::default()
        }
    }

    fn behind(&self, stage: &Stage) -> Router {
        let moody = self.clone();
        let handler = move |delivery: Delivery| async move {
            let signed = delivery.verified().timestamp();
            moody.signed.lock().unwrap().push(signed);
            match moody.runs.add() > moody.failures {
                true => StatusCode::OK,
                false => StatusCode::INTERNAL_SERVER_ERROR,
            }
        };
        Router::new().route(ROUTE, post(handler).route_layer(stage.layer()))
    }
}

fn seconds(gaps: &[Duration]) -> Vec<f64> {
    gaps.iter().map(Duration::as_secs_f64).collect()
}

async fn course(stage: &Stage, shop: &Moody) -> (Course, Sample) {
    let provider = stage.receiver.provider();
    let kind = Sample::kinds(provider)[0];
    let event = Sample::of(provider, kind).unwrap();
    let app = shop.behind(stage);
    let course = stage.simulator().deliver(&app, ROUTE, &event).await;
    (course.unwrap(), event)
}

#[tokio::test]
async fn banking_circle_comes_again_for_four_days() {
    let stage = Stage::new(&provider::banking_circle());
    let (course, event) = course(&stage, &Moody::failing(11)).await;
    assert_eq!(course.ending, Ending::Delivered);
    assert_eq!(
        seconds(&course.gaps()),
        [
            15.0, 30.0, 60.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0, 43200.0, 86400.0, 172_800.0
        ]
    );
    assert_eq!(course.attempts[11].after, Duration::from_secs(337_305));
    stage.witness.ran(event.id(), 12);
    stage.witness.succeeded_once(event.id());
}

#[tokio::test]
async fn centralpay_comes_again_five_times() {
    let stage = Stage::new(&centralpay());
    let (course, event) = course(&stage, &Moody::failing(usize::MAX)).await;
    assert_eq!(seconds(&course.gaps()), [1.0, 5.0, 30.0, 300.0, 300.0]);
    assert_eq!(course.statuses(), [500; 6]);
    assert_eq!(course.ending, Ending::GivenUp);
    stage.witness.ran(event.id(), 6);
}

#[tokio::test]
async fn when_attempts_are_used_up() {
    for (provider, attempts, ending) in [
        (centralpay(), 6, Ending::GivenUp),
        (provider::fedapay(), 10, Ending::SwitchedOff),
        (provider::banking_circle(), 12, Ending::SwitchedOff),
        (provider::zibapay(), 12, Ending::GivenUp),
        (provider::fourpay(), 14, Ending::GivenUp),
        (provider::github(), 1, Ending::GivenUp),
    ] {
        let stage = Stage::new(&provider);
        let (given_up, event) = course(&stage, &Moody::failing(usize::MAX)).await;
        assert_eq!(given_up.attempts.len(), attempts, "{given_up}");
        assert_eq!(given_up.ending, ending);
        stage.witness.ran(event.id(), attempts);

        let stage = Stage::new(&provider);
        let (delivered, event) = course(&stage, &Moody::failing(attempts - 1)).await;
        assert_eq!(delivered.ending, Ending::Delivered, "{delivered}");
        stage.witness.succeeded_once(event.id());
    }
}

#[tokio::test]
async fn a_run_that_fails_once_runs_twice_and_succeeds_once() {
    for provider in five() {
        let stage = Stage::new(&provider);
        let (course, event) = course(&stage, &Moody::failing(1)).await;
        assert_eq!(course.statuses(), [500, 200]);
        stage.witness.ran(event.id(), 2);
        stage.witness.succeeded_once(event.id());
    }
}

#[tokio::test]
async fn fedapay_signs_anew_at_each_attempt() {
    let stage = Stage::new(&provider::fedapay());
    let shop = Moody::failing(9);
    let (course, event) = course(&stage, &shop).await;
    let start = 1_800_000_000;
    let at: Vec<_> = [0, 1, 3, 7, 15, 31, 63, 127, 247, 367]
        .map(|after| Some(UnixTime::from_secs(start + after)))
        .into();
    assert_eq!(*shop.signed.lock().unwrap(), at);
    assert_eq!(course.attempts[9].sent, at[9].unwrap());

    // Long after, it sends the event once more, which is no other for its new signature.
    let app = shop.behind(&stage);
    let again = stage.simulator().deliver(&app, ROUTE, &event).await;
    assert!(again.unwrap().attempts[0].is_duplicate());
    stage.witness.succeeded_once(event.id());
    stage.witness.was_duplicate(event.id(), 1);
    stage.witness.was_refused(0);
}

#[tokio::test]
async fn an_id_in_a_signed_header_stays_the_same() {
    let provider = provider::standard_webhooks().with_retry(provider::Retry {
        gaps: vec![Duration::from_secs(40); 3].into(),
        horizon: Duration::from_secs(120),
    });
    let stage = Stage::new(&provider);
    let event = Sample::of(&provider, "webhook.test").unwrap();
    let app = Moody::failing(1).behind(&stage);
    let simulator = stage.simulator().with_duplicates(1);
    let courses = simulator
        .deliver_all(&app, ROUTE, [&event, &event])
        .await
        .unwrap();
    // Two deliveries, of two copies each: two events by their headers, whatever their bodies.
    let statuses: Vec<_> = courses.iter().map(Course::statuses).collect();
    assert_eq!(statuses, [vec![500, 200], vec![200], vec![200], vec![200]]);
    assert!(courses[0].attempts[1].is_duplicate());
    assert!(!courses[2].attempts[0].is_duplicate());
    assert!(courses[3].attempts[0].is_duplicate());
}

#[actix_web::test]
async fn copies_at_once_and_out_of_order() {
    for provider in five() {
        let kind = Sample::kinds(&provider)[0];
        let events: Vec<_> = (0..20)
            .map(|_| Sample::of(&provider, kind).unwrap())
            .collect();
        for actix in [false, true] {
            let (stage, runs) = (Stage::new(&provider), Runs::default());
            let simulator = stage.simulator();
            let simulator = simulator
                .with_duplicates(2)
                .with_concurrency(8)
                .with_shuffle(7);
            let courses = if actix {
                let app = actix_shop(stage.middleware(), runs.clone()).await;
                simulator.deliver_all(&app, ROUTE, &events).await
            } else {
                let app = axum_shop(stage.layer(), &runs);
                simulator.deliver_all(&app, ROUTE, &events).await
            };
            let courses = courses.unwrap();
            assert_eq!(courses.len(), 60);
            assert!(
                courses
                    .iter()
                    .all(|course| course.ending == Ending::Delivered)
            );
            assert_eq!(runs.get(), 20);
            for event in &events {
                stage.witness.ran_once(event.id());
                stage.witness.was_duplicate(event.id(), 2);
            }
        }
    }
}

#[tokio::test]
async fn the_order_follows_from_the_seed() {
    async fn order(seed: Option<u64>) -> Vec<String> {
        let provider: Provider = provider::fedapay();
        let stage = Stage::new(&provider);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = seen.clone();
        let handler = move |delivery: Delivery| async move {
            let event = delivery.events().next().unwrap().id().to_owned();
            noted.lock().unwrap().push(event);
            StatusCode::OK
        };
        let app: Router = Router::new().route(ROUTE, post(handler).route_layer(stage.layer()));
        let bodies = (0..10).map(|nth| format!(r#"{{"id":"{nth}","name":"x"}}"#));
        let mut simulator = stage.simulator();
        if let Some(seed) = seed {
            simulator = simulator.with_shuffle(seed);
        }
        simulator.deliver_all(&app, ROUTE, bodies).await.unwrap();
        seen.lock().unwrap().clone()
    }
    let straight: Vec<_> = (0..10).map(|nth: u32| nth.to_string()).collect();
    assert_eq!(order(None).await, straight);
    let shuffled = order(Some(0)).await;
    assert_ne!(shuffled, straight);
    assert_eq!(order(Some(0)).await, shuffled);
    assert_ne!(order(Some(1)).await, shuffled);
    let mut sorted = shuffled;
    sorted.sort();
    assert_eq!(sorted, straight);
}

#[tokio::test]
async fn an_endpoint_that_is_switched_off_is_sent_nothing_more() {
    let stage = Stage::new(&provider::fedapay());
    let app = Moody::failing(usize::MAX).behind(&stage);
    let event = || Sample::of(stage.receiver.provider(), "customer.created").unwrap();
    let simulator = stage.simulator();
    let courses = simulator
        .deliver_all(&app, ROUTE, [&event(), &event()])
        .await;
    let courses = courses.unwrap();
    assert_eq!(courses[0].attempts.len(), 10);
    assert_eq!(courses[1].attempts.len(), 9, "the tenth was to come after");
    assert_eq!(courses[1].ending, Ending::SwitchedOff);
    assert_eq!(courses[0].ending, Ending::SwitchedOff);
}
