//! The attack suite against both adapters, with all five providers and the public schemes.

use countersign::{Provider, provider};
use countersign_actix_web::WebhookMiddleware;
use countersign_axum::WebhookLayer;
use countersign_testkit::{Attack, Fault, Report, attack};

use crate::stage::{ROUTE, Runs, Stage, actix_shop, axum_shop, five, receiver, secret_of};

fn all() -> Vec<Provider> {
    let public = [
        provider::standard_webhooks(),
        provider::stripe(),
        provider::github(),
    ];
    five().into_iter().chain(public).collect()
}

/// Everything that applies was tried, and held.
fn held(report: &Report, provider: &Provider) {
    report.assert_all_held();
    let names: Vec<_> = report.rows().iter().map(|row| row.name).collect();
    let faults = Fault::ALL.iter().filter(|fault| fault.applies_to(provider));
    let mut expected = vec!["genuine", "duplicate", "concurrent"];
    expected.extend(faults.map(|fault| fault.as_str()));
    expected.push("refusals-alike");
    assert_eq!(names, expected, "{}", provider.name());
}

#[tokio::test]
async fn axum_holds() {
    for provider in all() {
        let runs = Runs::default();
        let app = axum_shop(WebhookLayer::new(receiver(&provider)), &runs);
        let report = attack(&app, ROUTE, &provider, &secret_of(&provider)).await;
        held(&report.unwrap(), &provider);
    }
}

#[actix_web::test]
async fn actix_web_holds() {
    for provider in all() {
        let runs = Runs::default();
        let app = actix_shop(WebhookMiddleware::new(receiver(&provider)), runs.clone()).await;
        let report = attack(&app, ROUTE, &provider, &secret_of(&provider)).await;
        held(&report.unwrap(), &provider);
    }
}

#[actix_web::test]
async fn on_a_clock_wound_by_hand_and_with_counted_runs() {
    for provider in five() {
        let (stage, runs) = (Stage::new(&provider), Runs::default());
        let counted = runs.clone();
        let attack = Attack::new(&provider, &stage.secret)
            .with_clock(&stage.clock)
            .with_runs(move || counted.get());
        let app = axum_shop(stage.layer(), &runs);
        held(&attack.run(&app, ROUTE).await.unwrap(), &provider);

        let (stage, before) = (Stage::new(&provider), runs.get());
        let attack = attack.with_clock(&stage.clock);
        let app = actix_shop(stage.middleware(), runs.clone()).await;
        held(&attack.run(&app, ROUTE).await.unwrap(), &provider);
        assert_eq!(runs.get(), 2 * before);
    }
}

#[tokio::test]
async fn each_fault_applies_where_it_can() {
    let applies = |fault: Fault| {
        let names = all()
            .into_iter()
            .filter(|provider| fault.applies_to(provider));
        names
            .map(|provider| provider.name().to_owned())
            .collect::<Vec<_>>()
    };
    let timed = ["fedapay", "standard-webhooks", "stripe"];
    assert_eq!(applies(Fault::Stale), timed);
    assert_eq!(applies(Fault::Future), timed);
    assert_eq!(
        applies(Fault::UpperCaseHex),
        [
            "centralpay",
            "fedapay",
            "zibapay",
            "4pay",
            "stripe",
            "github"
        ]
    );
    assert_eq!(applies(Fault::SandboxSecret), ["fedapay"]);
    assert_eq!(applies(Fault::Oversized).len(), 8);
    for fault in Fault::ALL {
        assert_eq!(Fault::named(fault.as_str()), Some(fault));
        for provider in all() {
            let body = &b"{ \"id\": \"evt_1\" }"[..];
            let now = std::time::SystemTime::now().into();
            let shots = fault.shots(&provider, &secret_of(&provider), body, now);
            assert_eq!(shots.unwrap().is_empty(), !fault.applies_to(&provider));
        }
    }
}

#[tokio::test]
async fn a_route_that_takes_one_type_is_attacked_with_that() {
    let provider = provider::fedapay();
    let receiver = receiver(&provider)
        .with_types(["customer.deleted"])
        .unwrap();
    let app = axum_shop(WebhookLayer::new(receiver), &Runs::default());
    let secret = secret_of(&provider);
    let ignored = attack(&app, ROUTE, &provider, &secret).await.unwrap();
    assert_eq!(ignored.row("genuine").unwrap().came, "200 ignored");
    assert!(!ignored.all_held());

    let attack = Attack::new(&provider, &secret).with_kind("customer.deleted");
    held(&attack.run(&app, ROUTE).await.unwrap(), &provider);
    let attack = Attack::new(&provider, &secret)
        .with_events(|nth| format!(r#"{{ "id": "own_{nth}", "name": "customer.deleted" }}"#));
    held(&attack.run(&app, ROUTE).await.unwrap(), &provider);
    let attack = Attack::new(&provider, &secret).with_kind("no.such");
    assert!(attack.run(&app, ROUTE).await.is_err());
}
