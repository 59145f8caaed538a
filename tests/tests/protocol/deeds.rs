//! What happens to the world: senders, forgers, operators, and a bad day of the store.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use countersign::Clock;
use countersign_testkit::{Cue, Operation};
use http::Request;

use super::executor::Role;
use super::walk::{Kind, SECOND, Sender, Walk};
use super::world::{BATCH, ENDPOINTS, SINGLE, TWIN, WAITERS, receivers_of};

const DAY: i64 = 24 * 3600;

impl Walk {
    fn endpoint(&mut self) -> usize {
        self.dice.pick(&[SINGLE, BATCH, BATCH, TWIN])
    }

    fn worker(&mut self) -> usize {
        self.dice.below(self.world.workers.len())
    }

    pub fn new_sender(&mut self) {
        if self.senders.len() >= 24 {
            return;
        }
        let endpoint = self.endpoint();
        let count = match endpoint {
            BATCH => self.dice.pick(&[0, 1, 1, 2, 2, 3, 3, 3]),
            _ => 1,
        };
        let mut events = Vec::new();
        for _ in 0..count {
            // Now and then one that another delivery brings too.
            let known: Vec<usize> = {
                let ledger = self.world.book.open();
                let genuine =
                    |n: &usize| ledger.events[*n].endpoint == endpoint && !ledger.events[*n].forged;
                (0..ledger.events.len()).filter(genuine).collect()
            };
            if !known.is_empty() && self.dice.chance(30) {
                let recent = known.len().saturating_sub(6);
                events.push(known[recent + self.dice.below(known.len() - recent)]);
            } else {
                events.push(self.world.event(endpoint));
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

    pub fn send_due(&mut self) {
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
        let gap = Duration::from_secs(self.dice.pick(&[1, 5, 15, 40, 90]));
        let (endpoint, events) = {
            let sender = &mut self.senders[at];
            sender.left -= 1;
            sender.next = now + gap;
            (sender.endpoint, sender.events.clone())
        };
        // Some senders change a counter between tries.
        let note = usize::from(self.dice.chance(10));
        let request = self.world.sign(endpoint, &events, note);
        let number = self.send(endpoint, events, Some(request));
        self.senders[at].waiting = Some(number);
    }

    pub fn send(
        &mut self,
        endpoint: usize,
        events: Vec<usize>,
        request: Option<Rc<Request<Bytes>>>,
    ) -> usize {
        let number = self.world.attempts.borrow().len();
        let worker = self.worker();
        self.note(format!(
            "attempt {number} brings events {events:?} to worker {worker}"
        ));
        let mut attempt = self.attempt(worker, endpoint, events);
        if let Some(request) = request {
            attempt.request = request;
        }
        self.world.send(attempt);
        number
    }

    /// The very same request once more: a duplicate, or a replay by somebody who listened.
    pub fn repeat(&mut self) {
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

    /// More duplicates at once than may wait, of a delivery that is in hand.
    pub fn burst(&mut self) {
        let open = {
            let attempts = self.world.attempts.borrow();
            let in_hand = |n: &usize| {
                let attempt: &super::world::Attempt = &attempts[*n];
                attempt.is_open() && !attempt.forged
            };
            (0..attempts.len()).rev().find(in_hand)
        };
        let Some(number) = open else { return };
        for _ in 0..WAITERS + 3 {
            let copy = {
                let attempt = &self.world.attempts.borrow()[number];
                let events = attempt.events.clone();
                let mut copy = self.attempt(attempt.worker, attempt.endpoint, events);
                copy.request = attempt.request.clone();
                copy
            };
            self.world.send(copy);
        }
        self.note(format!("a burst of duplicates of attempt {number}"));
    }

    pub fn hang_up(&mut self) {
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
    pub fn forge(&mut self) {
        let endpoint = self.endpoint();
        let event = self.world.event(endpoint);
        self.world.book.open().events[event].forged = true;
        let worker = self.worker();
        let mut attempt = self.attempt(worker, endpoint, vec![event]);
        let mut request = (*attempt.request).clone();
        let mut body = request.body().to_vec();
        let at = self.dice.below(body.len());
        body[at] ^= 1 << self.dice.below(8);
        *request.body_mut() = body.into();
        attempt.request = Rc::new(request);
        attempt.forged = true;
        self.world.send(attempt);
    }

    /// `kill -9`, and a new process at once.
    pub fn crash(&mut self) {
        if self.world.workers.len() > 1 {
            let worker = self.worker();
            self.note(format!("worker {worker} crashes"));
            self.end_process(worker, true);
        }
    }

    /// A worker is asked to shut down. Its process ends when its receivers have done so.
    pub fn drain(&mut self) {
        let worker = self.worker();
        let drains = self
            .executor
            .tasks
            .iter()
            .any(|task| task.role == Role::Drain);
        if self.world.workers.len() > 1 && !drains {
            let deadline = self.dice.pick(&[1, 10, 40, 150]) * SECOND;
            self.note(format!("worker {worker} shuts down within {deadline:?}"));
            self.world.drain(worker, deadline);
        }
    }

    /// A worker's process ends, and a new one begins.
    pub fn end_process(&mut self, worker: usize, crashed: bool) {
        self.world.kill(worker);
        let receivers = receivers_of(worker);
        {
            let mut ledger = self.world.book.open();
            match crashed {
                true => ledger.crash(receivers),
                false => ledger.forget(receivers),
            }
            ledger.tolerates_cuts = true;
        }
        self.executor.drop_tasks(|task| task.worker == worker);
        self.world.book.open().tolerates_cuts = false;
        for attempt in self.world.attempts.borrow_mut().iter_mut() {
            if attempt.worker == worker {
                attempt.gone |= attempt.answer.is_none();
            }
        }
        self.world.workers[worker] = self.world.start(worker);
    }

    pub fn step_clock(&mut self) {
        if self.world.skew != 0 {
            // An operator sets it right again, sooner or later.
            return self.set_clock_right();
        }
        let seconds = self.dice.pick(&[-600, -200, -30, 30, 200, 3600, 40 * DAY]);
        self.note(format!("the wall clock steps by {seconds} s"));
        self.world.clock.step(seconds * 1000);
        self.world.skew += seconds * 1000;
    }

    pub fn set_clock_right(&mut self) {
        self.note("the wall clock is set right".into());
        self.world.clock.step(-self.world.skew);
        self.world.skew = 0;
    }

    /// The store fails, loses answers, hangs or freezes, for one call or until further notice.
    pub fn trouble(&mut self) {
        let Some(store) = self.world.store.cue() else {
            return;
        };
        if self.dice.chance(35) && self.out_until.is_none() {
            self.note("the store wakes and obeys".into());
            return self.calm_store();
        }
        let operation = self.dice.pick(&[
            Operation::Claim,
            Operation::Commit,
            Operation::Release,
            Operation::Renew,
        ]);
        let cue = self.dice.pick(&[
            Cue::Fail,
            Cue::LoseAnswer,
            Cue::HangAnswer,
            Cue::Freeze,
            Cue::Straggle,
        ]);
        // Where leases do not expire, what is carried out after all undoing stays for ever.
        let undone = operation != Operation::Claim || !matches!(cue, Cue::Freeze | Cue::Straggle);
        if self.kind == Kind::Lasting && !undone {
            return;
        }
        let mut calls = self.dice.pick(&[1, 1, 2, 5, 12, 30]);
        if operation == Operation::Renew && self.kind == Kind::Gentle {
            // One in a while, so that no lease runs out.
            let now = self.world.clock.monotonic();
            if now < self.disturbed + 5 * SECOND {
                return;
            }
            self.disturbed = now;
            store.cue(operation, Cue::Obey);
            calls = 1;
        }
        store.cue_next(operation, calls, cue);
        self.note(format!(
            "the store will {cue:?} {calls} times at {operation:?}"
        ));
    }

    /// One operation of the store is out for longer than a lease.
    pub fn outage(&mut self) {
        let Some(store) = self.world.store.cue() else {
            return;
        };
        if self.out_until.is_some() {
            return;
        }
        use Operation::{Claim, Commit, Release, Renew};
        let operation = match self.kind {
            Kind::Rough => self
                .dice
                .pick(&[Commit, Release, Claim, Renew, Renew, Renew]),
            _ => self.dice.pick(&[Commit, Commit, Commit, Release, Claim]),
        };
        let cue = match operation {
            Claim if self.kind == Kind::Lasting => Cue::HangAnswer,
            _ => self.dice.pick(&[Cue::Fail, Cue::Fail, Cue::Freeze]),
        };
        let time = self.dice.pick(&[40, 70]) * SECOND;
        store.cue(operation, cue);
        self.out_until = Some(self.world.clock.monotonic() + time);
        self.note(format!(
            "the store will {cue:?} at {operation:?} for {time:?}"
        ));
    }

    pub fn calm_store(&mut self) {
        self.out_until = None;
        let Some(store) = self.world.store.cue() else {
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

    /// Whether a worker has shut down, so that its process ends.
    pub fn finish_drains(&mut self) {
        for worker in 0..self.world.workers.len() {
            let done: Vec<Option<bool>> = {
                let ledger = self.world.book.open();
                receivers_of(worker)
                    .map(|receiver| ledger.drained.get(&receiver)?.done)
                    .collect()
            };
            debug_assert_eq!(done.len(), ENDPOINTS);
            if let Some(settled) = done.into_iter().collect::<Option<Vec<bool>>>() {
                let whole = settled.iter().all(|settled| *settled);
                self.note(format!("worker {worker} has shut down: {settled:?}"));
                self.check_drained(worker, &settled);
                self.end_process(worker, !whole);
            }
        }
    }
}
