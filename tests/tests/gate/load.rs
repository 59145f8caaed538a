//! A million deliveries over connections that are kept alive, and of each hundred one of every kind of
//! trouble: `just load`, whose runs are recorded in `docs/hardness.md`.

use std::fs;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use countersign::{Delivery, MemoryStore, UnixTime, provider};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::runtime::Builder;

use crate::deliveries::{event, event_body, forged, held, shop, signed_at};
use crate::sender::Sender;
use crate::site::{ActixServer, AxumServer, Framework, Handler, Route, Tally, panics, until};
use crate::stage::{Kind, Shelf};

const SENDERS: usize = 16;

/// What a store holds of recent events, for duplicates to come of. A store in memory has to be larger.
const RECENT: usize = 64;
const LEAST_CAPACITY: usize = 25_000;

/// How much more memory may be held at the end than at half time, by which the store is full.
const GROWTH: f64 = 1.05;

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Plain,
    Forged,
    Stale,
    /// It is followed by an event that was answered 2xx before.
    Duplicate,
    /// On three connections at once.
    Concurrent,
    /// Its sender is gone before the answer, and comes again.
    HangsUp,
    /// Its first run fails: every other one by a panic.
    Fails,
}

impl Fate {
    /// The same for the sender, the handler and the audit.
    fn of(number: usize, seed: u64) -> Fate {
        let mut random = SmallRng::seed_from_u64(seed ^ ((number as u64) << 24));
        match random.random_range(0..100) {
            0 => Fate::Forged,
            1 => Fate::Stale,
            2 => Fate::Duplicate,
            3 => Fate::Concurrent,
            4 => Fate::HangsUp,
            5 => Fate::Fails,
            _ => Fate::Plain,
        }
    }
}

/// What is known of one event. Nothing here grows while deliveries come.
#[derive(Default)]
struct Entry {
    running: AtomicU8,
    overlaps: AtomicU8,
    successes: AtomicU8,
    failures: AtomicU8,
    /// Answers that told of a run of the delivery's own.
    own: AtomicU8,
}

#[derive(Clone)]
struct Load {
    seed: u64,
    ledger: Arc<[Entry]>,
}

impl Load {
    /// A handler that enters what it does into the ledger.
    fn handler(&self) -> Handler {
        let load = self.clone();
        Arc::new(move |delivery: Delivery| {
            let load = load.clone();
            Box::pin(async move {
                let id = delivery.events().next().expect("an event").id().to_owned();
                let number: usize = id.parse().expect("a number");
                let (fate, entry) = (Fate::of(number, load.seed), &load.ledger[number]);
                if entry.running.fetch_add(1, Relaxed) > 0 {
                    entry.overlaps.store(1, Relaxed);
                }
                if matches!(fate, Fate::Concurrent | Fate::HangsUp) {
                    // The others find it at work.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                let fails = fate == Fate::Fails && entry.failures.load(Relaxed) == 0;
                entry.running.fetch_sub(1, Relaxed);
                let came_to = [&entry.successes, &entry.failures][usize::from(fails)];
                came_to.fetch_add(1, Relaxed);
                match fails {
                    true if number.is_multiple_of(2) => panics::intended(),
                    true => 500,
                    false => 201,
                }
            })
        })
    }

    /// Sends one delivery, and what follows from its fate. `Err` says how it was answered otherwise
    /// than it should.
    fn deliver(&self, number: usize, line: &mut Line) -> Result<(), String> {
        let id = number.to_string();
        let fate = Fate::of(number, self.seed);
        let wrong = |status: u16| format!("{number}, {fate:?}: {status}");
        let expect = |sender: &mut Sender, wanted: u16| {
            let status = sender.send(&event(&id)).status;
            self.heard(number, status);
            if status == wanted {
                Ok(())
            } else {
                Err(wrong(status))
            }
        };
        match fate {
            Fate::Plain => expect(line.first(), 201)?,
            Fate::Fails => {
                expect(line.first(), 500)?;
                expect(line.first(), 201)?;
            }
            Fate::Forged => return refused(line.first().send(&forged(&id)).status).map_err(wrong),
            Fate::Stale => {
                let then = SystemTime::now() - Duration::from_secs(3600);
                let stale = signed_at(&provider::fedapay(), event_body(&id), UnixTime::from(then));
                return refused(line.first().send(&stale).status).map_err(wrong);
            }
            Fate::Duplicate => {
                expect(line.first(), 201)?;
                let again = line.any_recent().unwrap_or(number);
                let response = line.first().send(&event(&again.to_string()));
                if !response.is_duplicate() {
                    self.heard(again, response.status);
                    return Err(format!("{again}, again: {}", response.status));
                }
            }
            Fate::Concurrent => {
                let post = event(&id);
                line.open.iter_mut().for_each(|sender| sender.start(&post));
                for sender in &mut line.open {
                    let response = sender.response();
                    self.heard(number, response.status);
                    let known = response.is_duplicate() || response.is_in_progress();
                    if response.status != 201 && !known {
                        return Err(wrong(response.status));
                    }
                }
            }
            Fate::HangsUp => {
                line.first().start(&event(&id));
                let gone = line.reconnect();
                if line.random.random() {
                    gone.reset();
                } else {
                    gone.close();
                }
                until("a 2xx in the end", || {
                    let status = line.first().send(&event(&id)).status;
                    self.heard(number, status);
                    (200..300).contains(&status)
                });
            }
        }
        line.remember(number);
        Ok(())
    }

    fn heard(&self, number: usize, status: u16) {
        if status == 201 {
            self.ledger[number].own.fetch_add(1, Relaxed);
        }
    }

    /// The invariants of `docs/reliability.md`, event by event. Returns how many there were.
    fn audit(&self) -> usize {
        let mut events = 0;
        for (number, entry) in self.ledger.iter().enumerate() {
            let fate = Fate::of(number, self.seed);
            let genuine = !matches!(fate, Fate::Forged | Fate::Stale);
            events += usize::from(genuine);
            let [running, overlaps, successes, failures, own] = [
                &entry.running,
                &entry.overlaps,
                &entry.successes,
                &entry.failures,
                &entry.own,
            ]
            .map(|count| count.load(Relaxed));
            let told = format!("{number}, {fate:?}, seed {}", self.seed);
            assert_eq!(successes, u8::from(genuine), "successes of {told}");
            assert_eq!(
                failures,
                u8::from(fate == Fate::Fails),
                "failures of {told}"
            );
            assert_eq!((running, overlaps), (0, 0), "runs at once of {told}");
            // Whose own 2xx was lost on the way heard of a duplicate.
            assert!(own <= 1, "{own} answers of a run's own for {told}");
        }
        events
    }
}

fn refused(status: u16) -> Result<(), u16> {
    if status == 401 { Ok(()) } else { Err(status) }
}

/// The connections of one sender, and what it has sent lately.
struct Line<'a> {
    connect: &'a (dyn Fn() -> Sender + Sync),
    open: [Sender; 3],
    recent: Vec<usize>,
    oldest: usize,
    random: SmallRng,
}

impl<'a> Line<'a> {
    fn new(connect: &'a (dyn Fn() -> Sender + Sync), seed: u64) -> Self {
        Line {
            connect,
            open: [connect(), connect(), connect()],
            recent: Vec::new(),
            oldest: 0,
            random: SmallRng::seed_from_u64(seed),
        }
    }

    fn first(&mut self) -> &mut Sender {
        &mut self.open[0]
    }

    fn reconnect(&mut self) -> Sender {
        std::mem::replace(&mut self.open[0], (self.connect)())
    }

    fn any_recent(&mut self) -> Option<usize> {
        let at = self.random.random_range(0..RECENT);
        self.recent.get(at % self.recent.len().max(1)).copied()
    }

    fn remember(&mut self, number: usize) {
        if self.recent.len() < RECENT {
            self.recent.push(number);
        } else {
            self.recent[self.oldest] = number;
            self.oldest = (self.oldest + 1) % RECENT;
        }
    }
}

enum Server {
    Axum(AxumServer),
    ActixWeb(ActixServer),
}

fn play(framework: Framework, kind: Kind) {
    let seed = number_of("COUNTERSIGN_SEED").unwrap_or_else(rand::random);
    let deliveries = number_of("COUNTERSIGN_DELIVERIES").unwrap_or(1_000_000) as usize;
    println!("COUNTERSIGN_SEED={seed} COUNTERSIGN_DELIVERIES={deliveries} {framework:?} {kind:?}");
    panics::watch();
    // What a first runtime opens for the whole process: the pipe of its signals.
    drop(Builder::new_current_thread().enable_all().build().unwrap());
    let descriptors_before = descriptors();
    let capacity = (deliveries / 4).max(LEAST_CAPACITY);
    let memory = Arc::new(MemoryStore::new(NonZeroUsize::new(capacity).unwrap()));
    let store = match kind {
        Kind::Sqlite => Shelf::sqlite(),
        _ => {
            let memory = memory.clone();
            Shelf::new(memory.clone(), move || held(&memory))
        }
    };
    let load = Load {
        seed,
        ledger: (0..deliveries).map(|_| Entry::default()).collect(),
    };
    let receiver = shop().with_store(store.clone());
    let routes = [Route::new("/hook", receiver, load.handler())];
    let (server, address) = match framework {
        Framework::Axum => {
            let server = AxumServer::start(2, &routes, &Tally::default());
            let address = server.address;
            (Server::Axum(server), address)
        }
        Framework::ActixWeb => {
            let server = ActixServer::start(2, &routes, &Tally::default());
            let address = server.address;
            (Server::ActixWeb(server), address)
        }
    };
    let connect = move || Sender::connect(address);

    let (next, surprises) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let send_until = |end: usize| {
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (next, surprises, load, connect) = (&next, &surprises, &load, &connect);
                scope.spawn(move || {
                    let mut line = Line::new(connect, seed ^ sender as u64);
                    let take = |at: usize| (at < end).then_some(at + 1);
                    while let Ok(number) = next.fetch_update(Relaxed, Relaxed, take) {
                        if let Err(surprise) = load.deliver(number, &mut line) {
                            surprises.lock().unwrap().push(surprise);
                        }
                    }
                });
            }
        });
        let surprises = surprises.lock().unwrap();
        assert!(surprises.is_empty(), "seed {seed}: {surprises:?}");
        resident()
    };
    let half = send_until(deliveries / 2);
    let end = send_until(deliveries);
    println!("resident: {half} kB at half time, {end} kB at the end");

    let events = load.audit();
    let held = store.held();
    let kept = if kind == Kind::Memory {
        events.min(capacity)
    } else {
        events
    };
    assert_eq!(held, (0, kept), "seed {seed}: what the store holds");
    if kind == Kind::Memory {
        let evicted = (events - kept) as u64;
        assert_eq!((memory.evictions(), memory.refusals()), (evicted, 0));
    }
    // Of fewer deliveries the store is not full by half time.
    if deliveries >= 4 * LEAST_CAPACITY {
        let allowed = half as f64 * GROWTH;
        assert!(end as f64 <= allowed, "memory grows: {half} kB, {end} kB");
    }
    match server {
        Server::Axum(server) => drop(server),
        Server::ActixWeb(server) => drop(server),
    }
    drop((routes, store));
    let mut left = 0;
    until("all descriptors are closed", || {
        left = descriptors();
        left <= descriptors_before
    });
    println!("{events} events, descriptors: {descriptors_before} before, {left} after");
}

fn number_of(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().expect(variable))
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// In kB.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.expect("a number of kB").parse().expect("a number")
}

macro_rules! loads {
    ($($framework:ident $name:ident: $($kind:ident $test:ident),*;)*) => {$(
        mod $name {
            $(
                #[test]
                #[ignore = "minutes, in a process of its own: `just load`"]
                fn $test() {
                    super::play(crate::site::Framework::$framework, crate::stage::Kind::$kind);
                }
            )*
        }
    )*};
}

loads! {
    Axum axum: Memory memory, Sqlite sqlite;
    ActixWeb actix_web: Memory memory, Sqlite sqlite;
}
