//! How often a call waits for the server.

use countersign::{Commit, Renewal, Token};
use countersign_tests::servers::Redis;
use countersign_tests::tap::Tap;

use super::*;
use crate::keys::{batch, key};

fn tapped(server: &Redis) -> (RedisStore, Tap) {
    let tap = Tap::before(server.address());
    let store = RedisStore::open(&format!("redis://{}/", tap.address())).unwrap();
    (patient(store), tap)
}

/// The round trips of each of the four calls, on these keys.
async fn of_each_call(store: &RedisStore, tap: &Tap, keys: &[Key]) -> [usize; 4] {
    let mut trips = [0; 4];
    let token = Token::random();
    let mut before = tap.round_trips();
    let mut count = |call: usize| {
        trips[call] = tap.round_trips() - before;
        before = tap.round_trips();
    };
    assert_eq!(claim(store, keys, token).await, acquired(keys));
    count(0);
    assert_eq!(renew(store, keys, token).await, Renewal::Renewed);
    count(1);
    release(store, keys, token).await;
    count(2);
    assert_eq!(commit(store, keys, token).await, Commit::Landed);
    count(3);
    trips
}

/// The first claim also connects, and looks at the server's settings behind the caller's back: by `INFO`,
/// once, which nobody else asks but this. A question is counted before the server knows of it.
async fn warm_up(server: &Redis, store: &RedisStore, tap: &Tap) {
    of_each_call(store, tap, &batch("warm up", 1)).await;
    let own = std::cell::Cell::new(0);
    until("the look at the settings", || {
        let stats: String = asked(server, &["INFO", "commandstats"]);
        let mut lines = stats.lines();
        let calls = lines.find_map(|line| line.strip_prefix("cmdstat_info:calls="));
        let calls = calls.and_then(|calls| calls.split(',').next()?.parse().ok());
        // Its own of this time is not among them yet.
        calls.unwrap_or(0) > own.replace(own.get() + 1)
    });
}

#[tokio::test]
async fn one_for_each_call_of_one_id_or_of_many() {
    let Some(server) = Redis::start() else { return };
    let (store, tap) = tapped(&server);
    warm_up(&server, &store, &tap).await;
    for size in [1, 2, 1000] {
        let trips = of_each_call(&store, &tap, &batch(&format!("of {size}"), size)).await;
        assert_eq!(trips, [1, 1, 1, 1], "{size} ids");
    }
    assert_eq!(tap.connections(), 1);
}

#[tokio::test]
async fn one_to_be_told_of_a_duplicate_or_of_one_in_progress() {
    let Some(server) = Redis::start() else { return };
    let (store, tap) = tapped(&server);
    warm_up(&server, &store, &tap).await;
    let (done, running) = ([key("done")], [key("running")]);
    commit(&store, &done, Token::random()).await;
    claim(&store, &running, Token::random()).await;
    let before = tap.round_trips();
    assert_eq!(claim(&store, &done, Token::random()).await, committed());
    left(&store, &running).await;
    assert_eq!(tap.round_trips() - before, 2);
}

/// The scripts are known by name, until the server forgets them.
#[tokio::test]
async fn two_where_the_server_does_not_know_the_script_and_one_from_then_on() {
    let Some(server) = Redis::start() else { return };
    let (store, tap) = tapped(&server);
    warm_up(&server, &store, &tap).await;
    let _: () = asked(&server, &["SCRIPT", "FLUSH"]);
    let trips = of_each_call(&store, &tap, &batch("after", 3)).await;
    assert_eq!(trips, [2, 2, 2, 2]);
    let trips = of_each_call(&store, &tap, &batch("then", 3)).await;
    assert_eq!(trips, [1, 1, 1, 1]);
}
