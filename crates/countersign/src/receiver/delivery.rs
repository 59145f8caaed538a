//! What the handler is given: the proof, the events that are its to run, and their settlement.

use std::sync::{Arc, OnceLock};

use super::state::{Mark, RunState};
use crate::dedupe::Key;
use crate::event::Identity;
use crate::typed::{DecodeError, FromEvent, Undecodable};
use crate::verified::Verified;

/// A verified delivery in the hands of its handler. Cloning is cheap.
#[derive(Clone)]
pub struct Delivery {
    pub(super) run: Arc<RunState>,
}

/// What a delivery proved to be.
pub(crate) struct Proven {
    verified: Verified,
    /// There before they are claimed; without a claim, once somebody asks for them.
    events: OnceLock<Vec<(Key, Identity)>>,
}

impl Proven {
    pub(crate) fn new(verified: Verified, events: OnceLock<Vec<(Key, Identity)>>) -> Proven {
        Proven { verified, events }
    }

    /// The events as far as they are known.
    pub(crate) fn seen(&self) -> &[(Key, Identity)] {
        self.events.get().map_or(&[], Vec::as_slice)
    }

    /// The keys of the events, as far as they have been identified.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.seen().iter().map(|(key, _)| key)
    }

    /// Leaves out the events whose keys are not `fresh`.
    pub(crate) fn retain(&mut self, fresh: impl Fn(&Key) -> bool) {
        if let Some(events) = self.events.get_mut() {
            events.retain(|(key, _)| fresh(key));
        }
    }
}

impl Delivery {
    pub(crate) fn new(run: Arc<RunState>) -> Delivery {
        Delivery { run }
    }

    /// The proof, with the payload.
    pub fn verified(&self) -> &Verified {
        &self.run.proven.verified
    }

    /// The events to run, in the order of the delivery: those that had not been committed before, or
    /// all of them if the receiver is one [without dedupe](crate::Receiver::without_dedupe).
    pub fn events(&self) -> impl ExactSizeIterator<Item = &Identity> {
        self.keyed().iter().map(|(_, event)| event)
    }

    pub(super) fn keyed(&self) -> &[(Key, Identity)] {
        let Proven { verified, events } = &self.run.proven;
        events.get_or_init(|| {
            let track = &self.run.track;
            let events = track.gate.config.verifier.identify(verified);
            let keyed = |event: Identity| (event.key(track.scope()), event);
            events.into_iter().map(keyed).collect()
        })
    }

    /// The one event of a delivery that is no batch, decoded.
    ///
    /// # Errors
    ///
    /// If its JSON is not what `T` takes: the event is then refused, unless
    /// [`Receiver::on_undecodable`](crate::Receiver::on_undecodable) says otherwise.
    pub fn decode_one<T: FromEvent>(&self) -> Result<T, DecodeError> {
        match self.keyed().first() {
            Some((key, event)) => self.decode(key, event),
            // No run begins without an event.
            None => Err(DecodeError::nothing()),
        }
    }

    /// The [events](Delivery::events), each decoded. One that does not decode is left out and
    /// refused; the others go their way.
    ///
    /// # Errors
    ///
    /// The first one's, if none of them decodes.
    pub fn decode_all<T: FromEvent>(&self) -> Result<Vec<T>, DecodeError> {
        let mut first = None;
        let mut decoded = Vec::with_capacity(self.keyed().len());
        for (key, event) in self.keyed() {
            match self.decode(key, event) {
                Ok(event) => decoded.push(event),
                Err(error) => {
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if decoded.is_empty() => Err(error),
            _ => Ok(decoded),
        }
    }

    fn decode<T: FromEvent>(&self, key: &Key, event: &Identity) -> Result<T, DecodeError> {
        T::from_event(event).or_else(|error| {
            let run = &self.run;
            let on = run.track.gate.config.on_undecodable;
            let decoded = T::undecoded(event, error.clone(), on);
            let refused = decoded.is_err() || on == Undecodable::Refuse;
            run.undecodable(key, event, &error, refused);
            decoded
        })
    }

    /// Whose delivery it is, where the endpoint has [tenants](crate::Receiver::for_tenants).
    pub fn tenant(&self) -> Option<&str> {
        let scope = self.run.track.tenant.as_ref()?;
        Some(&scope.tenant)
    }

    /// Whether the provider sends several events at once.
    pub fn is_batch(&self) -> bool {
        let provider = &self.run.track.gate.config.provider;
        provider.envelope().members.is_some()
    }

    /// Settles one event of a batch as done: it is committed at once, whatever becomes of the rest.
    /// `false` if there is no such event to run, it was settled before, or several of the delivery's
    /// events have this id, of which it is not said which is done: those follow the answer.
    pub async fn done(&self, id: &str) -> bool {
        let named = self.keyed().iter().filter(|(_, event)| event.id() == id);
        let keys = match named.count() {
            1 => self.take(id, Mark::Committing),
            _ => return false,
        };
        let taken = !keys.is_empty();
        self.run.commit(keys).await;
        taken
    }

    /// Settles one event of a batch as failed: it is released at once, and whatever the handler
    /// answers, the sender is told to come again. `false` if there is no such event to run, or it
    /// was settled before. Where several of the delivery's events have this id, all of them are failed.
    pub async fn failed(&self, id: &str) -> bool {
        let keys = self.take(id, Mark::Failed);
        let taken = !keys.is_empty();
        self.run.release(keys).await;
        taken
    }

    /// Whether another run took an event over: this one was slower than its lease, and its effects
    /// may be doubled. Work that can still be stopped should be.
    pub fn is_lease_lost(&self) -> bool {
        self.run.lost.is_given()
    }

    /// Completes when another run takes an event over.
    pub async fn lease_lost(&self) {
        self.run.lost.given().await;
    }

    fn take(&self, id: &str, mark: Mark) -> Arc<[Key]> {
        let named = self.keyed().iter().filter(|(_, event)| event.id() == id);
        let named: Vec<Key> = named.map(|(key, _)| *key).collect();
        self.run.take(|key| named.contains(key), mark)
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("events", &self.run.proven.seen().len())
            .finish_non_exhaustive()
    }
}
