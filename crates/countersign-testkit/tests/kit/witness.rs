//! A witness says what was seen.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::http::StatusCode;
use axum::{Router, routing::post};
use countersign::{Clock, ErrorKind, Outcome, provider};
use countersign_axum::Delivery;
use countersign_testkit::{Fault, Sample, Signer, Target, Witness};

use crate::stage::{ROUTE, Runs, Stage, axum_shop, secret_of};

fn panics_with(check: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(check)).expect_err("it did not panic");
    panic.downcast_ref::<String>().expect("a text").clone()
}

async fn send(app: &impl Target, sample: &Sample) {
    let provider = provider::fedapay();
    let signer = Signer::new(&provider, &secret_of(&provider)).unwrap();
    let signed = signer.sign(sample, countersign::UnixTime::from_secs(1_800_000_000));
    app.deliver(signed.unwrap().to(ROUTE)).await.unwrap();
}

#[tokio::test]
async fn it_counts_what_ran() {
    let stage = Stage::new(&provider::fedapay());
    let app = axum_shop(stage.layer(), &Runs::default());
    let witness = stage.witness.clone();
    let new = || Sample::of(stage.receiver.provider(), "customer.created").unwrap();
    let (a, b) = (new(), new());
    send(&app, &a).await;
    send(&app, &a).await;
    witness.ran_once(a.id());
    witness.never_ran(b.id());
    witness.was_duplicate(a.id(), 1);
    witness.was_refused(0);
    let wrong = Fault::WrongSecret.shots(
        stage.receiver.provider(),
        &stage.secret,
        &b,
        stage.clock.now(),
    );
    for shot in wrong.unwrap() {
        app.deliver(shot.delivery.to(ROUTE)).await.unwrap();
    }
    witness.was_refused(1);
    witness.was_refused_for(ErrorKind::SignatureMismatch, 1);
    witness.never_ran(b.id());
    assert_eq!(witness.observed(Outcome::Delivered), 1);

    let says = panics_with(|| witness.never_ran(a.id()));
    assert!(
        says.contains("was to run 0 times, but ran 1 times"),
        "{says}"
    );
    assert!(
        says.contains("\n  delivered, answered 201, \"evt_"),
        "{says}"
    );
    assert!(
        says.contains("\n  rejected for signature_mismatch, answered 401"),
        "{says}"
    );
    let says = panics_with(|| witness.ran_once(b.id()));
    assert!(says.contains("ran 0 times"), "{says}");
    panics_with(|| witness.ran(a.id(), 2));
    panics_with(|| witness.succeeded_once(b.id()));
    panics_with(|| witness.was_duplicate(a.id(), 0));
    panics_with(|| witness.was_refused(0));
    panics_with(|| witness.was_refused_for(ErrorKind::MissingHeader, 1));
    let says = panics_with(|| Witness::default().ran_once("x"));
    assert!(says.ends_with("seen: nothing"), "{says}");
}

#[tokio::test]
async fn once_is_once_and_with_success() {
    let stage = Stage::new(&provider::fedapay());
    let runs = Runs::default();
    let counted = runs.clone();
    let handler = move |_: Delivery| async move {
        match counted.add() {
            1 => panic!("the first run panics"),
            2 => StatusCode::BAD_GATEWAY,
            _ => StatusCode::OK,
        }
    };
    let app: Router = Router::new().route(ROUTE, post(handler).route_layer(stage.layer()));
    let event = Sample::of(stage.receiver.provider(), "customer.created").unwrap();
    send(&app, &event).await;
    stage.witness.ran(event.id(), 1);
    panics_with(|| stage.witness.ran_once(event.id()));
    send(&app, &event).await;
    send(&app, &event).await;
    stage.witness.ran(event.id(), 3);
    stage.witness.succeeded_once(event.id());
    panics_with(|| stage.witness.ran_once(event.id()));
}
