//! The merchant's server: one route a provider, behind the layer that any merchant would use.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::provider::{self, Setting};
use countersign::{ConfigError, Provider, Receiver, Secret};
use countersign_axum::{Delivery, WebhookLayer};
use tokio::net::TcpListener;

/// The five, in the order of the table.
pub(super) const PROVIDERS: [&str; 5] =
    ["centralpay", "fedapay", "banking-circle", "zibapay", "4pay"];

/// The secret of each endpoint; Banking Circle's has to be 32 characters.
pub(super) const SECRET: &str = "wh_sandbox_0123456789abcdefghijk";

/// What the handlers do and have done, by the id of the event.
#[derive(Clone, Default)]
pub(super) struct Ledger {
    state: Arc<Mutex<Written>>,
}

#[derive(Default)]
struct Written {
    runs: HashMap<String, usize>,
    fails_once: HashSet<String>,
    takes: HashMap<String, Duration>,
    done: HashSet<String>,
}

impl Ledger {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first run for this event will answer 500.
    pub(super) fn fail_once(&self, id: &str) {
        self.written().fails_once.insert(id.to_owned());
    }

    /// The handler will take this long for this event.
    pub(super) fn take(&self, id: &str, time: Duration) {
        self.written().takes.insert(id.to_owned(), time);
    }

    pub(super) fn runs(&self, id: &str) -> usize {
        self.written().runs.get(id).copied().unwrap_or_default()
    }

    /// Whether a handler has ended for this event.
    pub(super) fn is_done(&self, id: &str) -> bool {
        self.written().done.contains(id)
    }
}

/// The provider as the demo's merchant has configured it.
pub(super) fn provider_of(name: &str) -> Result<Provider, ConfigError> {
    match name {
        // What CentralPay leaves open, this merchant has found out.
        "centralpay" => {
            provider::centralpay().with(Setting::SignatureHeader("X-CentralPay-Signature".into()))
        }
        "fedapay" => Ok(provider::fedapay()),
        "banking-circle" => Ok(provider::banking_circle()),
        "zibapay" => Ok(provider::zibapay()),
        _ => Ok(provider::fourpay()),
    }
}

/// Starts the server on a free port; it runs until the runtime ends.
pub(super) async fn open(ledger: &Ledger) -> io::Result<SocketAddr> {
    let mut app = Router::new();
    for name in PROVIDERS {
        let receiver = receiver(name).map_err(io::Error::other)?;
        let handler = post(on_event).route_layer(WebhookLayer::new(receiver));
        app = app.route(
            &format!("/webhooks/{name}"),
            handler.with_state(ledger.clone()),
        );
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

fn receiver(name: &str) -> Result<Receiver, ConfigError> {
    Receiver::new(
        format!("{name}-demo"),
        provider_of(name)?,
        [Secret::new(SECRET)?],
    )
}

async fn on_event(State(ledger): State<Ledger>, delivery: Delivery) -> StatusCode {
    let mut status = StatusCode::OK;
    for event in delivery.events() {
        let id = event.id().to_owned();
        let (time, fails) = {
            let mut written = ledger.written();
            *written.runs.entry(id.clone()).or_default() += 1;
            (
                written.takes.get(&id).copied(),
                written.fails_once.remove(&id),
            )
        };
        if let Some(time) = time {
            tokio::time::sleep(time).await;
        }
        if fails {
            status = StatusCode::INTERNAL_SERVER_ERROR;
        }
        ledger.written().done.insert(id);
    }
    status
}
