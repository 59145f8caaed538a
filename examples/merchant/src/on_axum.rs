//! What the smaller examples have in common, all of them on axum: `axum-merchant` shows it in full.

use std::error::Error;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::Receiver;
use countersign::provider::fedapay;
use countersign_axum::{Webhook, WebhookLayer};
use tokio::net::TcpListener;

use crate::{drain, events, listen, told_to_stop};

/// How long a shutdown waits for what is in hand.
const GRACE: Duration = Duration::from_secs(20);

/// Serves `app` until it is told to stop, and then drains the receiver.
///
/// # Errors
///
/// If there is no address to listen on, or if something was left unsettled.
pub async fn serve(app: Router, receiver: Receiver) -> Result<(), Box<dyn Error>> {
    let (stop, grace) = (told_to_stop()?, told_to_stop()?);
    let listener = TcpListener::from_std(listen()?)?;
    let serve = axum::serve(listener, app).with_graceful_shutdown(stop);
    tokio::select! {
        ended = async { serve.await } => ended?,
        // A sender that never ends its request is not waited for.
        () = async { grace.await; tokio::time::sleep(GRACE).await } => {}
    }
    drain([&receiver], GRACE).await
}

/// Serves `app` on a free port for as long as the runtime lives, as tests want it, and yields its URL.
///
/// # Errors
///
/// If there is no port left.
pub async fn serve_in_background(app: Router) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}

/// FedaPay's route, for what is not about its handler.
pub fn fedapay_route(receiver: Receiver) -> Router {
    let webhook = post(on_fedapay).route_layer(WebhookLayer::new(receiver));
    Router::new().route("/webhooks/fedapay", webhook)
}

async fn on_fedapay(Webhook(event): Webhook<fedapay::Event>) -> StatusCode {
    events::fedapay(event);
    StatusCode::OK
}
