//! What stands outside actix-web's middleware, such as a logger, sees of it.

use std::sync::mpsc;
use std::time::Duration;

use actix_web::middleware::{Next, from_fn};
use actix_web::{HttpResponse, web};
use countersign_actix_web::{Delivery, Webhook, WebhookMiddleware};

use crate::deliveries::{bank, batch, event, forged, shop};
use crate::sender::Sender;
use crate::site::{ActixServer, Framework, PATIENCE, panics};

/// The status, and the text of the error if it came as one or carries one.
type Seen = (u16, Option<String>);

#[derive(serde::Deserialize)]
struct Anything {}

fn server() -> (ActixServer, mpsc::Receiver<Seen>) {
    panics::watch();
    let (tell, told) = mpsc::channel();
    let deadlines = (Duration::from_millis(50), Duration::from_millis(100));
    let shop = shop().with_deadlines(deadlines.0, deadlines.1).unwrap();
    let (shop, bank) = (WebhookMiddleware::new(shop), WebhookMiddleware::new(bank()));
    let server = ActixServer::serve(1, move |app| {
        let tell = tell.clone();
        let logger = from_fn(move |request, next: Next<_>| {
            let tell = tell.clone();
            async move {
                let result = next.call(request).await;
                let seen = match &result {
                    Ok(response) => (
                        response.status().as_u16(),
                        response.response().error().map(ToString::to_string),
                    ),
                    Err(error) => {
                        let status = error.as_response_error().status_code();
                        (status.as_u16(), Some(error.to_string()))
                    }
                };
                tell.send(seen).unwrap();
                result
            }
        });
        let created = async |_: Delivery| HttpResponse::Created().finish();
        let panicking = async |_: Delivery| -> HttpResponse { panics::intended() };
        let hanging = async |_: Delivery| std::future::pending::<HttpResponse>().await;
        let single = async |_: Webhook<Anything>| HttpResponse::Created().finish();
        let scope = web::scope("")
            .route("/hook", web::post().to(created).wrap(shop.clone()))
            .route("/panics", web::post().to(panicking).wrap(shop.clone()))
            .route("/hangs", web::post().to(hanging).wrap(shop.clone()))
            .route("/single", web::post().to(single).wrap(bank.clone()))
            .route("/bare", web::post().to(created))
            .wrap(logger);
        app.service(scope);
    });
    (server, told)
}

#[test]
fn a_logger_sees_every_answer() {
    let (server, told) = server();
    let mut sender = Sender::connect(server.address);
    for (post, status, text) in [
        (event("a"), 201, None),
        (event("a"), 200, None),
        (forged("a"), 401, None),
        (event("b").to("/panics"), 500, Some("panicked")),
        (event("c").to("/hangs"), 503, Some("past its deadline")),
        (
            batch(&["a"]).to("/single"),
            500,
            Some("has to take `Webhooks<E>`"),
        ),
        (event("a").to("/bare"), 500, Some("no WebhookMiddleware")),
    ] {
        assert_eq!(sender.send(&post).status, status);
        let (seen, error) = told.recv_timeout(PATIENCE).unwrap();
        assert_eq!(seen, status);
        match text {
            None => assert_eq!(error, None),
            Some(text) => assert!(error.as_deref().unwrap().contains(text), "{error:?}"),
        }
    }
    panics::none_seen(Framework::ActixWeb);
}
