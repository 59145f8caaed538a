//! Handshakes, answered before there is an event.

use http::StatusCode;

use super::Receiver;
use super::gate::{Gate, Track};
use crate::error::ConfigError;
use crate::handshake::{Greeting, Handshake};
use crate::head::Head;
use crate::observer::Outcome;

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
        Track::new(self).answered(Outcome::Handshake, None, StatusCode::OK, &[]);
        Some(greeting)
    }
}
