//! From a verified delivery to a lease on its events, or to the answer that stands in for a run.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::StatusCode;

use super::delivery::Proven;
use super::gate::{Answer, Gate, RETRY_AFTER};
use super::interest::of_interest;
use super::limits::{RunPlace, WaitPlace};
use super::run::Run;
use super::state::RunState;
use super::track::Track;
use super::transaction::Dedupe;
use crate::dedupe::{Call, Claim, Key, Lease, Running, StoreError, Token};
use crate::error::ErrorKind;
use crate::event::Identity;
use crate::handshake::Greeting;
use crate::observer::Outcome;
use crate::verified::Verified;

/// How often one in progress is looked at: twice as long each time, from the first to the last.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LAST_LOOK: Duration = Duration::from_millis(100);

/// A verified delivery whose events are to be claimed.
pub struct Admission {
    /// On the heap before its events are claimed: all that waits for the claim would otherwise hold it,
    /// and move it, too. Nobody else has it yet.
    pub(super) run: Arc<RunState>,
    pub(super) greeting: Option<Box<Greeting>>,
}

impl Admission {
    pub(crate) fn new(
        track: Track,
        verified: Verified,
        events: Vec<Identity>,
    ) -> Result<Admission, Answer> {
        let events = of_interest(&track, &verified, events)?;
        let keys: Arc<[Key]> = match events.as_slice() {
            // Without dedupe nothing is held, and nothing can be settled.
            _ if !track.gate.config.dedupe.is_on() => Arc::default(),
            [(key, _)] => Arc::new([*key]),
            several => {
                let mut keys: Vec<Key> = several.iter().map(|(key, _)| *key).collect();
                keys.sort_unstable();
                keys.into()
            }
        };
        let proven = Proven::new(verified, OnceLock::from(events));
        Ok(Admission {
            run: Arc::new(RunState::new(track, proven, keys)),
            greeting: None,
        })
    }

    /// The run of a delivery that is not to be claimed.
    fn pass(self) -> Result<Run, Answer> {
        let place = self.place()?;
        Ok(Run::start(self.run, None, place))
    }

    /// A place for the handler.
    pub(super) fn place(&self) -> Result<RunPlace, Answer> {
        let gate = self.gate();
        let Some(place) = gate.shared.take_run(gate.config.runs) else {
            return Err(self.refuse(ErrorKind::TooManyRuns));
        };
        // Behind the place: a shutdown that begins in between sees it taken, and waits.
        if gate.is_draining() {
            return Err(self.refuse(ErrorKind::ShuttingDown));
        }
        Ok(place)
    }

    /// Claims the events, unless the receiver is one [without
    /// dedupe](crate::Receiver::without_dedupe), or its handler [claims
    /// them](crate::Receiver::with_claim_in_transaction): the only place where one is waited for.
    ///
    /// # Errors
    ///
    /// The answer, if the handler is not to run: the delivery is a duplicate, in progress, or too much.
    #[expect(
        clippy::manual_async_fn,
        reason = "an `async fn` holds its argument twice"
    )]
    pub fn claim(self) -> impl Future<Output = Result<Run, Answer>> {
        async move {
            self.refuse_greeted()?;
            match self.gate().config.dedupe {
                Dedupe::Leases => {}
                // In a box, since few take this way, and all would have to make room for it.
                Dedupe::Transaction(_) => return Box::pin(self.unless_committed()).await,
                Dedupe::None => return self.pass(),
            }
            let gate = self.gate();
            let token = Token::random();
            let mut waiting: Option<Waiting> = None;
            loop {
                let place = self.place()?;
                match gate.claim(&self.run.keys, token).await {
                    Ok(Claim::Acquired(lease)) => {
                        return Ok(self.acquired(lease, token, place));
                    }
                    Ok(Claim::Committed { differing }) => {
                        return Err(self.duplicate(&differing));
                    }
                    Ok(Claim::InProgress { retry_after }) => {
                        drop(place);
                        if gate.config.observe_only
                            || !Waiting::again(&mut waiting, gate, &self.run.keys, retry_after)
                                .await
                        {
                            return Err(self.in_progress(retry_after));
                        }
                    }
                    // A store that is full was reached, and said that it may not be passed by.
                    Err(error) if gate.config.fail_open && !error.is_full() => {
                        let track = &self.run.track;
                        let names = track.names(self.run.proven.seen());
                        track.store_failed(Outcome::Unclaimed, &error, &names, false);
                        return Ok(Run::start(self.run, None, place));
                    }
                    Err(error) => return Err(self.without_store(&error)),
                }
            }
        }
    }

    /// The run of those events that had not been committed before.
    fn acquired(mut self, lease: Lease, token: Token, place: RunPlace) -> Run {
        self.note_differing(&lease.differing);
        self.keep(lease.fresh);
        Run::start(self.run, Some(token), place)
    }

    /// Leaves the events under these keys to the handler; the others had been committed before.
    pub(super) fn keep(&mut self, keys: Vec<Key>) {
        if keys.len() < self.run.keys.len()
            && let Some(run) = Arc::get_mut(&mut self.run)
        {
            run.proven.retain(|key| keys.binary_search(key).is_ok());
            run.keys = keys.into();
        }
    }

    pub(super) fn duplicate(&self, differing: &[Key]) -> Answer {
        self.note_differing(differing);
        self.answered(Outcome::Duplicate, StatusCode::OK);
        Answer::verified(StatusCode::OK, "duplicate")
    }

    fn in_progress(&self, retry_after: Option<Duration>) -> Answer {
        let answer = in_progress(retry_after);
        self.answered(Outcome::InProgress, answer.status);
        answer
    }

    pub(super) fn refuse(&self, kind: ErrorKind) -> Answer {
        let track = &self.run.track;
        track.refuse(kind, &track.names(self.run.proven.seen()))
    }

    /// The store cannot be asked.
    pub(super) fn without_store(&self, error: &StoreError) -> Answer {
        let track = &self.run.track;
        let events = track.names(self.run.proven.seen());
        track.refuse_for(ErrorKind::StoreUnavailable, Some(error), &events)
    }

    fn answered(&self, outcome: Outcome, status: StatusCode) {
        let track = &self.run.track;
        let events = track.names(self.run.proven.seen());
        track.answered(outcome, status, &events);
    }

    pub(super) fn note_differing(&self, differing: &[Key]) {
        if differing.is_empty() {
            return;
        }
        let events = self.run.proven.seen().iter();
        let events: Vec<Identity> = events
            .filter(|(key, _)| differing.contains(key))
            .map(|(_, event)| event.clone())
            .collect();
        self.run
            .track
            .noticed(Outcome::PayloadDiffers, &events, false);
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.run.track.gate
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("keys", &self.run.keys.len())
            .finish_non_exhaustive()
    }
}

/// The answer to a duplicate of one still running: never 2xx, since this retry may be the last.
fn in_progress(retry_after: Option<Duration>) -> Answer {
    let seconds = match retry_after {
        Some(left) => left.as_secs() + u64::from(left.subsec_nanos() > 0),
        None => RETRY_AFTER,
    };
    Answer {
        retry_after: Some(seconds.max(1)),
        ..Answer::verified(StatusCode::CONFLICT, "in-progress")
    }
}

/// A duplicate that waits for the run of its first event.
struct Waiting {
    _place: WaitPlace,
    /// On the monotonic clock: what the store takes to answer counts too.
    until: Duration,
    next: Duration,
}

impl Waiting {
    /// Waits a little; `false` if there is no place or no time left to wait.
    async fn again(
        waiting: &mut Option<Waiting>,
        gate: &Gate,
        keys: &[Key],
        lease_left: Option<Duration>,
    ) -> bool {
        let config = &gate.config;
        if waiting.is_none() {
            let place = keys.first().and_then(|key| {
                gate.shared
                    .take_wait(key, config.waiters, config.waiters_a_key)
            });
            *waiting = place.map(|place| Waiting {
                _place: place,
                until: gate.clock.monotonic().saturating_add(config.wait),
                next: FIRST_LOOK,
            });
        }
        let Some(waiting) = waiting else { return false };
        let left = waiting.until.saturating_sub(gate.clock.monotonic());
        if left.is_zero() {
            return false;
        }
        // A lease that runs out is taken over at once.
        let lease_left = lease_left.map_or(Duration::MAX, |left| {
            left.saturating_add(Duration::from_millis(1))
        });
        let nap = waiting.next.min(left).min(lease_left);
        waiting.next = (waiting.next * 2).min(LAST_LOOK);
        gate.clock.sleep(nap).await;
        true
    }
}

impl Gate {
    /// One claim. Whatever one without an answer may still do in the store is undone by the keeper.
    async fn claim(&self, keys: &Arc<[Key]>, token: Token) -> Result<Claim, StoreError> {
        let config = &self.config;
        let answer = match config.store.call_claim(keys, token, config.lease) {
            Call::Answered(answer) => answer,
            Call::Running(call) => {
                let pending = PendingClaim {
                    call: Some(call),
                    gate: self.clone(),
                    keys: keys.clone(),
                    token,
                };
                // In a box: the memory store, which most have, never comes here.
                Box::pin(self.within(self.lease_timeout(), pending)).await
            }
        };
        if let Some(Err(error)) = &answer
            && !error.is_full()
        {
            self.undo_claim(keys.clone(), token);
        }
        answer.unwrap_or_else(|| Err(StoreError::late()))
    }
}

/// A claim that goes on in the background when nobody waits for it any longer: the sender hung
/// up, or the store was too slow.
struct PendingClaim {
    call: Option<Running<Claim>>,
    gate: Gate,
    keys: Arc<[Key]>,
    token: Token,
}

impl Future for PendingClaim {
    type Output = Result<Claim, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(call) = &mut self.call else {
            return Poll::Pending;
        };
        let answer = call.as_mut().poll(cx);
        if answer.is_ready() {
            self.call = None;
        }
        answer
    }
}

impl Drop for PendingClaim {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            self.gate
                .await_late_claim(call, self.keys.clone(), self.token);
        }
    }
}

impl Gate {
    /// Awaits a claim that nobody waits for any longer, and undoes it.
    fn await_late_claim(&self, call: Running<Claim>, keys: Arc<[Key]>, token: Token) {
        let gate = self.clone();
        self.shared.jobs.push(async move {
            match gate.within(gate.config.lease, call).await {
                Some(Ok(Claim::Acquired(lease))) => {
                    gate.release_until_answered(lease.fresh.into(), token).await;
                }
                Some(Ok(_)) => {}
                Some(Err(error)) if error.is_full() => {}
                Some(Err(_)) | None => gate.release_for_a_lease(keys, token).await,
            }
        });
    }

    /// Undoes a claim that failed, and that the store may carry out nevertheless.
    fn undo_claim(&self, keys: Arc<[Key]>, token: Token) {
        let gate = self.clone();
        self.shared
            .jobs
            .push(async move { gate.release_for_a_lease(keys, token).await });
    }
}
