//! SQLite: one file, on one machine.

mod leases;
mod opened;
mod transactions;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign::{Clock, StoreError, UnixTime};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _};
use tokio::sync::Mutex;

use self::opened::Open;
use crate::operator::Operator;
use crate::text::{Dialect, millis};
use crate::{EXPIRED_LEASE_KEPT, TIMEOUT};

const TEXT: Dialect = Dialect {
    before: "x'",
    behind: "'",
};

/// A row's `token` is the one that it had when it was committed. `since` and `until` are Unix time in
/// milliseconds.
const SCHEMA: &str = "
    create table if not exists countersign_events (
        key blob primary key,
        payload_hash integer not null,
        token blob not null,
        committed integer not null,
        since integer not null,
        until integer not null
    ) strict, without rowid;
    create index if not exists countersign_events_until on countersign_events (until);";

/// Claims in a file, which survives the process. Several processes on one machine may share it; a file on
/// a network share is not for it. They write in turns, and SQLite knows no queue: under more load than the
/// disk can take, some wait for longer than the time-out, and their deliveries are answered 503.
///
/// The file and its table `countersign_events` are made when they are first needed, and the table may stand
/// in a merchant's own database. It is written by one connection a process, in WAL mode, and a commit is
/// on the disk before it is answered (`synchronous=FULL`): if the machine loses its power, no committed
/// event is forgotten.
///
/// Time is the machine's wall clock, which all processes share. If it steps back, committed events are
/// remembered for longer, and a lease lasts a lease from when somebody next asks for it. If it steps
/// forward, leases end early until they are renewed, and of retention the margin of an hour is used up.
///
/// A connection is closed when a call on it failed, or when the file's name leads to another file by then,
/// and the next call opens it anew. Whoever removes the file, or puts another in its place, makes all
/// workers forget what was in it, which then runs again; the files `-wal` and `-shm` beside it go with it.
///
/// Rows that have run out are removed a few at a time by commits, and [`sweep`](SqliteStore::sweep)
/// removes more.
///
/// Clones share the connection.
#[derive(Clone)]
pub struct SqliteStore {
    options: Arc<SqliteConnectOptions>,
    timeout: Duration,
    clock: Option<Arc<dyn Clock>>,
    /// Not a pool, which takes a connection back in a task of its own: on a thread that a handler blocks,
    /// that is never.
    connection: Arc<Mutex<Option<Open>>>,
    operator: Arc<Operator>,
}

impl SqliteStore {
    /// A store in this file, which is made if it is not there.
    pub fn new(path: impl AsRef<Path>) -> Self {
        SqliteStore::with_options(SqliteConnectOptions::new().filename(path))
    }

    /// The same with sqlx's options. Journal, durability and busy time-out are set by the store.
    pub fn with_options(options: SqliteConnectOptions) -> Self {
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        let name = format!("sqlite file {}", options.get_filename().display());
        SqliteStore {
            operator: Arc::new(Operator::new(name)),
            options: Arc::new(options),
            timeout: TIMEOUT,
            clock: None,
            connection: Arc::default(),
        }
    }

    /// Sets how long a call waits for a file that another process is writing to: 1 s by default. It should
    /// be what the receiver gives a [store](countersign::Receiver::with_timeouts).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Measures time by `clock`'s wall clock instead of the machine's: for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Makes the file and its table now, instead of when they are first needed: to learn at the start
    /// whether that can be.
    ///
    /// # Errors
    ///
    /// If it can't.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let opened = self.open().await?;
        opened.end(Ok(()))
    }

    /// Removes up to `rows` rows that have run out, and says how many it removed. For a file in which many
    /// have gathered: commits remove a few as well. Others wait for it meanwhile.
    ///
    /// # Errors
    ///
    /// If the file cannot be written to.
    pub async fn sweep(&self, rows: u32) -> Result<u64, StoreError> {
        let mut opened = self.open().await?;
        let sweep = sweep(rows, self.now());
        let swept = sqlx::raw_sql(AssertSqlSafe(sweep))
            .execute(opened.connection()?)
            .await;
        let swept = swept.map(|swept| swept.rows_affected());
        opened.end(swept.map_err(StoreError::unavailable))
    }

    fn now(&self) -> i64 {
        let now = match &self.clock {
            Some(clock) => clock.now(),
            None => UnixTime::from(SystemTime::now()),
        };
        now.as_millis()
    }
}

type Writing<'c> = sqlx::Transaction<'c, sqlx::Sqlite>;

/// The rows of one statement.
async fn rows(
    connection: &mut SqliteConnection,
    statement: String,
) -> Result<Vec<SqliteRow>, StoreError> {
    // Its text is the crate's own, and digits.
    sqlx::raw_sql(AssertSqlSafe(statement))
        .fetch_all(connection)
        .await
        .map_err(StoreError::unavailable)
}

/// The key that a row names.
fn key_of(row: &SqliteRow) -> Result<[u8; 32], StoreError> {
    let bytes: &[u8] = row.try_get("key").map_err(StoreError::unavailable)?;
    let key = bytes.try_into();
    key.map_err(|_| StoreError::unavailable("a key of the table is not of 32 bytes"))
}

fn sweep(rows: u32, now: i64) -> String {
    let long_ago = now.saturating_sub(EXPIRED_LEASE_KEPT);
    format!(
        "delete from countersign_events where key in (
            select key from countersign_events
            where until <= {now} and (committed or until <= {long_ago})
            order by until limit {rows}
        )"
    )
}

/// The moment `duration` after `now`.
fn after(now: i64, duration: Duration) -> i64 {
    now.saturating_add(millis(duration))
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("file", &self.options.get_filename())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
