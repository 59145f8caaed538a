//! Handshakes, answered before there is an event.

use std::sync::{Arc, OnceLock};

use http::StatusCode;

use super::Receiver;
use super::admission::Admission;
use super::delivery::Proven;
use super::gate::{Answer, Gate};
use super::state::RunState;
use super::track::Track;
use crate::error::ConfigError;
use crate::handshake::{Greeting, Handshake};
use crate::head::Head;
use crate::observer::Outcome;
use crate::verified::Verified;

impl Receiver {
    /// Answers the provider's handshake before the handler. Off unless asked for, and each answered only
    /// when its own proof holds; where it comes as a `GET`, the route has to let it through: see
    /// [`Handshake`].
    ///
    /// # Errors
    ///
    /// [`NotApplicable`](crate::ConfigErrorKind::NotApplicable) if it is another provider's.
    pub fn with_handshake(mut self, handshake: Handshake) -> Result<Self, ConfigError> {
        handshake.check(&self.config.provider)?;
        self.config().handshake = Some(Box::new(handshake));
        Ok(self)
    }
}

impl Gate {
    /// The answer to a handshake that its head alone proves, to be given in place of all the rest.
    pub fn greet<H: Head + ?Sized>(&self, head: &H) -> Option<Greeting> {
        let greeting = self.config.handshake.as_ref()?.greet(head)?;
        Track::begin(self).answered(Outcome::Handshake, StatusCode::OK, &[]);
        Some(greeting)
    }
}

impl Admission {
    /// One whose events nobody has to know before its handler runs.
    pub(crate) fn unseen(track: Track, verified: Verified) -> Admission {
        let proven = Proven::new(verified, OnceLock::new());
        Admission {
            run: Arc::new(RunState::new(track, proven, Arc::default())),
            greeting: None,
        }
    }

    /// A handshake.
    pub(crate) fn greeted(track: Track, verified: Verified, greeting: Greeting) -> Admission {
        Admission {
            greeting: Some(Box::new(greeting)),
            ..Admission::unseen(track, verified)
        }
    }

    /// The answer to a handshake that the delivery turned out to be, to be given in place of a run.
    pub fn greeting(&mut self) -> Option<Box<Greeting>> {
        self.greeting.take()
    }

    /// Whoever did not take its answer has none to give but this.
    pub(super) fn refuse_greeted(&self) -> Result<(), Answer> {
        match self.greeting {
            None => Ok(()),
            Some(_) => Err(Answer::verified(StatusCode::OK, "handshake")),
        }
    }
}
