//! The sender's side of a run: what happens when it hangs up, or has waited long enough.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::StatusCode;

use super::gate::Answer;
use super::state::RunState;
use crate::observer::Outcome;
use crate::time::Sleep;

/// The sender's side of a run: waits for the handler, but not for ever.
pub struct Connection {
    state: Arc<RunState>,
}

impl Connection {
    pub(crate) fn new(state: Arc<RunState>) -> Connection {
        Connection { state }
    }

    /// Polls `task`, the future of [`Run::supervise`](crate::Run::supervise), in place. When the answer deadline strikes,
    /// or this future is dropped because the sender hung up, the rest of the task is handed to
    /// `spawn`, which has to see that it runs to its end. [Without
    /// dedupe](crate::Receiver::without_dedupe) there is no such deadline, and the task is dropped.
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
            if !self.state.dedupes() {
                self.state
                    .track
                    .noticed(Outcome::HandlerFailed, &self.state.names, true);
                return;
            }
            self.state.detach();
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
        if !self.state.dedupes() {
            return Poll::Pending;
        }
        let gate = self.state.track.gate.clone();
        let is_detached = self.state.is_detached();
        let deadline = self
            .deadline
            .get_or_insert_with(|| gate.clock.sleep(gate.config.answer_deadline));
        // Where nothing is refused, the sender goes on waiting, and is told of as if it did not.
        let observe_only = gate.config.observe_only;
        if (observe_only && is_detached) || deadline.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let answer = Answer::bare(StatusCode::SERVICE_UNAVAILABLE);
        self.state
            .track
            .answered(Outcome::AnswerDeadline, answer.status, &self.state.names);
        if observe_only {
            self.state.detach();
            return Poll::Pending;
        }
        self.detach();
        Poll::Ready(Err(answer))
    }
}

impl<T: Future, S: FnOnce(Pin<Box<T>>)> Drop for Carried<T, S> {
    fn drop(&mut self) {
        self.detach();
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
