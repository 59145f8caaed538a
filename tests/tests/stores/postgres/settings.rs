//! How a store is set up, and what it shows of itself.

use std::time::Duration;

use countersign::{Claim, DedupeStore, Token, TransactionStore};
use countersign_sqlx::PostgresStore;
use countersign_tests::servers::{PgBouncer, Postgres};
use sqlx::{Connection as _, PgConnection};

use super::{open, store};
use crate::keys::{batch, key};

const LEASE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn many_nodes_migrate_at_once() {
    let Some(database) = Postgres::database() else {
        return;
    };
    for table in ["countersign_events", "webhooks"] {
        let nodes = (0..8).map(|_| {
            let store = open(&database.url);
            let store = store.with_table(table).unwrap();
            async move {
                store.migrate().await?;
                store.claim(&[key("a")], Token::random(), LEASE).await
            }
        });
        let claims = futures_util::future::join_all(nodes.map(tokio::spawn)).await;
        let claims = claims.into_iter().map(|claim| claim.unwrap().unwrap());
        let acquired = claims.filter(|claim| matches!(claim, Claim::Acquired(_)));
        assert_eq!(acquired.count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migration_can_be_run_by_hand_and_in_a_schema() {
    let Some(database) = Postgres::database() else {
        return;
    };
    let store = open(&database.url);
    let missing = store.committed(&[key("a")]).await.unwrap_err();
    let source = std::error::Error::source(&missing).unwrap().to_string();
    assert!(source.contains("countersign_events"), "{source}");

    let store = store.with_table("hooks.seen_2").unwrap();
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let by_hand = format!("create schema hooks; {}", store.migration());
    sqlx::raw_sql(sqlx::AssertSqlSafe(by_hand))
        .execute(&mut connection)
        .await
        .unwrap();
    store.migrate().await.unwrap();
    let keys = batch("schema", 3);
    store.commit(&keys, Token::random(), LEASE).await.unwrap();
    assert_eq!(store.committed(&keys).await.unwrap().keys, keys);
}

#[test]
fn a_table_is_a_plain_name() {
    let store = PostgresStore::new("postgres://localhost/shop").unwrap();
    for name in ["events", "_e", "hooks.events", "e2"] {
        assert!(store.clone().with_table(name).is_ok(), "{name}");
    }
    let long = "e".repeat(53);
    for name in [
        "",
        ".",
        "a.",
        ".a",
        "a.b.c",
        "2e",
        "Events",
        "e; drop table x",
        "e\"",
        "é",
        &long,
    ] {
        assert!(store.clone().with_table(name).is_err(), "{name}");
    }
}

/// It is made on no runtime, and a receiver's background has neither timers of tokio's nor a network.
#[test]
fn it_brings_its_own_runtime() {
    let Some(database) = Postgres::database() else {
        return;
    };
    let store = open(&database.url);
    let bare = tokio::runtime::Builder::new_current_thread().build();
    bare.unwrap().block_on(store.migrate()).unwrap();
    let bare = tokio::runtime::Builder::new_current_thread().build();
    let (keys, token) = ([key("a")], Token::random());
    let claim = bare.unwrap().block_on(store.claim(&keys, token, LEASE));
    assert!(matches!(claim.unwrap(), Claim::Acquired(_)));
}

#[tokio::test]
async fn no_password_is_shown() {
    let url = "postgres://shop:hunter2-hunter2@127.0.0.1:1/shop";
    let store = PostgresStore::new(url).unwrap();
    let store = store.with_timeout(Duration::from_millis(100));
    let error = store.migrate().await.unwrap_err();
    let bad = PostgresStore::new("postgres://shop:hunter2-hunter2@[::/shop").unwrap_err();
    for shown in [
        format!("{store:?}"),
        format!("{error:?}"),
        format!("{bad:?}"),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

/// The server keeps nothing of a session that another client of the same connection could trip over.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lent_out_shows_no_trace() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let Some(bouncer) = PgBouncer::start(&server, 1) else {
        return;
    };
    let database = server.new_database();
    let url = bouncer.url(&database);
    let store = open(&url);
    store.migrate().await.unwrap();
    let keys = batch("bounced", 10);
    for keys in keys.chunks(2) {
        let token = Token::random();
        store.claim(keys, token, LEASE).await.unwrap();
        store.renew(keys, token, LEASE).await.unwrap();
        store.commit(keys, token, LEASE).await.unwrap();
        store.release(keys, token).await.unwrap();
        store.committed(keys).await.unwrap();
    }
    let state = server.sql(&database.name, "select 1");
    assert_eq!(state, "1");
    // The one connection of the server, by way of the same door.
    let mut other = PgConnection::connect_with(
        &url.parse::<sqlx::postgres::PgConnectOptions>()
            .unwrap()
            .extra_float_digits(None),
    )
    .await
    .unwrap();
    let settings = "select current_setting('lock_timeout') || ' ' || \
        current_setting('idle_in_transaction_session_timeout') || ' ' || \
        (select count(*) from pg_prepared_statements) || ' ' || \
        (select count(*) from pg_locks where locktype = 'advisory')";
    let row = sqlx::raw_sql(settings).fetch_one(&mut other).await.unwrap();
    let shown: String = sqlx::Row::get(&row, 0);
    assert_eq!(shown, "0 0 0 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn clones_share_and_others_do_not_wait_for_a_blocked_thread() {
    let Some((store, _)) = store().await else {
        return;
    };
    // Another runtime's only thread uses the store, and blocks then.
    let other = store.clone();
    let (blocked, is_blocked) = std::sync::mpsc::channel();
    let (lift, lifted) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async move {
            let keys = batch("blocked", 8);
            let claims = keys
                .chunks(1)
                .map(|key| other.claim(key, Token::random(), LEASE));
            futures_util::future::join_all(claims).await;
            blocked.send(()).unwrap();
            let _ = lifted.recv();
        });
    });
    is_blocked.recv().unwrap();
    for n in 0..20 {
        let keys = [key(&format!("free {n}"))];
        let claim = store.claim(&keys, Token::random(), LEASE).await;
        assert!(matches!(claim.unwrap(), Claim::Acquired(_)));
    }
    lift.send(()).unwrap();
    thread.join().unwrap();
}
