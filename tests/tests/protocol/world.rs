//! Two workers, their receivers, and the deliveries that senders make to them.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign::{Clock, Gate, Provider, Receiver, Secret, UnixTime, Verifier, provider};
use countersign_testkit::{ManualClock, Signer};
use http::Request;

use super::dice::Dice;
use super::executor::{Role, Spawner};
use super::handler::GONE;
use super::ledger::{Book, Drained, EventLog};
use super::reach::Reach;
use super::server::Server;
use super::store::Store;
use super::watch::Watch;

pub const LEASE: Duration = Duration::from_secs(30);
pub const MAX_RUN: Duration = Duration::from_secs(100);
pub const DEADLINE: Duration = Duration::from_secs(8);
pub const WAIT: Duration = Duration::from_secs(2);
/// How long an adapter may take from the claim to the handler.
pub const LINGER: Duration = Duration::from_secs(2);
pub const WAITERS: usize = 16;
pub const MAX_RUNS: usize = 5;
pub const RETENTION: Duration = Duration::from_secs(35 * 24 * 3600);
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const BEGINNING: i64 = 1_800_000_000;

/// The endpoints of a worker: one event a delivery with a signed time, batches without, and a
/// second account of the first, whose events have the same ids.
pub const SINGLE: usize = 0;
pub const BATCH: usize = 1;
pub const TWIN: usize = 2;
pub const ENDPOINTS: usize = 3;

pub struct Worker {
    pub receivers: [Receiver; ENDPOINTS],
    gates: [Gate; ENDPOINTS],
    alive: Arc<AtomicBool>,
}

/// One request, and what came of it.
pub struct Attempt {
    pub worker: usize,
    pub endpoint: usize,
    pub events: Vec<usize>,
    pub request: Rc<Request<Bytes>>,
    pub forged: bool,
    pub sent: Duration,
    pub answer: Option<u16>,
    /// The sender hung up, or its worker crashed.
    pub gone: bool,
}

impl Attempt {
    pub fn is_open(&self) -> bool {
        self.answer.is_none() && !self.gone
    }
}

pub struct World {
    pub clock: ManualClock,
    pub store: Store,
    pub workers: Vec<Worker>,
    pub spawner: Spawner,
    pub book: Book,
    pub dice: Rc<RefCell<Dice>>,
    pub attempts: Rc<RefCell<Vec<Attempt>>>,
    signers: [Signer; ENDPOINTS],
    verifiers: [Verifier; ENDPOINTS],
    /// Whether handlers answer 200 at once from now on.
    pub calm: Rc<Cell<bool>>,
    /// What a step of the wall clock has made of it, which the senders do not share.
    pub skew: i64,
}

fn provider_of(endpoint: usize) -> Provider {
    match endpoint {
        BATCH => provider::banking_circle(),
        _ => provider::fedapay(),
    }
}

fn name_of(endpoint: usize) -> &'static str {
    ["single", "batch", "twin"][endpoint]
}

/// The numbers of a worker's receivers.
pub fn receivers_of(worker: usize) -> Range<usize> {
    worker * ENDPOINTS..(worker + 1) * ENDPOINTS
}

impl World {
    pub fn new(
        store: impl Fn(&ManualClock) -> Store,
        workers: usize,
        dice: Dice,
        rough: bool,
    ) -> World {
        let clock = ManualClock::new(UnixTime::from_secs(BEGINNING));
        let secret = || Secret::new(SECRET).unwrap();
        let all = std::array::from_fn::<usize, ENDPOINTS, _>(|endpoint| endpoint);
        let signers = all.map(|n| Signer::new(&provider_of(n), &secret()).unwrap());
        let verifiers = all.map(|n| Verifier::new(&provider_of(n), &[secret()]).unwrap());
        let mut world = World {
            store: store(&clock),
            clock,
            workers: Vec::new(),
            spawner: Spawner::default(),
            book: Book::default(),
            dice: Rc::new(RefCell::new(dice)),
            attempts: Rc::default(),
            signers,
            verifiers,
            calm: Rc::default(),
            skew: 0,
        };
        world.book.open().rough = rough;
        for worker in 0..workers {
            let started = world.start(worker);
            world.workers.push(started);
        }
        world
    }

    /// Starts a worker's process.
    pub fn start(&self, worker: usize) -> Worker {
        let alive = Arc::new(AtomicBool::new(true));
        let receivers = std::array::from_fn(|endpoint| {
            let receiver = worker * ENDPOINTS + endpoint;
            Receiver::new(
                name_of(endpoint),
                provider_of(endpoint),
                [Secret::new(SECRET).unwrap()],
            )
            .unwrap()
            .with_retention(RETENTION)
            .unwrap()
            .with_deadlines(DEADLINE, MAX_RUN)
            .unwrap()
            .with_max_runs(MAX_RUNS)
            .with_commit_also(|status| status == GONE)
            .with_observer(Watch {
                receiver,
                endpoint,
                book: self.book.clone(),
                clock: self.clock.clone(),
                turns: self.spawner.turns.clone(),
            })
            .with_store(Reach {
                store: self.store.clone(),
                receiver,
                alive: alive.clone(),
                book: self.book.clone(),
                clock: self.clock.clone(),
                turns: self.spawner.turns.clone(),
            })
        });
        let gates = receivers.each_ref().map(|receiver: &Receiver| {
            let (gate, keeper) = receiver.open(Arc::new(self.clock.clone()));
            let keeper = keeper.expect("the first opening");
            self.spawner.spawn(worker, Role::Keeper, keeper);
            gate
        });
        Worker {
            receivers,
            gates,
            alive,
        }
    }

    /// Ends a worker's process.
    pub fn kill(&self, worker: usize) {
        self.workers[worker].alive.store(false, Ordering::Release);
    }

    /// Asks a worker to shut down.
    pub fn drain(&self, worker: usize, deadline: Duration) {
        for (endpoint, receiver) in self.workers[worker].receivers.iter().enumerate() {
            let number = worker * ENDPOINTS + endpoint;
            let (book, receiver) = (self.book.clone(), receiver.clone());
            let (clock, turns) = (self.clock.clone(), self.spawner.turns.clone());
            self.spawner.spawn(worker, Role::Drain, async move {
                let begun = Drained {
                    turn: turns.now(),
                    until: clock.monotonic() + deadline,
                    done: None,
                };
                book.open().drained.insert(number, begun);
                let settled = receiver.drain(deadline).await;
                if let Some(drained) = book.open().drained.get_mut(&number) {
                    drained.done = Some(settled);
                }
            });
        }
    }

    /// A new event of an endpoint.
    pub fn event(&self, endpoint: usize) -> usize {
        let mut ledger = self.book.open();
        let name = ledger
            .events
            .iter()
            .filter(|event| event.endpoint == endpoint)
            .count();
        ledger.events.push(EventLog {
            endpoint,
            name,
            key: self.key(endpoint, name),
            runs: Vec::new(),
            committed_until: None,
            settled: None,
            forged: false,
        });
        ledger.events.len() - 1
    }

    fn body(&self, endpoint: usize, names: &[usize], note: usize) -> String {
        let member = |name: &usize| match endpoint {
            BATCH => {
                format!(r#"{{"eventId":"evt_{name}","notificationType":"Reversed","note":{note}}}"#)
            }
            _ => format!(r#"{{"id":"evt_{name}","name":"transaction.approved","note":{note}}}"#),
        };
        let members: Vec<String> = names.iter().map(member).collect();
        match endpoint {
            BATCH => format!(r#"{{"notifications":[{}]}}"#, members.join(",")),
            _ => members.concat(),
        }
    }

    /// What the clock of the senders says.
    fn true_time(&self) -> UnixTime {
        UnixTime::from_millis(self.clock.now().as_millis() - self.skew)
    }

    /// A request that carries `events`, as its provider would sign it now. Another `note` makes
    /// another payload of it.
    pub fn sign(&self, endpoint: usize, events: &[usize], note: usize) -> Rc<Request<Bytes>> {
        let names: Vec<usize> = {
            let ledger = self.book.open();
            events
                .iter()
                .map(|event| ledger.events[*event].name)
                .collect()
        };
        let body = self.body(endpoint, &names, note);
        let signed = self.signers[endpoint].sign(body, self.true_time());
        Rc::new(signed.unwrap().into_request())
    }

    /// The key of an event, which only a verified delivery of it yields.
    fn key(&self, endpoint: usize, name: usize) -> [u8; 32] {
        let body = self.body(endpoint, &[name], 0);
        let now = self.true_time();
        let request = self.signers[endpoint]
            .sign(body, now)
            .unwrap()
            .into_request();
        let verifier = &self.verifiers[endpoint];
        let verified = verifier
            .verify(&request, request.body().clone(), now)
            .unwrap();
        let events = verifier.identify(&verified);
        *events[0].key(name_of(endpoint)).as_bytes()
    }

    /// Sends a request to a worker.
    pub fn send(&self, attempt: Attempt) {
        let number = self.attempts.borrow().len();
        let (worker, endpoint) = (attempt.worker, attempt.endpoint);
        let request = attempt.request.clone();
        self.attempts.borrow_mut().push(attempt);
        let server = Server {
            number,
            worker,
            receiver: worker * ENDPOINTS + endpoint,
            endpoint,
            gate: self.workers[worker].gates[endpoint].clone(),
            alive: self.workers[worker].alive.clone(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            spawner: self.spawner.clone(),
            book: self.book.clone(),
            dice: self.dice.clone(),
            calm: self.calm.clone(),
        };
        let attempts = self.attempts.clone();
        let connection = async move {
            let answer = server.serve(&request).await;
            server.answered(&attempts.borrow(), answer);
            attempts.borrow_mut()[number].answer = Some(answer);
        };
        self.spawner
            .spawn(worker, Role::Connection { attempt: number }, connection);
    }
}
