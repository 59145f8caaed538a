//! What is known of the server, for all clones of a store.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::{Cmd, RedisError, RedisResult, Value};

use crate::check::check;
use crate::connect::Connect;
use crate::link::{Ask, Link};

/// How often a server that goes on failing is told of.
const REMINDER: Duration = Duration::from_secs(30);

/// A server, and how long one may take to answer.
#[derive(Clone)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    pub(crate) limit: Duration,
}

struct Shared {
    /// What the log calls it.
    name: String,
    link: Box<dyn Ask>,
    /// It refuses scripts over several slots.
    is_cluster: AtomicBool,
    is_checked: AtomicBool,
    /// When the operator was last told that it fails; `None` while it answers.
    told: Mutex<Option<Instant>>,
}

impl Server {
    pub(crate) fn new(connector: impl Connect, limit: Duration) -> io::Result<Self> {
        Ok(Server {
            shared: Arc::new(Shared {
                name: connector.name(),
                link: Box::new(Link::new(connector)?),
                is_cluster: AtomicBool::new(false),
                is_checked: AtomicBool::new(false),
                told: Mutex::new(None),
            }),
            limit,
        })
    }

    pub(crate) async fn ask(&self, command: Cmd) -> RedisResult<Value> {
        self.shared.link.ask(command, self.limit).await
    }

    /// Tells the operator when the server begins to fail, why, and when it answers again: the sender
    /// sees a 503 whatever it is, and the receiver's observer that the store is unavailable.
    pub(crate) fn tell(&self, failure: Option<&RedisError>) {
        let name = &self.shared.name;
        let mut told = self
            .shared
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match failure {
            Some(error) if told.is_none_or(|told| told.elapsed() >= REMINDER) => {
                *told = Some(Instant::now());
                drop(told);
                tracing::warn!(target: "countersign::redis", "{name} fails as dedupe store: {error}");
            }
            None if told.take().is_some() => {
                drop(told);
                tracing::info!(target: "countersign::redis", "{name} answers again as dedupe store");
            }
            _ => {}
        }
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.shared.is_cluster.load(Ordering::Relaxed)
    }

    pub(crate) fn turned_out_a_cluster(&self) {
        self.shared.is_cluster.store(true, Ordering::Relaxed);
    }

    /// Looks at the server's settings, once, and tells the operator what is wrong with them. Nobody
    /// waits for it.
    pub(crate) fn check_once(&self) {
        if self.shared.is_checked.load(Ordering::Relaxed)
            || self.shared.is_checked.swap(true, Ordering::Relaxed)
        {
            return;
        }
        let server = self.clone();
        self.shared.link.spawn(Box::pin(async move {
            match check(&server).await {
                Ok(warnings) => {
                    for warning in warnings {
                        tracing::warn!(target: "countersign::redis", "{}: {warning}", server.shared.name);
                    }
                }
                // Another time, then.
                Err(_) => server.shared.is_checked.store(false, Ordering::Relaxed),
            }
        }));
    }
}
