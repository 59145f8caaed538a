//! What the log says when a handler cannot be given what it takes. One test only: the log is the
//! process's.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use countersign::{Provider, Receiver, Secret, provider};
use countersign_axum::{Delivery, Webhook, WebhookLayer, Webhooks};
use countersign_testkit::Signer;
use tower_service::Service;
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

fn layer(provider: Provider) -> WebhookLayer {
    WebhookLayer::new(Receiver::new("test", provider, [secret()]).unwrap())
}

fn signed(provider: Provider, path: &str) -> Request<Body> {
    let body = r#"{"id":"1","notifications":[{"eventId":"1"}]}"#;
    let signer = Signer::new(&provider, &secret()).unwrap();
    let request = signer.sign(body, SystemTime::now().into()).unwrap();
    let mut request = request.into_request().map(Body::from);
    *request.uri_mut() = path.parse().unwrap();
    request
}

#[tokio::test]
async fn a_fault_of_the_set_up_is_logged_with_its_fix() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let one = |_: Webhook<serde_json::Value>| async {};
    let undecodable = |_: Webhook<u8>| async {};
    let batch = |_: Webhooks<serde_json::Value>| async {};
    let raw = |_: Delivery| async {};
    let mut app = Router::<()>::new()
        .route("/one", post(one))
        .route("/batch", post(batch))
        .route("/raw", post(raw))
        .route(
            "/bank",
            post(one).route_layer(layer(provider::banking_circle())),
        )
        .route(
            "/shape",
            post(undecodable).route_layer(layer(provider::fedapay())),
        );

    let no_layer = "ERROR message=no WebhookLayer in front of this handler: \
                    add `.route_layer(WebhookLayer::new(…))`";
    for path in ["/one", "/batch", "/raw"] {
        let response = app.call(signed(provider::fedapay(), path)).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(log.take(), [no_layer], "{path}");
    }
    let request = signed(provider::banking_circle(), "/bank");
    let response = app.call(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let batch = "ERROR message=this provider sends batches: \
                 the handler has to take `Webhooks<E>`, not `Webhook<E>`";
    assert_eq!(log.take(), [batch]);
    let request = signed(provider::fedapay(), "/shape");
    let response = app.call(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let told = log.take();
    assert!(format!("{told:?}").contains("does not decode"), "{told:?}");
}
