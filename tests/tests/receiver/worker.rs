//! Workers, which serve requests as an adapter would, and the requests on their way.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use countersign::{Answer, Clock, Delivery, Gate, Receiver};
use http::{Request, StatusCode};

use crate::stage::{Running, Runs, Stage};

/// A process, or a thread of one, that serves an endpoint.
pub struct Worker {
    pub gate: Gate,
    pub receiver: Receiver,
    number: usize,
    alive: Rc<Cell<bool>>,
    stage: Stage,
}

impl Worker {
    pub fn new(stage: &Stage, number: usize, gate: Gate, receiver: &Receiver) -> Worker {
        Worker {
            number,
            gate,
            receiver: receiver.clone(),
            alive: Rc::new(Cell::new(true)),
            stage: stage.clone(),
        }
    }

    /// Begins to serve a request, as an adapter would.
    pub fn send<F>(
        &self,
        request: Request<Bytes>,
        handler: impl FnOnce(Delivery) -> F + 'static,
    ) -> Sent
    where
        F: Future<Output = u16> + 'static,
    {
        let answer = Rc::new(RefCell::new(None));
        let (put, clock) = (answer.clone(), self.stage.clock.clone());
        let (stage, number, alive) = (self.stage.clone(), self.number, self.alive.clone());
        let gate = self.gate.clone();
        let task = self.stage.executor.spawn(self.number, async move {
            let runs = stage.counted.clone();
            // A dead worker's tasks go nowhere.
            let spawn = move |rest: Pin<Box<dyn Future<Output = ()>>>| {
                if alive.get() {
                    stage.executor.spawn(number, rest);
                }
            };
            let served = serve(&gate, &request, handler, runs, spawn).await;
            *put.borrow_mut() = Some((served, clock.monotonic()));
        });
        Sent {
            answer,
            task,
            stage: self.stage.clone(),
        }
    }

    /// Serves a request for which no time has to pass; what it was answered.
    pub fn deliver<F>(
        &self,
        request: Request<Bytes>,
        handler: impl FnOnce(Delivery) -> F + 'static,
    ) -> String
    where
        F: Future<Output = u16> + 'static,
    {
        let sent = self.send(request, handler);
        self.stage.run();
        sent.answer()
    }

    /// Ends the process at once: nothing of it is polled any more.
    pub fn crash(self) {
        self.alive.set(false);
        self.stage.executor.drop_worker(self.number);
    }
}

async fn serve<F: Future<Output = u16> + 'static>(
    gate: &Gate,
    request: &Request<Bytes>,
    handler: impl FnOnce(Delivery) -> F,
    runs: Rc<Runs>,
    spawn: impl FnOnce(Pin<Box<dyn Future<Output = ()>>>) + Unpin,
) -> String {
    let body = request.body().clone();
    let admitted = match gate.begin(request, Some(body.len() as u64)) {
        Ok(mut intake) => match intake.update(body) {
            Ok(()) => intake.admit().await,
            Err(answer) => Err(answer),
        },
        Err(answer) => Err(answer),
    };
    let run = match admitted {
        Ok(run) => run,
        Err(answer) => return show(&answer),
    };
    let handler = handler(run.delivery());
    let counted = async move {
        let _running = Running::begin(runs);
        handler.await
    };
    let connection = run.connection();
    let task = run.supervise(counted, |status| StatusCode::from_u16(*status).unwrap());
    let rest = |task: Pin<Box<_>>| {
        spawn(Box::pin(async move {
            let _: Result<u16, Answer> = task.await;
        }));
    };
    match connection.carry(task, rest).await {
        Ok(status) => format!("own {status}"),
        Err(answer) => show(&answer),
    }
}

/// An answer as text: `own` and the handler's status, or status, outcome and seconds to wait.
pub fn show(answer: &Answer) -> String {
    let mut shown = answer.status.as_u16().to_string();
    if let Some(outcome) = answer.outcome {
        shown += &format!(" {outcome}");
    }
    if let Some(seconds) = answer.retry_after {
        shown += &format!(" retry={seconds}");
    }
    shown
}

/// A request on its way.
pub struct Sent {
    answer: Rc<RefCell<Option<(String, Duration)>>>,
    task: usize,
    stage: Stage,
}

impl Sent {
    /// What was answered; `-` if nothing was yet.
    pub fn answer(&self) -> String {
        let answer = self.answer.borrow();
        answer
            .as_ref()
            .map_or_else(|| "-".to_owned(), |(shown, _)| shown.clone())
    }

    /// When it was answered.
    pub fn answered_at(&self) -> Duration {
        self.answer.borrow().as_ref().expect("an answer").1
    }

    /// The sender hangs up: the connection's future is dropped.
    pub fn hang_up(&self) {
        self.stage.executor.drop_task(self.task);
        self.stage.run();
    }

    /// The runtime that serves it ends: nothing of it is polled any longer, and the process goes on.
    pub fn abandon(&self) {
        let executor = &self.stage.executor;
        executor.drop_task(self.task);
        // What was handed on as the connection went.
        executor.drop_task(executor.newest());
    }

    /// The handler blocks its thread from now on, or does not any longer.
    pub fn block(&self, blocked: bool) {
        self.stage.executor.block(self.task, blocked);
    }
}
