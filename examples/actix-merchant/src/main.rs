//! A small merchant on actix-web: five webhooks, each behind Countersign.
//!
//! ```sh
//! CENTRALPAY_SIGNATURE_HEADER=X-Signature CENTRALPAY_SECRET=a-secret FEDAPAY_SECRET=wh_sandbox_a-secret \
//!     BANKING_CIRCLE_SECRET=0123456789abcdef0123456789abcdef ZIBAPAY_SECRET=a-secret FOURPAY_SECRET=a-secret \
//!     cargo run -p actix-merchant
//! ```

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, rt, web};
use countersign::provider::{banking_circle, centralpay, fedapay, fourpay, zibapay};
use countersign_actix_web::{Webhook, WebhookMiddleware, Webhooks};
use merchant::{Endpoint, Endpoints, events, lines_to_try, told_to_stop};

/// How long a shutdown waits for what is in hand.
const GRACE: Duration = Duration::from_secs(20);

#[actix_web::main]
async fn main() -> ExitCode {
    merchant::exit_code("actix-merchant", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    // Why a sender was refused is told here, and to nobody else.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let endpoints = Endpoints::from_env()?;
    let stop = told_to_stop()?;
    let listener = merchant::listen()?;
    let lines = lines_to_try(endpoints.all(), listener.local_addr()?)?;
    merchant::say(format_args!("{lines}"));

    // Before `HttpServer::new`, which calls its closure once for each worker: made inside it, each
    // worker had a memory of its own, and a duplicate that reached another ran again.
    let routes = routes(&endpoints);
    let server = HttpServer::new(move || App::new().configure(routes.clone()))
        .listen(listener)?
        .disable_signals()
        .shutdown_timeout(GRACE.as_secs())
        .run();
    let handle = server.handle();
    rt::spawn(server);
    stop.await;
    // In this order, since actix-web waits for connections, but not for handlers that go on without
    // theirs: take no more connections, let the receivers finish, and only then stop the workers.
    handle.pause().await;
    let drained = merchant::drain(endpoints.receivers(), GRACE).await;
    handle.stop(true).await;
    drained
}

/// The five routes, each behind its middleware.
fn routes(endpoints: &Endpoints) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + use<> {
    let made = |endpoint: &Endpoint| WebhookMiddleware::new(endpoint.receiver.clone());
    let [centralpay, fedapay, bank, zibapay, fourpay] = endpoints.all().map(made);
    move |app| {
        // `post().to(…).wrap(…)` in a resource: a GET is then still answered 405, and never verified.
        let centralpay = web::post().to(on_centralpay).wrap(centralpay.clone());
        let fedapay = web::post().to(on_fedapay).wrap(fedapay.clone());
        let bank = web::post().to(on_banking_circle).wrap(bank.clone());
        let zibapay = web::post().to(on_zibapay).wrap(zibapay.clone());
        let fourpay = web::post().to(on_fourpay).wrap(fourpay.clone());
        app.service(web::resource("/webhooks/centralpay").route(centralpay))
            .service(web::resource("/webhooks/fedapay").route(fedapay))
            .service(web::resource("/webhooks/banking-circle").route(bank))
            .service(web::resource("/webhooks/zibapay").route(zibapay))
            .service(web::resource("/webhooks/4pay").route(fourpay));
    }
}

// A handler runs once for an event that its provider really sent. With a 2xx the event is done; after
// anything else the provider sends it again. What is done with each event: `examples/merchant/src/events.rs`.

async fn on_centralpay(Webhook(event): Webhook<centralpay::Event>) -> HttpResponse {
    events::centralpay(event);
    HttpResponse::Ok().finish()
}

async fn on_fedapay(Webhook(event): Webhook<fedapay::Event>) -> HttpResponse {
    events::fedapay(event);
    HttpResponse::Ok().finish()
}

/// A batch. Its events that are done already are not among these.
async fn on_banking_circle(Webhooks(batch): Webhooks<banking_circle::Event>) -> HttpResponse {
    events::banking_circle(batch);
    HttpResponse::Ok().finish()
}

async fn on_zibapay(Webhook(event): Webhook<zibapay::Event>) -> HttpResponse {
    events::zibapay(event);
    HttpResponse::Ok().finish()
}

async fn on_fourpay(Webhook(event): Webhook<fourpay::Event>) -> HttpResponse {
    events::fourpay(event);
    HttpResponse::Ok().finish()
}
