//! A receiver at work: with a clock, and with all that a delivery passes through.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use http::StatusCode;
use pin_project_lite::pin_project;

use super::intake::Intake;
use super::keeper::Keeper;
use super::limits::Shared;
use super::track::Track;
use super::{Config, Receiver, SECOND};
use crate::error::ErrorKind;
use crate::head::Head;
use crate::time::{Clock, Sleep};

/// How often something that is waited for is looked at again, at most.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What a sender is told to wait, in seconds, where nothing better is known.
pub(crate) const RETRY_AFTER: u64 = 5;

/// A [`Receiver`] at work. What an adapter holds.
///
/// Every delivery holds it several times over, so that it is one pointer.
#[derive(Clone)]
pub struct Gate {
    works: Arc<Works>,
}

#[doc(hidden)]
pub struct Works {
    pub(crate) config: Arc<Config>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl std::ops::Deref for Gate {
    type Target = Works;

    fn deref(&self) -> &Works {
        &self.works
    }
}

/// What the sender is answered instead of the handler's own response: always with an empty body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The value of the header `webhook-outcome`, for a delivery that was verified.
    pub outcome: Option<&'static str>,
    /// The value of the header `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

impl Answer {
    pub(crate) fn refusal(kind: ErrorKind) -> Answer {
        let status = kind.status();
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        Answer {
            status,
            outcome: None,
            retry_after,
        }
    }

    pub(crate) fn verified(status: StatusCode, outcome: &'static str) -> Answer {
        Answer {
            status,
            outcome: Some(outcome),
            retry_after: None,
        }
    }

    pub(crate) fn bare(status: StatusCode) -> Answer {
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        Answer {
            status,
            outcome: None,
            retry_after,
        }
    }
}

impl Receiver {
    /// Puts the receiver to work with a runtime's clock.
    ///
    /// The first call also yields the [`Keeper`], a future that renews leases and retries what
    /// failed. It has to be polled for as long as the receiver is used, on a thread that no handler
    /// can block.
    pub fn open(&self, clock: Arc<dyn Clock>) -> (Gate, Option<Keeper>) {
        let clock = self.shared.clock.get_or_init(|| clock).clone();
        let gate = Gate {
            works: Arc::new(Works {
                config: self.config.clone(),
                shared: self.shared.clone(),
                clock,
            }),
        };
        gate.observe_dangers();
        let first = !self.shared.keeper_made.swap(true, Ordering::AcqRel);
        let keeper = first.then(|| Keeper::new(&gate));
        (gate, keeper)
    }

    /// Whether no handler runs and nothing waits to be settled in the background.
    pub fn is_idle(&self) -> bool {
        // In this order: a run hands what it could not settle to the keeper before it ends.
        self.shared.runs() == 0 && self.shared.jobs.is_empty()
    }

    /// Shuts down: call it once the server takes no more connections.
    ///
    /// New deliveries are answered 503. Those in hand may finish until `deadline` has passed; then
    /// their handlers are stopped, joined, and their events released. `true` if everything was
    /// settled in the end.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.shared.draining.store(true, Ordering::SeqCst);
        let Some(clock) = self.shared.clock.get().cloned() else {
            return true;
        };
        let end = clock.monotonic().saturating_add(deadline);
        while !self.is_idle() && clock.monotonic() < end {
            clock.sleep(LOOK_AGAIN).await;
        }
        // A stopped handler is joined at its next poll, and its release is one call to the store.
        let joined = self
            .config
            .store_timeout
            .saturating_mul(2)
            .saturating_add(SECOND);
        let end = clock.monotonic().saturating_add(joined);
        while !self.is_idle() && clock.monotonic() < end {
            // Each time: a claim that was on its way may have let one more begin.
            for run in self.shared.watched_runs() {
                run.stop.give();
            }
            clock.sleep(LOOK_AGAIN).await;
        }
        self.is_idle()
    }
}

impl Gate {
    /// Begins with a delivery's head; `declared` is the length that `Content-Length` names. Where the
    /// endpoint has [tenants](Receiver::for_tenants), they are asked for by [`take_in`](Gate::take_in)
    /// alone, and what is begun here is refused.
    ///
    /// # Errors
    ///
    /// The answer to a delivery that is refused before its body is read.
    pub fn begin<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
        declared: Option<u64>,
    ) -> Result<Intake<'h>, Answer> {
        let track = Track::begin(self);
        self.check_guards(head, &track)?;
        let secrets = self.shared.secrets.load_full();
        Intake::begin(track, head, declared, secrets)
    }

    /// Whether what is refused is handed to the handler nevertheless, without a [`Run`](crate::Run): see
    /// [`Receiver::dangerously_observe_only`].
    pub fn observes_only(&self) -> bool {
        self.config.observe_only
    }

    /// How long a body may take to arrive.
    pub fn body_timeout(&self) -> Duration {
        self.config.body_timeout
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::SeqCst)
    }

    /// How long a claim or a renewal may take: a lease counts from when the store carried it out, and
    /// must not be over before the answer is there.
    pub(crate) fn lease_timeout(&self) -> Duration {
        self.config.store_timeout.min(self.config.lease / 3)
    }

    /// What `future` yields, if it does so within `limit` on the receiver's clock. A future that is
    /// ready at once costs no timer.
    pub fn within<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> {
        Within {
            gate: self,
            limit,
            future,
            timer: None,
        }
    }
}

pin_project! {
    struct Within<'g, F> {
        gate: &'g Gate,
        limit: Duration,
        #[pin]
        future: F,
        timer: Option<Sleep>,
    }
}

impl<F: Future> Future for Within<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(value) = this.future.poll(cx) {
            return Poll::Ready(Some(value));
        }
        let sleep = || this.gate.clock.sleep(*this.limit);
        let timer = this.timer.get_or_insert_with(sleep);
        timer.as_mut().poll(cx).map(|()| None)
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.works.fmt(f)
    }
}

impl std::fmt::Debug for Works {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("endpoint", &self.config.endpoint)
            .finish_non_exhaustive()
    }
}
