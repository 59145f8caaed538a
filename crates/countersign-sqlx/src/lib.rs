// Its examples need both stores.
#![cfg_attr(all(feature = "postgres", feature = "sqlite"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "postgres", feature = "sqlite")),
    doc = "SQLite and PostgreSQL for Countersign: a feature each."
)]
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
