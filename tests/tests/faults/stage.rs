//! One receiver on a clock wound by hand, and as much of an executor as one delivery needs.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use countersign::{
    Answer, Clock, Delivery, Gate, Keeper, Observation, Observer, Outcome, Receiver, Secret,
    UnixTime, provider,
};
use countersign_testkit::{ManualClock, Signer};
use http::{Request, StatusCode};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub struct Stage {
    pub clock: ManualClock,
    pub gate: Gate,
    keeper: RefCell<Pin<Box<Keeper>>>,
    seen: Seen,
}

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Outcome>>>);

impl Observer for Seen {
    fn observe(&self, observation: &Observation<'_>) {
        self.0.lock().unwrap().push(observation.outcome);
    }
}

impl Stage {
    pub fn new(set: impl FnOnce(Receiver, ManualClock) -> Receiver) -> Stage {
        let clock = ManualClock::new(UnixTime::from_secs(1_800_000_000));
        let seen = Seen::default();
        let receiver = Receiver::new("shop", provider::fedapay(), [Secret::new(SECRET).unwrap()])
            .unwrap()
            .with_observer(seen.clone());
        let receiver = set(receiver, clock.clone());
        let (gate, keeper) = receiver.open(Arc::new(clock.clone()));
        Stage {
            clock,
            gate,
            keeper: RefCell::new(Box::pin(keeper.expect("the first to open it"))),
            seen,
        }
    }

    pub fn seen(&self, outcome: Outcome) -> usize {
        let seen = self.seen.0.lock().unwrap();
        seen.iter().filter(|other| **other == outcome).count()
    }

    pub fn sign(&self, id: &str) -> Request<Bytes> {
        let secret = Secret::new(SECRET).unwrap();
        let signer = Signer::new(&provider::fedapay(), &secret).unwrap();
        let body = format!(r#"{{"id":"{id}","name":"transaction.approved"}}"#);
        signer.sign(body, self.clock.now()).unwrap().into_request()
    }

    /// Lets time pass until the delivery is answered; what it was answered.
    pub fn deliver(&self, id: &str, handler: impl AsyncFnOnce(Delivery) -> u16) -> String {
        let request = self.sign(id);
        let mut served = pin!(async {
            let mut intake = self.gate.begin(&request, None)?;
            intake.update(request.body().clone())?;
            let run = intake.admit().await?;
            let handler = handler(run.delivery());
            run.supervise(handler, |status| StatusCode::from_u16(*status).unwrap())
                .await
        });
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(served) = served.as_mut().poll(&mut cx) {
                return show(served);
            }
            self.pass(Duration::from_millis(10));
        }
    }

    /// Lets time pass, and the keeper work.
    pub fn pass(&self, time: Duration) {
        let end = self.clock.monotonic() + time;
        let mut cx = Context::from_waker(Waker::noop());
        while self.clock.monotonic() < end {
            let _ = self.keeper.borrow_mut().as_mut().poll(&mut cx);
            self.clock.advance(Duration::from_millis(10));
        }
        let _ = self.keeper.borrow_mut().as_mut().poll(&mut cx);
    }
}

fn show(served: Result<u16, Answer>) -> String {
    match served {
        Ok(status) => format!("own {status}"),
        Err(answer) => {
            let outcome = answer.outcome.unwrap_or_default();
            format!("{} {outcome}", answer.status.as_u16())
        }
    }
}
