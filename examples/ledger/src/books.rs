//! The books: entries of payments, beside the events that have been claimed.

use countersign::provider::fedapay::{Data, Event};
use countersign::{ConfigError, Delivery, Receiver};
use countersign_sqlx::{PostgresStore, SqliteStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{PgPool, SqlitePool};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

const TABLE: &str =
    "create table if not exists entries (event text not null, amount bigint not null)";
const ENTRY: &str = "insert into entries (event, amount) values ($1, $2)";
const BALANCE: &str = "select count(*), cast(coalesce(sum(amount), 0) as bigint) from entries";

#[derive(Clone)]
pub(crate) enum Books {
    Postgres {
        pool: PgPool,
        events: PostgresStore,
    },
    Sqlite {
        pool: SqlitePool,
        events: SqliteStore,
    },
}

impl Books {
    pub(crate) async fn open(url: &str) -> Result<Books, Error> {
        if url.starts_with("postgres") {
            let (pool, events) = (PgPool::connect(url).await?, PostgresStore::new(url)?);
            events.migrate().await?;
            sqlx::query(TABLE).execute(&pool).await?;
            return Ok(Books::Postgres { pool, events });
        }
        // The events stand in the same file, or it would not be one transaction.
        let options: SqliteConnectOptions = url.parse()?;
        let events = SqliteStore::with_options(options.clone());
        events.migrate().await?;
        let pool = SqlitePool::connect_with(options).await?;
        sqlx::query(TABLE).execute(&pool).await?;
        Ok(Books::Sqlite { pool, events })
    }

    /// A receiver that leaves the claim to `book`, and asks these books whether it was committed.
    pub(crate) fn dedupe(&self, receiver: Receiver) -> Result<Receiver, ConfigError> {
        match self {
            Books::Postgres { events, .. } => receiver.with_claim_in_transaction(events.clone()),
            Books::Sqlite { events, .. } => receiver.with_claim_in_transaction(events.clone()),
        }
    }

    /// Books what the event is worth: the claim and the entry, or neither.
    pub(crate) async fn book(&self, delivery: &Delivery, event: Event) -> Result<(), Error> {
        match self {
            Books::Postgres { pool, events } => {
                let mut tx = pool.begin().await?;
                let fresh = events.claim_in(&mut tx, delivery).await?;
                for event in fresh.only([event]) {
                    let entry = sqlx::query(ENTRY).bind(&event.id).bind(worth(&event)?);
                    entry.execute(&mut *tx).await?;
                }
                tx.commit().await?;
            }
            Books::Sqlite { pool, events } => {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                let fresh = events.claim_in(&mut tx, delivery).await?;
                for event in fresh.only([event]) {
                    let entry = sqlx::query(ENTRY).bind(&event.id).bind(worth(&event)?);
                    entry.execute(&mut *tx).await?;
                }
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// How many entries there are, and their sum.
    pub(crate) async fn balance(&self) -> Result<(i64, i64), Error> {
        Ok(match self {
            Books::Postgres { pool, .. } => sqlx::query_as(BALANCE).fetch_one(pool).await?,
            Books::Sqlite { pool, .. } => sqlx::query_as(BALANCE).fetch_one(pool).await?,
        })
    }
}

/// What an event changes, in whole units of the currency. Of an event that changes nothing an entry is
/// made all the same: it tells that it came.
fn worth(event: &Event) -> Result<i64, Error> {
    let (payment, sign) = match &event.data {
        Data::TransactionApproved(change) => (&change.entity, 1),
        Data::TransactionRefunded(change) => (&change.entity, -1),
        _ => return Ok(0),
    };
    let amount = payment.amount.minor_units(0).ok_or("a part of a unit")?;
    Ok(sign * i64::try_from(amount)?)
}
