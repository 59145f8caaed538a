//! The pool, and the thread it lives on.

use std::io;
use std::time::Duration;

use countersign::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection as _, PgPool, Postgres};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::Failure;

/// Calls are short: more connections would only make them wait in the server instead of here.
const CONNECTIONS: u32 = 8;

/// A connection that was used a moment ago is trusted; another is asked first whether it lives.
const TRUSTED: Duration = Duration::from_secs(1);

/// A thread with a runtime of its own, and the pool on it.
///
/// A connection belongs to the runtime that opened it. Were that a server's, a handler that blocks its
/// thread would keep everybody else from hearing what comes in on it; and a receiver's background has no
/// network at all.
pub(super) struct Home {
    runtime: Handle,
    pool: PgPool,
    /// The thread ends when this is dropped.
    _alive: oneshot::Sender<()>,
}

impl Home {
    pub(super) fn new(options: PgConnectOptions, timeout: Duration) -> io::Result<Home> {
        let own = Builder::new_current_thread().enable_all().build()?;
        let runtime = own.handle().clone();
        let (alive, dropped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("countersign-sqlx".to_owned())
            .spawn(move || own.block_on(dropped))?;
        let pool = {
            // The pool's own tasks are started where this points.
            let _entered = runtime.enter();
            PgPoolOptions::new()
                .max_connections(CONNECTIONS)
                .test_before_acquire(false)
                .before_acquire(|connection, meta| {
                    Box::pin(async move {
                        if meta.idle_for > TRUSTED {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                })
                // The call has its own limit, which is tighter.
                .acquire_timeout(timeout.saturating_mul(10))
                .connect_lazy_with(options)
        };
        Ok(Home {
            runtime,
            pool,
            _alive: alive,
        })
    }

    /// Sends a statement, or several as one message, which is one transaction then; the rows of all of
    /// them. A call that is dropped goes on until its limit.
    pub(super) async fn run(
        &self,
        statement: String,
        limit: Duration,
    ) -> Result<Vec<PgRow>, Failure> {
        let pool = self.pool.clone();
        let call = self.runtime.spawn(async move {
            let answer = tokio::time::timeout(limit, ask(&pool, statement)).await;
            answer.unwrap_or_else(|_| Err(unanswered("the database took too long")))
        });
        let answer = call.await;
        answer.unwrap_or_else(|_| Err(unanswered("the store is shut down")))
    }
}

fn unanswered(why: &'static str) -> Failure {
    Failure::Unanswered(StoreError::unavailable(why))
}

async fn ask(pool: &PgPool, statement: String) -> Result<Vec<PgRow>, Failure> {
    let connection = pool.acquire().await;
    let connection =
        connection.map_err(|error| Failure::Unanswered(StoreError::unavailable(error)))?;
    let mut lent = Lent(Some(connection));
    let Some(connection) = &mut lent.0 else {
        return Err(unanswered("no connection"));
    };
    // Its text is the crate's own, and digits.
    let answer = sqlx::raw_sql(AssertSqlSafe(statement))
        .fetch_all(&mut **connection)
        .await;
    match answer {
        Ok(rows) => {
            lent.give_back();
            Ok(rows)
        }
        Err(sqlx::Error::Database(error)) => {
            lent.give_back();
            Err(Failure::Refused(sqlx::Error::Database(error)))
        }
        Err(error) => Err(Failure::Unanswered(StoreError::unavailable(error))),
    }
}

/// A connection that is closed unless it is given back: one that was left in the middle of an answer
/// would hold its place in the pool until the server has finished, if it ever does.
struct Lent(Option<PoolConnection<Postgres>>);

impl Lent {
    fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
