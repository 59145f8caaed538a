//! `countersign listen`: the gate as a server of its own, for anything that is not Rust.
//!
//! Built on the axum adapter as a merchant would build it.

mod capture;
mod forward;
mod handshake;
mod report;
mod store;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::routing::post;
use countersign::Receiver;
use countersign_axum::WebhookLayer;
use http::uri::PathAndQuery;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::capture::Captures;
use self::forward::Forwarder;
use self::handshake::HandshakeArgs;
use self::report::Report;
use self::store::StoreArg;
use crate::Ending;
use crate::failure::{Failure, Reason};
use crate::input::at_most_one_stdin;
use crate::output;
use crate::provider_choice::ProviderArgs;
use crate::secrets::SecretArgs;
use crate::url::Url;

/// Verify and dedupe deliveries, and hand each event on once
///
/// Each fresh event is sent to --forward by POST: the payload's exact bytes, of a batch one event's
/// JSON at a time. A 2xx from there commits it; a 4xx but 410 is passed on; anything else is a 502, and
/// the provider sends it again. Without --forward every fresh event is committed.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct ListenArgs {
    #[command(flatten)]
    provider: ProviderArgs,

    #[command(flatten)]
    secrets: SecretArgs,

    #[command(flatten)]
    handshake: HandshakeArgs,

    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    bind: String,

    /// The path that takes deliveries
    #[arg(long, value_name = "PATH", default_value = "/", value_parser = path)]
    path: String,

    /// Where fresh events go
    #[arg(long, value_name = "URL")]
    forward: Option<Url>,

    /// Where claims are kept: memory, sqlite:FILE, redis://…, or postgres://…
    #[arg(long, value_name = "STORE", default_value = "memory")]
    store: String,

    /// The endpoint's name: the scope in which an event is one. If not given, the provider's
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,

    /// How many seconds a signed time may be away from now, each way
    #[arg(long, value_name = "SECS")]
    tolerance: Option<u64>,

    /// For how many seconds a claim holds without renewal
    #[arg(long, value_name = "SECS")]
    lease: Option<u64>,

    /// After how many seconds a sender is answered 503 while its event is still being handled
    #[arg(long, value_name = "SECS")]
    deadline: Option<u64>,

    /// The longest body in bytes
    #[arg(long, value_name = "BYTES")]
    max_body: Option<usize>,

    /// Keep each request in this folder, the newest 1000, as `verify` and `explain` read it
    #[arg(long, value_name = "DIR")]
    capture: Option<PathBuf>,
}

const EXAMPLE: &str = "\
Examples:
  countersign listen --provider fedapay --secret-file fedapay.secret \\
      --bind 127.0.0.1:8080 --path /webhooks/fedapay --forward http://127.0.0.1:3000/events
  countersign listen --provider centralpay --signature-header X-Unknown \\
      --secret-file centralpay.secret --capture deliveries   # then: countersign explain
  countersign listen --provider meta --secret-file meta.secret \\
      --handshake --verify-token-file meta.token

It stops on SIGINT and SIGTERM, once what is in hand is settled.";

/// How long a shutdown waits for what is in hand.
const GRACE: Duration = Duration::from_secs(20);

/// A handler may go on for this long, or as long as the answer deadline if that is longer.
const MAX_RUN: Duration = Duration::from_secs(300);

impl ListenArgs {
    pub(crate) fn run(self, json: bool) -> Result<Ending, Failure> {
        at_most_one_stdin(self.secrets.inputs().chain(self.handshake.input()))?;
        let runtime = tokio::runtime::Runtime::new()
            .map_err(|error| usage(format!("cannot start: {error}")))?;
        runtime.block_on(self.serve(json))
    }

    async fn serve(self, json: bool) -> Result<Ending, Failure> {
        if self.forward.as_ref().is_some_and(|url| !url.is_plain()) {
            return Err(usage(
                "--forward takes an http:// URL; TLS is not spoken here".to_owned(),
            ));
        }
        let store = StoreArg::parse(&self.store)?;
        let provider = self.provider.read()?;
        let endpoint = self.endpoint.unwrap_or_else(|| provider.name().to_owned());
        let secrets = self.secrets.read()?;
        let handshake = self.handshake.read(&provider, &secrets)?;
        let is_greeting = handshake.is_some();
        let mut receiver = Receiver::new(endpoint, provider, secrets)?;
        if let Some(handshake) = handshake {
            receiver = receiver.with_handshake(handshake)?;
        }
        if let Some(seconds) = self.tolerance {
            let tolerance = Duration::from_secs(seconds);
            receiver = receiver.with_tolerance(tolerance, tolerance)?;
        }
        if let Some(seconds) = self.lease {
            receiver = receiver.with_lease(Duration::from_secs(seconds))?;
        }
        if let Some(seconds) = self.deadline {
            let deadline = Duration::from_secs(seconds);
            receiver = receiver.with_deadlines(deadline, MAX_RUN.max(deadline))?;
        }
        if let Some(bytes) = self.max_body {
            receiver = receiver.with_body_limit(bytes);
        }
        receiver = store.keep(receiver).await;
        receiver = receiver.with_observer(Report::new(json));
        let captures = self.capture.map(Captures::open).transpose()?;

        let listener = TcpListener::bind(&self.bind).await.map_err(|error| {
            let reason = match error.kind() {
                std::io::ErrorKind::AddrInUse => Reason::AddressInUse,
                _ => Reason::Usage,
            };
            Failure::new(
                reason,
                format!("cannot listen on --bind: {error}; give another address"),
            )
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| usage(format!("cannot listen: {error}")))?;

        // The first line, before anything that is observed. Who connects now waits for a moment.
        let stop =
            told_to_stop().map_err(|error| usage(format!("cannot wait for signals: {error}")))?;
        output::text(&format!("listening on http://{address}/\n"));

        let forwarder = Arc::new(Forwarder::new(self.forward, &receiver));
        let handler = move |delivery| {
            let forwarder = forwarder.clone();
            async move { forwarder.take(delivery).await }
        };
        let mut route = post(handler.clone());
        if is_greeting {
            // Some come as a GET. Any other is refused as forged, and reaches no handler.
            route = route.get(handler);
        }
        let route = route.route_layer(WebhookLayer::new(receiver.clone()));
        let mut app: Router = Router::new().route(&self.path, route);
        if let Some(captures) = captures {
            let limit = receiver.verifier().body_limit();
            let captures = Arc::new(captures);
            app = app.layer(middleware::from_fn(move |request, next| {
                capture::keep(captures.clone(), limit, request, next)
            }));
        }

        let (stopping, grace) = (stop.clone(), stop);
        let serve = axum::serve(listener, app).with_graceful_shutdown(until(stopping));
        tokio::select! {
            ended = async { serve.await } => {
                ended.map_err(|error| usage(format!("the server failed: {error}")))?;
            }
            // A sender that never ends its request is not waited for.
            () = async { until(grace).await; tokio::time::sleep(GRACE).await } => {}
        }
        receiver.drain(GRACE).await;
        Ok(Ending::Good)
    }
}

/// Becomes true on SIGINT and on SIGTERM.
fn told_to_stop() -> std::io::Result<watch::Receiver<bool>> {
    let (told, stop) = watch::channel(false);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            let _ = told.send(true);
        });
    }
    #[cfg(not(unix))]
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = told.send(true);
        }
    });
    Ok(stop)
}

async fn until(mut stop: watch::Receiver<bool>) {
    // Without a sender there is nobody left to say it.
    let _ = stop.wait_for(|told| *told).await;
}

fn path(text: &str) -> Result<String, &'static str> {
    // Braces, colons and asterisks at the start of a part would be patterns.
    let is_pattern = |part: &str| part.starts_with([':', '*']) || part.contains(['{', '}']);
    let fits = text.starts_with('/')
        && !text.contains(['?', '#'])
        && PathAndQuery::try_from(text).is_ok()
        && !text.split('/').any(is_pattern);
    fits.then(|| text.to_owned())
        .ok_or("it takes a path, such as /webhooks")
}

fn usage(message: String) -> Failure {
    Failure::new(Reason::Usage, message)
}
