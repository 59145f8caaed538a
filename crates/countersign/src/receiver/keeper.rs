//! What goes on in the background: renewals, the watch over runs, and what has to be tried again.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::task::AtomicWaker;

use super::gate::Gate;
use super::limits::Shared;
use super::state::{Mark, RunState};
use crate::dedupe::Renewal;
use crate::sync::{AtomicUsize, Mutex, MutexGuard};
use crate::time::{Clock, Sleep};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The longest time between two looks at the runs.
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// Jobs on their way to the keeper.
#[derive(Default)]
pub(crate) struct Jobs {
    queue: Mutex<Vec<Job>>,
    waker: AtomicWaker,
    /// Queued and running.
    open: AtomicUsize,
}

impl Jobs {
    pub(crate) fn push(&self, job: impl Future<Output = ()> + Send + 'static) {
        self.open.fetch_add(1, Ordering::AcqRel);
        self.queue().push(Box::pin(job));
        self.waker.wake();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    fn queue(&self) -> MutexGuard<'_, Vec<Job>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The background of a receiver: renews the leases of long runs, stops those that run too long, and
/// retries commits and releases until they land.
///
/// It is a future to be polled on a thread that no handler can block. It completes when the
/// receiver, its clones and its runs are gone and all is settled.
pub struct Keeper {
    shared: Weak<Shared>,
    jobs: Arc<Jobs>,
    running: FuturesUnordered<Job>,
    clock: Arc<dyn Clock>,
    tick: Duration,
    timer: Sleep,
}

impl Keeper {
    pub(crate) fn new(gate: &Gate) -> Keeper {
        // A renewal is due every third of a lease; four looks in that time find it early enough.
        let tick = (gate.config.lease / 12).min(LONGEST_TICK);
        Keeper::of(&gate.shared, gate.clock.clone(), tick)
    }

    pub(super) fn of(shared: &Arc<Shared>, clock: Arc<dyn Clock>, tick: Duration) -> Keeper {
        Keeper {
            shared: Arc::downgrade(shared),
            jobs: shared.jobs.clone(),
            running: FuturesUnordered::new(),
            timer: clock.sleep(tick),
            clock,
            tick,
        }
    }
}

impl Future for Keeper {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let keeper = &mut *self;
        keeper.jobs.waker.register(cx.waker());
        loop {
            while let Poll::Ready(()) = keeper.timer.as_mut().poll(cx) {
                keeper.timer = keeper.clock.sleep(keeper.tick);
                if let Some(shared) = keeper.shared.upgrade() {
                    look(&shared, keeper.clock.monotonic());
                }
            }
            keeper
                .running
                .extend(std::mem::take(&mut *keeper.jobs.queue()));
            match keeper.running.poll_next_unpin(cx) {
                Poll::Ready(Some(())) => {
                    keeper.jobs.open.fetch_sub(1, Ordering::AcqRel);
                }
                Poll::Ready(None) if keeper.shared.strong_count() == 0 => return Poll::Ready(()),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Looks at every run that is watched.
fn look(shared: &Arc<Shared>, now: Duration) {
    for run in shared.watched_runs() {
        let config = &run.track.gate.config;
        let age = run.age(now);
        if age >= config.max_run && !config.observe_only {
            run.stop.give();
            // A handler that does not block its thread is joined within moments of the signal.
            if age >= config.max_run.saturating_add(config.store_timeout) {
                run.give_up();
            }
        }
        if run.is_renewal_due(now) {
            let jobs = &run.track.gate.shared.jobs;
            jobs.push(renew(run.clone()));
        }
    }
}

/// Renews what a run holds, and what it is committing. Only the former tells whether the lease is
/// lost: a commit may have been carried out although its answer is still to come. One that was given
/// up holds nothing any longer, but what has succeeded is kept until its commit lands.
pub(super) async fn renew(run: Arc<RunState>) {
    let Some(token) = run.token else { return };
    let gate = &run.track.gate;
    let (held, committing) = (run.keys(Mark::Held), run.keys(Mark::Committing));
    let mut renewed = true;
    if !held.is_empty() && !run.is_given_up() {
        match gate.try_renew(&held, token).await {
            Some(Renewal::Renewed) => {}
            // An entry is also gone if it was settled in the meantime; then fewer are held now.
            // Where it is not, the rest of a batch goes on being renewed.
            Some(Renewal::Lost) if run.keys(Mark::Held) == held => run.lose(),
            _ => renewed = false,
        }
    }
    if !committing.is_empty() {
        renewed &= gate.try_renew(&committing, token).await.is_some();
    }
    if renewed {
        run.renewed(gate.clock.monotonic());
    }
    run.renewal_ended();
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper")
            .field("jobs", &self.running.len())
            .finish_non_exhaustive()
    }
}
