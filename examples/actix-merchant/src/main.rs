//! A small merchant on actix-web: five webhooks, each behind Countersign.
//!
//! ```sh
//! CENTRALPAY_SIGNATURE_HEADER=X-Signature CENTRALPAY_SECRET=a-secret FEDAPAY_SECRET=wh_sandbox_a-secret \
//!     BANKING_CIRCLE_SECRET=0123456789abcdef0123456789abcdef ZIBAPAY_SECRET=a-secret FOURPAY_SECRET=a-secret \
//!     cargo run -p actix-merchant
//! ```

#![forbid(unsafe_code)]

mod events;
#[cfg(test)]
mod tests;

use std::env;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::{App, HttpServer, rt, web};
use countersign_actix_web::WebhookMiddleware;
use merchant::{Endpoint, Endpoints, lines_to_try, told_to_stop};

/// How long a shutdown waits for what is in hand.
const GRACE: Duration = Duration::from_secs(20);

#[actix_web::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("actix-merchant: stopped before every event was settled; those come again");
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("actix-merchant: {why}");
            ExitCode::from(2)
        }
    }
}

/// Whether everything was settled in the end, or one line that says why it could not begin.
async fn run() -> Result<bool, String> {
    let endpoints = Endpoints::from_env()?;
    let bind = env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".into());
    let listener = TcpListener::bind(&bind);
    let listener = listener.map_err(|error| format!("BIND={bind}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;

    // Before `HttpServer::new`, which calls its closure once for each worker: made inside it, each
    // worker had a memory of its own, and a duplicate that reached another ran again.
    let routes = routes(&endpoints);
    let server = HttpServer::new(move || App::new().configure(routes.clone()));
    let server = server
        .listen(listener)
        .map_err(|error| error.to_string())?
        .disable_signals()
        .shutdown_timeout(GRACE.as_secs());

    let stop = told_to_stop().map_err(|error| error.to_string())?;
    events::say(format_args!("listening on http://{address}"));
    let lines = lines_to_try(endpoints.all(), &address.to_string());
    events::say(format_args!(
        "{}",
        lines.map_err(|error| error.to_string())?
    ));

    let server = server.run();
    let handle = server.handle();
    rt::spawn(server);
    stop.await;
    // In this order, since actix-web waits for connections, but not for handlers that go on without
    // theirs: take no more connections, let the receivers finish, and only then stop the workers.
    handle.pause().await;
    let settled = endpoints.drain(GRACE).await;
    handle.stop(true).await;
    Ok(settled)
}

/// The five routes, each behind its middleware.
fn routes(endpoints: &Endpoints) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + use<> {
    let centralpay = middleware(&endpoints.centralpay);
    let fedapay = middleware(&endpoints.fedapay);
    let banking_circle = middleware(&endpoints.banking_circle);
    let zibapay = middleware(&endpoints.zibapay);
    let fourpay = middleware(&endpoints.fourpay);
    move |app| {
        // `post().to(…).wrap(…)` in a resource: a GET is then still answered 405, and never verified.
        let centralpay = web::post()
            .to(events::on_centralpay)
            .wrap(centralpay.clone());
        let fedapay = web::post().to(events::on_fedapay).wrap(fedapay.clone());
        let bank = web::post()
            .to(events::on_banking_circle)
            .wrap(banking_circle.clone());
        let zibapay = web::post().to(events::on_zibapay).wrap(zibapay.clone());
        let fourpay = web::post().to(events::on_fourpay).wrap(fourpay.clone());
        app.service(web::resource("/webhooks/centralpay").route(centralpay))
            .service(web::resource("/webhooks/fedapay").route(fedapay))
            .service(web::resource("/webhooks/banking-circle").route(bank))
            .service(web::resource("/webhooks/zibapay").route(zibapay))
            .service(web::resource("/webhooks/4pay").route(fourpay));
    }
}

fn middleware(endpoint: &Endpoint) -> WebhookMiddleware {
    WebhookMiddleware::new(endpoint.receiver.clone())
}
