//! The walk: at each step either a task goes on, or something happens to the world.

use std::rc::Rc;
use std::time::Duration;

use countersign::{Clock, MemoryStore};
use countersign_testkit::{Cue, CueStore, EntryState, Operation};

use super::dice::Dice;
use super::executor::{Executor, Role, Turn};
use super::ledger::{End, Violation};
use super::world::{Attempt, BATCH, LEASE, MAX_RUN, SINGLE, Store, World};

const SECOND: Duration = Duration::from_secs(1);

/// What kind of walk it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Leases expire, but never under a living worker: each operation may fail for any time, but
    /// renewals for moments only. Nothing but a crash excuses a second success.
    Gentle,
    /// Renewals fail for as long as the others, so that runs may overlap.
    Rough,
    /// The memory store: one process, no crash, leases that do not expire.
    Memory,
}

pub struct Report {
    pub steps: usize,
    pub delivered: usize,
    pub violation: Option<Violation>,
    pub log: Vec<String>,
}

struct Event {
    endpoint: usize,
    key: [u8; 32],
}

/// One sender's delivery: the same events each time, for as many attempts as the provider makes.
struct Sender {
    endpoint: usize,
    events: Vec<usize>,
    left: usize,
    next: Duration,
    waiting: Option<usize>,
}

struct Walk {
    kind: Kind,
    dice: Dice,
    world: World,
    executor: Executor,
    events: Vec<Event>,
    senders: Vec<Sender>,
    steps: usize,
}

/// Walks `steps` steps from `seed`.
pub fn walk(kind: Kind, seed: u64, steps: usize) -> Report {
    let dice = Dice::new(seed);
    let rough = kind == Kind::Rough;
    let workers = if kind == Kind::Memory { 1 } else { 2 };
    let world = match kind {
        Kind::Memory => World::new(
            |clock| {
                let clock = std::sync::Arc::new(clock.clone());
                Store::Memory(std::sync::Arc::new(
                    MemoryStore::default().with_clock(clock),
                ))
            },
            workers,
            Dice::new(!seed),
            rough,
        ),
        _ => World::new(
            |clock| Store::Cue(CueStore::new(clock.clone())),
            workers,
            Dice::new(!seed),
            rough,
        ),
    };
    let executor = Executor {
        spawner: world.spawner.clone(),
        ..Executor::default()
    };
    let mut walk = Walk {
        kind,
        dice,
        world,
        executor,
        events: Vec::new(),
        senders: Vec::new(),
        steps: 0,
    };
    while walk.steps < steps && walk.is_whole() {
        for _ in 0..400 {
            walk.step();
        }
        walk.rest();
    }
    walk.end();
    let ledger = walk.world.ledger.borrow();
    Report {
        steps: walk.steps,
        delivered: ledger.delivered,
        violation: ledger.violation.clone(),
        log: ledger.log.clone(),
    }
}

impl Walk {
    fn is_whole(&self) -> bool {
        self.world.ledger.borrow().violation.is_none()
    }

    fn note(&self, what: String) {
        let now = self.world.clock.monotonic();
        self.world
            .ledger
            .borrow_mut()
            .log
            .push(format!("{:>9.3} {what}", now.as_secs_f64()));
    }

    fn violate(&self, invariant: &'static str, detail: String) {
        self.world.ledger.borrow_mut().violate(invariant, detail);
    }

    /// One step, and a look at everything that must hold.
    fn step(&mut self) {
        if !self.is_whole() {
            return;
        }
        self.steps += 1;
        let now = self.world.clock.monotonic();
        let acts = self.dice.chance(15);
        if !acts {
            match self.executor.poll_one(&mut self.dice, now) {
                Turn::Taken => return self.check(),
                Turn::Panicked => self.violate("no panic", "a handler's panic got out".into()),
                Turn::Idle => {}
            }
        }
        self.act();
        self.check();
    }

    fn act(&mut self) {
        self.collect();
        match self.dice.below(100) {
            0..=39 => self.pass_time(),
            40..=59 => self.send_due(),
            60..=69 => self.new_sender(),
            70..=74 => self.repeat(),
            75..=79 => self.hang_up(),
            80..=82 => self.forge(),
            83..=84 => self.crash(),
            85..=88 => self.step_clock(),
            _ => self.trouble(),
        }
    }

    /// Takes the answers in: a sender that was answered 2xx is done.
    fn collect(&mut self) {
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

    fn pass_time(&mut self) {
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

    fn new_sender(&mut self) {
        if self.senders.len() >= 12 {
            return;
        }
        let endpoint = if self.dice.chance(50) { SINGLE } else { BATCH };
        let count = if endpoint == SINGLE {
            1
        } else {
            1 + self.dice.below(3)
        };
        let mut events = Vec::new();
        for _ in 0..count {
            // Now and then one that another delivery brings too.
            let known: Vec<usize> = {
                let ledger = self.world.ledger.borrow();
                let genuine =
                    |n: &usize| self.events[*n].endpoint == endpoint && !ledger.events[*n].forged;
                (0..self.events.len()).filter(genuine).collect()
            };
            if !known.is_empty() && self.dice.chance(30) {
                let recent = known.len().saturating_sub(6);
                events.push(known[recent + self.dice.below(known.len() - recent)]);
            } else {
                events.push(self.new_event(endpoint));
            }
        }
        if self.dice.chance(30) {
            events.reverse();
        }
        let now = self.world.clock.monotonic();
        self.senders.push(Sender {
            endpoint,
            events,
            left: 9,
            next: now,
            waiting: None,
        });
        self.send_due();
    }

    fn new_event(&mut self, endpoint: usize) -> usize {
        let number = self.events.len();
        self.world
            .ledger
            .borrow_mut()
            .events
            .push(Default::default());
        let key = self.world.keys(endpoint, &[number])[0];
        self.events.push(Event { endpoint, key });
        number
    }

    fn send_due(&mut self) {
        let now = self.world.clock.monotonic();
        let due: Vec<usize> = (0..self.senders.len())
            .filter(|n| {
                let sender = &self.senders[*n];
                sender.waiting.is_none() && sender.left > 0 && sender.next <= now
            })
            .collect();
        if due.is_empty() {
            return self.pass_time();
        }
        let at = due[self.dice.below(due.len())];
        let gap = Duration::from_secs(self.dice.pick(&[0, 5, 15, 40, 120]));
        let (endpoint, events) = {
            let sender = &mut self.senders[at];
            sender.left -= 1;
            sender.next = now + gap;
            (sender.endpoint, sender.events.clone())
        };
        let number = self.send(endpoint, events, None);
        self.senders[at].waiting = Some(number);
    }

    fn send(
        &mut self,
        endpoint: usize,
        events: Vec<usize>,
        again: Option<Rc<http::Request<bytes::Bytes>>>,
    ) -> usize {
        let number = self.world.attempts.borrow().len();
        let worker = self.dice.below(self.world.workers.len());
        let request = again.unwrap_or_else(|| self.world.sign(endpoint, &events));
        self.note(format!(
            "attempt {number} brings events {events:?} to worker {worker}"
        ));
        let keys = events.iter().map(|event| self.events[*event].key).collect();
        let sent = self.world.clock.monotonic();
        let attempt = Attempt {
            worker,
            endpoint,
            events,
            request,
            forged: false,
            sent,
            answer: None,
            gone: false,
            crashed: None,
        };
        self.world.send(attempt, keys);
        number
    }

    /// The very same request once more: a duplicate, or a replay by somebody who listened.
    fn repeat(&mut self) {
        let count = self.world.attempts.borrow().len();
        if count == 0 {
            return;
        }
        let back = self.dice.below(count.min(30));
        let (endpoint, events, request) = {
            let attempts = self.world.attempts.borrow();
            let attempt = &attempts[count - 1 - back];
            if attempt.forged {
                return;
            }
            (
                attempt.endpoint,
                attempt.events.clone(),
                attempt.request.clone(),
            )
        };
        self.send(endpoint, events, Some(request));
    }

    fn hang_up(&mut self) {
        let now = self.world.clock.monotonic();
        let connections: Vec<Role> = self
            .executor
            .tasks
            .iter()
            .map(|task| task.role)
            .filter(|role| matches!(role, Role::Connection { .. }))
            .filter(|role| !self.world.spawner.is_blocked(*role, now))
            .collect();
        if connections.is_empty() {
            return;
        }
        let role = connections[self.dice.below(connections.len())];
        let Role::Connection { attempt } = role else {
            return;
        };
        self.note(format!("the sender of attempt {attempt} hangs up"));
        self.world.attempts.borrow_mut()[attempt].gone = true;
        self.executor.drop_tasks(|task| task.role == role);
    }

    /// Somebody who knows the ids, but not the secret.
    fn forge(&mut self) {
        let endpoint = if self.dice.chance(50) { SINGLE } else { BATCH };
        let event = self.new_event(endpoint);
        self.world.ledger.borrow_mut().events[event].forged = true;
        let mut request = (*self.world.sign(endpoint, &[event])).clone();
        let mut body = request.body().to_vec();
        let at = self.dice.below(body.len());
        body[at] ^= 1 << self.dice.below(8);
        *request.body_mut() = body.into();
        let worker = self.dice.below(self.world.workers.len());
        let key = self.events[event].key;
        let sent = self.world.clock.monotonic();
        let attempt = Attempt {
            worker,
            endpoint,
            events: vec![event],
            request: Rc::new(request),
            forged: true,
            sent,
            answer: None,
            gone: false,
            crashed: None,
        };
        self.world.send(attempt, vec![key]);
    }

    /// `kill -9`, and a new process at once.
    fn crash(&mut self) {
        if self.kind == Kind::Memory {
            return;
        }
        let worker = self.dice.below(self.world.workers.len());
        let now = self.world.clock.monotonic();
        self.note(format!("worker {worker} crashes"));
        self.world.kill(worker);
        {
            let attempts = self.world.attempts.borrow();
            let mut ledger = self.world.ledger.borrow_mut();
            for (number, attempt) in attempts.iter().enumerate() {
                if attempt.worker == worker {
                    ledger.excuse(number);
                }
            }
            ledger.tolerates_cuts = true;
        }
        self.executor.drop_tasks(|task| task.worker == worker);
        self.world.ledger.borrow_mut().tolerates_cuts = false;
        for attempt in self.world.attempts.borrow_mut().iter_mut() {
            if attempt.worker == worker {
                attempt.gone |= attempt.answer.is_none();
                attempt.crashed.get_or_insert(now);
            }
        }
        self.world.workers[worker] = self.world.start(worker);
    }

    fn step_clock(&mut self) {
        let seconds = self.dice.pick(&[-600, -200, -30, 30, 200, 3600]);
        // An operator sets it right again, sooner or later.
        let step = if self.world.skew == 0 {
            seconds * 1000
        } else {
            -self.world.skew
        };
        self.note(format!("the wall clock steps by {step} ms"));
        self.world.clock.step(step);
        self.world.skew += step;
    }

    /// The store fails, loses answers, hangs or freezes, for one call or until further notice.
    fn trouble(&mut self) {
        let Store::Cue(store) = &self.world.store else {
            return;
        };
        if self.dice.chance(40) {
            self.note("the store wakes and obeys".into());
            return self.calm_store();
        }
        let operation = self.dice.pick(&[
            Operation::Claim,
            Operation::Claim,
            Operation::Commit,
            Operation::Commit,
            Operation::Release,
            Operation::Renew,
        ]);
        let cue = self
            .dice
            .pick(&[Cue::Fail, Cue::LoseAnswer, Cue::HangAnswer, Cue::Freeze]);
        let brief = operation == Operation::Renew && self.kind == Kind::Gentle;
        let calls = if brief {
            1
        } else {
            self.dice.pick(&[1, 2, 5, 12, 60])
        };
        self.note(format!(
            "the store will {cue:?} {calls} times at {operation:?}"
        ));
        store.cue_next(operation, calls, cue);
    }

    fn calm_store(&self) {
        let Store::Cue(store) = &self.world.store else {
            return;
        };
        for operation in [
            Operation::Claim,
            Operation::Commit,
            Operation::Renew,
            Operation::Release,
        ] {
            store.cue(operation, Cue::Obey);
        }
        store.resume();
    }

    /// What must hold after every step.
    fn check(&mut self) {
        let now = self.world.clock.monotonic();
        if let Store::Cue(store) = &self.world.store {
            let entries = store.entries();
            let mut ledger = self.world.ledger.borrow_mut();
            for (key, _) in &entries {
                if !self.events.iter().any(|event| event.key == *key) {
                    ledger.violate("bounded", "an entry that no genuine event made".into());
                }
            }
            for (number, event) in self.events.iter().enumerate() {
                let standing = entries.iter().find(|(key, _)| *key == event.key);
                if standing.is_some() && ledger.events[number].forged {
                    ledger.violate("no poison", format!("forged event {number} has an entry"));
                }
                ledger.look(number, standing.map(|(_, state)| *state), now);
            }
        }
        let mut ledger = self.world.ledger.borrow_mut();
        for handler in ledger.handlers.clone() {
            let ran = now - handler.started;
            if handler.blocking {
                if ran > MAX_RUN {
                    ledger.excuse(handler.attempt);
                }
            } else if ran > MAX_RUN + 4 * SECOND {
                ledger.violate(
                    "bounded",
                    format!("attempt {} runs for {ran:?}", handler.attempt),
                );
            }
        }
        for (number, attempt) in self.world.attempts.borrow().iter().enumerate() {
            let took = now.saturating_sub(attempt.sent);
            let role = Role::Connection { attempt: number };
            let open = attempt.answer.is_none() && !attempt.gone;
            let blocking = ledger
                .handlers
                .iter()
                .any(|h| h.attempt == number && h.blocking);
            if open && !blocking && took > 16 * SECOND && !self.world.spawner.is_blocked(role, now)
            {
                ledger.violate("answers", format!("attempt {number} waits for {took:?}"));
            }
        }
    }

    /// The world holds its breath: nothing new comes, and the store obeys. In less than a lease,
    /// nothing may be left claimed by a run that is not there.
    fn rest(&mut self) {
        if !self.is_whole() {
            return;
        }
        self.note("rest".into());
        self.calm_store();
        let before = self.world.clock.monotonic();
        let started = self.steps;
        while self.world.clock.monotonic() < before + 14 * SECOND && self.is_whole() {
            self.steps += 1;
            let now = self.world.clock.monotonic();
            match self.executor.poll_one(&mut self.dice, now) {
                Turn::Taken => {}
                Turn::Panicked => self.violate("no panic", "a handler's panic got out".into()),
                Turn::Idle => self.pass_time(),
            }
            self.check();
            if self.steps > started + 20_000 {
                return self.violate("bounded", "the tasks do not come to rest".into());
            }
        }
        self.collect();
        self.check_claims();
    }

    fn check_claims(&self) {
        let Store::Cue(store) = &self.world.store else {
            return;
        };
        let now = self.world.clock.monotonic();
        let ledger = self.world.ledger.borrow();
        let mut problems = Vec::new();
        for (key, state) in store.entries() {
            let Some(event) = self.events.iter().position(|event| event.key == key) else {
                continue;
            };
            let runs = &ledger.events[event].runs;
            let live = runs.iter().any(|run| run.end == End::Running);
            // What a crash left behind ends with its lease: a run, or a claim whose undoing the
            // worker took with it, and which a frozen store may carry out on waking.
            let crashed = self.world.attempts.borrow().iter().any(|attempt| {
                attempt.events.contains(&event)
                    && attempt
                        .crashed
                        .is_some_and(|at| now < at + 3 * LEASE && at < attempt.sent + 2 * LEASE)
            });
            let excused = crashed || runs.iter().any(|run| run.excused);
            if let EntryState::InProgress { lease_left, .. } = state
                && !live
                && !excused
                && !lease_left.is_zero()
            {
                problems.push((
                    "no abandonment",
                    format!("event {event} is claimed for {lease_left:?} more, and nobody runs it"),
                ));
            }
            if matches!(state, EntryState::InProgress { .. })
                && !excused
                && runs.iter().any(|run| run.end == End::Succeeded)
            {
                problems.push((
                    "commit lands",
                    format!("event {event} succeeded and is not committed"),
                ));
            }
        }
        for (event, log) in ledger.events.iter().enumerate() {
            let succeeded = log
                .runs
                .iter()
                .any(|run| run.end == End::Succeeded && !run.excused);
            let standing = self.world.standing(&self.events[event].key);
            if succeeded && !matches!(standing, Some(EntryState::Committed { .. })) {
                problems.push((
                    "commit lands",
                    format!("event {event} succeeded and is not committed"),
                ));
            }
        }
        drop(ledger);
        for (invariant, detail) in problems {
            self.violate(invariant, detail);
        }
    }

    /// Quiet for good: every event that is sent once more must come through at the first try.
    fn end(&mut self) {
        if !self.is_whole() {
            return;
        }
        self.note("the end: everything is sent once more".into());
        *self.world.calm.borrow_mut() = true;
        self.world.clock.step(-self.world.skew);
        self.world.skew = 0;
        self.calm_store();
        self.run_until(self.world.clock.monotonic() + MAX_RUN + 110 * SECOND + 2 * LEASE);
        for event in 0..self.events.len() {
            if self.world.ledger.borrow().events[event].forged || !self.is_whole() {
                continue;
            }
            let number = self.send(self.events[event].endpoint, vec![event], None);
            self.run_until(self.world.clock.monotonic() + SECOND);
            let answer = self.world.attempts.borrow()[number].answer;
            if answer != Some(200) {
                self.violate(
                    "no abandonment",
                    format!("event {event} is answered {answer:?} for good"),
                );
            }
        }
        let left = self
            .executor
            .tasks
            .iter()
            .filter(|task| task.role != Role::Keeper)
            .count();
        if left > 0 {
            self.violate("bounded", format!("{left} tasks are left"));
        }
    }

    fn run_until(&mut self, end: Duration) {
        while self.world.clock.monotonic() < end && self.is_whole() {
            let now = self.world.clock.monotonic();
            self.steps += 1;
            match self.executor.poll_one(&mut self.dice, now) {
                Turn::Taken => {}
                Turn::Panicked => self.violate("no panic", "a handler's panic got out".into()),
                Turn::Idle => self.pass_time(),
            }
        }
    }
}
