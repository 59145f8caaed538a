//! A real server on a free port, and a sender on a socket.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use axum::routing::post;
use axum::{Router, http::StatusCode};
use countersign::{Receiver, Secret, provider};
use countersign_axum::{Webhook, WebhookLayer};
use countersign_testkit::Signer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(serde::Deserialize)]
struct Event {
    id: String,
}

async fn send(address: std::net::SocketAddr, signer: &Signer, body: &'static str) -> String {
    let signed = signer.sign(body, SystemTime::now().into()).unwrap();
    let mut request = format!(
        "POST /hook HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in signed.headers() {
        request.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    request.push_str("\r\n");
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    socket.write_all(signed.body()).await.unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn one_event_runs_once() {
    let secret = || Secret::new("wh_sandbox_0123456789").unwrap();
    let receiver = Receiver::new("test", provider::fedapay(), [secret()]).unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let handler = move |Webhook(event): Webhook<Event>| async move {
        assert_eq!(event.id, "evt_1");
        counted.fetch_add(1, Ordering::SeqCst);
        StatusCode::CREATED
    };
    let layer = WebhookLayer::new(receiver.clone());
    let app = Router::new().route("/hook", post(handler).route_layer(layer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let signer = Signer::new(&provider::fedapay(), &secret()).unwrap();
    let body = r#"{"id":"evt_1","name":"customer.created"}"#;
    assert!(
        send(address, &signer, body)
            .await
            .starts_with("HTTP/1.1 201")
    );
    let duplicate = send(address, &signer, body).await;
    assert!(duplicate.starts_with("HTTP/1.1 200"), "{duplicate}");
    assert!(
        duplicate.contains("webhook-outcome: duplicate"),
        "{duplicate}"
    );
    let other = Signer::new(
        &provider::fedapay(),
        &Secret::new("wh_sandbox_other").unwrap(),
    )
    .unwrap();
    assert!(
        send(address, &other, body)
            .await
            .starts_with("HTTP/1.1 401")
    );
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert!(receiver.drain(Duration::from_secs(1)).await);
}
