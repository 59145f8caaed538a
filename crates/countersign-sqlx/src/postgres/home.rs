//! The pool, and the thread it lives on.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, PgPool, Postgres};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::Failure;
use crate::operator::Operator;

/// Calls are short: more connections would only make them wait in the server instead of here.
const CONNECTIONS: u32 = 8;

/// PostgreSQL's code for a write on a server, or in a session, that may only read.
const READ_ONLY: &str = "25006";

/// No call waits for a connection for longer, whatever its own limit is.
const LONGEST: Duration = Duration::from_secs(60);

/// A thread with a runtime of its own, and the pool on it.
///
/// A connection belongs to the runtime that opened it. Were that a server's, a handler that blocks its
/// thread would keep everybody else from hearing what comes in on it; and a receiver's background has no
/// network at all.
pub(super) struct Home {
    runtime: Handle,
    pool: PgPool,
    operator: Arc<Operator>,
    /// The thread ends when this is dropped.
    _alive: oneshot::Sender<()>,
}

impl Home {
    pub(super) fn new(options: PgConnectOptions) -> io::Result<Home> {
        let own = Builder::new_current_thread().enable_all().build()?;
        let runtime = own.handle().clone();
        let database = options.get_database().unwrap_or_default();
        let (host, port) = (options.get_host(), options.get_port());
        let name = format!("postgres at {host}:{port}/{database}");
        let (alive, dropped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("countersign-sqlx".to_owned())
            .spawn(move || own.block_on(dropped))?;
        let pool = {
            // The pool's own tasks are started where this points.
            let _entered = runtime.enter();
            PgPoolOptions::new()
                .max_connections(CONNECTIONS)
                // It would be a round trip more: a connection that is broken is found out by its first call.
                .test_before_acquire(false)
                .acquire_timeout(LONGEST)
                .connect_lazy_with(options)
        };
        Ok(Home {
            runtime,
            pool,
            operator: Arc::new(Operator::new(name)),
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
        let (pool, operator) = (self.pool.clone(), self.operator.clone());
        // The operator is told here: by then a receiver may have given up on the call.
        let call = self.runtime.spawn(async move {
            let connected = AtomicBool::new(false);
            let answer = tokio::time::timeout(limit, ask(&pool, statement, &connected)).await;
            let answer = answer.unwrap_or_else(|_| {
                Err(unanswered(match connected.load(Ordering::Relaxed) {
                    true => "the database took too long",
                    false => "no connection was to be had in time: is the server there?",
                }))
            });
            match &answer {
                Ok(_) => operator.answers(),
                Err(failure) if failure.is_anothers_turn() => {}
                Err(failure) => operator.fails(failure),
            }
            answer
        });
        let answer = call.await;
        answer.unwrap_or_else(|_| Err(unanswered("the store is shut down")))
    }
}

fn unanswered(why: &'static str) -> Failure {
    Failure::Unanswered(StoreError::unavailable(why))
}

/// Asks again on another connection where one turns out to be broken: after a restart of the server
/// all of them are. Each call may be carried out twice: a claim finds its own token, and the others
/// change nothing the second time.
async fn ask(
    pool: &PgPool,
    statement: String,
    connected: &AtomicBool,
) -> Result<Vec<PgRow>, Failure> {
    let mut broken = 0;
    loop {
        match ask_once(pool, statement.clone(), connected).await {
            Err(Broken::Connection(_)) if broken < CONNECTIONS => broken += 1,
            Err(Broken::Connection(error) | Broken::Pool(error)) => {
                return Err(Failure::Unanswered(StoreError::unavailable(error)));
            }
            Err(Broken::Rule(error)) => return Err(Failure::Refused(error)),
            Ok(rows) => return Ok(rows),
        }
    }
}

/// What kept a statement from being answered.
enum Broken {
    Pool(sqlx::Error),
    Connection(sqlx::Error),
    /// Nothing did: the answer is no.
    Rule(sqlx::Error),
}

async fn ask_once(
    pool: &PgPool,
    statement: String,
    connected: &AtomicBool,
) -> Result<Vec<PgRow>, Broken> {
    let mut lent = Lent(Some(pool.acquire().await.map_err(Broken::Pool)?));
    connected.store(true, Ordering::Relaxed);
    let connection = lent.0.as_mut();
    let connection = connection.ok_or(Broken::Pool(sqlx::Error::PoolClosed))?;
    // Its text is the crate's own, and digits.
    let answer = sqlx::raw_sql(AssertSqlSafe(statement))
        .fetch_all(&mut **connection)
        .await;
    match answer {
        Ok(rows) => {
            lent.give_back();
            Ok(rows)
        }
        // It may be the last thing that the server says on this connection.
        Err(error @ sqlx::Error::Database(_)) if is_farewell(&error) => {
            Err(Broken::Connection(error))
        }
        Err(error @ sqlx::Error::Database(_)) => {
            lent.give_back();
            Err(Broken::Rule(error))
        }
        Err(error) => Err(Broken::Connection(error)),
    }
}

/// The server shuts down, or ended the session: class 57P, and 08 for connections. Or it may only be read
/// from: after a failover that is the primary of before, and the name leads to another one by now.
fn is_farewell(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("57P") || code.starts_with("08") || code == READ_ONLY)
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
