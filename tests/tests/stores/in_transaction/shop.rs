//! A shop that books payments, each with its event's claim in one transaction.

use std::path::Path;
use std::time::Duration;

use countersign::{Delivery, Receiver, StoreError, TransactionStore};
use countersign_sqlx::{PostgresStore, SqliteStore};
use countersign_tests::servers::{Database, Postgres};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use super::site::{Deed, Deeds, PATIENCE};
use crate::sqlite::{File, open};

const PAYMENTS: &str = "create table if not exists payments (event text not null)";
const BOOK: &str = "insert into payments (event) values ($1)";
const BOOKED: &str = "select event from payments order by event";

/// Clones are the same shop.
#[derive(Clone)]
pub enum Shop {
    Postgres {
        store: PostgresStore,
        pool: PgPool,
    },
    Sqlite {
        store: SqliteStore,
        pool: SqlitePool,
    },
}

/// What keeps a shop's database there.
pub enum Ground {
    Database(Database),
    File(File),
}

impl Ground {
    /// Where another process finds it.
    pub fn url(&self) -> String {
        match self {
            Ground::Database(database) => database.url.clone(),
            Ground::File(file) => file.url(),
        }
    }
}

impl Shop {
    /// The shop on a ground, as another process has it.
    pub async fn at(url: &str) -> Shop {
        match url.strip_prefix("sqlite://") {
            Some(path) => Shop::in_file(Path::new(path)).await,
            None => Shop::on_server(url, PATIENCE).await,
        }
    }

    /// One of each kind, in a database of its own; PostgreSQL only where there is a server.
    pub async fn each() -> Vec<(Shop, Ground)> {
        let file = File::new();
        let mut shops = vec![(Shop::in_file(&file.path()).await, Ground::File(file))];
        if let Some(database) = Postgres::database() {
            let shop = Shop::on_server(&database.url, PATIENCE).await;
            shops.push((shop, Ground::Database(database)));
        }
        shops
    }

    pub async fn on_server(url: &str, timeout: Duration) -> Shop {
        let store = PostgresStore::new(url).unwrap().with_timeout(timeout);
        store.migrate().await.unwrap();
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .connect(url)
            .await
            .unwrap();
        sqlx::query(PAYMENTS).execute(&pool).await.unwrap();
        Shop::Postgres { store, pool }
    }

    pub async fn in_file(path: &Path) -> Shop {
        let store = open(path);
        store.migrate().await.unwrap();
        let options = SqliteConnectOptions::new().filename(path);
        let options = options.busy_timeout(PATIENCE);
        let pool = SqlitePoolOptions::new();
        let pool = pool.max_connections(8).connect_with(options).await.unwrap();
        sqlx::query(PAYMENTS).execute(&pool).await.unwrap();
        Shop::Sqlite { store, pool }
    }

    pub fn is_on_server(&self) -> bool {
        matches!(self, Shop::Postgres { .. })
    }

    pub fn receiver(&self, receiver: Receiver) -> Receiver {
        let claiming = match self {
            Shop::Postgres { store, .. } => receiver.with_claim_in_transaction(store.clone()),
            Shop::Sqlite { store, .. } => receiver.with_claim_in_transaction(store.clone()),
        };
        claiming.expect("events with keys")
    }

    pub fn leasing(&self, receiver: Receiver) -> Receiver {
        match self {
            Shop::Postgres { store, .. } => receiver.with_store(store.clone()),
            Shop::Sqlite { store, .. } => receiver.with_store(store.clone()),
        }
    }

    /// The events whose payments are booked, for all to see.
    pub async fn booked(&self) -> Vec<String> {
        match self {
            Shop::Postgres { pool, .. } => sqlx::query_scalar(BOOKED).fetch_all(pool).await,
            Shop::Sqlite { pool, .. } => sqlx::query_scalar(BOOKED).fetch_all(pool).await,
        }
        .unwrap()
    }

    /// Whether the claims of these events are there, for all to see.
    pub async fn has_claims(&self, keys: &[countersign::Key]) -> bool {
        let committed = match self {
            Shop::Postgres { store, .. } => store.committed(keys).await,
            Shop::Sqlite { store, .. } => store.committed(keys).await,
        };
        !committed.unwrap().keys.is_empty()
    }

    /// The handler, but for what it does at the end.
    pub async fn take(&self, delivery: &Delivery, deeds: &Deeds) -> Result<u16, StoreError> {
        let deed = deeds.next();
        if let Deed::ForgetsToClaim = deed {
            return Ok(200);
        }
        // The two differ in types alone.
        macro_rules! take {
            ($store:expr, $begun:expr) => {{
                let mut tx = $begun.await.map_err(StoreError::unavailable)?;
                let fresh = match $store.claim_in(&mut tx, delivery).await {
                    Err(_) if matches!(deed, Deed::CommitsInSpiteOfAnError) => {
                        let _ = tx.commit().await;
                        return Ok(500);
                    }
                    fresh => fresh?,
                };
                for event in fresh.events() {
                    let booked = sqlx::query(BOOK).bind(event.id()).execute(&mut *tx).await;
                    booked.map_err(StoreError::unavailable)?;
                }
                match &deed {
                    Deed::Holds(gate) | Deed::HoldsAndDrops(gate) => gate.pass().await,
                    Deed::Leaks => {
                        std::mem::forget(tx);
                        return Ok(500);
                    }
                    _ => {}
                }
                if !matches!(deed, Deed::Drops | Deed::HoldsAndDrops(_)) {
                    tx.commit().await.map_err(StoreError::unavailable)?;
                }
            }};
        }
        match self {
            Shop::Postgres { store, pool } => take!(store, pool.begin()),
            Shop::Sqlite { store, pool } => take!(store, pool.begin_with("BEGIN IMMEDIATE")),
        }
        match deed {
            Deed::CommitsAndFails => Ok(500),
            Deed::CommitsAndHolds(gate) => {
                gate.pass().await;
                Ok(200)
            }
            Deed::CommitsAndPanics => panic!("after the commit"),
            _ => Ok(200),
        }
    }
}
