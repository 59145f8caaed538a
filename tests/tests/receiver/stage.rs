//! The stage that the scenarios play on: a clock, a store, workers, and what was seen of them.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign::{
    Clock, Delivery, Envelope, IdSource, MemoryStore, Pointer, Provider, Receiver, Secret,
    TypeSource, UnixTime, provider,
};
use countersign_testkit::{CueStore, ManualClock, Signer};
use http::Request;

use crate::executor::Executor;
use crate::log::{Log, Seen};
use crate::worker::Worker;

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub const START: UnixTime = UnixTime::from_secs(1_800_000_000);

pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn secret() -> Secret {
    Secret::new(SECRET).unwrap()
}

/// The future of a handler.
pub type Answering = Pin<Box<dyn Future<Output = u16>>>;

/// Clones are the same stage.
#[derive(Clone)]
pub struct Stage {
    pub clock: ManualClock,
    pub store: Store,
    pub log: Log,
    pub executor: Rc<Executor>,
    workers: Rc<Cell<usize>>,
    pub counted: Rc<Runs>,
}

#[derive(Clone)]
pub enum Store {
    Memory(Arc<MemoryStore>),
    Cue(CueStore),
}

/// How many handlers were begun, run now, and ran at once at most.
#[derive(Default)]
pub struct Runs {
    begun: Cell<usize>,
    now: Cell<usize>,
    most: Cell<usize>,
}

/// Plays a scene once on the memory store and once on a store whose leases expire.
pub fn on_each_store(scene: impl Fn(&Stage)) {
    println!("on the memory store");
    scene(&Stage::with_memory(100));
    println!("on a store whose leases expire");
    scene(&Stage::with_cues().0);
}

impl Stage {
    /// With a memory store of this capacity.
    pub fn with_memory(capacity: usize) -> Stage {
        let clock = ManualClock::new(START);
        let store = MemoryStore::new(NonZeroUsize::new(capacity).unwrap());
        let store = Store::Memory(Arc::new(store.with_clock(Arc::new(clock.clone()))));
        Stage::new(clock, store)
    }

    /// With a store that fails on cue, and that store.
    pub fn with_cues() -> (Stage, CueStore) {
        let clock = ManualClock::new(START);
        let store = CueStore::new(clock.clone());
        (Stage::new(clock, Store::Cue(store.clone())), store)
    }

    fn new(clock: ManualClock, store: Store) -> Stage {
        Stage {
            clock,
            store,
            log: Log::default(),
            executor: Rc::default(),
            workers: Rc::default(),
            counted: Rc::default(),
        }
    }

    /// A receiver on this stage's store, observed.
    pub fn receiver(&self, endpoint: &str, provider: Provider) -> Receiver {
        let receiver = Receiver::new(endpoint, provider, [secret()])
            .unwrap()
            .with_observer(self.log.clone());
        match &self.store {
            Store::Memory(store) => receiver.with_store(store.clone()),
            Store::Cue(store) => receiver.with_store(store.clone()),
        }
    }

    /// One event a delivery, signed with its time, known by an id in the payload.
    pub fn fedapay(&self) -> Receiver {
        self.receiver("shop", provider::fedapay())
    }

    /// Batches of events.
    pub fn banking_circle(&self) -> Receiver {
        self.receiver("bank", provider::banking_circle())
    }

    /// A provider of batches in which an event is its type and its id.
    pub fn typed_batches(&self) -> Provider {
        let pointer = |text| Pointer::new(text).unwrap();
        let envelope = Envelope {
            members: Some(pointer("/events")),
            id: IdSource::WithType(pointer("/id")),
            kind: TypeSource::Pointers(vec![pointer("/type")]),
            time: None,
        };
        Provider::new("typed", provider::fedapay().scheme().clone(), envelope)
    }

    /// Starts a worker of this receiver, with its keeper.
    pub fn open(&self, receiver: &Receiver) -> Worker {
        let number = self.workers.get();
        self.workers.set(number + 1);
        let (gate, keeper) = receiver.open(Arc::new(self.clock.clone()));
        if let Some(keeper) = keeper {
            self.executor.spawn(number, keeper);
        }
        Worker::new(self, number, gate, receiver)
    }

    /// A delivery of `body`, as the provider would sign it now.
    pub fn sign(&self, provider: &Provider, body: impl Into<Bytes>) -> Request<Bytes> {
        self.sign_at(provider, body, self.clock.now())
    }

    pub fn sign_at(
        &self,
        provider: &Provider,
        body: impl Into<Bytes>,
        at: UnixTime,
    ) -> Request<Bytes> {
        let signer = Signer::new(provider, &secret()).unwrap();
        signer.sign(body, at).unwrap().into_request()
    }

    /// A delivery of FedaPay's, signed now.
    pub fn event(&self, id: &str) -> Request<Bytes> {
        self.sign(
            &provider::fedapay(),
            format!(r#"{{"id":"{id}","name":"transaction.approved"}}"#),
        )
    }

    /// The same under a secret that the receiver does not know.
    pub fn forged(&self, id: &str) -> Request<Bytes> {
        let other = Secret::new("not the secret of the receiver").unwrap();
        let signer = Signer::new(&provider::fedapay(), &other).unwrap();
        let body = format!(r#"{{"id":"{id}","name":"transaction.approved"}}"#);
        signer.sign(body, self.clock.now()).unwrap().into_request()
    }

    /// A batch of Banking Circle's.
    pub fn batch<I: AsRef<str>>(&self, ids: &[I]) -> Request<Bytes> {
        let members: Vec<String> = ids
            .iter()
            .map(|id| {
                let id = id.as_ref();
                format!(r#"{{"eventId":"{id}","notificationType":"Reversed"}}"#)
            })
            .collect();
        let body = format!(r#"{{"notifications":[{}]}}"#, members.join(","));
        self.sign(&provider::banking_circle(), body)
    }

    /// Polls until no task can go on without time passing.
    pub fn run(&self) {
        self.executor.run();
    }

    /// Lets time pass, from one moment at which something happens to the next.
    pub fn pass(&self, time: Duration) {
        let end = self.clock.monotonic() + time;
        self.run();
        while let Some(next) = self.clock.next_wake().filter(|next| *next <= end) {
            self.clock.advance(next - self.clock.monotonic());
            self.run();
        }
        self.clock.advance(end - self.clock.monotonic());
        self.run();
    }

    /// Spawns a future of no worker's; its result is there once it is done.
    pub fn watch<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> Rc<RefCell<Option<T>>> {
        let done = Rc::new(RefCell::new(None));
        let result = done.clone();
        self.executor.spawn(usize::MAX, async move {
            let value = future.await;
            *result.borrow_mut() = Some(value);
        });
        done
    }

    /// How many ids are in progress, and how many are committed.
    pub fn held(&self) -> (usize, usize) {
        match &self.store {
            Store::Memory(store) => {
                let shown = format!("{store:?}");
                let number = |name: &str| -> usize {
                    let (_, rest) = shown.split_once(name).unwrap();
                    rest.split(',').next().unwrap().trim().parse().unwrap()
                };
                (number("in_progress:"), number("committed:"))
            }
            Store::Cue(store) => {
                let entries = store.entries();
                let committed = entries.iter().filter(|(_, state)| {
                    matches!(state, countersign_testkit::EntryState::Committed { .. })
                });
                let committed = committed.count();
                (entries.len() - committed, committed)
            }
        }
    }

    /// What was observed since the last time this was asked, in short.
    pub fn seen(&self) -> Vec<String> {
        self.log.take().iter().map(Seen::to_string).collect()
    }

    /// How many handlers were begun so far.
    pub fn runs(&self) -> usize {
        self.counted.begun.get()
    }

    /// How many handlers run now.
    pub fn running(&self) -> usize {
        self.counted.now.get()
    }

    /// How many handlers ran at the same time at most.
    pub fn most_at_once(&self) -> usize {
        self.counted.most.get()
    }

    /// How many tasks there are, keepers included.
    pub fn tasks(&self) -> usize {
        self.executor.tasks()
    }

    /// A handler that answers `status` after `time`.
    pub fn after(&self, time: Duration, status: u16) -> impl FnOnce(Delivery) -> Answering + use<> {
        let clock = self.clock.clone();
        move |_| {
            Box::pin(async move {
                clock.sleep(time).await;
                status
            })
        }
    }
}

/// A handler that answers at once.
pub fn at_once(status: u16) -> impl FnOnce(Delivery) -> std::future::Ready<u16> {
    move |_| std::future::ready(status)
}

/// A handler that never answers.
pub fn never(_: Delivery) -> std::future::Pending<u16> {
    std::future::pending()
}

/// Counts a handler for as long as it lives.
pub struct Running(Rc<Runs>);

impl Running {
    pub fn begin(runs: Rc<Runs>) -> Running {
        runs.begun.set(runs.begun.get() + 1);
        runs.now.set(runs.now.get() + 1);
        runs.most.set(runs.most.get().max(runs.now.get()));
        Running(runs)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.now.set(self.0.now.get() - 1);
    }
}
