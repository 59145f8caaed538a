//! PostgreSQL: a table that many workers share, by the database's own clock.

mod home;
mod leases;
mod statements;
mod transactions;

use std::error::Error as _;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use countersign::StoreError;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{ConnectOptions as _, Row as _};

use self::home::Home;
use self::statements::Statements;
use crate::TIMEOUT;

/// Claims in a table of a PostgreSQL database, which any number of workers may share.
///
/// It has a pool and a thread of its own, so that neither a merchant's queries nor a handler that
/// blocks its thread keep a lease from being renewed. Nothing is connected before it is needed. Every
/// call is one message to the server, without prepared statements or anything else that a session
/// remembers: it works through PgBouncer in transaction mode. Time is the database's; if its clock steps
/// forward, leases end early by as much, and of retention the margin of an hour is used up.
///
/// The table is made by [`migrate`](PostgresStore::migrate). Rows that have run out are removed a few at a
/// time by commits, and [`sweep`](PostgresStore::sweep) removes more.
///
/// For a server that wants TLS, build `sqlx` with one of its `tls-…` features. The URL must name the
/// primary. A replica refuses every call, and so does a primary that a failover has made one; the next
/// call then goes over a new connection.
///
/// Its user needs to select, insert, update and delete. PostgreSQL has to be of version 12 or later.
///
/// Clones share the pool.
#[derive(Clone)]
pub struct PostgresStore {
    home: Arc<Home>,
    statements: Statements,
    timeout: Duration,
}

/// PostgreSQL's names have 63 bytes at most, and `_expires_at` is put behind one.
const LONGEST_NAME: usize = 52;

/// PostgreSQL's code for it.
const UNDEFINED_TABLE: &str = "42P01";

/// What a statement did not do.
enum Failure {
    /// The server did it not, and said why.
    Refused(sqlx::Error),
    /// Whether it did is unknown.
    Unanswered(StoreError),
}

impl PostgresStore {
    /// A store in the database of this URL, in the table `countersign_events`.
    ///
    /// # Errors
    ///
    /// If the URL is none of PostgreSQL's, or the system has no thread left. The server is not asked.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(StoreError::unavailable)?;
        PostgresStore::with_options(options)
    }

    /// The same with sqlx's options: for certificates, or a password that stands in no URL.
    ///
    /// # Errors
    ///
    /// If the system has no thread left. The server is not asked.
    pub fn with_options(options: PgConnectOptions) -> Result<Self, StoreError> {
        // PgBouncer refuses the parameter; and what is logged of statements should be the merchant's.
        let options = options.extra_float_digits(None).disable_statement_logging();
        Ok(PostgresStore {
            home: Arc::new(Home::new(options).map_err(StoreError::unavailable)?),
            statements: Statements::new("countersign_events"),
            timeout: TIMEOUT,
        })
    }

    /// Keeps the events in another table, `name` or `schema.name`.
    ///
    /// # Errors
    ///
    /// If a part is not of 1 to 52 lower-case letters, digits and underscores, the first of them no
    /// digit.
    pub fn with_table(mut self, name: &str) -> Result<Self, StoreError> {
        let is_plain = |part: &str| {
            part.len() <= LONGEST_NAME
                && part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        if name.split('.').count() > 2 || !name.split('.').all(is_plain) {
            return Err(StoreError::unavailable(
                "a table is `name` or `schema.name`, of lower-case letters, digits and underscores",
            ));
        }
        self.statements = Statements::new(name);
        Ok(self)
    }

    /// Sets how long a call may take, connecting and waiting for locks included: 1 s by default. It should
    /// be what the receiver gives a [store](countersign::Receiver::with_timeouts).
    /// [`claim_in`](PostgresStore::claim_in) waits for as long for another transaction on the same event.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Makes the table and its index, if they are not there. Several nodes may do so at once, and while
    /// others use the table.
    ///
    /// # Errors
    ///
    /// If the database cannot be reached within ten times the time-out, or refuses.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let limit = self.timeout.saturating_mul(10);
        let made = self
            .home
            .run(self.statements.migrate(self.timeout), limit)
            .await;
        made.map(drop).map_err(StoreError::from)
    }

    /// What [`migrate`](PostgresStore::migrate) runs: for those who keep their migrations themselves.
    pub fn migration(&self) -> String {
        self.statements.schema()
    }

    /// Removes up to `rows` rows that have run out, and says how many it removed. For a table in which
    /// many have gathered: commits remove a few as well. Several nodes may do so at once, beside
    /// everything else: it skips what others have locked.
    ///
    /// # Errors
    ///
    /// If the database cannot be reached.
    pub async fn sweep(&self, rows: u32) -> Result<u64, StoreError> {
        let swept = self.run(self.statements.sweep_counted(rows)).await?;
        Ok(swept.first().map(count).transpose()?.unwrap_or_default())
    }

    /// One message to the server, and the rows of its answer.
    async fn run(&self, statement: String) -> Result<Vec<PgRow>, Failure> {
        self.home.run(statement, self.timeout).await
    }
}

/// The one number of a row.
fn count(row: &PgRow) -> Result<u64, StoreError> {
    let count: i64 = row.try_get(0).map_err(StoreError::unavailable)?;
    u64::try_from(count).map_err(StoreError::unavailable)
}

/// As the operator reads it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(sqlx::Error::Database(error)) => f.write_str(error.message())?,
            Failure::Refused(error) => write!(f, "{error}")?,
            Failure::Unanswered(error) => match error.source() {
                Some(cause) => write!(f, "{cause}")?,
                None => write!(f, "{error}")?,
            },
        }
        match self.has_code(&[UNDEFINED_TABLE]) {
            true => f.write_str(": call `migrate()`, or run what `migration()` yields"),
            false => Ok(()),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> StoreError {
        match failure {
            Failure::Refused(error) => StoreError::unavailable(error),
            Failure::Unanswered(error) => error,
        }
    }
}

/// Without the options: a password may be in them.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
