//! What the log says when a handler cannot be given what it takes. One test only: the log is the
//! process's.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse, web};
use countersign::{Provider, Receiver, Secret, provider};
use countersign_actix_web::{Delivery, Webhook, WebhookMiddleware, Webhooks};
use countersign_testkit::Signer;
use tracing::field::Field;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps what was logged of rejections: level, message, and the names of the fields.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "countersign::rejection"
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = event.metadata().level().to_string();
        event.record(&mut |field: &Field, value: &dyn Debug| {
            line.push_str(&format!(" {field}={value:?}"));
        });
        self.0.lock().unwrap().push(line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn secret() -> Secret {
    Secret::new("0123456789abcdef0123456789abcdef").unwrap()
}

fn middleware(provider: Provider) -> WebhookMiddleware {
    WebhookMiddleware::new(Receiver::new("test", provider, [secret()]).unwrap())
}

fn signed(provider: Provider, path: &str) -> TestRequest {
    let body = r#"{"id":"1","notifications":[{"eventId":"1"}]}"#;
    let signer = Signer::new(&provider, &secret()).unwrap();
    let signed = signer.sign(body, SystemTime::now().into()).unwrap();
    let mut request = TestRequest::post().uri(path);
    for (name, value) in signed.headers() {
        request = request.insert_header((name.as_str(), value.as_bytes()));
    }
    request.set_payload(signed.body().clone())
}

#[actix_web::test]
async fn a_fault_of_the_set_up_is_logged_with_its_fix() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let one = |_: Webhook<serde_json::Value>| async { HttpResponse::Ok().finish() };
    let undecodable = |_: Webhook<u8>| async { HttpResponse::Ok().finish() };
    let batch = |_: Webhooks<serde_json::Value>| async { HttpResponse::Ok().finish() };
    let raw = |_: Delivery| async { HttpResponse::Ok().finish() };
    let bank = middleware(provider::banking_circle());
    let fedapay = middleware(provider::fedapay());
    let app = App::new()
        .route("/one", web::post().to(one))
        .route("/batch", web::post().to(batch))
        .route("/raw", web::post().to(raw))
        .route("/bank", web::post().to(one).wrap(bank))
        .route("/shape", web::post().to(undecodable).wrap(fedapay));
    let app = init_service(app).await;

    let no_middleware = "ERROR message=no WebhookMiddleware in front of this handler: \
                         add `.wrap(WebhookMiddleware::new(…))`";
    for path in ["/one", "/batch", "/raw"] {
        let response = call_service(&app, signed(provider::fedapay(), path).to_request()).await;
        assert_eq!(response.status(), 500);
        assert_eq!(log.take(), [no_middleware], "{path}");
    }
    let response = call_service(
        &app,
        signed(provider::banking_circle(), "/bank").to_request(),
    )
    .await;
    assert_eq!(response.status(), 500);
    let batch = "ERROR message=this provider sends batches: \
                 the handler has to take `Webhooks<E>`, not `Webhook<E>`";
    assert_eq!(log.take(), [batch]);
    let response = call_service(&app, signed(provider::fedapay(), "/shape").to_request()).await;
    assert_eq!(response.status(), 422);
    let told = log.take();
    assert!(format!("{told:?}").contains("does not decode"), "{told:?}");
}
