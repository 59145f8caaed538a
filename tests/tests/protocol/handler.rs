//! Handlers of every kind, and what they do to the ledger.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use countersign::{Clock, Delivery, Outcome};
use countersign_testkit::{EntryState, ManualClock, Operation};

use super::dice::Dice;
use super::executor::Spawner;
use super::ledger::{Book, End, Handler};
use super::store::Store;
use super::world::{LINGER, MAX_RUN, MAX_RUNS};

/// Not a success, but committed: the receivers of the walk are told so.
pub const GONE: u16 = 410;

/// What a handler is going to do.
#[derive(Debug, Clone, Copy)]
pub enum Plan {
    Answer {
        after: Duration,
        status: u16,
    },
    Panic {
        after: Duration,
    },
    Hang,
    Block {
        time: Duration,
        status: u16,
    },
    /// Settles the events of a batch one by one: every so-many-th failed, the first one left to the
    /// answer, and may block its thread before it gives that.
    Each {
        pause: Duration,
        fail_every: usize,
        block: Duration,
        status: u16,
    },
}

impl Plan {
    pub const CALM: Plan = Plan::Answer {
        after: Duration::ZERO,
        status: 200,
    };

    pub fn roll(dice: &mut Dice, batch: bool) -> Plan {
        let seconds =
            |dice: &mut Dice| Duration::from_secs(dice.pick(&[0, 0, 1, 5, 9, 20, 45, 75, 95]));
        match dice.below(20) {
            0..=7 => Plan::Answer {
                after: seconds(dice),
                status: 200,
            },
            8 => Plan::Answer {
                after: seconds(dice),
                status: GONE,
            },
            9..=12 => Plan::Answer {
                after: seconds(dice),
                status: 500,
            },
            13 => Plan::Panic {
                after: seconds(dice),
            },
            14 => Plan::Hang,
            15 => Plan::Block {
                time: Duration::from_secs(dice.pick(&[3, 40, 108, 120, 200])),
                status: dice.pick(&[200, 500]),
            },
            _ if batch => Plan::Each {
                pause: seconds(dice),
                fail_every: 1 + dice.below(3),
                block: Duration::from_secs(dice.pick(&[0, 0, 0, 120])),
                status: dice.pick(&[200, 200, 200, 500]),
            },
            _ => Plan::CALM,
        }
    }
}

/// A handler on the stage: what it does is written down, even that it was cut short.
pub struct Scene {
    pub attempt: usize,
    pub receiver: usize,
    pub events: Vec<usize>,
    pub delivery: Delivery,
    pub book: Book,
    pub clock: ManualClock,
    pub store: Store,
    pub spawner: Spawner,
    /// The events that it has not settled yet.
    pub open: RefCell<Vec<usize>>,
    /// When it has nothing left to do but to answer.
    pub done_at: Cell<Option<Duration>>,
}

impl Scene {
    pub async fn play(self, plan: Plan) -> u16 {
        self.begin(plan);
        match plan {
            Plan::Answer { after, status } => {
                self.done_at.set(Some(self.clock.monotonic() + after));
                self.pause(after).await;
                self.answer(status)
            }
            Plan::Panic { after } => {
                self.pause(after).await;
                self.answer(500);
                std::panic::resume_unwind(Box::new("a handler's panic"));
            }
            Plan::Hang => std::future::pending().await,
            Plan::Block { time, status } => {
                self.block(time).await;
                self.answer(status)
            }
            Plan::Each {
                pause,
                fail_every,
                block,
                status,
            } => {
                for (n, event) in self.events.iter().enumerate().skip(1) {
                    self.pause(pause).await;
                    self.settle_one(*event, n % fail_every == 0).await;
                }
                self.block(block).await;
                self.answer(status)
            }
        }
    }

    fn begin(&self, plan: Plan) {
        let started = self.clock.monotonic();
        let mut ledger = self.book.open();
        ledger.log.push(format!(
            "attempt {} runs events {:?}: {plan:?}",
            self.attempt, self.events
        ));
        for event in &self.events {
            ledger.begin(*event, self.attempt, self.receiver);
            self.open.borrow_mut().push(*event);
        }
        ledger.handlers.push(Handler {
            attempt: self.attempt,
            receiver: self.receiver,
            started,
            blocking: match plan {
                Plan::Block { .. } => true,
                Plan::Each { block, .. } => !block.is_zero(),
                _ => false,
            },
        });
        let beside = ledger
            .handlers
            .iter()
            .filter(|other| other.receiver == self.receiver)
            .count();
        if beside > MAX_RUNS {
            ledger.violate("bounded", format!("{beside} handlers at once"));
        }
    }

    async fn block(&self, time: Duration) {
        let until = self.clock.monotonic() + time;
        self.done_at.set(Some(until));
        self.spawner.block(self.attempt, until);
        self.pause(time).await;
    }

    async fn pause(&self, time: Duration) {
        if !time.is_zero() {
            self.clock.sleep(time).await;
        }
    }

    /// Marks one event of a batch, and sees that the store learns it at once.
    async fn settle_one(&self, event: usize, fail: bool) {
        let (name, key) = {
            let mut ledger = self.book.open();
            if fail {
                ledger.marked.insert(self.attempt);
            }
            (ledger.events[event].name, ledger.events[event].key)
        };
        let (end, operation) = match fail {
            true => (End::Failed, Operation::Release),
            false => (End::Succeeded, Operation::Commit),
        };
        self.open.borrow_mut().retain(|open| *open != event);
        self.book.open().end(event, self.attempt, end);
        let unanswered = || {
            let store = self.store.cue();
            store.map_or(0, |store| {
                store.calls(operation) - store.carried_out(operation)
            })
        };
        let (before, id) = (unanswered(), format!("evt_{name}"));
        let marked = match fail {
            true => self.delivery.failed(&id).await,
            false => self.delivery.done(&id).await,
        };
        let token = self.book.open().tokens.get(&self.attempt).copied();
        let mine = matches!(self.store.standing(&key),
            Some(EntryState::InProgress { token: holder, .. }) if Some(holder) == token);
        if !marked || mine && unanswered() == before {
            let detail = format!("event {event} was marked, and the store does not know it");
            self.book.open().violate("settled at once", detail);
        }
    }

    fn answer(&self, status: u16) -> u16 {
        let success = status == GONE || status / 100 == 2;
        let end = if success { End::Succeeded } else { End::Failed };
        self.leave(end);
        let mut ledger = self.book.open();
        ledger.answers.insert(self.attempt, status);
        if ledger.watched.is_told(self.attempt) && !self.delivery.is_lease_lost() {
            let detail = format!("attempt {} lost its lease and is not told", self.attempt);
            ledger.violate("lost lease", detail);
        }
        status
    }

    fn leave(&self, end: End) {
        let open = std::mem::take(&mut *self.open.borrow_mut());
        let mut ledger = self.book.open();
        for event in open {
            ledger.end(event, self.attempt, end);
        }
        ledger.handlers.retain(|h| h.attempt != self.attempt);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let now = self.clock.monotonic();
        let started = {
            let ledger = self.book.open();
            let handler = ledger.handlers.iter().find(|h| h.attempt == self.attempt);
            handler.map(|handler| handler.started)
        };
        let Some(started) = started else { return };
        self.leave(End::Failed);
        let mut ledger = self.book.open();
        if ledger.tolerates_cuts {
            return;
        }
        // Only a handler that had all its time may be cut short by a worker that lives.
        let drained = ledger.drained.get(&self.receiver);
        let ran = now - started;
        if ran + LINGER < MAX_RUN && drained.is_none_or(|drained| now < drained.until) {
            let detail = format!("attempt {}: cut short after {ran:?}", self.attempt);
            ledger.violate("no loss", detail);
        }
        if self.done_at.get().is_some_and(|at| at <= now) {
            let detail = format!("attempt {} had finished, and was stopped", self.attempt);
            ledger.violate("no loss", detail);
        }
        for event in &self.events {
            let outcome = Outcome::HandlerTimedOut;
            let watched = &mut ledger.watched;
            watched.owe(self.receiver, *event, outcome, now, now);
        }
    }
}
