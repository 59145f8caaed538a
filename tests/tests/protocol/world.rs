//! Two workers, their receivers, and the deliveries that senders make to them.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign::{
    Claim, Clock, Commit, DedupeStore, Delivery, Gate, Key, Provider, Receiver, Renewal, Secret,
    StoreError, Token, UnixTime, Verifier, provider,
};
use countersign_testkit::{CueStore, EntryState, ManualClock, Operation, Signer};
use http::{Request, StatusCode};

use super::dice::Dice;
use super::executor::{Role, Spawner};
use super::ledger::{End, Handler, Ledger};

pub const LEASE: Duration = Duration::from_secs(30);
pub const MAX_RUN: Duration = Duration::from_secs(100);
pub const DEADLINE: Duration = Duration::from_secs(8);
pub const WAIT: Duration = Duration::from_secs(2);
pub const MAX_RUNS: usize = 5;
pub const RETENTION: Duration = Duration::from_secs(35 * 24 * 3600);
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The two endpoints of a worker: one event a delivery with a signed time, and batches without.
pub const SINGLE: usize = 0;
pub const BATCH: usize = 1;

/// A store as one worker reaches it: a dead worker's calls go nowhere.
#[derive(Clone)]
struct Reach<S> {
    store: S,
    alive: Arc<AtomicBool>,
}

impl<S: DedupeStore + Clone> Reach<S> {
    async fn reach<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if !self.alive.load(Ordering::Acquire) {
            std::future::pending::<()>().await;
        }
        call.await
    }
}

impl<S: DedupeStore + Clone> DedupeStore for Reach<S> {
    fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> impl Future<Output = Result<Claim, StoreError>> + Send {
        self.reach(self.store.claim(keys, token, lease))
    }

    fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> impl Future<Output = Result<Commit, StoreError>> + Send {
        self.reach(self.store.commit(keys, token, retention))
    }

    fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> impl Future<Output = Result<Renewal, StoreError>> + Send {
        self.reach(self.store.renew(keys, token, lease))
    }

    fn release(
        &self,
        keys: &[Key],
        token: Token,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.reach(self.store.release(keys, token))
    }

    fn leases_expire(&self) -> bool {
        self.store.leases_expire()
    }
}

/// The store under test: one whose leases expire and that can be asked what it holds, or the
/// memory store.
#[derive(Clone)]
pub enum Store {
    Cue(CueStore),
    Memory(Arc<countersign::MemoryStore>),
}

pub struct Worker {
    pub gates: [Gate; 2],
    alive: Arc<AtomicBool>,
}

/// What a handler is going to do.
#[derive(Debug, Clone, Copy)]
pub enum Plan {
    Answer {
        after: Duration,
        success: bool,
    },
    Panic {
        after: Duration,
    },
    Hang,
    Block {
        time: Duration,
        success: bool,
    },
    /// Settles the events of a batch one by one: every so-many-th failed, the last one left to the
    /// answer.
    Each {
        pause: Duration,
        fail_every: usize,
    },
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
    /// When the worker crashed that had it.
    pub crashed: Option<Duration>,
}

pub struct World {
    pub clock: ManualClock,
    pub store: Store,
    pub workers: Vec<Worker>,
    pub spawner: Spawner,
    pub ledger: Rc<RefCell<Ledger>>,
    pub dice: Rc<RefCell<Dice>>,
    pub attempts: Rc<RefCell<Vec<Attempt>>>,
    signers: [Signer; 2],
    verifiers: [Verifier; 2],
    /// Whether handlers answer 200 at once from now on.
    pub calm: Rc<RefCell<bool>>,
    /// What a step of the wall clock has made of it, which the senders do not share.
    pub skew: i64,
}

fn provider_of(endpoint: usize) -> Provider {
    if endpoint == SINGLE {
        provider::fedapay()
    } else {
        provider::banking_circle()
    }
}

fn name_of(endpoint: usize) -> &'static str {
    if endpoint == SINGLE {
        "single"
    } else {
        "batch"
    }
}

impl World {
    pub fn new(
        store: impl Fn(&ManualClock) -> Store,
        workers: usize,
        dice: Dice,
        rough: bool,
    ) -> World {
        let clock = ManualClock::new(UnixTime::from_secs(1_800_000_000));
        let secret = || Secret::new(SECRET).unwrap();
        let signers = [SINGLE, BATCH].map(|n| Signer::new(&provider_of(n), &secret()).unwrap());
        let verifiers =
            [SINGLE, BATCH].map(|n| Verifier::new(&provider_of(n), &[secret()]).unwrap());
        let ledger = Ledger {
            rough,
            ..Ledger::default()
        };
        let mut world = World {
            store: store(&clock),
            clock,
            workers: Vec::new(),
            spawner: Spawner::default(),
            ledger: Rc::new(RefCell::new(ledger)),
            dice: Rc::new(RefCell::new(dice)),
            attempts: Rc::default(),
            signers,
            verifiers,
            calm: Rc::default(),
            skew: 0,
        };
        for worker in 0..workers {
            let started = world.start(worker);
            world.workers.push(started);
        }
        world
    }

    /// Starts a worker's process.
    pub fn start(&self, worker: usize) -> Worker {
        let alive = Arc::new(AtomicBool::new(true));
        let receivers = [SINGLE, BATCH].map(|endpoint| {
            let receiver = Receiver::new(
                name_of(endpoint),
                provider_of(endpoint),
                [Secret::new(SECRET).unwrap()],
            )
            .unwrap()
            .with_retention(RETENTION)
            .unwrap()
            .with_deadlines(DEADLINE, MAX_RUN)
            .unwrap()
            .with_max_runs(MAX_RUNS);
            let alive = alive.clone();
            match &self.store {
                Store::Cue(store) => receiver.with_store(Reach {
                    store: store.clone(),
                    alive,
                }),
                Store::Memory(store) => receiver.with_store(Reach {
                    store: store.clone(),
                    alive,
                }),
            }
        });
        let gates = [SINGLE, BATCH].map(|endpoint| {
            let (gate, keeper) = receivers[endpoint].open(Arc::new(self.clock.clone()));
            self.spawner
                .spawn(worker, Role::Keeper, keeper.expect("the first opening"));
            gate
        });
        Worker { gates, alive }
    }

    /// Whether a worker's process lives.
    pub fn kill(&self, worker: usize) {
        self.workers[worker].alive.store(false, Ordering::Release);
    }

    /// A request that carries `events`, as its provider would sign it now.
    pub fn sign(&self, endpoint: usize, events: &[usize]) -> Rc<Request<Bytes>> {
        let body = if endpoint == SINGLE {
            format!(
                r#"{{"id":"evt_{}","name":"transaction.approved"}}"#,
                events[0]
            )
        } else {
            let members: Vec<String> = events
                .iter()
                .map(|event| {
                    format!(r#"{{"eventId":"evt_{event}","notificationType":"Reversed"}}"#)
                })
                .collect();
            format!(r#"{{"notifications":[{}]}}"#, members.join(","))
        };
        let true_time = UnixTime::from_millis(self.clock.now().as_millis() - self.skew);
        Rc::new(
            self.signers[endpoint]
                .sign(body, true_time)
                .unwrap()
                .into_request(),
        )
    }

    /// The keys of events, which only a verified delivery of them yields.
    pub fn keys(&self, endpoint: usize, events: &[usize]) -> Vec<[u8; 32]> {
        let request = self.sign(endpoint, events);
        let true_time = UnixTime::from_millis(self.clock.now().as_millis() - self.skew);
        let verifier = &self.verifiers[endpoint];
        let verified = verifier
            .verify(&*request, request.body().clone(), true_time)
            .unwrap();
        let events = verifier.identify(&verified);
        events
            .iter()
            .map(|event| *event.key(name_of(endpoint)).as_bytes())
            .collect()
    }

    pub fn standing(&self, key: &[u8; 32]) -> Option<EntryState> {
        let Store::Cue(store) = &self.store else {
            return None;
        };
        store
            .entries()
            .into_iter()
            .find(|(other, _)| other == key)
            .map(|(_, state)| state)
    }

    /// Sends a request to a worker.
    pub fn send(&self, attempt: Attempt, keys: Vec<[u8; 32]>) {
        let number = self.attempts.borrow().len();
        let (worker, endpoint) = (attempt.worker, attempt.endpoint);
        let request = attempt.request.clone();
        let events = attempt.events.clone();
        self.attempts.borrow_mut().push(attempt);
        let server = Server {
            number,
            worker,
            receiver: worker * 2 + endpoint,
            events,
            keys,
            gate: self.workers[worker].gates[endpoint].clone(),
            alive: self.workers[worker].alive.clone(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            spawner: self.spawner.clone(),
            ledger: self.ledger.clone(),
            dice: self.dice.clone(),
            calm: self.calm.clone(),
        };
        let attempts = self.attempts.clone();
        let connection = async move {
            let answer = server.serve(&request).await;
            attempts.borrow_mut()[number].answer = Some(answer);
            server.answered(&attempts.borrow()[number], answer);
        };
        self.spawner
            .spawn(worker, Role::Connection { attempt: number }, connection);
    }
}

/// The part of an adapter: from a request to its answer.
struct Server {
    number: usize,
    worker: usize,
    receiver: usize,
    events: Vec<usize>,
    keys: Vec<[u8; 32]>,
    gate: Gate,
    alive: Arc<AtomicBool>,
    store: Store,
    clock: ManualClock,
    spawner: Spawner,
    ledger: Rc<RefCell<Ledger>>,
    dice: Rc<RefCell<Dice>>,
    calm: Rc<RefCell<bool>>,
}

impl Server {
    async fn serve(&self, request: &Request<Bytes>) -> u16 {
        let body = request.body();
        let mut intake = match self.gate.begin(request, Some(body.len() as u64)) {
            Ok(intake) => intake,
            Err(answer) => return answer.status.as_u16(),
        };
        let half = body.len() / 2;
        for chunk in [body.slice(..half), body.slice(half..)] {
            if let Err(answer) = intake.update(chunk) {
                return answer.status.as_u16();
            }
        }
        let run = match intake.admit().await {
            Ok(run) => run,
            Err(answer) => {
                let (status, retry) = (answer.status.as_u16(), answer.retry_after);
                let bounded = retry.is_some_and(|seconds| (1..=LEASE.as_secs()).contains(&seconds));
                if matches!(status, 409 | 503) && !bounded {
                    self.violate("answers", format!("{status} with Retry-After {retry:?}"));
                }
                return status;
            }
        };
        let handler = self.handler(run.delivery());
        let connection = run.connection();
        let task = run.supervise(handler, |status| StatusCode::from_u16(*status).unwrap());
        let (alive, spawner) = (self.alive.clone(), self.spawner.clone());
        let (worker, attempt) = (self.worker, self.number);
        let carried = connection.carry(task, move |rest| {
            if alive.load(Ordering::Acquire) {
                let rest = async move {
                    let _ = rest.await;
                };
                spawner.spawn(worker, Role::Rest { attempt }, rest);
            }
        });
        carried
            .await
            .unwrap_or_else(|answer| answer.status.as_u16())
    }

    fn violate(&self, invariant: &'static str, detail: String) {
        self.ledger
            .borrow_mut()
            .violate(invariant, format!("attempt {}: {detail}", self.number));
    }

    /// What the sender learns, held against what happened.
    fn answered(&self, attempt: &Attempt, answer: u16) {
        let took = self.clock.monotonic() - attempt.sent;
        self.ledger.borrow_mut().log.push(format!(
            "attempt {} answered {answer} after {took:?}",
            self.number
        ));
        if attempt.forged && answer != 401 {
            self.violate(
                "no poison",
                format!("a forged delivery was answered {answer}"),
            );
        }
        if answer / 100 == 2 {
            for event in &attempt.events {
                if !self.ledger.borrow().succeeded(*event) {
                    self.violate(
                        "no loss",
                        format!("event {event}: {answer}, and no run succeeded"),
                    );
                }
            }
        }
        if answer == 409 && took < WAIT {
            self.violate("answers", format!("409 after {took:?} already"));
        }
    }

    fn indices(&self, delivery: &Delivery) -> Vec<usize> {
        delivery
            .events()
            .map(|event| event.id().strip_prefix("evt_").unwrap().parse().unwrap())
            .collect()
    }

    fn plan(&self, batch: bool) -> Plan {
        if *self.calm.borrow() {
            return Plan::Answer {
                after: Duration::ZERO,
                success: true,
            };
        }
        let mut dice = self.dice.borrow_mut();
        let seconds =
            |dice: &mut Dice| Duration::from_secs(dice.pick(&[0, 0, 1, 1, 5, 9, 20, 45, 75]));
        match dice.below(20) {
            0..=8 => Plan::Answer {
                after: seconds(&mut dice),
                success: true,
            },
            9..=12 => Plan::Answer {
                after: seconds(&mut dice),
                success: false,
            },
            13 => Plan::Panic {
                after: seconds(&mut dice),
            },
            14 => Plan::Hang,
            15 => Plan::Block {
                time: Duration::from_secs(dice.pick(&[3, 40, 120, 200])),
                success: dice.chance(50),
            },
            _ if batch => Plan::Each {
                pause: seconds(&mut dice),
                fail_every: 1 + dice.below(3),
            },
            _ => Plan::Answer {
                after: Duration::ZERO,
                success: true,
            },
        }
    }

    fn handler(&self, delivery: Delivery) -> impl Future<Output = u16> + use<> {
        let events = self.indices(&delivery);
        let plan = self.plan(self.events.len() > 1);
        let scene = Scene {
            attempt: self.number,
            receiver: self.receiver,
            events,
            ledger: self.ledger.clone(),
            clock: self.clock.clone(),
            open: RefCell::default(),
        };
        let named: Vec<(usize, [u8; 32])> = self
            .events
            .iter()
            .copied()
            .zip(self.keys.iter().copied())
            .collect();
        let (store, spawner) = (self.store.clone(), self.spawner.clone());
        async move {
            let standing = |event: usize| {
                let Store::Cue(store) = &store else {
                    return None;
                };
                let (_, key) = named.iter().find(|(other, _)| *other == event)?;
                store
                    .entries()
                    .into_iter()
                    .find(|(other, _)| other == key)
                    .map(|(_, state)| state)
            };
            let failed_commits = || match &store {
                Store::Cue(store) => {
                    store.calls(Operation::Commit) - store.carried_out(Operation::Commit)
                }
                Store::Memory(_) => 0,
            };
            scene.begin(plan, standing);
            match plan {
                Plan::Answer { after, success } => {
                    scene.pause(after).await;
                    scene.answer(success)
                }
                Plan::Panic { after } => {
                    scene.pause(after).await;
                    scene.answer(false);
                    std::panic::resume_unwind(Box::new("a handler's panic"));
                }
                Plan::Hang => std::future::pending().await,
                Plan::Block { time, success } => {
                    let until = scene.clock.monotonic() + time;
                    spawner.block(scene.attempt, until);
                    let mut wake = scene.clock.sleep(time);
                    std::future::poll_fn(|cx| wake.as_mut().poll(cx)).await;
                    scene.answer(success)
                }
                Plan::Each { pause, fail_every } => {
                    let events = scene.events.clone();
                    for (n, event) in events.iter().enumerate().skip(1) {
                        scene.pause(pause).await;
                        let id = format!("evt_{event}");
                        if n % fail_every == 0 {
                            scene.settle(*event, End::Failed);
                            delivery.failed(&id).await;
                        } else {
                            scene.settle(*event, End::Succeeded);
                            let before = failed_commits();
                            delivery.done(&id).await;
                            let committed =
                                !matches!(standing(*event), Some(EntryState::InProgress { .. }));
                            if !committed && failed_commits() == before {
                                let detail = format!("event {event} is done and not committed");
                                scene.ledger.borrow_mut().violate("commit lands", detail);
                            }
                        }
                    }
                    scene.answer(true)
                }
            }
        }
    }
}

/// A handler on the stage: what it does is written down, even that it was cut short.
struct Scene {
    attempt: usize,
    receiver: usize,
    events: Vec<usize>,
    ledger: Rc<RefCell<Ledger>>,
    clock: ManualClock,
    open: RefCell<Vec<usize>>,
}

impl Scene {
    fn begin(&self, plan: Plan, standing: impl Fn(usize) -> Option<EntryState>) {
        let started = self.clock.monotonic();
        self.ledger.borrow_mut().log.push(format!(
            "attempt {} runs events {:?}: {plan:?}",
            self.attempt, self.events
        ));
        for event in &self.events {
            let standing = standing(*event);
            self.ledger
                .borrow_mut()
                .begin(*event, self.attempt, standing);
            self.open.borrow_mut().push(*event);
        }
        let blocking = matches!(plan, Plan::Block { .. });
        let handler = Handler {
            attempt: self.attempt,
            receiver: self.receiver,
            started,
            blocking,
        };
        let mut ledger = self.ledger.borrow_mut();
        ledger.handlers.push(handler);
        let beside = ledger
            .handlers
            .iter()
            .filter(|other| other.receiver == self.receiver)
            .count();
        if beside > MAX_RUNS {
            ledger.violate("bounded", format!("{beside} handlers at once"));
        }
    }

    async fn pause(&self, time: Duration) {
        if !time.is_zero() {
            self.clock.sleep(time).await;
        }
    }

    fn settle(&self, event: usize, end: End) {
        self.open.borrow_mut().retain(|open| *open != event);
        self.ledger.borrow_mut().end(event, self.attempt, end);
    }

    fn answer(&self, success: bool) -> u16 {
        let open = std::mem::take(&mut *self.open.borrow_mut());
        let end = if success { End::Succeeded } else { End::Failed };
        for event in open {
            self.ledger.borrow_mut().end(event, self.attempt, end);
        }
        self.leave();
        if success { 200 } else { 500 }
    }

    fn leave(&self) {
        self.ledger
            .borrow_mut()
            .handlers
            .retain(|handler| handler.attempt != self.attempt);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let ran = {
            let ledger = self.ledger.borrow();
            let handler = ledger
                .handlers
                .iter()
                .find(|handler| handler.attempt == self.attempt);
            handler.map(|handler| self.clock.monotonic() - handler.started)
        };
        let Some(ran) = ran else { return };
        for event in std::mem::take(&mut *self.open.borrow_mut()) {
            self.ledger
                .borrow_mut()
                .end(event, self.attempt, End::Failed);
        }
        self.leave();
        // Only a handler that had all its time may be cut short by a worker that lives.
        let excused = self.ledger.borrow().tolerates_cuts;
        if ran < MAX_RUN && !excused {
            let detail = format!("attempt {}: cut short after {ran:?}", self.attempt);
            self.ledger.borrow_mut().violate("no loss", detail);
        }
    }
}
