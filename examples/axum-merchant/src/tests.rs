//! What a merchant's own tests look like: a signed delivery and the handler's answer, and an attack on
//! every route.

use std::time::SystemTime;

use axum::body::Body;
use countersign::provider::fedapay;
use countersign_testkit::{Sample, Signer, attack};
use merchant::Endpoints;
use tower::ServiceExt as _;

use crate::app;

/// The server's endpoints, with secrets of the tests' own.
fn endpoints() -> Endpoints {
    let get = |name: &str| {
        Ok(match name {
            "CENTRALPAY_SIGNATURE_HEADER" => "X-Signature",
            "FEDAPAY_SECRET" => "wh_live_0123456789abcdef",
            _ => "0123456789abcdef0123456789abcdef",
        }
        .to_owned())
    };
    Endpoints::read(get).unwrap()
}

#[tokio::test]
async fn a_payment_is_taken() {
    let (app, secret) = (app(&endpoints()), endpoints().fedapay.secret);

    let event = Sample::of(&fedapay(), "transaction.approved").unwrap();
    let signed = Signer::new(&fedapay(), &secret)
        .unwrap()
        .sign(&event, SystemTime::now().into())
        .unwrap();
    let answer = app
        .oneshot(signed.to("/webhooks/fedapay").map(Body::from))
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn every_route_stands_an_attack() {
    let endpoints = endpoints();
    let app = app(&endpoints);
    for endpoint in endpoints.all() {
        let (provider, secret) = (endpoint.receiver.provider(), &endpoint.secret);
        attack(&app, endpoint.path, provider, secret)
            .await
            .unwrap()
            .assert_all_held();
    }
}
