//! The part of an adapter: from a request to its answer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use countersign::{Clock, Delivery, Gate};
use countersign_testkit::ManualClock;
use http::{Request, StatusCode};

use super::dice::Dice;
use super::executor::{Role, Spawner};
use super::handler::{Plan, Scene};
use super::ledger::{Book, Said};
use super::store::Store;
use super::world::{Attempt, DEADLINE, LINGER, WAIT, WAITERS};

pub struct Server {
    pub number: usize,
    pub worker: usize,
    pub receiver: usize,
    pub endpoint: usize,
    pub gate: Gate,
    pub alive: Arc<AtomicBool>,
    pub store: Store,
    pub clock: ManualClock,
    pub spawner: Spawner,
    pub book: Book,
    pub dice: Rc<RefCell<Dice>>,
    pub calm: Rc<Cell<bool>>,
}

impl Server {
    pub async fn serve(&self, request: &Request<Bytes>) -> u16 {
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
                let status = answer.status.as_u16();
                self.check_retry_after(status, answer.retry_after);
                return status;
            }
        };
        // Extractors and other layers may be slow, and the sender may hang up on them.
        let linger = !self.calm.get() && self.dice.borrow_mut().chance(8);
        if linger {
            self.clock.sleep(LINGER).await;
        }
        let handler = self.scene(run.delivery()).play(self.plan());
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
        let detail = format!("attempt {}: {detail}", self.number);
        self.book.open().violate(invariant, detail);
    }

    fn plan(&self) -> Plan {
        match self.calm.get() {
            true => Plan::CALM,
            false => Plan::roll(
                &mut self.dice.borrow_mut(),
                self.endpoint == super::world::BATCH,
            ),
        }
    }

    fn scene(&self, delivery: Delivery) -> Scene {
        let names = delivery
            .events()
            .map(|event| event.id().strip_prefix("evt_").unwrap().parse().unwrap());
        let ledger = self.book.open();
        let events = names
            .map(|name| ledger.event_named(self.endpoint, name).unwrap())
            .collect();
        Scene {
            attempt: self.number,
            receiver: self.receiver,
            events,
            delivery: delivery.clone(),
            book: self.book.clone(),
            clock: self.clock.clone(),
            store: self.store.clone(),
            spawner: self.spawner.clone(),
            open: RefCell::default(),
            done_at: Cell::default(),
        }
    }

    /// A 409 names what is left of the lease, a 503 some seconds, as a 409 does where leases do not
    /// expire.
    fn check_retry_after(&self, status: u16, retry_after: Option<u64>) {
        let said = self.book.open().said(self.number);
        let right = match (status, said) {
            (409, Some(Said::InProgress { left: Some(left) })) => {
                let seconds = left.as_millis().div_ceil(1000) as u64;
                retry_after == Some(seconds.max(1))
            }
            (409, Some(Said::InProgress { left: None })) | (503, _) => retry_after == Some(5),
            (409, _) => false,
            _ => true,
        };
        if !right {
            let detail = format!("{status} with Retry-After {retry_after:?} for {said:?}");
            self.violate("answers", detail);
        }
    }

    /// What the sender learns, held against what happened.
    pub fn answered(&self, attempts: &[Attempt], answer: u16) {
        let attempt = &attempts[self.number];
        let took = self.clock.monotonic() - attempt.sent;
        let turn = self.spawner.turns.now();
        let (reported, handled, marked, said, said_at) = {
            let mut ledger = self.book.open();
            ledger.log.push(format!(
                "attempt {} answered {answer} after {took:?}",
                self.number
            ));
            let claim = ledger.claim_of(self.number);
            (
                ledger.watched.answered(self.receiver, turn),
                ledger.answers.get(&self.number).copied(),
                ledger.marked.contains(&self.number),
                claim.and_then(|claim| claim.said),
                claim.map(|claim| claim.said_at.1),
            )
        };
        if reported != Some(answer) {
            self.violate("observed", format!("{answer}, reported as {reported:?}"));
        }
        let draining = self.book.open().drained.contains_key(&self.receiver);
        if attempt.forged && answer != 401 && !draining {
            let detail = format!("a forged delivery was answered {answer}");
            self.violate("no poison", detail);
        }
        if answer / 100 == 2 {
            for event in &attempt.events {
                if !self.book.open().succeeded(*event) {
                    let detail = format!("event {event}: {answer}, and no run succeeded");
                    self.violate("no loss", detail);
                }
            }
        }
        let right = match (handled, said) {
            // The sender has to come again with what was marked as failed.
            (Some(200), _) if marked && answer == 500 => true,
            (Some(status), _) if answer == status => !marked || status / 100 != 2,
            (Some(_), _) => answer == 503 && took >= DEADLINE,
            (None, Some(Said::Committed)) => answer == 200,
            (None, Some(Said::InProgress { .. })) => matches!(answer, 409 | 503),
            (None, Some(Said::Acquired)) => answer == 503,
            (None, None) if attempt.events.is_empty() => matches!(answer, 200 | 503),
            (None, None) => matches!(answer, 401 | 503),
        };
        if !right {
            let detail =
                format!("{answer}, and {handled:?} was the handler's, {said:?} the store's");
            self.violate("answers", detail);
        }
        if answer == 409 {
            if said_at != Some(turn) {
                self.violate("answers", "409 without a last look".into());
            }
            if took < WAIT && waiting(attempts, &self.book, self.number) < WAITERS {
                self.violate("answers", format!("409 after {took:?} already"));
            }
        }
    }
}

/// How many deliveries wait for the run that this one would wait for.
pub fn waiting(attempts: &[Attempt], book: &Book, number: usize) -> usize {
    let ledger = book.open();
    let key = |attempt: &Attempt| {
        let keys = attempt.events.iter().map(|event| ledger.events[*event].key);
        keys.min()
    };
    let this = &attempts[number];
    let beside = |(other, attempt): &(usize, &Attempt)| {
        *other != number
            && attempt.is_open()
            && (attempt.worker, attempt.endpoint) == (this.worker, this.endpoint)
            && matches!(ledger.said(*other), Some(Said::InProgress { .. }))
            && key(attempt) == key(this)
    };
    attempts.iter().enumerate().filter(beside).count()
}
