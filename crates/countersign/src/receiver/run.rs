//! A run: the lease on a delivery's events, and the handler under it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use http::StatusCode;
use pin_project_lite::pin_project;

use super::connection::Connection;
use super::delivery::{Delivery, Proven};
use super::gate::{Answer, Track};
use super::limits::RunPlace;
use super::state::RunState;
use crate::dedupe::{Key, Token};
use crate::observer::Outcome;

/// The right to run the handler once for the events of one delivery.
///
/// Dropped without [`supervise`](Run::supervise), it releases them.
pub struct Run {
    pub(super) state: Arc<RunState>,
    pub(super) delivery: Delivery,
    _place: RunPlace,
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
        proven: Arc<Proven>,
        keys: Arc<[Key]>,
        token: Option<Token>,
        place: RunPlace,
    ) -> Run {
        let names = track.names(proven.seen());
        let state = Arc::new(RunState::new(track, names, token, keys));
        let delivery = Delivery::new(proven, state.clone());
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
        Connection::new(self.state.clone())
    }

    /// Runs the handler and settles its events by the status it answers: 2xx commits, anything
    /// else releases. The future has to be polled to its end even if nobody waits for the answer
    /// any longer; [`Connection::carry`] sees to that.
    ///
    /// # Errors
    ///
    /// The answer that stands in for the handler's own: it panicked, was stopped, or answered 2xx
    /// although it had marked an event as failed, or one did not decode.
    pub fn supervise<F, S>(
        self,
        handler: F,
        status: S,
    ) -> impl Future<Output = Result<F::Output, Answer>> + use<F, S>
    where
        F: Future,
        S: FnOnce(&F::Output) -> StatusCode,
    {
        // One future behind the other and in its room: an `async` block would hold the handler
        // twice, and what settles beside it.
        let handled = Handled {
            state: self.state.clone(),
            handler: Some(handler),
        };
        handled.then(|ended| self.settled(ended, status))
    }

    /// Settles what the handler has left.
    async fn settled<R>(
        self,
        ended: Ended<R>,
        status: impl FnOnce(&R) -> StatusCode,
    ) -> Result<R, Answer> {
        let state = &self.state;
        let (outcome, result) = match ended {
            Ended::Finished(response) if state.track.gate.config.dedupe.is_in_transaction() => {
                let status = status(&response);
                let (outcome, answer) = Box::pin(self.proof_of(status)).await;
                (outcome, answer.map_or(Ok((status, response)), Err))
            }
            Ended::Finished(response) => {
                let status = status(&response);
                let also = &state.track.gate.config.commit_also;
                let success = status.is_success() || also.as_ref().is_some_and(|also| also(status));
                state.settle(success).await;
                match (success, state.failed_status()) {
                    (true, None) => (Outcome::Delivered, Ok((status, response))),
                    // The sender has to come again with what failed.
                    (true, Some(failed)) if status.is_success() => {
                        (Outcome::HandlerFailed, Err(Answer::bare(failed)))
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
        let partly = match outcome {
            Outcome::Delivered => None,
            _ => Some(state.done_among(&state.names, self.delivery.keys())),
        };
        let committed = partly.as_deref().unwrap_or(&state.names);
        let heard = (!state.is_detached()).then_some(status);
        state.track.ran(outcome, heard, (&state.names, committed));
        result.map(|(_, response)| response)
    }
}

pin_project! {
    /// A handler, until it ends or is to be stopped. It is joined then, before anything is released.
    struct Handled<F> {
        state: Arc<RunState>,
        #[pin]
        handler: Option<F>,
    }
}

impl<F: Future> Future for Handled<F> {
    type Output = Ended<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (state, mut handler) = (this.state, this.handler);
        let ended = 'ended: {
            // First the handler: if it finished just as it was to be stopped, its answer counts.
            let running = handler.as_mut().as_pin_mut();
            let poll = || running.map_or(Poll::Pending, |running| running.poll(cx));
            match catch_unwind(AssertUnwindSafe(poll)) {
                Ok(Poll::Ready(response)) => break 'ended Ended::Finished(response),
                Err(_) => break 'ended Ended::Panicked,
                Ok(Poll::Pending) => state.watch(),
            }
            match state.stop.poll(cx) {
                Poll::Ready(()) => Ended::Stopped,
                Poll::Pending => return Poll::Pending,
            }
        };
        // What its drop panics with has been told by the panic hook, and changes nothing for its
        // events.
        let _ = catch_unwind(AssertUnwindSafe(|| handler.set(None)));
        Poll::Ready(ended)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // After a settlement nothing is held any more; without one, nothing has succeeded.
        self.state.settle_later();
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("token", &self.state.token)
            .finish_non_exhaustive()
    }
}
