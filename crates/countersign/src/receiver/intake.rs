//! The body of a delivery coming in, bounded and verified.

use bytes::Bytes;
use futures_util::future::{Either, ready};
use http::StatusCode;

use super::Config;
use super::admission::Admission;
use super::gate::{Answer, Gate, Track};
use super::limits::Unverified;
use super::run::Run;
use crate::error::{Error, ErrorKind};
use crate::event::Identity;
use crate::head::Head;
use crate::identify::time_of;
use crate::observer::Outcome;
use crate::time::UnixTime;
use crate::verified::Verified;
use crate::verifier::Verification;

/// A delivery whose head is in order, taking in its body.
pub struct Intake<'h> {
    verification: Verification<'h>,
    held: Unverified,
    track: Track,
}

impl<'h> Intake<'h> {
    pub(crate) fn begin<H: Head + ?Sized>(
        gate: &Gate,
        head: &'h H,
        declared: Option<u64>,
    ) -> Result<Self, Answer> {
        let track = Track::new(gate);
        let config = &gate.config;
        let held = Unverified::new(&gate.shared);
        let begun = || -> Result<Verification<'h>, Error> {
            let mut verification = config.verifier.begin(head)?;
            // The window is checked again, and then for good, behind the signature: here it spares
            // the work of reading and hashing what cannot pass.
            if let (Some(timestamp), Some(tolerance)) = (
                verification.claimed_timestamp(),
                config.verifier.tolerance(),
            ) {
                tolerance.check(timestamp, gate.clock.now())?;
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
            }),
            Err(error) => Err(track.refuse(error.kind(), &[])),
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
        taken.map_err(|error| self.track.refuse(error.kind(), &[]))
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
        let Intake {
            verification,
            held,
            mut track,
        } = self;
        let verified = match verification.finish(track.gate.clock.now()) {
            Ok(verified) => verified,
            Err(error) => return Err(track.refuse(error.kind(), &[])),
        };
        drop(held);
        track.verified(&verified);
        // Before anything is looked for in it: there is no event.
        let handshake = track.gate.config.handshake.as_ref();
        if let Some(greeting) = handshake.and_then(|handshake| handshake.answer(&verified)) {
            track.answered(Outcome::Handshake, None, StatusCode::OK, &[]);
            return Ok(Admission::greeted(track, verified, greeting));
        }
        if !track.gate.config.looks_at_events() {
            return Ok(Admission::unseen(track, verified));
        }
        let events = track.gate.config.verifier.identify(&verified);
        if !is_fresh(&track.gate.config, &verified, &events) {
            return Err(track.refuse(ErrorKind::TimestampStale, &events));
        }
        Admission::new(track, verified, events)
    }
}

/// Whether every event's own time is as young as the merchant wants it.
fn is_fresh(config: &Config, verified: &Verified, events: &[Identity]) -> bool {
    let Some((targets, age)) = &config.freshness else {
        return true;
    };
    let oldest = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    events.iter().all(|event| {
        let found = targets.find(event.raw());
        let time: Option<UnixTime> = found
            .as_deref()
            .and_then(|found| found.first())
            .and_then(time_of);
        time.is_some_and(|time| verified.verified_at().millis_since(time) <= oldest)
    })
}

impl std::fmt::Debug for Intake<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake")
            .field("bytes", &self.track.bytes)
            .finish_non_exhaustive()
    }
}
