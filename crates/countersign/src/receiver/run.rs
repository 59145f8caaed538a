//! A run: the lease on a delivery's events, and the handler under it.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use http::StatusCode;
use pin_project_lite::pin_project;

use super::connection::Connection;
use super::delivery::Delivery;
use super::gate::Answer;
use super::limits::RunPlace;
use super::state::RunState;
use crate::dedupe::Token;
use crate::observer::Outcome;

/// The right to run the handler once for the events of one delivery.
///
/// Dropped without [`supervise`](Run::supervise), it releases them.
pub struct Run {
    pub(super) state: Arc<RunState>,
    _place: RunPlace,
}

/// How a handler ended.
enum Ended {
    Finished(StatusCode),
    Panicked,
    Stopped,
}

/// What is said of a run that has ended: to the observers, and to the sender.
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) status: StatusCode,
    /// What the sender is told in place of the handler's answer.
    pub(super) instead: Option<Answer>,
    /// What went wrong beneath the outcome.
    pub(super) error: Option<Box<dyn Error + Send + Sync>>,
}

impl End {
    /// With the handler's own answer.
    pub(super) fn of(outcome: Outcome, status: StatusCode) -> End {
        End {
            outcome,
            status,
            instead: None,
            error: None,
        }
    }

    pub(super) fn instead(outcome: Outcome, answer: Answer) -> End {
        End {
            instead: Some(answer),
            ..End::of(outcome, answer.status)
        }
    }
}

impl Run {
    /// A run of what `state` holds, under `token` if it was claimed.
    pub(crate) fn start(mut state: Arc<RunState>, token: Option<Token>, place: RunPlace) -> Run {
        // Nobody else has it yet.
        if let Some(state) = Arc::get_mut(&mut state) {
            state.start(token);
        }
        Run {
            state,
            _place: place,
        }
    }

    /// What the handler is given.
    pub fn delivery(&self) -> Delivery {
        Delivery::new(self.state.clone())
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
        Supervised {
            stage: Stage::Handling { handler },
            status: Some(status),
            run: Some(self),
        }
    }

    /// Settles what the handler has left. The answer that stands in for its own, if one does.
    async fn settled(self, ended: Ended) -> Option<Answer> {
        let state = &self.state;
        // Where nothing is refused, a handler that has an answer gives it.
        let keeps_its_answer =
            state.track.gate.config.observe_only && matches!(ended, Ended::Finished(_));
        let in_transaction = state.track.gate.config.dedupe.is_in_transaction();
        let End {
            outcome,
            status,
            instead,
            error,
        } = match ended {
            Ended::Finished(status) if in_transaction => Box::pin(self.proof_of(status)).await,
            Ended::Finished(status) => {
                let also = &state.track.gate.config.commit_also;
                // The merchant's own code: if it panics, the event comes again.
                let also = also.as_ref().is_some_and(|also| {
                    catch_unwind(AssertUnwindSafe(|| also(status))).unwrap_or_default()
                });
                let success = status.is_success() || also;
                state.settle(success).await;
                match (success, state.failed_status()) {
                    (true, None) => End::of(Outcome::Delivered, status),
                    // The sender has to come again with what failed.
                    (true, Some(failed)) if status.is_success() => End {
                        error: Some("an event was marked as failed, or does not decode".into()),
                        ..End::instead(Outcome::HandlerFailed, Answer::bare(failed))
                    },
                    _ => End::of(Outcome::HandlerFailed, status),
                }
            }
            Ended::Panicked => {
                state.settle(false).await;
                let answer = Answer::bare(StatusCode::INTERNAL_SERVER_ERROR);
                End {
                    error: Some("the handler panicked".into()),
                    ..End::instead(Outcome::HandlerFailed, answer)
                }
            }
            Ended::Stopped => {
                state.settle(false).await;
                let answer = Answer::bare(StatusCode::SERVICE_UNAVAILABLE);
                End::instead(Outcome::HandlerTimedOut, answer)
            }
        };
        let partly = match outcome {
            Outcome::Delivered => None,
            _ => Some(state.done_among(&state.names, state.proven.keys())),
        };
        let committed = partly.as_deref().unwrap_or(&state.names);
        let heard = (!state.is_detached()).then_some(status);
        let names = (&*state.names, committed);
        state.track.ran(outcome, error.as_deref(), heard, names);
        instead.filter(|_| !keeps_its_answer)
    }
}

pin_project! {
    /// A handler until it ends or is to be stopped, and then, in its room, what settles its events.
    struct Supervised<F: Future, S> {
        #[pin]
        stage: Stage<F>,
        status: Option<S>,
        // Until the handler has ended. Behind it: it is joined before anything is released.
        run: Option<Run>,
    }
}

pin_project! {
    #[project = StageNow]
    enum Stage<F: Future> {
        Handling {
            #[pin]
            handler: F,
        },
        Settling {
            settled: Pin<Box<dyn Future<Output = Option<Answer>> + Send>>,
            response: Option<F::Output>,
        },
        Over,
    }
}

impl<F: Future, S: FnOnce(&F::Output) -> StatusCode> Future for Supervised<F, S> {
    type Output = Result<F::Output, Answer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        let (ended, response) = match (this.stage.as_mut().project(), &*this.run) {
            (StageNow::Handling { handler }, Some(run)) => {
                // Before its first step: one that blocks its thread there comes back to nobody, and its lease
                // is to be renewed, and the run to be given up, all the same.
                if run.state.dedupes() {
                    run.state.watch();
                }
                // First the handler: if it finished just as it was to be stopped, its answer counts.
                let poll = || run.state.track.within(|| handler.poll(cx));
                match catch_unwind(AssertUnwindSafe(poll)) {
                    Ok(Some(Poll::Ready(response))) => {
                        let status = this.status.take().map(|status| status(&response));
                        (
                            status.map_or(Ended::Panicked, Ended::Finished),
                            Some(response),
                        )
                    }
                    Err(_) | Ok(None) => (Ended::Panicked, None),
                    Ok(Some(Poll::Pending)) => {
                        run.state.watch();
                        ready!(run.state.stop.poll(cx));
                        (Ended::Stopped, None)
                    }
                }
            }
            (StageNow::Settling { settled, response }, _) => {
                let instead = ready!(settled.as_mut().poll(cx));
                return Poll::Ready(answer(instead, response.take()));
            }
            // It is over.
            _ => return Poll::Ready(answer(None, None)),
        };
        // What its drop panics with has been told by the panic hook, and changes nothing for its
        // events.
        let _ = catch_unwind(AssertUnwindSafe(|| this.stage.set(Stage::Over)));
        let Some(run) = this.run.take() else {
            return Poll::Ready(answer(None, None));
        };
        let at_once = run.state.settles_at_once();
        let settled = run.settled(ended);
        if at_once {
            // Where it stands: nothing in it waits for an answer, and it needs no box.
            let unsettled = Some(Answer::bare(StatusCode::INTERNAL_SERVER_ERROR));
            let instead = settled.now_or_never().unwrap_or(unsettled);
            return Poll::Ready(answer(instead, response));
        }
        let settled = Box::pin(settled);
        this.stage.set(Stage::Settling { settled, response });
        self.poll(cx)
    }
}

/// The handler's own response, unless something stands in for it.
fn answer<R>(instead: Option<Answer>, response: Option<R>) -> Result<R, Answer> {
    match (instead, response) {
        (None, Some(response)) => Ok(response),
        (Some(instead), _) => Err(instead),
        // A handler that ended without a response is answered for.
        (None, None) => Err(Answer::bare(StatusCode::INTERNAL_SERVER_ERROR)),
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
