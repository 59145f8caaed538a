//! Whether a body that arrives in one chunk is where it was when the handler is given it.
//!
//! Over a real socket. In front of the layer stands another one that notes where the bytes are that
//! the framework hands out; the handler compares.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use actix_web::dev::{Payload, Service};
use actix_web::error::PayloadError;
use actix_web::{HttpMessage, HttpServer};
use axum::body::{Body, Bytes};
use axum::middleware::map_request;
use axum::routing::post;
use countersign::MemoryStore;
use countersign_actix_web::WebhookMiddleware;
use countersign_axum::WebhookLayer;
use futures_util::StreamExt;
use http_body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::deliveries::{PATH, fresh, head, receiver};
use crate::report::budget;

/// Small enough to fit into the first read of either framework beside its head.
const LENGTH: usize = 4096;

const DELIVERIES: usize = 100;

/// Where the last chunk of a body lay, and how many chunks there were.
static CHUNK_AT: AtomicUsize = AtomicUsize::new(0);
static CHUNKS: AtomicUsize = AtomicUsize::new(0);
/// Deliveries whose payload lay elsewhere.
static COPIES: AtomicUsize = AtomicUsize::new(0);
static HANDLED: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn from_socket_to_handler() {
    let runtime = crate::measure::runtime();
    budget("copies.axum", runtime.block_on(axum()));
    let system = actix_web::rt::System::new();
    budget("copies.actix", system.block_on(actix()));
}

fn note(chunk: &[u8]) {
    CHUNK_AT.store(chunk.as_ptr().addr(), Relaxed);
    CHUNKS.fetch_add(1, Relaxed);
}

fn compare(payload: &[u8]) {
    HANDLED.fetch_add(1, Relaxed);
    let moved = payload.as_ptr().addr() != CHUNK_AT.load(Relaxed);
    COPIES.fetch_add(usize::from(moved), Relaxed);
}

async fn axum() -> f64 {
    let on_event = |delivery: countersign_axum::Delivery, body: Bytes| async move {
        compare(delivery.verified().payload());
        // The body that is handed on besides is the same.
        assert_eq!(body.as_ptr(), delivery.verified().payload().as_ptr());
    };
    let layer = WebhookLayer::new(receiver(MemoryStore::default()));
    let route = post(on_event).route_layer(layer).route_layer(map_request(
        async |request: axum::extract::Request| request.map(|body| Body::new(Noting(body))),
    ));
    let app = axum::Router::new().route(PATH, route);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async { axum::serve(listener, app).await });
    copies(address).await
}

/// A body that notes its chunks.
struct Noting(Body);

impl http_body::Body for Noting {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.0).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(chunk) = frame.data_ref()
        {
            note(chunk);
        }
        frame
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}

async fn actix() -> f64 {
    let webhooks = WebhookMiddleware::new(receiver(MemoryStore::default()));
    let server = HttpServer::new(move || {
        let on_event = |delivery: countersign_actix_web::Delivery| async move {
            compare(delivery.verified().payload());
            actix_web::HttpResponse::Ok().finish()
        };
        let route = actix_web::web::post().to(on_event).wrap(webhooks.clone());
        let resource = actix_web::web::resource(PATH).route(route);
        actix_web::App::new()
            .service(resource)
            .wrap_fn(|mut request, inner| {
                let body = request.take_payload();
                let noted = body.inspect(|chunk: &Result<Bytes, PayloadError>| {
                    if let Ok(chunk) = chunk {
                        note(chunk);
                    }
                });
                let payload = Box::pin(noted);
                request.set_payload(Payload::Stream { payload });
                inner.call(request)
            })
    });
    let server = server.workers(1).bind(("127.0.0.1", 0)).expect("a port");
    let address = server.addrs()[0];
    actix_web::rt::spawn(server.disable_signals().run());
    copies(address).await
}

/// Sends deliveries over one connection; how many of their bodies were copied, each once.
async fn copies(server: SocketAddr) -> f64 {
    for count in [&CHUNKS, &COPIES, &HANDLED] {
        count.store(0, Relaxed);
    }
    let mut socket = TcpStream::connect(server).await.expect("connected");
    for _ in 0..DELIVERIES {
        let delivery = fresh(LENGTH);
        let request = [head(&delivery).as_bytes(), &delivery.body].concat();
        socket.write_all(&request).await.expect("sent");
        let mut answer = [0; 1024];
        let length = socket.read(&mut answer).await.expect("an answer");
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
    }
    assert_eq!(HANDLED.load(Relaxed), DELIVERIES);
    assert_eq!(
        CHUNKS.load(Relaxed),
        DELIVERIES,
        "a body came in several chunks"
    );
    COPIES.load(Relaxed) as f64 / DELIVERIES as f64
}
