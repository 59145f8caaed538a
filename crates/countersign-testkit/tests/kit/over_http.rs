//! The same over sockets.

use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, web};
use countersign::provider;
use countersign_actix_web::WebhookMiddleware;
use countersign_axum::WebhookLayer;
use countersign_testkit::{Ending, Heard, OverHttp, Sample, Target, attack};
use tokio::sync::Notify;

use crate::stage::{ROUTE, Runs, Stage, axum_shop, five, receiver, secret_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axum_holds_over_http() {
    for provider in five() {
        let app = axum_shop(WebhookLayer::new(receiver(&provider)), &Runs::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = OverHttp::new(format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let report = attack(&server, ROUTE, &provider, &secret_of(&provider)).await;
        report.unwrap().assert_all_held();
    }
}

#[actix_web::test]
async fn actix_web_holds_over_http() {
    for provider in five() {
        let middleware = WebhookMiddleware::new(receiver(&provider));
        let server = HttpServer::new(move || {
            let handler =
                |_: countersign_actix_web::Delivery| async { HttpResponse::Ok().finish() };
            App::new().route(ROUTE, web::post().to(handler).wrap(middleware.clone()))
        });
        let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        actix_web::rt::spawn(server.disable_signals().run());
        let server = OverHttp::new(format!("http://{address}/"));
        let report = attack(&server, ROUTE, &provider, &secret_of(&provider)).await;
        report.unwrap().assert_all_held();
    }
}

#[tokio::test]
async fn a_long_body_arrives_whole() {
    let limit = axum::extract::DefaultBodyLimit::disable();
    let length = |body: axum::body::Bytes| async move { body.len().to_string() };
    let app = axum::Router::new().route(ROUTE, axum::routing::post(length).layer(limit));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = OverHttp::new(format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, app).await });
    for length in [0, 1, 64 * 1024 + 1, 64 * 1024 + 2, 3_000_000] {
        let request = http::Request::post(ROUTE).body(vec![b'x'; length].into());
        let answer = server.deliver(request.unwrap()).await.unwrap();
        assert_eq!(answer.body(), &length.to_string());
    }
}

#[tokio::test]
async fn what_is_no_address_is_said() {
    let request = || {
        http::Request::post(ROUTE)
            .body(bytes::Bytes::new())
            .unwrap()
    };
    for base in ["", "no address", "http://"] {
        let error = OverHttp::new(base).deliver(request()).await.unwrap_err();
        assert!(error.to_string().starts_with("no answer: "), "{error}");
    }
}

#[tokio::test]
async fn a_sender_that_hangs_up_a_socket_comes_again() {
    let stage = Stage::new(&provider::fourpay());
    let (running, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, awaited) = (running.clone(), may_end.clone());
    let handler = move |_: countersign_axum::Delivery| async move {
        told.notify_one();
        awaited.notified().await;
        http::StatusCode::OK
    };
    let route = axum::routing::post(handler).route_layer(stage.layer());
    let app: axum::Router = axum::Router::new().route(ROUTE, route);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = OverHttp::new(format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let hang_up = async {
        running.notified().await;
        may_end.notify_one();
    };
    let event = Sample::of(stage.receiver.provider(), "card_state").unwrap();
    let simulator = stage.simulator();
    let course = simulator.deliver_and_hang_up(&server, ROUTE, &event, hang_up);
    let course = course.await.unwrap();
    assert_eq!(course.attempts[0].heard, Heard::HungUp);
    assert_eq!(course.ending, Ending::Delivered, "{course}");
    stage.witness.ran_once(event.id());
}
