//! Answers before the body is read: the sender sees each, and keeps its connection.

use std::thread;

use crate::deliveries::{event, forged, padded, shop};
use crate::sender::Post;
use crate::site::{Framework, Runs, Site};

const CONNECTIONS: usize = 24;
const ROUNDS: usize = 12;
const KIB: usize = 1024;

fn forgeries() -> Vec<Post> {
    let body = padded("a", 64 * KIB).body;
    let unsigned = Post::new(body.clone());
    let malformed = Post::new(body.clone()).with("x-fedapay-signature", "t=1,s=nothing");
    let stale = Post::new(body).with("x-fedapay-signature", format!("t=1,s={}", "0".repeat(64)));
    let mut mismatch = forged("a");
    mismatch.body = padded("a", 64 * KIB).body;
    let small = forged("a");
    vec![unsigned, malformed, stale, mismatch, small]
}

fn no_socket_error(framework: Framework) {
    let runs = Runs::default();
    let site = Site::new(framework, shop(), runs.at_once(201));
    let forgeries = forgeries();
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let (site, forgeries) = (&site, &forgeries);
            scope.spawn(move || {
                let mut sender = site.connect();
                for round in 0..ROUNDS {
                    for forgery in forgeries {
                        // Any error of the socket is a panic in here.
                        let answer = sender.send(forgery);
                        assert_eq!((answer.status, &*answer.body), (401, &b""[..]));
                        assert!(!answer.closes(), "{answer:?}");
                    }
                    // Chunked, and in two pieces, of which the second comes behind the refusal.
                    sender.write(forgeries[0].chunked(4 * KIB));
                    assert_eq!(sender.response().status, 401);
                    let genuine = event(&format!("{connection} {round}"));
                    assert_eq!(sender.send(&genuine).status, 201);
                }
            });
        }
    });
    assert_eq!(runs.number(), CONNECTIONS * ROUNDS);
}

#[test]
fn forgeries_up_to_64_kib_cost_no_connection_axum() {
    no_socket_error(Framework::Axum);
}

#[test]
fn forgeries_up_to_64_kib_cost_no_connection_actix_web() {
    no_socket_error(Framework::ActixWeb);
}
