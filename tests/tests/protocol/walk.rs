//! The walk: at each step either a task goes on, or something happens to the world.

use std::sync::Arc;
use std::time::Duration;

use countersign::{Clock, MemoryStore};
use countersign_testkit::CueStore;

use super::dice::Dice;
use super::executor::{Executor, Turn};
use super::ledger::Violation;
use super::store::Store;
use super::world::{Attempt, LEASE, MAX_RUN, World};

pub const SECOND: Duration = Duration::from_secs(1);

/// What kind of walk it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Leases expire, but never under a living worker: each operation may fail for any time, but
    /// renewals for moments only. Nothing but a crash excuses a second success.
    Gentle,
    /// Renewals fail for as long as the others, so that runs may overlap.
    Rough,
    /// One process, no crash, and leases that do not expire, in a store that fails like the others.
    Lasting,
    /// The memory store.
    Memory,
}

pub struct Report {
    pub steps: usize,
    pub delivered: usize,
    pub violation: Option<Violation>,
    pub log: Vec<String>,
}

/// One sender's delivery: the same events each time, for as many attempts as the provider makes.
pub struct Sender {
    pub endpoint: usize,
    pub events: Vec<usize>,
    pub left: usize,
    pub next: Duration,
    pub waiting: Option<usize>,
}

pub struct Walk {
    pub kind: Kind,
    pub dice: Dice,
    pub world: World,
    pub executor: Executor,
    pub senders: Vec<Sender>,
    /// Until when a store that is out stays so.
    pub out_until: Option<Duration>,
    /// When renewals were last disturbed.
    pub disturbed: Duration,
    /// All attempts before this one are over.
    pub first_open: usize,
    pub steps: usize,
}

/// Walks `steps` steps from `seed`.
pub fn walk(kind: Kind, seed: u64, steps: usize) -> Report {
    let store = |clock: &countersign_testkit::ManualClock| match kind {
        Kind::Gentle | Kind::Rough => Store::Cue(CueStore::new(clock.clone())),
        Kind::Lasting => Store::Lasting(CueStore::new(clock.clone())),
        Kind::Memory => {
            let store = MemoryStore::default().with_clock(Arc::new(clock.clone()));
            Store::Memory(Arc::new(store))
        }
    };
    let mut walk = Walk::new(kind, seed, store);
    while walk.steps < steps && walk.is_whole() {
        let rest_at = walk.steps + 400;
        while walk.is_whole() && (walk.steps < rest_at || walk.out_until.is_some()) {
            walk.step();
        }
        walk.rest();
    }
    walk.end();
    let ledger = walk.world.book.open();
    Report {
        steps: walk.steps,
        delivered: ledger.delivered,
        violation: ledger.violation.clone(),
        log: ledger.log.clone(),
    }
}

impl Walk {
    fn new(
        kind: Kind,
        seed: u64,
        store: impl Fn(&countersign_testkit::ManualClock) -> Store,
    ) -> Walk {
        let workers = match kind {
            Kind::Gentle | Kind::Rough => 2,
            Kind::Lasting | Kind::Memory => 1,
        };
        let world = World::new(store, workers, Dice::new(!seed), kind == Kind::Rough);
        let executor = Executor {
            spawner: world.spawner.clone(),
            ..Executor::default()
        };
        Walk {
            kind,
            dice: Dice::new(seed),
            world,
            executor,
            senders: Vec::new(),
            out_until: None,
            disturbed: Duration::ZERO,
            first_open: 0,
            steps: 0,
        }
    }

    pub fn is_whole(&self) -> bool {
        self.world.book.open().violation.is_none()
    }

    pub fn note(&self, what: String) {
        let now = self.world.clock.monotonic();
        let line = format!("{:>9.3} {what}", now.as_secs_f64());
        self.world.book.open().log.push(line);
    }

    pub fn violate(&self, invariant: &'static str, detail: String) {
        self.world.book.open().violate(invariant, detail);
    }

    /// One step, and a look at everything that must hold.
    fn step(&mut self) {
        let now = self.world.clock.monotonic();
        if self.out_until.is_some_and(|until| until <= now) {
            self.calm_store();
        }
        let acts = self.dice.chance(15);
        if acts || !self.poll() {
            self.steps += usize::from(acts);
            self.act();
        }
        self.check();
    }

    /// Lets a task go on; `false` if none can.
    fn poll(&mut self) -> bool {
        self.steps += 1;
        let now = self.world.clock.monotonic();
        match self.executor.poll_one(&mut self.dice, now) {
            Turn::Taken => true,
            Turn::Panicked => {
                self.violate("no panic", "a handler's panic got out".into());
                true
            }
            Turn::Idle => false,
        }
    }

    fn act(&mut self) {
        self.collect();
        match self.dice.below(100) {
            0..=44 => self.pass_time(),
            45..=60 => self.send_due(),
            61..=72 => self.new_sender(),
            73..=77 => self.repeat(),
            78..=82 => self.hang_up(),
            83..=84 => self.forge(),
            85..=86 => self.step_clock(),
            87..=96 => self.trouble(),
            _ => self.upheaval(),
        }
    }

    /// What is to be rare, so that runs come to their end between.
    fn upheaval(&mut self) {
        match self.dice.below(30) {
            0..=11 => self.outage(),
            12..=14 => self.burst(),
            15 => self.crash(),
            16..=17 => self.drain(),
            _ => {}
        }
    }

    pub fn pass_time(&mut self) {
        let clock = &self.world.clock;
        let now = clock.monotonic();
        // A machine may be slow, but not by seconds: time passes when there is nothing to do.
        if !self.executor.ready(now).is_empty() {
            return;
        }
        let next = [clock.next_wake(), self.world.spawner.next_free(now)]
            .into_iter()
            .flatten()
            .min();
        let until = match next {
            Some(next) if next > now => next - now,
            Some(_) => Duration::ZERO,
            None => SECOND,
        };
        clock.advance(until);
    }

    /// The world holds its breath: nothing new comes, and the store obeys. In less than a lease,
    /// nothing may be left claimed by a run that is not there.
    fn rest(&mut self) {
        if !self.is_whole() {
            return;
        }
        self.note("rest".into());
        self.calm_store();
        self.check();
        let before = self.world.clock.monotonic();
        let started = self.steps;
        while self.world.clock.monotonic() < before + 14 * SECOND && self.is_whole() {
            if !self.poll() {
                self.pass_time();
            }
            self.check();
            if self.steps > started + 20_000 {
                return self.violate("bounded", "the tasks do not come to rest".into());
            }
        }
        self.collect();
        self.check_claims();
    }

    /// Quiet for good: every event that is sent once more must come through at the first try.
    fn end(&mut self) {
        if !self.is_whole() {
            return;
        }
        self.note("the end: everything is sent once more".into());
        self.world.calm.set(true);
        self.set_clock_right();
        self.calm_store();
        self.check();
        self.run_until(self.world.clock.monotonic() + MAX_RUN + 110 * SECOND + 2 * LEASE);
        let count = self.world.book.open().events.len();
        for event in 0..count {
            let (forged, endpoint) = {
                let ledger = self.world.book.open();
                (ledger.events[event].forged, ledger.events[event].endpoint)
            };
            if forged || !self.is_whole() {
                continue;
            }
            let number = self.send(endpoint, vec![event], None);
            self.run_until(self.world.clock.monotonic() + SECOND);
            let answer = self.world.attempts.borrow()[number].answer;
            if answer != Some(200) {
                self.violate(
                    "no abandonment",
                    format!("event {event} is answered {answer:?} for good"),
                );
            }
        }
        self.check_left();
    }

    fn run_until(&mut self, end: Duration) {
        while self.world.clock.monotonic() < end && self.is_whole() {
            if !self.poll() {
                self.check();
                self.pass_time();
            }
        }
    }

    /// Takes the answers in: a sender that was answered 2xx is done.
    pub fn collect(&mut self) {
        let attempts = self.world.attempts.borrow();
        for sender in &mut self.senders {
            if let Some(number) = sender.waiting {
                match attempts[number].answer {
                    Some(200..=299) => {
                        sender.left = 0;
                        sender.waiting = None;
                    }
                    Some(_) => sender.waiting = None,
                    None if attempts[number].gone => sender.waiting = None,
                    None => {}
                }
            }
        }
        drop(attempts);
        self.senders
            .retain(|sender| sender.left > 0 || sender.waiting.is_some());
    }

    pub fn attempt(&self, worker: usize, endpoint: usize, events: Vec<usize>) -> Attempt {
        Attempt {
            worker,
            endpoint,
            request: self.world.sign(endpoint, &events, 0),
            events,
            forged: false,
            sent: self.world.clock.monotonic(),
            answer: None,
            gone: false,
        }
    }
}
