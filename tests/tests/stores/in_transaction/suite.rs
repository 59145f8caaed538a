//! The public suite, on both kinds of database.

use std::sync::Arc;
use std::time::Duration;

use countersign::{Delivery, Fresh, StoreError, UnixTime};
use countersign_sqlx::{PostgresStore, SqliteStore};
use countersign_testkit::{ManualClock, Transactions, transaction_conformance};
use countersign_tests::servers::{PgBouncer, Postgres};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use super::site::PATIENCE;
use crate::sqlite::File;

struct OnServer {
    store: PostgresStore,
    pool: PgPool,
}

struct InFile {
    store: SqliteStore,
    pool: SqlitePool,
}

// The two differ in types, and in how a transaction begins.
macro_rules! transactions {
    ($database:ty, $store:ty, $kind:ty, $begin:expr) => {
        impl Transactions for $database {
            type Store = $store;
            type Transaction = sqlx::Transaction<'static, $kind>;

            fn store(&self) -> $store {
                self.store.clone()
            }

            async fn begin(&self) -> Result<Self::Transaction, StoreError> {
                let begun = self.pool.begin_with($begin).await;
                begun.map_err(StoreError::unavailable)
            }

            async fn claim_in(
                &self,
                transaction: &mut Self::Transaction,
                delivery: &Delivery,
            ) -> Result<Fresh, StoreError> {
                self.store.claim_in(transaction, delivery).await
            }

            async fn commit(&self, transaction: Self::Transaction) -> Result<(), StoreError> {
                transaction.commit().await.map_err(StoreError::unavailable)
            }

            async fn roll_back(&self, transaction: Self::Transaction) -> Result<(), StoreError> {
                let rolled_back = transaction.rollback().await;
                rolled_back.map_err(StoreError::unavailable)
            }
        }
    };
}

transactions!(OnServer, PostgresStore, sqlx::Postgres, "begin");
transactions!(InFile, SqliteStore, sqlx::Sqlite, "begin immediate");

impl OnServer {
    async fn open(url: &str) -> OnServer {
        let store = PostgresStore::new(url).unwrap().with_timeout(PATIENCE);
        store.migrate().await.unwrap();
        let options: PgConnectOptions = url.parse().unwrap();
        let options = options.extra_float_digits(None);
        let pool = PgPoolOptions::new().max_connections(8);
        let pool = pool.connect_with(options).await.unwrap();
        OnServer { store, pool }
    }

    async fn play(&self) {
        // The server's clock is nobody's to wind.
        let pass = async |time: Duration| {
            let seconds = time.as_secs();
            let age = format!(
                "update countersign_events set expires_at = expires_at - {seconds} * interval '1 second'"
            );
            let aged = sqlx::raw_sql(sqlx::AssertSqlSafe(age));
            aged.execute(&self.pool).await.unwrap();
        };
        let report = transaction_conformance(self, pass).await;
        println!("{report}");
        report.assert_all_held();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_server() {
    let Some(database) = Postgres::database() else {
        return;
    };
    OnServer::open(&database.url).await.play().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_pgbouncer() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let Some(bouncer) = PgBouncer::start(&server, 8) else {
        return;
    };
    let url = bouncer.url(&server.new_database());
    OnServer::open(&url).await.play().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_file() {
    let file = File::new();
    let clock = ManualClock::new(UnixTime::from_secs(1_800_000_000));
    let store = file.store().with_clock(Arc::new(clock.clone()));
    store.migrate().await.unwrap();
    let options = SqliteConnectOptions::new().filename(file.path());
    let options = options.busy_timeout(PATIENCE);
    let pool = SqlitePoolOptions::new().max_connections(8);
    let pool = pool.connect_with(options).await.unwrap();
    let database = InFile { store, pool };
    let pass = async |time| clock.advance(time);
    let report = transaction_conformance(&database, pass).await;
    println!("{report}");
    report.assert_all_held();
}
