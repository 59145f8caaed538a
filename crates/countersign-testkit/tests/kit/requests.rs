//! A signed delivery as a request of each framework, in three lines.

use actix_web::dev::Service;
use axum::body::Body;
use countersign::provider;
use countersign_actix_web::WebhookMiddleware;
use countersign_axum::WebhookLayer;
use countersign_testkit::{Sample, Signer, Target};
use std::time::SystemTime;
use tower::ServiceExt;

use crate::stage::{ROUTE, Runs, actix_shop, axum_shop, five, receiver, secret_of};

#[tokio::test]
async fn axum_takes_it_by_oneshot() {
    let provider = provider::fedapay();
    let app = axum_shop(WebhookLayer::new(receiver(&provider)), &Runs::default());

    let signer = Signer::new(&provider, &secret_of(&provider)).unwrap();
    let event = Sample::of(&provider, "transaction.approved").unwrap();
    let delivery = signer.sign(&event, SystemTime::now().into()).unwrap();
    let request = delivery.to(ROUTE).map(Body::from);
    assert_eq!(app.oneshot(request).await.unwrap().status(), 201);
}

#[actix_web::test]
async fn actix_web_takes_it_as_a_test_request() {
    for provider in five() {
        let middleware = WebhookMiddleware::new(receiver(&provider));
        let app = actix_shop(middleware, Runs::default()).await;
        let signer = Signer::new(&provider, &secret_of(&provider)).unwrap();
        let kind = Sample::kinds(&provider)[0];
        let event = Sample::of(&provider, kind).unwrap();
        let delivery = signer.sign(&event, SystemTime::now().into()).unwrap();
        let request = delivery.to_actix(ROUTE).to_request();
        let response = app.0.call(request).await.unwrap();
        assert_eq!(response.status(), 201, "{}", provider.name());
    }
}

#[test]
fn a_request_says_what_it_is() {
    for provider in five() {
        let signer = Signer::new(&provider, &secret_of(&provider)).unwrap();
        let now = SystemTime::now().into();
        let signed = signer.sign("{}", now).unwrap();
        let (headers, body) = (signed.headers().to_vec(), signed.body().clone());
        let request = signed.to("/a/b?c=d");
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "/a/b?c=d");
        let content_type = match provider.name() {
            "banking-circle" => "application/octet-stream",
            _ => "application/json",
        };
        assert_eq!(request.headers()["content-type"], content_type);
        for (name, value) in headers {
            assert_eq!(request.headers()[&name], value);
        }
        assert_eq!(request.body(), &body);
    }
}

#[test]
#[should_panic(expected = "\"no route\" is no URI")]
fn what_is_no_uri_is_said() {
    let provider = provider::fedapay();
    let signer = Signer::new(&provider, &secret_of(&provider)).unwrap();
    signer
        .sign("{}", SystemTime::now().into())
        .unwrap()
        .to("no route");
}

#[actix_web::test]
async fn a_target_yields_the_whole_answer() {
    let axum = axum::Router::new().route(
        ROUTE,
        axum::routing::post(|body: String| async { ([("x-shop", "1")], body) }),
    );
    let echo = |body: String| async {
        let mut response = actix_web::HttpResponse::Ok();
        response.insert_header(("x-shop", "1")).body(body)
    };
    let fails = || async { Err::<String, _>(actix_web::error::ErrorConflict("not now")) };
    let app = actix_web::App::new()
        .route(ROUTE, actix_web::web::post().to(echo))
        .route("/fails", actix_web::web::post().to(fails));
    let actix = countersign_testkit::ActixApp(actix_web::test::init_service(app).await);
    let request = |path: &str| {
        let request = http::Request::post(path).header("content-type", "text/plain");
        request.body(bytes::Bytes::from("hello")).unwrap()
    };
    for answer in [
        axum.deliver(request(ROUTE)).await.unwrap(),
        actix.deliver(request(ROUTE)).await.unwrap(),
    ] {
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-shop"], "1");
        assert_eq!(answer.body(), "hello");
    }
    assert_eq!(
        actix.deliver(request("/fails")).await.unwrap().status(),
        409
    );
}
