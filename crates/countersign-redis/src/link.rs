//! The store's connection: made when it is first needed, made again when it is lost, and kept on a
//! thread of its own.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::{Cmd, RedisError, RedisResult, Value};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::connect::Connect;
use crate::script::is_read_only;

/// How long a connection may take to be made. Calls do not wait that long: it goes on without them.
const ATTEMPT: Duration = Duration::from_secs(5);

/// A connection on which nothing was answered for so long, while it was asked, is given up: a peer
/// that vanished is not missed by the kernel for a quarter of an hour.
const SILENCE: Duration = Duration::from_secs(2);

/// A server that can be asked, however it is connected.
pub(crate) trait Ask: Send + Sync {
    /// One command, and its answer or why there is none within `limit`. It is carried out on the
    /// link's thread, even if the caller is gone.
    fn ask(&self, command: Cmd, limit: Duration) -> BoxFuture<'static, RedisResult<Value>>;

    /// Runs something on the link's thread.
    fn spawn(&self, job: BoxFuture<'static, ()>);
}

pub(crate) struct Link<C: Connect> {
    line: Arc<Line<C>>,
    thread: Thread,
}

impl<C: Connect> Link<C> {
    pub(crate) fn new(connector: C) -> io::Result<Self> {
        Ok(Link {
            line: Arc::new(Line {
                connector: tokio::sync::Mutex::new(connector),
                state: Mutex::new(State {
                    number: 0,
                    connection: None,
                    silent_since: None,
                }),
            }),
            thread: Thread::start()?,
        })
    }
}

impl<C: Connect> Ask for Link<C> {
    fn ask(&self, command: Cmd, limit: Duration) -> BoxFuture<'static, RedisResult<Value>> {
        let line = self.line.clone();
        let call = self.thread.handle.spawn(async move {
            match timeout(limit, line.ask(&command)).await {
                Ok(answer) => answer,
                Err(_) => Err(line.timed_out()),
            }
        });
        Box::pin(async move {
            // It is lost if the thread is, or if the `redis` crate panics.
            call.await
                .unwrap_or_else(|lost| Err(io::Error::other(lost).into()))
        })
    }

    fn spawn(&self, job: BoxFuture<'static, ()>) {
        self.thread.handle.spawn(job);
    }
}

/// A thread on which connections live.
///
/// A connection is a task of the runtime that it was made in. On a worker of the merchant's it would
/// stand still with the first handler that blocks it, and no lease would be renewed; a receiver's
/// keeper, on the other hand, has a runtime that cannot open sockets.
struct Thread {
    handle: Handle,
    /// The thread ends when it is dropped.
    _end: oneshot::Sender<()>,
}

impl Thread {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("countersign-redis".to_owned())
            .spawn(move || runtime.block_on(ended))?;
        Ok(Thread { handle, _end: end })
    }
}

struct Line<C: Connect> {
    /// Locked while a connection is made: one at a time.
    connector: tokio::sync::Mutex<C>,
    state: Mutex<State<C::Connection>>,
}

struct State<K> {
    /// Which connection it is, so that one that was lost is not taken for its successor.
    number: u64,
    connection: Option<Attempt<K>>,
    /// Since when nothing was answered that was asked.
    silent_since: Option<Instant>,
}

/// A connection, made or in the making.
type Attempt<K> = Shared<BoxFuture<'static, RedisResult<K>>>;

impl<C: Connect> Line<C> {
    /// Asks, and if the connection turns out to be lost, asks once more on a new one. That is safe
    /// since every script may be run twice under the same token.
    async fn ask(self: &Arc<Self>, command: &Cmd) -> RedisResult<Value> {
        let mut last = false;
        loop {
            let (number, attempt) = self.connection();
            let mut connection = attempt.await?;
            let answer = command.query_async::<Value>(&mut connection).await;
            self.state().silent_since = None;
            match answer {
                Err(error) if is_lost(&error) => {
                    self.give_up(number);
                    if last {
                        return Err(error);
                    }
                    last = true;
                }
                answer => return answer,
            }
        }
    }

    fn connection(self: &Arc<Self>) -> (u64, Attempt<C::Connection>) {
        let mut state = self.state();
        if let Some(attempt) = &state.connection {
            return (state.number, attempt.clone());
        }
        state.number += 1;
        state.silent_since = None;
        let (line, number) = (self.clone(), state.number);
        // A task of its own, so that it is not given up with the call that began it.
        let task = tokio::spawn(async move {
            let mut connector = line.connector.lock().await;
            let made = match timeout(ATTEMPT, connector.connect()).await {
                Ok(made) => made,
                Err(_) => Err(no_answer("no connection in time")),
            };
            if made.is_err() {
                // Whoever asks next tries again, whatever it was: even a wrong password gets right.
                line.give_up(number);
            }
            made
        });
        let attempt =
            task.map(|made| made.unwrap_or_else(|lost| Err(io::Error::other(lost).into())));
        let attempt = attempt.boxed().shared();
        state.connection = Some(attempt.clone());
        (number, attempt)
    }

    /// What a call is answered whose time is up. A connection that stays silent is given up.
    fn timed_out(&self) -> RedisError {
        let mut state = self.state();
        let made = state
            .connection
            .as_ref()
            .is_some_and(|attempt| attempt.peek().is_some());
        if made
            && state
                .silent_since
                .get_or_insert_with(Instant::now)
                .elapsed()
                >= SILENCE
        {
            state.connection = None;
        }
        no_answer("no answer in time")
    }

    fn give_up(&self, number: u64) {
        let mut state = self.state();
        if state.number == number {
            state.connection = None;
        }
    }

    /// A poisoned lock is taken all the same: nothing under it panics in the midst of a change.
    fn state(&self) -> MutexGuard<'_, State<C::Connection>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether another connection may do better: this one is broken, or leads to a server that has become
/// a replica.
fn is_lost(error: &RedisError) -> bool {
    is_read_only(error) || error.is_unrecoverable_error()
}

fn no_answer(what: &'static str) -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, what).into()
}
