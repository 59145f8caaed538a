//! A run: the lease on a delivery's events, and the handler under it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::StatusCode;

use super::connection::Connection;
use super::delivery::Delivery;
use super::gate::{Answer, Track};
use super::limits::RunPlace;
use super::state::RunState;
use crate::dedupe::{Key, Token};
use crate::event::Identity;
use crate::observer::Outcome;
use crate::verifier::Verified;

/// The right to run the handler once for the events of one delivery.
///
/// Dropped without [`supervise`](Run::supervise), it releases them.
pub struct Run {
    state: Arc<RunState>,
    delivery: Delivery,
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
        verified: Verified,
        events: Vec<(Key, Identity)>,
        keys: &[Key],
        token: Option<Token>,
        place: RunPlace,
    ) -> Run {
        let names = track.names(&events);
        let state = Arc::new(RunState::new(track, names, token, keys));
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
    pub async fn supervise<F: Future>(
        self,
        handler: F,
        status: impl FnOnce(&F::Output) -> StatusCode,
    ) -> Result<F::Output, Answer> {
        let state = self.state.clone();
        let ended = {
            let mut handler = pin!(Some(handler));
            let ended = std::future::poll_fn(|cx| {
                // First the handler: if it finished just as it was to be stopped, its answer counts.
                let running = handler.as_mut().as_pin_mut();
                let poll = || running.map_or(Poll::Pending, |running| running.poll(cx));
                match catch_unwind(AssertUnwindSafe(poll)) {
                    Ok(Poll::Ready(response)) => return Poll::Ready(Ended::Finished(response)),
                    Err(_) => return Poll::Ready(Ended::Panicked),
                    Ok(Poll::Pending) => state.watch(),
                }
                state.stop.poll(cx).map(|()| Ended::Stopped)
            })
            .await;
            // It is joined here, before anything is released. What its drop panics with has been
            // told by the panic hook, and changes nothing for its events.
            let _ = catch_unwind(AssertUnwindSafe(|| handler.set(None)));
            ended
        };
        let (outcome, result) = match ended {
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
        if state.is_detached() {
            state.track.noticed(outcome, &state.names, true);
        } else {
            state.track.answered(outcome, None, status, &state.names);
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

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("token", &self.state.token)
            .finish_non_exhaustive()
    }
}
