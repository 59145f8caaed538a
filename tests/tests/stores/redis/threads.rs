//! On which threads and runtimes a store can be used.

use std::sync::mpsc;

use countersign::{DedupeStore, Token};
use countersign_tests::servers::Redis;
use countersign_tests::tap::Tap;
use tokio::runtime::Builder;

use super::*;
use crate::keys::key;

/// Made outside of any runtime, and first used in one that opens no sockets: a receiver's keeper has
/// no other.
#[test]
fn a_runtime_without_sockets_will_do() {
    let Some(server) = Redis::start() else { return };
    let (store, keys) = (open(&server), [key("event")]);
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    assert_eq!(
        runtime.block_on(claim(&store, &keys, Token::random())),
        acquired(&keys)
    );
}

/// The worker that made the connection is blocked by its handler; another one goes on.
#[test]
fn a_blocked_worker_does_not_hold_up_the_others() {
    let Some(server) = Redis::start() else { return };
    let tap = Tap::before(server.address());
    let store = patient(RedisStore::open(&format!("redis://{}/", tap.address())).unwrap());
    let (blocked, is_blocked) = mpsc::channel();
    let (unblock, unblocked) = mpsc::channel::<()>();
    let first = store.clone();
    let worker = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            claim(&first, &[key("first")], Token::random()).await;
            blocked.send(()).unwrap();
            let _ = unblocked.recv();
        });
    });
    is_blocked.recv().unwrap();
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let keys = [key("second")];
    runtime.block_on(async {
        assert_eq!(claim(&store, &keys, Token::random()).await, acquired(&keys));
        tap.cut();
        commit(&store, &keys, Token::random()).await;
    });
    unblock.send(()).unwrap();
    worker.join().unwrap();
}

/// Its thread is not left behind.
#[tokio::test]
async fn a_store_that_is_dropped_ends_its_connection() {
    let Some(server) = Redis::start() else { return };
    let clients = || {
        let list: String = asked(&server, &["CLIENT", "LIST"]);
        list.lines().count() - 1
    };
    for _ in 0..10 {
        let store = open(&server);
        commit(&store, &[key("event")], Token::random()).await;
        drop(store.clone());
        assert!(clients() >= 1);
    }
    until("the end of all connections", || clients() == 0);
}

/// Without a network.
#[tokio::test]
async fn a_socket_of_the_file_system_will_do() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("redis").display().to_string();
    let Some(_server) = Redis::with(&["--unixsocket", &path]) else {
        return;
    };
    let store = patient(RedisStore::open(&format!("unix://{path}")).unwrap());
    let keys = [key("event")];
    assert_eq!(claim(&store, &keys, Token::random()).await, acquired(&keys));
}

/// A call whose caller is gone is carried out all the same, and the connection is none the worse.
#[tokio::test]
async fn a_call_may_be_dropped_at_any_point() {
    let Some(server) = Redis::start() else { return };
    let store = open(&server);
    for micros in (0..2000).step_by(50) {
        let keys = [key(&format!("{micros}"))];
        let call = store.claim(&keys, Token::random(), LEASE);
        let _ = tokio::time::timeout(Duration::from_micros(micros), call).await;
    }
    let keys = [key("after")];
    assert_eq!(claim(&store, &keys, Token::random()).await, acquired(&keys));
}
