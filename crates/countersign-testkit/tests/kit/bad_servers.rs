//! The attack suite notices what a server does wrong.

use axum::http::StatusCode;
use axum::{Json, Router, routing::post};
use countersign::provider::fedapay;
use countersign_axum::{Webhook, WebhookLayer};
use countersign_testkit::{Attack, Report, Target, attack};

use crate::handmade::{Misdeed, server};
use crate::stage::{ROUTE, Runs, axum_shop, five, receiver, secret_of};

async fn attacked(target: &impl Target) -> Report {
    let provider = fedapay();
    let report = attack(target, ROUTE, &provider, &secret_of(&provider)).await;
    report.unwrap()
}

fn broken(report: &Report) -> Vec<&'static str> {
    let broken = report.rows().iter().filter(|row| !row.held);
    broken.map(|row| row.name).collect()
}

#[tokio::test]
async fn a_handmade_server_that_is_right_holds() {
    attacked(&server(Misdeed::Nothing)).await.assert_all_held();
}

#[tokio::test]
async fn each_misdeed_is_noticed_where_it_is() {
    for (misdeed, rows) in [
        (Misdeed::ParsesFirst, &["tampered", "refusals-alike"][..]),
        (
            Misdeed::WritesAgain,
            &[
                "genuine",
                "duplicate",
                "concurrent",
                "replayed-under-another-id",
                "upper-case-hex",
            ],
        ),
        (
            Misdeed::ForgetsEvents,
            &[
                "duplicate",
                "concurrent",
                "replayed-under-another-id",
                "upper-case-hex",
            ],
        ),
        (Misdeed::NotesTooLate, &["concurrent"]),
        (
            Misdeed::KnowsBySignature,
            &["duplicate", "concurrent", "upper-case-hex"],
        ),
        (Misdeed::KnowsByLabel, &["replayed-under-another-id"]),
        (Misdeed::IgnoresTime, &["stale", "future"]),
        (Misdeed::TakesTheFirstHeader, &["two-signature-headers"]),
        (Misdeed::TakesTheLastHeader, &["two-signature-headers"]),
        (
            Misdeed::TakesUnsigned,
            &["missing-signature", "other-providers-signature"],
        ),
        (Misdeed::ComparesPrefixes, &["truncated-signature"]),
        (Misdeed::TakesAnyLength, &["oversized"]),
        (Misdeed::TakesTheSandbox, &["sandbox-secret"]),
        (Misdeed::TakesTheBodyAlone, &["other-providers-signature"]),
        (Misdeed::WantsLowerCase, &["upper-case-hex"]),
        (Misdeed::TellsTheReason, &["refusals-alike"]),
    ] {
        let report = attacked(&server(misdeed)).await;
        assert_eq!(broken(&report), rows, "{misdeed:?}\n{report}");
    }
    let report = attacked(&server(Misdeed::TakesAnySecret)).await;
    assert!(broken(&report).contains(&"wrong-secret"), "{report}");
}

#[tokio::test]
async fn a_route_without_the_middleware_is_noticed() {
    let runs = |_: Webhook<fedapay::Event>| async { StatusCode::OK };
    let reads = |_: Json<serde_json::Value>| async { StatusCode::OK };
    let nods = || async { StatusCode::OK };
    let lies = || async { (StatusCode::OK, [("webhook-outcome", "duplicate")], "") };
    for (route, misses) in [
        (post(runs), "genuine"),
        (post(reads), "wrong-secret"),
        (post(nods), "missing-signature"),
        (post(lies), "genuine"),
    ] {
        let app = Router::new().route(ROUTE, route);
        let report = attacked(&app).await;
        assert!(broken(&report).contains(&misses), "{report}");
        assert!(broken(&report).contains(&"tampered"), "{report}");
        assert!(broken(&report).contains(&"concurrent"), "{report}");
    }
    // For none of the five is it overlooked, be it that nothing is verified.
    for provider in five() {
        let app: Router = Router::new().route(ROUTE, post(nods));
        let report = attack(&app, ROUTE, &provider, &secret_of(&provider)).await;
        let report = report.unwrap();
        let held = report.rows().iter().filter(|row| row.held);
        let held: Vec<_> = held.map(|row| row.name).collect();
        assert_eq!(held, ["genuine"], "{report}");
    }
}

#[tokio::test]
async fn counted_runs_tell_more_than_the_answers() {
    let provider = fedapay();
    let (runs, counted) = (Runs::default(), Runs::default());
    let layer = WebhookLayer::new(receiver(&provider));
    let app = axum_shop(layer, &runs);
    // A handler that stands before the middleware runs whatever comes.
    let before = counted.clone();
    let app = app.layer(axum::middleware::map_request(
        move |request: axum::extract::Request| {
            before.add();
            async move { request }
        },
    ));
    attacked(&app).await.assert_all_held();
    let attack = Attack::new(&provider, &secret_of(&provider)).with_runs(move || counted.get());
    let report = attack.run(&app, ROUTE).await.unwrap();
    assert!(!broken(&report).contains(&"genuine"), "{report}");
    for row in ["duplicate", "concurrent", "tampered", "oversized"] {
        assert!(broken(&report).contains(&row), "{report}");
    }
    let row = report.row("duplicate").unwrap();
    assert_eq!(row.came, "200 duplicate; 1 runs instead of 0");
}

#[tokio::test]
#[should_panic(expected = "fedapay: 4 of 16 did not hold")]
async fn the_assertion_panics_with_the_table() {
    attacked(&server(Misdeed::ForgetsEvents))
        .await
        .assert_all_held();
}

#[tokio::test]
async fn the_report_is_a_table() {
    let report = attacked(&server(Misdeed::IgnoresTime)).await.to_string();
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[0], "fedapay: 2 of 16 did not hold");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(lines[1]), "attack deserved came back");
    assert_eq!(words(lines[2]), "genuine 2xx 200 held");
    assert_eq!(words(lines[5]), "tampered 3 × 401 3 × 401 held");
    assert_eq!(words(lines[7]), "stale 401 200 DID NOT HOLD");
}
