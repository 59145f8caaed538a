//! `--store`: where claims are kept.

use std::path::PathBuf;
use std::time::Duration;

use countersign::{MemoryStore, Receiver, StoreError};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use tokio::sync::oneshot;

use crate::failure::{Failure, Reason};
use crate::output;

/// A store that this program knows.
pub(super) enum StoreArg {
    /// In this process; forgotten when it ends.
    Memory,
    /// In a file.
    Sqlite(SqliteStore),
    Redis(RedisStore),
    /// Its table has to be made before it can be used.
    Postgres(PostgresStore),
}

/// How often a store that is not ready is tried again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How long a start waits for its store: one that is there is ready before the first delivery comes.
const FIRST_TRY: Duration = Duration::from_secs(2);
const LAST_PAUSE: Duration = Duration::from_secs(10);

impl StoreArg {
    /// What was given is not repeated: a store's URL may hold a password.
    pub(super) fn parse(text: &str) -> Result<StoreArg, Failure> {
        let scheme = text.split(':').next().unwrap_or_default();
        match (text, scheme) {
            ("memory", _) => Ok(StoreArg::Memory),
            (_, "sqlite") => sqlite(text),
            (_, "redis" | "rediss") => RedisStore::open(text).map(StoreArg::Redis).map_err(bad),
            (_, "postgres" | "postgresql") => {
                let store = PostgresStore::new(text);
                store.map(StoreArg::Postgres).map_err(bad)
            }
            _ => Err(Failure::new(
                Reason::BadStore,
                "--store is none that is known here; it takes: memory, sqlite:FILE, redis://…, postgres://…",
            )),
        }
    }

    /// Has the receiver keep its claims there. One that cannot be reached yet keeps nothing from starting:
    /// deliveries are answered 503 until it can.
    pub(super) async fn keep(self, receiver: Receiver) -> Receiver {
        match self {
            StoreArg::Memory => receiver.with_store(MemoryStore::default()),
            StoreArg::Sqlite(store) => {
                prepare("sqlite", store.clone(), |store: SqliteStore| async move {
                    store.migrate().await
                })
                .await;
                receiver.with_store(store)
            }
            StoreArg::Redis(store) => {
                prepare("redis", store.clone(), |store: RedisStore| async move {
                    for warning in store.check().await? {
                        output::warn(&format!("--store redis: {warning}"));
                    }
                    Ok(())
                })
                .await;
                receiver.with_store(store)
            }
            StoreArg::Postgres(store) => {
                prepare(
                    "postgres",
                    store.clone(),
                    |store: PostgresStore| async move { store.migrate().await },
                )
                .await;
                receiver.with_store(store)
            }
        }
    }
}

/// `sqlite:FILE`; `sqlite://FILE`, as others write it, is the same.
fn sqlite(text: &str) -> Result<StoreArg, Failure> {
    let path = text.strip_prefix("sqlite:").unwrap_or_default();
    let path = path.strip_prefix("//").unwrap_or(path);
    // What would be a file in memory is forgotten, and is `memory`.
    if path.is_empty() || path.starts_with(':') {
        return Err(Failure::new(
            Reason::BadStore,
            "--store sqlite: needs the name of a file",
        ));
    }
    Ok(StoreArg::Sqlite(SqliteStore::new(PathBuf::from(path))))
}

fn bad(error: StoreError) -> Failure {
    let why = reason(&error);
    Failure::new(Reason::BadStore, format!("--store is not usable: {why}"))
}

fn reason(error: &StoreError) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

/// Tries until the store is ready, and says once for each reason that it is not. Only the first try is waited
/// for.
async fn prepare<S, F>(name: &'static str, store: S, ready: impl Fn(S) -> F + Send + 'static)
where
    S: Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), StoreError>> + Send,
{
    let (tried, first_try) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let mut tried = Some(tried);
        let (mut pause, mut told) = (FIRST_PAUSE, String::new());
        loop {
            let result = ready(store.clone()).await;
            drop(tried.take());
            let Err(error) = result else { break };
            let why = reason(&error);
            if why != told {
                output::warn(&format!(
                    "--store {name} is not there, and deliveries are answered 503: {why}"
                ));
                told = why;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
        if !told.is_empty() {
            output::warn(&format!("--store {name} is there"));
        }
    });
    // It ends by being dropped.
    let _ = tokio::time::timeout(FIRST_TRY, first_try).await;
}
