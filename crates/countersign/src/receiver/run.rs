//! A run: the lease on a delivery's events, the handler under it, and the settlement.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::StatusCode;

use super::delivery::Delivery;
use super::gate::{Answer, Track};
use super::limits::RunPlace;
use super::signal::Signal;
use crate::dedupe::{Key, Token};
use crate::event::Identity;
use crate::observer::Outcome;
use crate::time::Sleep;
use crate::verifier::Verified;

/// The right to run the handler once for the events of one delivery.
///
/// Dropped without [`supervise`](Run::supervise), it releases them.
pub struct Run {
    state: Arc<RunState>,
    delivery: Delivery,
    _place: RunPlace,
}

/// What of a run is shared with the keeper, the handler and the connection.
pub(crate) struct RunState {
    pub(crate) track: Track,
    pub(crate) token: Token,
    pub(crate) started: Duration,
    /// Asks the handler's future to be dropped.
    pub(crate) stop: Signal,
    /// Tells the handler that another run took an event over.
    pub(crate) lost: Signal,
    /// Whether the sender was answered, or hung up, before the handler was done.
    detached: AtomicBool,
    inner: Mutex<Inner>,
}

struct Inner {
    keys: Vec<(Key, Mark)>,
    renewed_at: Duration,
    renewing: bool,
    /// The place among the watched runs.
    watched: Option<usize>,
    given_up: bool,
    /// Whether the handler has ended, so that nothing but commits is left to wait for.
    ended: bool,
}

/// What became of one event of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It follows the handler's answer.
    Held,
    /// It succeeded; its commit has not landed yet.
    Committing,
    /// Its commit has landed.
    Committed,
    /// It failed.
    Failed,
}

/// How a handler ended.
enum Ended<R> {
    Finished(R),
    Panicked,
    Stopped,
}

impl Run {
    pub(crate) fn start(
        track: Track,
        verified: Verified,
        events: Vec<(Key, Identity)>,
        fresh: &[Key],
        token: Token,
        place: RunPlace,
    ) -> Run {
        let started = track.gate.clock.monotonic();
        let state = Arc::new(RunState {
            track,
            token,
            started,
            stop: Signal::default(),
            lost: Signal::default(),
            detached: AtomicBool::new(false),
            inner: Mutex::new(Inner {
                keys: fresh.iter().map(|key| (*key, Mark::Held)).collect(),
                renewed_at: started,
                renewing: false,
                watched: None,
                given_up: false,
                ended: false,
            }),
        });
        let delivery = Delivery::new(verified, events, state.clone());
        Run {
            state,
            delivery,
            _place: place,
        }
    }

    /// What the handler is given.
    pub fn delivery(&self) -> Delivery {
        self.delivery.clone()
    }

    /// The sender's side of the run.
    pub fn connection(&self) -> Connection {
        Connection {
            state: self.state.clone(),
        }
    }

    /// Runs the handler and settles its events by the status it answers: 2xx commits, anything
    /// else releases. The future has to be polled to its end even if nobody waits for the answer
    /// any longer; [`Connection::carry`] sees to that.
    ///
    /// # Errors
    ///
    /// The answer that stands in for the handler's own: it panicked, was stopped, or answered 2xx
    /// although it had marked an event as failed.
    pub async fn supervise<F: Future>(
        self,
        handler: F,
        status: impl FnOnce(&F::Output) -> StatusCode,
    ) -> Result<F::Output, Answer> {
        let state = self.state.clone();
        let ended = {
            let mut handler = pin!(handler);
            std::future::poll_fn(|cx| {
                // First the handler: if it finished just as it was to be stopped, its answer counts.
                match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
                    Ok(Poll::Ready(response)) => return Poll::Ready(Ended::Finished(response)),
                    Err(_) => return Poll::Ready(Ended::Panicked),
                    Ok(Poll::Pending) => state.watch(),
                }
                state.stop.poll(cx).map(|()| Ended::Stopped)
            })
            .await
            // Here the handler's future is dropped: it has been joined before anything is released.
        };
        let (outcome, result) = match ended {
            Ended::Finished(response) => {
                let status = status(&response);
                let also = &state.track.gate.config.commit_also;
                let success = status.is_success() || also.as_ref().is_some_and(|also| also(status));
                state.settle(success).await;
                match (success, state.any_failed()) {
                    (true, false) => (Outcome::Delivered, Ok((status, response))),
                    // The sender has to come again with what failed.
                    (true, true) if status.is_success() => {
                        let answer = Answer::bare(StatusCode::INTERNAL_SERVER_ERROR);
                        (Outcome::HandlerFailed, Err(answer))
                    }
                    _ => (Outcome::HandlerFailed, Ok((status, response))),
                }
            }
            Ended::Panicked => {
                state.settle(false).await;
                (
                    Outcome::HandlerFailed,
                    Err(Answer::bare(StatusCode::INTERNAL_SERVER_ERROR)),
                )
            }
            Ended::Stopped => {
                state.settle(false).await;
                (
                    Outcome::HandlerTimedOut,
                    Err(Answer::bare(StatusCode::SERVICE_UNAVAILABLE)),
                )
            }
        };
        let status = match &result {
            Ok((status, _)) => *status,
            Err(answer) => answer.status,
        };
        if state.detached.load(Ordering::Acquire) {
            state
                .track
                .noticed(outcome, &self.delivery.identities(), true);
        } else {
            state
                .track
                .answered(outcome, None, status, &self.delivery.identities());
        }
        result.map(|(_, response)| response)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // After a settlement nothing is held any more; without one, nothing has succeeded.
        self.state.settle_later();
    }
}

/// The sender's side of a run: waits for the handler, but not for ever.
pub struct Connection {
    state: Arc<RunState>,
}

impl Connection {
    /// Polls `task`, the future of [`Run::supervise`], in place. When the answer deadline strikes,
    /// or this future is dropped because the sender hung up, the rest of the task is handed to
    /// `spawn`, which has to see that it runs to its end.
    ///
    /// # Errors
    ///
    /// The answer that stands in for the handler's own: that of the task, or 503 at the deadline.
    pub fn carry<T, R, S>(self, task: T, spawn: S) -> Carried<T, S>
    where
        T: Future<Output = Result<R, Answer>>,
        S: FnOnce(Pin<Box<T>>) + Unpin,
    {
        Carried {
            state: self.state,
            task: Some((Box::pin(task), spawn)),
            deadline: None,
        }
    }
}

/// The future of [`Connection::carry`].
pub struct Carried<T: Future, S: FnOnce(Pin<Box<T>>)> {
    state: Arc<RunState>,
    task: Option<(Pin<Box<T>>, S)>,
    deadline: Option<Sleep>,
}

impl<T: Future, S: FnOnce(Pin<Box<T>>)> Carried<T, S> {
    fn detach(&mut self) {
        if let Some((task, spawn)) = self.task.take() {
            self.state.detached.store(true, Ordering::Release);
            spawn(task);
        }
    }
}

impl<T, R, S> Future for Carried<T, S>
where
    T: Future<Output = Result<R, Answer>>,
    S: FnOnce(Pin<Box<T>>) + Unpin,
{
    type Output = Result<R, Answer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((task, _)) = &mut self.task else {
            return Poll::Pending;
        };
        if let Poll::Ready(result) = task.as_mut().poll(cx) {
            self.task = None;
            return Poll::Ready(result);
        }
        let gate = self.state.track.gate.clone();
        let deadline = self
            .deadline
            .get_or_insert_with(|| gate.clock.sleep(gate.config.answer_deadline));
        if deadline.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let answer = Answer::bare(StatusCode::SERVICE_UNAVAILABLE);
        self.state
            .track
            .answered(Outcome::AnswerDeadline, None, answer.status, &[]);
        self.detach();
        Poll::Ready(Err(answer))
    }
}

impl<T: Future, S: FnOnce(Pin<Box<T>>)> Drop for Carried<T, S> {
    fn drop(&mut self) {
        self.detach();
    }
}

impl RunState {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the run under the keeper's watch: done when a handler does not finish at once, so that
    /// one that does costs no entry.
    fn watch(self: &Arc<Self>) {
        let mut inner = self.inner();
        if inner.watched.is_none() {
            inner.watched = Some(self.track.gate.shared.watched().insert(self.clone()));
        }
    }

    fn unwatch_if_done(&self, inner: &mut Inner) {
        let open = inner
            .keys
            .iter()
            .any(|(_, mark)| matches!(mark, Mark::Held | Mark::Committing));
        if inner.ended
            && !open
            && let Some(place) = inner.watched.take()
        {
            self.track.gate.shared.watched().try_remove(place);
        }
    }

    /// The keys whose lease the run needs.
    pub(crate) fn held(&self) -> Arc<[Key]> {
        let inner = self.inner();
        let needed = inner
            .keys
            .iter()
            .filter(|(_, mark)| matches!(mark, Mark::Held | Mark::Committing));
        needed.map(|(key, _)| *key).collect()
    }

    /// Whether a renewal is due now; if so, it is begun.
    pub(crate) fn is_renewal_due(&self, now: Duration) -> bool {
        let config = &self.track.gate.config;
        if !config.store.leases_expire() {
            return false;
        }
        let mut inner = self.inner();
        let due = !inner.renewing
            && !inner.given_up
            && !self.lost.is_given()
            && now.saturating_sub(inner.renewed_at) >= config.lease / 3;
        inner.renewing |= due;
        due
    }

    pub(crate) fn renewed(&self, now: Duration) {
        self.inner().renewed_at = now;
    }

    pub(crate) fn renewal_ended(&self) {
        self.inner().renewing = false;
    }

    /// Another run holds an event: says so to the handler and to the operator, once.
    pub(crate) fn lose(&self) {
        if !self.lost.is_given() {
            self.lost.give();
            self.track.noticed(
                Outcome::LeaseLost,
                &[],
                self.detached.load(Ordering::Acquire),
            );
        }
    }

    /// Gives up a handler that was told to stop and did not: it blocks its thread. Its events
    /// become free after a lease, since nobody renews it.
    pub(crate) fn give_up(self: &Arc<Self>) {
        {
            let mut inner = self.inner();
            if inner.given_up || inner.ended {
                return;
            }
            inner.given_up = true;
        }
        self.track.noticed(Outcome::HandlerStuck, &[], true);
        let gate = self.track.gate.clone();
        if !gate.config.store.leases_expire() {
            let (keys, token) = (self.held(), self.token);
            self.track.gate.shared.jobs.push(async move {
                gate.clock.sleep(gate.config.lease).await;
                gate.release_until_answered(keys, token).await;
            });
        }
    }

    /// Whether an event was marked as failed.
    fn any_failed(&self) -> bool {
        self.inner()
            .keys
            .iter()
            .any(|(_, mark)| *mark == Mark::Failed)
    }

    /// Moves those of `keys` that are still held to `mark`; the ones that were.
    pub(crate) fn take(&self, keys: impl Fn(&Key) -> bool, mark: Mark) -> Arc<[Key]> {
        let mut inner = self.inner();
        let held = inner
            .keys
            .iter_mut()
            .filter(|(key, was)| *was == Mark::Held && keys(key));
        held.map(|(key, was)| {
            *was = mark;
            *key
        })
        .collect()
    }

    /// The handler has ended: commits or releases what it has not settled itself.
    async fn settle(self: &Arc<Self>, success: bool) {
        let keys = self.end(success);
        if success {
            self.commit(keys).await;
        } else {
            self.release(keys).await;
        }
    }

    /// The handler will never end: what is still held is released in the background.
    fn settle_later(self: &Arc<Self>) {
        let keys = self.end(false);
        self.release_later(keys);
    }

    fn end(&self, success: bool) -> Arc<[Key]> {
        let mark = if success {
            Mark::Committing
        } else {
            Mark::Failed
        };
        let keys = self.take(|_| true, mark);
        let mut inner = self.inner();
        inner.ended = true;
        self.unwatch_if_done(&mut inner);
        keys
    }

    /// The commit of `keys` has landed.
    pub(crate) fn committed(&self, keys: &[Key]) {
        let mut inner = self.inner();
        for (key, mark) in &mut inner.keys {
            if *mark == Mark::Committing && keys.contains(key) {
                *mark = Mark::Committed;
            }
        }
        self.unwatch_if_done(&mut inner);
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("token", &self.state.token)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl<T: Future, S: FnOnce(Pin<Box<T>>)> std::fmt::Debug for Carried<T, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Carried")
            .field("done", &self.task.is_none())
            .finish_non_exhaustive()
    }
}
