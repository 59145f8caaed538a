//! Servers that may only be read from: what a failover makes of a primary.

use std::error::Error as _;
use std::time::Duration;

use countersign::{Claim, DedupeStore, StoreError, Token, TransactionStore};
use countersign_tests::servers::Postgres;

use super::open;
use crate::keys::key;

const LEASE: Duration = Duration::from_secs(60);

fn cause(error: &StoreError) -> String {
    error.source().unwrap().to_string()
}

/// Its sessions are read-only from their beginning, as a standby's are: what was opened to it would stay
/// so, whatever the name leads to by now.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_of_a_server_that_may_not_write_and_its_connections_are_given_up() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let database = server.new_database();
    let (done, token) = ([key("done")], Token::random());
    {
        let store = open(&database.url);
        store.migrate().await.unwrap();
        store.commit(&done, token, LEASE).await.unwrap();
    }
    let read_only = |setting| {
        let name = &database.name;
        let sql = format!("alter database {name} set default_transaction_read_only = {setting}");
        server.sql("postgres", &sql)
    };
    read_only("on");
    let store = open(&database.url);
    let failed = [
        store.committed(&done).await.unwrap_err(),
        store.claim(&done, token, LEASE).await.unwrap_err(),
        store.commit(&done, token, LEASE).await.unwrap_err(),
        store.renew(&done, token, LEASE).await.unwrap_err(),
        store.release(&done, token).await.unwrap_err(),
    ];
    for error in failed {
        assert!(cause(&error).contains("read-only"), "{}", cause(&error));
    }
    read_only("off");
    assert_eq!(store.committed(&done).await.unwrap().keys, done);
    let claim = store.claim(&done, token, LEASE).await.unwrap();
    assert!(matches!(claim, Claim::Committed { .. }), "{claim:?}");
}
