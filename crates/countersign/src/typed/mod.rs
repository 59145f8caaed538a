//! Typed events: from a verified event's name and bytes to a variant of an enum.

mod amount;
mod error;
mod id;
mod macros;
mod raw;
mod timestamp;

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::event::Identity;
use crate::time::UnixTime;

pub use self::amount::{Amount, NotAnAmount};
pub use self::error::DecodeError;
pub(crate) use self::error::decode;
pub use self::id::Id;
pub use self::raw::RawJson;
pub use self::timestamp::Timestamp;

/// One event, decoded: what identifies it, and its data as a variant of `E`.
///
/// `E` is an enum declared with [`events!`](crate::events), a provider's or one's own.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<E> {
    /// What names the event, as in [`Identity::id`]. The sender's words: escape it before it is
    /// shown.
    pub id: String,
    /// The type's name, where a signed byte tells it.
    pub name: Option<String>,
    /// The event's own time, where the payload has one.
    pub time: Option<UnixTime>,
    /// The data.
    pub data: E,
    /// The event's JSON as received: the whole payload, or a batch's member.
    pub raw: Bytes,
}

/// Without the event's bytes, which the data repeats.
impl<E: fmt::Debug> fmt::Debug for Event<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("time", &self.time)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

/// The data of typed events: what [`events!`](crate::events) implements for the enum it declares.
pub trait EventData: Sized {
    /// The names of all types that have a variant.
    const NAMES: &'static [&'static str];

    /// Decodes the event's JSON as the type of that name; `None` if there is no variant for it.
    ///
    /// # Errors
    ///
    /// If the JSON is not of the form that the variant takes.
    fn decode(name: &str, raw: &[u8]) -> Option<Result<Self, DecodeError>>;

    /// What an event becomes that has no variant.
    fn unknown(name: Option<&str>, raw: Bytes) -> Self;
}

/// What a handler can be given for one event: any type that serde decodes from the event's JSON, an
/// [`Event`], or one of them as [`Decoded`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be decoded from an event",
    note = "take `Event<{Self}>` if it was declared with `events!`, else derive `serde::Deserialize` for it"
)]
pub trait FromEvent: Sized {
    /// Decodes one event.
    ///
    /// # Errors
    ///
    /// If the event's JSON is not of the form that is wanted.
    fn from_event(event: &Identity) -> Result<Self, DecodeError>;

    /// What stands in for an event that failed with `error`, where there is such a form.
    ///
    /// # Errors
    ///
    /// `error`, if nothing does.
    fn undecoded(
        event: &Identity,
        error: DecodeError,
        on: Undecodable,
    ) -> Result<Self, DecodeError> {
        let _ = (event, on);
        Err(error)
    }
}

/// What becomes of an event of a known type whose JSON does not decode. The operator is told of it
/// in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Undecodable {
    /// It is released, and the sender is answered 422: of a batch it alone comes again. What the
    /// handler does about it does not count, unless it settles it as
    /// [done](crate::Delivery::done).
    #[default]
    Refuse,
    /// It is handed over raw and follows the handler's answer, where what the handler takes has a
    /// form for it: `Unknown` of an [`Event`], or the error of a [`Decoded`]. A change of form at the
    /// provider then does not switch the endpoint off.
    HandOver,
}

impl<T: DeserializeOwned> FromEvent for T {
    fn from_event(event: &Identity) -> Result<Self, DecodeError> {
        decode(event.kind(), event.raw())
    }
}

impl<E: EventData> FromEvent for Event<E> {
    fn from_event(event: &Identity) -> Result<Self, DecodeError> {
        let decoded = event
            .kind()
            .and_then(|name| E::decode(name, event.raw()))
            .transpose();
        match decoded {
            Ok(Some(data)) => Ok(Event::of(event, data)),
            Ok(None) => Ok(Event::unknown(event)),
            // The shape was taken for another type's.
            Err(_) if event.is_kind_inferred() => Ok(Event::unknown(event)),
            Err(error) => Err(error),
        }
    }

    fn undecoded(
        event: &Identity,
        error: DecodeError,
        on: Undecodable,
    ) -> Result<Self, DecodeError> {
        match on {
            Undecodable::Refuse => Err(error),
            Undecodable::HandOver => Ok(Event::unknown(event)),
        }
    }
}

/// An event, or why it does not decode: for handlers that want to see both.
///
/// It stands in for a plain `Result`, for which Rust allows no implementation beside the one for
/// every type that serde knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<T>(pub Result<T, Undecoded>);

/// An event that does not decode.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undecoded {
    /// What names the event, as for [`Event::id`]: [`Delivery::done`](crate::Delivery::done) takes it.
    pub id: String,
    /// Where and why it does not decode, with the type's name.
    pub error: DecodeError,
    /// The event's JSON as received.
    pub raw: Bytes,
}

/// Without the event's bytes.
impl fmt::Debug for Undecoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undecoded")
            .field("id", &self.id)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<T: FromEvent> FromEvent for Decoded<T> {
    fn from_event(event: &Identity) -> Result<Self, DecodeError> {
        T::from_event(event).map(|event| Decoded(Ok(event)))
    }

    fn undecoded(
        event: &Identity,
        error: DecodeError,
        _: Undecodable,
    ) -> Result<Self, DecodeError> {
        Ok(Decoded(Err(Undecoded {
            id: event.id().to_owned(),
            error,
            raw: event.raw().clone(),
        })))
    }
}

impl<E: EventData> Event<E> {
    fn of(event: &Identity, data: E) -> Self {
        Event {
            id: event.id().to_owned(),
            name: event.kind().map(str::to_owned),
            time: event.time(),
            data,
            raw: event.raw().clone(),
        }
    }

    fn unknown(event: &Identity) -> Self {
        Event::of(event, E::unknown(event.kind(), event.raw().clone()))
    }
}
