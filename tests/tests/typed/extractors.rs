//! Typed events through the extractors of both adapters: S34 as a merchant's handler lives it.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use actix_web::dev::Service as _;
use actix_web::{App, HttpResponse, test, web};
use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::provider::banking_circle::{self, Event};
use countersign::{Decoded, Receiver, Secret, Undecodable};
use countersign_actix_web::WebhookMiddleware;
use countersign_axum::WebhookLayer;
use countersign_testkit::{Signed, Signer};
use tower::ServiceExt as _;

fn secret() -> Secret {
    Secret::new("0123456789abcdef0123456789abcdef").unwrap()
}

fn receiver() -> Receiver {
    let provider = countersign::provider::banking_circle();
    Receiver::new("bank", provider, [secret()]).unwrap()
}

/// Three events, of which the second is of another form.
fn batch() -> Signed {
    let members = [
        ("a", r#"{"paymentId":"p"}"#),
        ("b", "7"),
        ("c", r#"{"paymentId":"p"}"#),
    ];
    let members = members.map(|(id, payment)| {
        format!(r#"{{"eventId":"{id}","notificationType":"Reversed","payment":{payment}}}"#)
    });
    let body = format!(r#"{{"notifications":[{}]}}"#, members.join(","));
    let provider = countersign::provider::banking_circle();
    let signer = Signer::new(&provider, &secret()).unwrap();
    signer.sign(body, SystemTime::now().into()).unwrap()
}

/// What handlers were given.
#[derive(Clone, Default)]
struct Given(Arc<Mutex<Vec<String>>>);

impl Given {
    fn note(&self, events: impl IntoIterator<Item = String>) {
        self.0.lock().unwrap().extend(events);
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(" ")
    }
}

fn named(event: Event) -> String {
    match event.data {
        banking_circle::Data::Unknown { .. } => format!("{}?", event.id),
        _ => event.id,
    }
}

fn shown(Decoded(event): Decoded<Event>) -> String {
    match event {
        Ok(event) => named(event),
        Err(undecoded) => format!("{}!", undecoded.id),
    }
}

/// The answers to the batch and what was handed over: strictly, with errors shown, and handed over raw.
const WANTED: [(u16, &str); 5] = [(422, "a c"), (422, ""), (422, "b!"), (200, "b?"), (200, "")];

const PATHS: [&str; 5] = ["/strict", "/strict", "/shown", "/lenient", "/strict"];

#[tokio::test]
async fn s34_through_axum() {
    use countersign_axum::Webhooks;

    let given = Given::default();
    let (typed, decoded) = (given.clone(), given.clone());
    let typed = move |Webhooks(events): Webhooks<Event>| async move {
        typed.note(events.into_iter().map(named));
        StatusCode::OK
    };
    let decoded = move |Webhooks(events): Webhooks<Decoded<Event>>| async move {
        decoded.note(events.into_iter().map(shown));
        StatusCode::OK
    };
    let strict = receiver();
    let lenient = strict.clone().on_undecodable(Undecodable::HandOver);
    let layer = WebhookLayer::new(strict);
    let app: Router = Router::new()
        .route("/strict", post(typed.clone()).route_layer(layer.clone()))
        .route("/shown", post(decoded).route_layer(layer))
        .route(
            "/lenient",
            post(typed).route_layer(WebhookLayer::new(lenient)),
        );
    for (path, wanted) in PATHS.into_iter().zip(WANTED) {
        let request = batch().to(path).map(Body::from);
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), &*given.take()), wanted, "{path}");
    }
}

#[actix_web::test]
async fn s34_through_actix_web() {
    use countersign_actix_web::Webhooks;

    let given = Given::default();
    let (typed, decoded) = (given.clone(), given.clone());
    let typed = move |Webhooks(events): Webhooks<Event>| {
        typed.note(events.into_iter().map(named));
        async { HttpResponse::Ok().finish() }
    };
    let decoded = move |Webhooks(events): Webhooks<Decoded<Event>>| {
        decoded.note(events.into_iter().map(shown));
        async { HttpResponse::Ok().finish() }
    };
    let strict = receiver();
    let lenient = strict.clone().on_undecodable(Undecodable::HandOver);
    let middleware = WebhookMiddleware::new(strict);
    let app = App::new()
        .route(
            "/strict",
            web::post().to(typed.clone()).wrap(middleware.clone()),
        )
        .route("/shown", web::post().to(decoded).wrap(middleware))
        .route(
            "/lenient",
            web::post().to(typed).wrap(WebhookMiddleware::new(lenient)),
        );
    let app = test::init_service(app).await;
    for (path, wanted) in PATHS.into_iter().zip(WANTED) {
        // An answer of the receiver's own is an error to actix-web's loggers, with its response.
        let status = match app.call(batch().to_actix(path).to_request()).await {
            Ok(response) => response.status(),
            Err(error) => error.error_response().status(),
        };
        assert_eq!((status.as_u16(), &*given.take()), wanted, "{path}");
    }
}
