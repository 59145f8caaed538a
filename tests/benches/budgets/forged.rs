//! Forged deliveries of sizes up to 64 KiB at real servers: each sender has to see its answer, and
//! to keep its connection.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use actix_web::HttpServer;
use countersign::MemoryStore;
use countersign_actix_web::WebhookMiddleware;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::deliveries::{Delivery, PATH, fresh, head, receiver};
use crate::measure::budget;
use crate::requests::runtime;
use crate::{actix, axum};

/// Connections at once to each server.
const SENDERS: usize = 16;

/// For each of them.
const REQUESTS: usize = 1000;

const SIZES: [usize; 5] = [1000, 4096, 9000, 40_000, 65_536];

pub(crate) fn at_real_servers() {
    let errors: usize = [started(serve_axum), started(serve_actix)]
        .into_iter()
        .map(|server| runtime().block_on(all(server)))
        .sum();
    budget("forged.errors", errors as f64, 0.0);
    println!("    of {} requests", 2 * SENDERS * REQUESTS);
}

/// A server on a thread of its own, for the rest of the program.
fn started(serve: fn(mpsc::Sender<SocketAddr>)) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || serve(tell));
    told.recv().expect("a server")
}

fn serve_axum(tell: mpsc::Sender<SocketAddr>) {
    runtime().block_on(async {
        let app = axum::layered(receiver(MemoryStore::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        tell.send(address).expect("somebody waits");
        ::axum::serve(listener, app).await.expect("served");
    });
}

fn serve_actix(tell: mpsc::Sender<SocketAddr>) {
    actix_web::rt::System::new().block_on(async {
        let webhooks = WebhookMiddleware::new(receiver(MemoryStore::default()));
        let server = HttpServer::new(move || {
            let route = actix_web::web::post().to(actix::on_event);
            let route = route.wrap(webhooks.clone());
            actix_web::App::new().service(actix_web::web::resource(PATH).route(route))
        });
        let server = server.workers(1).bind(("127.0.0.1", 0)).expect("a port");
        tell.send(server.addrs()[0]).expect("somebody waits");
        server.disable_signals().run().await.expect("served");
    });
}

/// The errors of all senders.
async fn all(server: SocketAddr) -> usize {
    let senders: Vec<_> = (0..SENDERS)
        .map(|n| tokio::spawn(sender(server, n)))
        .collect();
    let mut errors = 0;
    for sender in senders {
        errors += sender.await.expect("no panic");
    }
    errors
}

/// Sends forged deliveries over one connection; how often it did not see a 401 or lost the
/// connection.
async fn sender(server: SocketAddr, first: usize) -> usize {
    let deliveries: Vec<(String, Delivery)> = (SIZES.iter())
        .flat_map(|size| (0..3).map(|forgery| forged(*size, forgery)))
        .collect();
    let mut errors = 0;
    let mut socket = TcpStream::connect(server).await.expect("connected");
    for n in first..first + REQUESTS {
        let (head, delivery) = &deliveries[n % deliveries.len()];
        if let Err(_) | Ok(false) = deliver(&mut socket, head, &delivery.body).await {
            errors += 1;
            socket = TcpStream::connect(server).await.expect("connected");
        }
    }
    errors
}

/// A delivery without a signature, with a malformed one, or with another's.
fn forged(size: usize, forgery: usize) -> (String, Delivery) {
    let mut delivery = fresh(size);
    match forgery {
        0 => delivery.signature.clear(),
        1 => delivery.signature.push('!'),
        _ => delivery.signature = fresh(size).signature,
    }
    (head(&delivery), delivery)
}

/// Whether the delivery was answered 401, and the connection is to be kept.
async fn deliver(socket: &mut TcpStream, head: &str, body: &[u8]) -> std::io::Result<bool> {
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if socket.read_buf(&mut answer).await? == 0 {
            return Ok(false);
        }
    }
    let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    Ok(answer.starts_with("http/1.1 401") && !answer.contains("connection: close"))
}
