//! A handler that knows no framework: it is given the core's delivery, and answers a status.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use countersign::Delivery;

use super::signal::{Leave, Tally};

pub type Answering = Pin<Box<dyn Future<Output = u16> + Send>>;
pub type Handler = Arc<dyn Fn(Delivery) -> Answering + Send + Sync>;

/// What was run: by one handler, or by those of several sites.
#[derive(Clone, Default)]
pub struct Runs {
    pub begun: Tally,
    /// Handlers that are gone: finished, panicked, or dropped.
    pub ended: Tally,
    counted: Arc<Counted>,
}

#[derive(Default)]
struct Counted {
    now: AtomicUsize,
    most: AtomicUsize,
    ids: Mutex<Vec<Vec<String>>>,
}

impl Runs {
    /// `work` as a handler whose runs are counted.
    pub fn handler<A>(&self, work: impl Fn(Delivery) -> A + Send + Sync + 'static) -> Handler
    where
        A: Future<Output = u16> + Send + 'static,
    {
        let runs = self.clone();
        Arc::new(move |delivery| {
            let ids = delivery.events().map(|event| event.id().to_owned());
            runs.counted.ids.lock().unwrap().push(ids.collect());
            let running = Running::begin(&runs);
            let answer = work(delivery);
            Box::pin(async move {
                let _running = running;
                answer.await
            })
        })
    }

    /// A handler that answers at once.
    pub fn at_once(&self, status: u16) -> Handler {
        self.handler(move |_| std::future::ready(status))
    }

    /// A handler that answers when it gets leave to.
    pub fn held(&self, leave: &Leave, status: u16) -> Handler {
        let leave = leave.clone();
        self.handler(move |_| {
            let leave = leave.clone();
            async move {
                leave.wait().await;
                status
            }
        })
    }

    pub fn number(&self) -> usize {
        self.begun.get()
    }

    /// How many run now.
    pub fn now(&self) -> usize {
        self.counted.now.load(Ordering::SeqCst)
    }

    /// How many ran at the same time at most.
    pub fn most(&self) -> usize {
        self.counted.most.load(Ordering::SeqCst)
    }

    /// The ids that each run was handed, in the order in which they began.
    pub fn ids(&self) -> Vec<Vec<String>> {
        self.counted.ids.lock().unwrap().clone()
    }
}

/// Counts a run for as long as its handler lives.
struct Running(Runs);

impl Running {
    fn begin(runs: &Runs) -> Running {
        let now = runs.counted.now.fetch_add(1, Ordering::SeqCst) + 1;
        runs.counted.most.fetch_max(now, Ordering::SeqCst);
        runs.begun.add();
        Running(runs.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.counted.now.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.add();
    }
}
