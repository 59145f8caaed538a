//! Bodies of all sizes, and what is said of their sizes.

use actix_web::{HttpResponse, web};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use countersign::Outcome;
use countersign_actix_web::WebhookMiddleware;
use countersign_axum::WebhookLayer;

use crate::deliveries::{event, padded, shop};
use crate::sender::Sender;
use crate::site::{ActixServer, AxumServer, Framework, Runs, Site};

const MIB: usize = 1024 * 1024;

fn three_of_four_mib(mut sender: Sender) {
    for path in ["/bytes", "/string", "/delivery"] {
        // Longer than any default of the frameworks.
        let post = padded(path, 3 * MIB).to(path);
        assert_eq!(sender.send(&post).status, 201, "{path}");
        let post = padded(&format!("{path} again"), 3 * MIB).to(path);
        sender.write(post.chunked(100_000));
        assert_eq!(sender.response().status, 201, "{path}, chunked");
    }
}

#[test]
fn no_default_of_the_framework_strikes_an_admitted_body_axum() {
    use countersign_axum::Delivery;

    let layer = WebhookLayer::new(shop().with_body_limit(4 * MIB));
    let by_bytes = async |delivery: Delivery, body: Bytes| {
        assert_eq!(body, delivery.verified().payload());
        StatusCode::CREATED
    };
    let by_string = async |body: String| {
        assert_eq!(body.len(), 3 * MIB);
        StatusCode::CREATED
    };
    let by_delivery = async |delivery: Delivery| {
        assert_eq!(delivery.verified().payload().len(), 3 * MIB);
        StatusCode::CREATED
    };
    let app = Router::new()
        .route("/bytes", post(by_bytes))
        .route("/string", post(by_string))
        .route("/delivery", post(by_delivery))
        .route_layer(layer);
    let server = AxumServer::serve(1, app);
    three_of_four_mib(Sender::connect(server.address));
}

#[test]
fn no_default_of_the_framework_strikes_an_admitted_body_actix_web() {
    use countersign_actix_web::Delivery;

    let middleware = WebhookMiddleware::new(shop().with_body_limit(4 * MIB));
    let by_bytes = async |delivery: Delivery, body: Bytes| {
        assert_eq!(body, delivery.verified().payload());
        HttpResponse::Created().finish()
    };
    let by_string = async |body: String| {
        assert_eq!(body.len(), 3 * MIB);
        HttpResponse::Created().finish()
    };
    let by_delivery = async |delivery: Delivery| {
        assert_eq!(delivery.verified().payload().len(), 3 * MIB);
        HttpResponse::Created().finish()
    };
    let server = ActixServer::serve(1, move |app| {
        let post = || web::post();
        app.route("/bytes", post().to(by_bytes).wrap(middleware.clone()));
        app.route("/string", post().to(by_string).wrap(middleware.clone()));
        app.route("/delivery", post().to(by_delivery).wrap(middleware.clone()));
    });
    three_of_four_mib(Sender::connect(server.address));
}

fn the_limit(framework: Framework) {
    let runs = Runs::default();
    let site = Site::new(framework, shop(), runs.at_once(201));
    for (id, length, status) in [("a", MIB, 201), ("b", MIB + 1, 413)] {
        let post = padded(id, length);
        assert_eq!(site.connect().send(&post).status, status, "{length}");
        // Where no length is declared, the bytes that are read tell.
        let post = padded(&format!("{id} chunked"), length);
        let mut sender = site.connect();
        sender.write(post.chunked(MIB - 1));
        assert_eq!(sender.response().status, status, "{length}, chunked");
    }
    assert_eq!((runs.number(), site.log.count(Outcome::Rejected)), (2, 2));
}

fn lies(framework: Framework) {
    let runs = Runs::default();
    let site = Site::new(framework, shop(), runs.at_once(201));
    let genuine = event("a");
    let length = genuine.body.len();
    let refused = |framing: &str| {
        let mut sender = site.connect();
        sender.write(genuine.head(framing));
        sender.write(&genuine.body);
        // Or the body never comes to its end.
        sender.end();
        let status = sender.response().status;
        assert!((400..500).contains(&status), "{framing}: {status}");
        status
    };
    for huge in [MIB as u64 + 1, u64::from(u32::MAX) + 10, i64::MAX as u64] {
        assert_eq!(refused(&format!("content-length: {huge}")), 413);
    }
    for wrong in [
        "99999999999999999999",
        "18446744073709551616",
        "-1",
        "+1",
        "0x10",
        "1 2",
        "",
    ] {
        refused(&format!("content-length: {wrong}"));
    }
    refused(&format!(
        "content-length: {length}\r\ncontent-length: {}",
        length + 1
    ));
    assert_eq!(refused(&format!("content-length: {}", length + 1)), 400);
    assert_eq!(site.log.texts().last().unwrap(), "rejected body_broken 400");
    refused(&format!("content-length: {}", length - 1));
    assert_eq!(runs.number(), 0);
    assert_eq!(site.connect().send(&genuine).status, 201);
}

#[test]
fn exactly_the_limit_passes_axum() {
    the_limit(Framework::Axum);
}

#[test]
fn exactly_the_limit_passes_actix_web() {
    the_limit(Framework::ActixWeb);
}

#[test]
fn lengths_that_are_lies_axum() {
    lies(Framework::Axum);
}

#[test]
fn lengths_that_are_lies_actix_web() {
    lies(Framework::ActixWeb);
}
