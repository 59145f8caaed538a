//! Keeps [Countersign](countersign)'s claims in SQLite or PostgreSQL: as leases, or in the very
//! transaction that holds an event's effects.
//!
//! | feature | is | for |
//! |---|---|---|
//! | `sqlite` | [`SqliteStore`] | one machine: one file, which survives restarts |
//! | `postgres` | [`PostgresStore`] | many workers on many machines; money |
//!
//! PostgreSQL has to be of version 12 or later. SQLite is compiled in; another program that opens the same
//! file needs version 3.37 or later, since the table is a strict one.
//!
//! Neither is on by default. Both stores are made without waiting for their database: while it is not
//! there, deliveries are answered 503, and once it is, all goes on without a restart.
//!
//! # Leases
//!
//! ```
//! # #[cfg(feature = "sqlite")] {
//! use countersign::{Receiver, Secret, provider};
//! use countersign_sqlx::SqliteStore;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new("wh_live_0123456789")?;
//! let receiver = Receiver::new("fedapay-live", provider::fedapay(), [secret])?
//!     .with_store(SqliteStore::new("events.db"));
//! # Ok(()) }
//! # }
//! ```
//!
//! # Claims in the handler's own transaction
//!
//! A payment booked and its event marked as done happen together, or not at all, crash or not:
//!
//! ```
//! # #[cfg(feature = "postgres")] {
//! use countersign::provider::fedapay;
//! use countersign::{Delivery, Receiver, Secret};
//! use countersign_sqlx::PostgresStore;
//! use sqlx::PgPool;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = PostgresStore::new("postgres://shop@localhost/shop")?;
//! let secret = Secret::new("wh_live_0123456789")?;
//! let receiver = Receiver::new("fedapay-live", fedapay(), [secret])?
//!     .with_claim_in_transaction(store.clone())?;
//! # Ok(()) }
//!
//! /// With the event as `Webhook` and the delivery as `Delivery` of either adapter.
//! async fn book(
//!     pool: &PgPool,
//!     store: &PostgresStore,
//!     delivery: &Delivery,
//!     event: fedapay::Event,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut tx = pool.begin().await?;
//!     let fresh = store.claim_in(&mut tx, delivery).await?;
//!     for event in fresh.only([event]) {
//!         sqlx::query("insert into payments (event, kind) values ($1, $2)")
//!             .bind(&event.id)
//!             .bind(&event.name)
//!             .execute(&mut *tx)
//!             .await?;
//!     }
//!     tx.commit().await?;
//!     Ok(())
//! }
//! # }
//! ```
//!
//! `claim_in` comes first in the transaction, and what it yields are the only events whose effects belong
//! into it. A handler that answers 2xx without having committed is answered for with 500.
//! **Effects that are committed without `claim_in`, or outside of the transaction, are doubled by a
//! retry.** What is claimed in one database and booked in another is not one transaction.
//!
//! # When it fails
//!
//! The sender is answered 503. Why, is logged as a warning under the target `countersign::sqlx`, in the
//! words of the database and at most once in 30 seconds, and that it answers again as well. If it says
//! that a relation does not exist, nobody has called [`PostgresStore::migrate`] yet.
//!
//! # What is promised
//!
//! At most one run of an event succeeds, short of a crash, an expired lease or a database that lost
//! data; with the claim in the handler's own transaction crashes and leases are no exceptions. PostgreSQL
//! keeps this as well as it keeps everything else: an asynchronous failover can lose the last
//! transactions, and with the claims in them the effects.

#![forbid(unsafe_code)]

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod operator;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod text;

#[cfg(feature = "postgres")]
pub use self::postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;

/// How many rows that have run out a commit removes besides. A table then shrinks as fast as it ever
/// grew, and no commit is slowed by what others left behind.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
const SWEPT_BY_A_COMMIT: u32 = 8;

/// How long a lease that has run out is kept, in milliseconds: its holder may be back, and renew it.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
const EXPIRED_LEASE_KEPT: i64 = 3_600_000;

/// How long a call may take by default: as long as a receiver waits for it.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);
