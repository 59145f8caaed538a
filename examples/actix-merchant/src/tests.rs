//! What a merchant's own tests look like: a signed delivery and the handler's answer, and an attack on
//! every route.

use std::time::SystemTime;

use actix_web::{App, test};
use countersign::provider::fedapay;
use countersign_testkit::{ActixApp, Sample, Signer, attack};
use merchant::Endpoints;

use crate::routes;

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

#[actix_web::test]
async fn a_payment_is_taken() {
    let (routes, secret) = (routes(&endpoints()), endpoints().fedapay.secret);
    let app = test::init_service(App::new().configure(routes)).await;

    let event = Sample::of(&fedapay(), "transaction.approved").unwrap();
    let signed = Signer::new(&fedapay(), &secret)
        .unwrap()
        .sign(&event, SystemTime::now().into())
        .unwrap();
    let answer = signed
        .to_actix("/webhooks/fedapay")
        .send_request(&app)
        .await;
    assert_eq!(answer.status(), 200);
}

#[actix_web::test]
async fn every_route_stands_an_attack() {
    let endpoints = endpoints();
    let app = ActixApp(test::init_service(App::new().configure(routes(&endpoints))).await);
    for endpoint in endpoints.all() {
        let (provider, secret) = (endpoint.receiver.provider(), &endpoint.secret);
        attack(&app, endpoint.path, provider, secret)
            .await
            .unwrap()
            .assert_all_held();
    }
}
