//! A line on standard error for whatever becomes of a delivery.

use countersign::{Observation, Observer};

/// The sender is told nothing of why it was refused: this is where its reason is to be seen.
pub(crate) struct Log;

impl Observer for Log {
    fn observe(&self, observation: &Observation<'_>) {
        let outcome = observation.outcome.as_str();
        let reason = observation.reason.map(|reason| reason.as_str());
        // The ids are the sender's words: `Debug` escapes them.
        let ids: Vec<&str> = observation.events.iter().map(|event| event.id()).collect();
        let (on, because) = (
            if ids.is_empty() {
                String::new()
            } else {
                format!(" {ids:?}")
            },
            reason
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default(),
        );
        eprintln!("{}: {outcome}{because}{on}", observation.endpoint);
    }
}
