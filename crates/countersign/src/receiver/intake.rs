//! The body of a delivery coming in, bounded and verified.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::{Either, ready};
use http::StatusCode;

use super::admission::Admission;
use super::gate::{Answer, Gate};
use super::limits::Unverified;
use super::run::Run;
use super::track::Track;
use crate::error::{Error, ErrorKind};
use crate::handshake::Greeting;
use crate::head::Head;
use crate::observer::Outcome;
use crate::prepared::Prepared;
use crate::time::UnixTime;
use crate::verifier::Verification;

/// A delivery whose head is in order, taking in its body.
pub struct Intake<'h> {
    /// In a box: an adapter moves what it waits with, and the state of a verification is large.
    verification: Box<Verification<'h>>,
    held: Unverified,
    track: Track,
    /// What the wall clock said, if it was asked.
    begun: Option<UnixTime>,
}

/// Why a delivery did not get as far as a claim.
#[derive(Debug)]
pub enum Refusal<E> {
    /// It is refused with the rest of its body to come.
    Early(Answer),
    /// The rest of its body did not come in time.
    Silent(Answer),
    /// It is refused with its whole body read.
    Late(Answer),
    /// Its body broke off.
    Broken(Answer, E),
    /// It is a handshake, which has its answer.
    Greeted(Box<Greeting>),
}

impl<'h> Intake<'h> {
    pub(crate) fn begin<H: Head + ?Sized>(
        track: Track,
        head: &'h H,
        declared: Option<u64>,
        secrets: Arc<Prepared>,
    ) -> Result<Self, Answer> {
        let gate = &track.gate;
        let config = &gate.config;
        let held = Unverified::new(&gate.shared);
        let mut now = None;
        let begun = || -> Result<Box<Verification<'h>>, Error> {
            let mut verification = config.verifier.begin_boxed(secrets, head)?;
            // The window is checked again, and then for good, behind the signature: here it spares
            // the work of reading and hashing what cannot pass.
            if let (Some(timestamp), Some(tolerance)) = (
                verification.claimed_timestamp(),
                config.verifier.tolerance(),
            ) {
                tolerance.check(timestamp, *now.insert(gate.clock.now()))?;
            }
            if let Some(declared) = declared {
                verification.expect(declared)?;
            }
            if gate.is_draining() {
                return Err(Error::new(ErrorKind::ShuttingDown));
            }
            if held.is_exhausted(config.unverified) {
                return Err(Error::new(ErrorKind::TooManyUnverified));
            }
            Ok(verification)
        };
        match begun() {
            Ok(verification) => Ok(Intake {
                verification,
                held,
                track,
                begun: now,
            }),
            Err(error) => Err(track.refuse_unproved(error)),
        }
    }

    /// Takes the next chunk of the body.
    ///
    /// # Errors
    ///
    /// The answer, if the body is over its limit, or too much is held by unverified deliveries.
    pub fn update(&mut self, chunk: impl Into<Bytes>) -> Result<(), Answer> {
        let chunk = chunk.into();
        let limit = self.track.gate.config.unverified;
        let held = self.verification.footprint_with(chunk.len());
        self.track.bytes += chunk.len();
        let taken = if self.held.grow_to(held, limit) {
            self.verification.update(chunk)
        } else {
            Err(Error::new(ErrorKind::TooManyUnverified))
        };
        taken.map_err(|error| self.track.refuse_unproved(error))
    }

    /// Gives up on a body that did not arrive in time.
    #[must_use]
    pub fn timed_out(self) -> Answer {
        self.track.refuse(ErrorKind::BodyTimeout, &[])
    }

    /// The whole body is there: [concludes](Intake::conclude), at once, and
    /// [claims](Admission::claim), as the future is polled.
    ///
    /// # Errors
    ///
    /// The answer, if the handler is not to run: the delivery is forged, stale, a duplicate, in
    /// progress, of no interest, or too much.
    pub fn admit(self) -> impl Future<Output = Result<Run, Answer>> + use<> {
        // Not in the future, which would hold the state of the hash besides what it waits with.
        match self.conclude() {
            Ok(admission) => Either::Left(admission.claim()),
            Err(answer) => Either::Right(ready(Err(answer))),
        }
    }

    /// The verdict on the delivery, and what is to be claimed.
    ///
    /// # Errors
    ///
    /// The answer, if the delivery is forged, stale or of no interest.
    pub fn conclude(self) -> Result<Admission, Answer> {
        let now = self.track.gate.clock.now();
        self.conclude_at(now)
    }

    fn conclude_at(self, now: UnixTime) -> Result<Admission, Answer> {
        let Intake {
            mut verification,
            held,
            mut track,
            ..
        } = self;
        let verified = match verification.verdict(now) {
            // Whatever was hashed for a tenant that nobody knows, it was to take as long as any other.
            Ok(_) if track.is_nobodys() => {
                return Err(track.refuse(ErrorKind::UnknownTenant, &[]));
            }
            Ok(verified) => verified,
            Err(error) => return Err(track.refuse_unverified(error)),
        };
        drop(held);
        track.verified(&verified);
        // Before anything is looked for in it: there is no event.
        let handshake = track.gate.config.handshake.as_ref();
        if let Some(greeting) = handshake.and_then(|handshake| handshake.answer(&verified)) {
            track.answered(Outcome::Handshake, StatusCode::OK, &[]);
            return Ok(Admission::greeted(track, verified, greeting));
        }
        if !track.gate.config.looks_at_events() {
            return Ok(Admission::unseen(track, verified));
        }
        let events = track.gate.config.verifier.identify(&verified);
        Admission::new(track, verified, events)
    }
}

impl Gate {
    /// [Begins](Gate::begin) with a delivery's head, takes in its body as `next` yields it, within the time
    /// that a body may take, and [concludes](Intake::conclude). What is left is to claim its events.
    ///
    /// # Errors
    ///
    /// The answer, if the delivery is refused, or what `next` failed with.
    pub async fn take_in<H: Head + ?Sized, E>(
        &self,
        head: &H,
        declared: Option<u64>,
        mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, E>>>,
    ) -> Result<Admission, Refusal<E>> {
        let mut track = Track::begin(self);
        self.check_guards(head, &track).map_err(Refusal::Early)?;
        if let Some(greeting) = self.greet(head) {
            return Err(Refusal::Greeted(Box::new(greeting)));
        }
        let secrets = match &self.config.tenants {
            None => self.shared.secrets.load_full(),
            // In a box, since few endpoints have any.
            Some(tenants) => Box::pin(tenants.secrets(head, &mut track))
                .await
                .map_err(Refusal::Early)?,
        };
        let intake = Intake::begin(track, head, declared, secrets);
        let mut intake = intake.map_err(Refusal::Early)?;
        let reading = poll_fn(|cx| {
            loop {
                match next(cx) {
                    Poll::Ready(Some(Ok(chunk))) => match intake.update(chunk) {
                        Ok(()) => {}
                        Err(answer) => return Poll::Ready(Err(Refusal::Early(answer))),
                    },
                    Poll::Ready(Some(Err(error))) => {
                        let answer = intake.track.refuse(ErrorKind::BodyBroken, &[]);
                        return Poll::Ready(Err(Refusal::Broken(answer, error)));
                    }
                    Poll::Ready(None) => return Poll::Ready(Ok(())),
                    Poll::Pending => {
                        // The time that passes now counts for the window.
                        intake.begun = None;
                        return Poll::Pending;
                    }
                }
            }
        });
        match self.within(self.body_timeout(), reading).await {
            Some(Ok(())) => {}
            Some(Err(refusal)) => return Err(refusal),
            None => return Err(Refusal::Silent(intake.timed_out())),
        }
        let now = intake.begun.unwrap_or_else(|| self.clock.now());
        let mut admission = intake.conclude_at(now).map_err(Refusal::Late)?;
        match admission.greeting() {
            Some(greeting) => Err(Refusal::Greeted(greeting)),
            None => Ok(admission),
        }
    }
}

impl std::fmt::Debug for Intake<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake")
            .field("bytes", &self.track.bytes)
            .finish_non_exhaustive()
    }
}
