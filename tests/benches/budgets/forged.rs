//! Forged deliveries of sizes up to 64 KiB at real servers: each sender has to see its answer, and
//! to keep its connection.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use countersign::MemoryStore;
use tokio::net::TcpStream;

use crate::client::{Answer, exchange};
use crate::deliveries::{Delivery, fresh, head, receiver};
use crate::measure::runtime;
use crate::report::budget;
use crate::{actix, axum};

/// Connections at once to each server.
const SENDERS: usize = 16;

/// For each of them.
const REQUESTS: usize = 1000;

/// What each sender has to see.
const REFUSED: Answer = Answer {
    status: 401,
    keeps: true,
};

const SIZES: [usize; 5] = [1000, 4096, 9000, 40_000, 65_536];

pub(crate) fn at_real_servers() {
    let errors: usize = [started(serve_axum), started(serve_actix)]
        .into_iter()
        .map(|server| runtime().block_on(all(server)))
        .sum();
    budget("forged.errors", errors as f64);
    println!("    of {} requests", 2 * SENDERS * REQUESTS);
}

/// A server on a thread of its own, for the rest of the program.
fn started(serve: fn(mpsc::Sender<SocketAddr>)) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || serve(tell));
    told.recv().expect("a server")
}

fn serve_axum(tell: mpsc::Sender<SocketAddr>) {
    let app = axum::layered(receiver(MemoryStore::default()));
    axum::serve(app, |address| tell.send(address).expect("somebody waits"));
}

fn serve_actix(tell: mpsc::Sender<SocketAddr>) {
    let app = actix::layered(receiver(MemoryStore::default()));
    actix::serve(app, |address| tell.send(address).expect("somebody waits"));
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
        let answer = exchange(&mut socket, head, &delivery.body).await;
        if !matches!(answer, Ok(REFUSED)) {
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
