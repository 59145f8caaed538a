//! What identifies the events of a verified delivery: id, type and time, from signed bytes only.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::dedupe::Key;
use crate::error::ConfigError;
use crate::scan::Pointer;
use crate::time::UnixTime;

/// Where a provider's payload says what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The array of events, for a provider that sends several at once.
    pub members: Option<Pointer>,
    /// What names an event.
    pub id: IdSource,
    /// Where its type stands.
    pub kind: TypeSource,
    /// Where its time stands.
    pub time: Option<Pointer>,
}

/// What names an event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdSource {
    /// Nothing signed does: the SHA-256 of the event's own bytes.
    Digest,
    /// The SHA-256 of the signed bytes: the field that names the event touches another, and nothing
    /// proves where it ends. However the same bytes are cut, they are the same event.
    SignedText,
    /// A header that the signature covers.
    SignedHeader(Cow<'static, str>),
    /// A text or number in the payload, unique over all events.
    Pointer(Pointer),
    /// A text or number in the payload that may be the resource's and not the event's: the event
    /// is the type and the id together, and where the type is not known the digest of its bytes.
    WithType(Pointer),
    /// A text or number in the payload, or where it is missing several that name the event
    /// together.
    OrParts {
        /// Where the id stands.
        id: Pointer,
        /// What stands in for it.
        parts: Vec<Pointer>,
    },
    /// Several texts or numbers in the payload that name the event together. With one of them missing,
    /// it is the digest of its bytes.
    Parts(Vec<Pointer>),
    /// Nothing, for nothing of the payload is signed: there is no dedupe key, until the merchant says
    /// what to take for one.
    Unsigned,
}

/// Where an event's type stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeSource {
    /// Nowhere that is signed.
    None,
    /// In the payload, at the first of these pointers that finds something.
    Pointers(Vec<Pointer>),
    /// The endpoint receives this type only.
    Fixed(Cow<'static, str>),
    /// Told from what the payload has, by the first rule that fits.
    Shape(&'static [Shape]),
}

/// A rule that tells a type from the members that a payload has. `null` counts as absent.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// The type.
    pub kind: &'static str,
    /// Members that must all be there.
    pub all: &'static [&'static str],
    /// Members of which at least one must be there, if any are listed.
    pub any: &'static [&'static str],
}

impl TypeSource {
    /// Reads `POINTER|NAME`: a text that starts with `/` is a pointer, any other the one type that
    /// the endpoint receives.
    ///
    /// # Errors
    ///
    /// If the pointer is none.
    pub fn parse(text: &str) -> Result<TypeSource, ConfigError> {
        if text.starts_with('/') {
            Ok(TypeSource::Pointers(vec![Pointer::new(text)?]))
        } else {
            Ok(TypeSource::Fixed(Cow::Owned(text.to_owned())))
        }
    }
}

impl Envelope {
    pub(crate) fn id_header(&self) -> Option<&str> {
        match &self.id {
            IdSource::SignedHeader(name) => Some(name),
            _ => None,
        }
    }
}

/// What is known of one event before anything is decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    pub(crate) id: Box<str>,
    pub(crate) keyed_by: KeyedBy,
    pub(crate) kind: Option<Box<str>>,
    pub(crate) kind_inferred: bool,
    pub(crate) time: Option<UnixTime>,
    pub(crate) raw: Bytes,
    pub(crate) identified: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyedBy {
    Id,
    TypeAndId,
    Digest,
    /// The digest of what is signed, where the payload is only one spelling of it.
    Content([u8; 32]),
    Nothing,
}

impl Identity {
    /// The id as text: a number by its own digits, several parts joined by `|`, a digest as
    /// `sha256:` and hexadecimal digits. What it holds is the provider's choice: escape it before
    /// it is shown.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The type, where a signed byte tells it.
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// Whether the type was told from the payload's shape, and may be wrong.
    pub fn is_kind_inferred(&self) -> bool {
        self.kind_inferred
    }

    /// The event's own time, where the payload has one.
    pub fn time(&self) -> Option<UnixTime> {
        self.time
    }

    /// The event's JSON as received: the whole payload, or a batch's member.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Whether the id was found where the provider puts it. If not, the id is the digest of the
    /// event's bytes.
    pub fn is_identified(&self) -> bool {
        self.identified
    }

    /// Whether the event has a dedupe key. It has none where nothing of the payload is signed and the
    /// merchant has not said what to take for an id: what [`id`](Self::id) shows is a label then.
    pub fn is_keyed(&self) -> bool {
        self.keyed_by != KeyedBy::Nothing
    }

    /// The key under which a store files the event for `endpoint`: SHA-256 of the length of the
    /// endpoint's name, the name, and the id.
    pub fn key(&self, endpoint: &str) -> Key {
        match self.keyed_by {
            KeyedBy::Id => Key::new(endpoint, &[self.id.as_bytes()], &self.raw),
            KeyedBy::Digest | KeyedBy::Nothing => {
                Key::new(endpoint, &[digest_id(&self.raw).as_bytes()], &self.raw)
            }
            KeyedBy::Content(digest) => Key::new(endpoint, &[&digest], &self.raw),
            KeyedBy::TypeAndId => {
                let kind = self.kind.as_deref().unwrap_or_default().as_bytes();
                let length = (kind.len() as u64).to_le_bytes();
                Key::new(endpoint, &[&length, kind, self.id.as_bytes()], &self.raw)
            }
        }
    }

    /// The same without the payload, for who only has to name it.
    pub(crate) fn name(&self) -> Identity {
        Identity {
            raw: Bytes::new(),
            ..self.clone()
        }
    }

    /// The event under the digest of its own bytes, or of what is signed.
    pub(crate) fn unidentified(raw: Bytes, content: Option<&[u8; 32]>) -> Identity {
        let id = digest_id(&raw);
        Identity {
            id,
            keyed_by: by_digest(content),
            kind: None,
            kind_inferred: false,
            time: None,
            raw,
            identified: false,
        }
    }
}

/// Without the event's bytes: a log is no place for a payment's details.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("time", &self.time)
            .field("identified", &self.identified)
            .finish_non_exhaustive()
    }
}

pub(crate) fn by_digest(content: Option<&[u8; 32]>) -> KeyedBy {
    content.map_or(KeyedBy::Id, |content| KeyedBy::Content(*content))
}

pub(crate) fn digest_id(raw: &[u8]) -> Box<str> {
    format!("sha256:{}", hex::encode(Sha256::digest(raw))).into()
}
