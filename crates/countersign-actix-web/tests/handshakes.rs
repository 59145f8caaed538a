//! Handshakes through the middleware: by a `GET` and by a signed body.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::time::SystemTime;

use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpResponse, web};
use countersign::{Handshake, Receiver, Secret, provider};
use countersign_actix_web::WebhookMiddleware;
use countersign_testkit::Signer;

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

#[actix_web::test]
async fn a_get_is_answered_on_a_route_of_its_own() {
    let handshake = Handshake::meta(&secret("my-verify-token"));
    let receiver = Receiver::new("e", provider::meta(), [secret("app-secret")]).unwrap();
    let webhooks = WebhookMiddleware::new(receiver.with_handshake(handshake).unwrap());
    let route = web::resource("/")
        .route(web::post().to(HttpResponse::Ok).wrap(webhooks.clone()))
        .route(web::get().to(HttpResponse::Ok).wrap(webhooks));
    let app = init_service(App::new().service(route)).await;

    let ask = "/?hub.mode=subscribe&hub.verify_token=my-verify-token&hub.challenge=1158201444";
    let response = call_service(&app, TestRequest::get().uri(ask).to_request()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers().get("x-content-type-options").unwrap(),
        "nosniff"
    );
    assert_eq!(
        response.headers().get("content-type").unwrap(),
        "text/plain; charset=utf-8"
    );
    assert_eq!(read_body(response).await, "1158201444");

    let wrong = ask.replace("my-verify", "another");
    for uri in [wrong.as_str(), "/"] {
        let response = call_service(&app, TestRequest::get().uri(uri).to_request()).await;
        assert_eq!(response.status(), 401);
        assert_eq!(read_body(response).await, "");
    }
}

#[actix_web::test]
async fn a_signed_challenge_is_answered_before_the_handler() {
    let receiver = Receiver::new("e", provider::slack(), [secret("signing-secret")]).unwrap();
    let webhooks = WebhookMiddleware::new(receiver.with_handshake(Handshake::slack()).unwrap());
    let handler = || async { HttpResponse::ImATeapot().finish() };
    let route = web::resource("/").route(web::post().to(handler).wrap(webhooks));
    let app = init_service(App::new().service(route)).await;
    let signer = Signer::new(&provider::slack(), &secret("signing-secret")).unwrap();

    for (body, status, answer) in [
        (
            r#"{"challenge":"3eZbrw1aB","type":"url_verification"}"#,
            200,
            "3eZbrw1aB",
        ),
        (
            r#"{"challenge":"3eZbrw1aB","type":"event_callback"}"#,
            418,
            "",
        ),
    ] {
        let signed = signer.sign(body, SystemTime::now().into()).unwrap();
        let mut request = TestRequest::post().uri("/").set_payload(body);
        for (name, value) in signed.headers() {
            request = request.insert_header((name.as_str(), value.as_bytes()));
        }
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), status);
        assert_eq!(read_body(response).await, answer);
    }
}
