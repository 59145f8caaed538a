//! What identifies the events of a verified delivery: id, type and time, from signed bytes only.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::dedupe::Key;
use crate::error::ConfigError;
use crate::scan::{Found, Pointer, Targets, Value, members};
use crate::time::UnixTime;
use crate::verifier::Verified;
use crate::window::iso8601;

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
    id: Box<str>,
    keyed_by: KeyedBy,
    kind: Option<Box<str>>,
    kind_inferred: bool,
    time: Option<UnixTime>,
    raw: Bytes,
    identified: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyedBy {
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
    fn unidentified(raw: Bytes, content: Option<&[u8; 32]>) -> Identity {
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

fn by_digest(content: Option<&[u8; 32]>) -> KeyedBy {
    content.map_or(KeyedBy::Id, |content| KeyedBy::Content(*content))
}

fn digest_id(raw: &[u8]) -> Box<str> {
    format!("sha256:{}", hex::encode(Sha256::digest(raw))).into()
}

/// An envelope, prepared for scanning.
#[derive(Debug)]
pub(crate) struct Identifier {
    members: Option<Pointer>,
    targets: Targets,
    id: IdAt,
    kind: TypeAt,
    time: Option<usize>,
}

#[derive(Debug)]
enum IdAt {
    Digest,
    Header,
    Parts(Targets),
    Unsigned,
    Found {
        at: usize,
        with_type: bool,
        /// What stands in for it. Looked for only where it is missing: it may be the most of the
        /// payload.
        parts: Targets,
    },
}

#[derive(Debug)]
enum TypeAt {
    None,
    Found(Vec<usize>),
    Fixed(Box<str>),
    Shape(Vec<(&'static str, Vec<usize>, Vec<usize>)>),
}

impl Identifier {
    pub(crate) fn new(envelope: &Envelope) -> Identifier {
        let mut targets = Targets::default();
        let id = match &envelope.id {
            IdSource::Digest => IdAt::Digest,
            IdSource::SignedHeader(_) => IdAt::Header,
            IdSource::Parts(parts) => IdAt::Parts(all(parts)),
            IdSource::Unsigned => IdAt::Unsigned,
            IdSource::Pointer(id) => IdAt::Found {
                at: targets.add(id),
                with_type: false,
                parts: Targets::default(),
            },
            IdSource::WithType(id) => IdAt::Found {
                at: targets.add(id),
                with_type: true,
                parts: Targets::default(),
            },
            IdSource::OrParts { id, parts } => IdAt::Found {
                at: targets.add(id),
                with_type: false,
                parts: all(parts),
            },
        };
        let kind = match &envelope.kind {
            TypeSource::None => TypeAt::None,
            TypeSource::Fixed(kind) => TypeAt::Fixed(kind.as_ref().into()),
            TypeSource::Pointers(pointers) => TypeAt::Found(
                pointers
                    .iter()
                    .map(|pointer| targets.add(pointer))
                    .collect(),
            ),
            TypeSource::Shape(rules) => {
                let mut at = |names: &[&str]| -> Vec<usize> {
                    names
                        .iter()
                        .map(|name| targets.add(&Pointer::of(&[name])))
                        .collect()
                };
                TypeAt::Shape(
                    rules
                        .iter()
                        .map(|rule| (rule.kind, at(rule.all), at(rule.any)))
                        .collect(),
                )
            }
        };
        let time = envelope.time.as_ref().map(|pointer| targets.add(pointer));
        Identifier {
            members: envelope.members.clone(),
            targets,
            id,
            kind,
            time,
        }
    }

    /// The events of a delivery, in the order they stand in it. Never fails: what cannot be
    /// identified is one event under the digest of its bytes.
    pub(crate) fn identify(&self, verified: &Verified) -> Vec<Identity> {
        let payload = verified.payload();
        let Some(pointer) = &self.members else {
            return vec![self.event(payload.clone(), verified.signed_id(), verified.content())];
        };
        match members(payload, pointer) {
            Some(members) => members
                .into_iter()
                .map(|member| self.event(payload.slice_ref(member.as_bytes()), None, None))
                .collect(),
            None => vec![Identity::unidentified(payload.clone(), verified.content())],
        }
    }

    fn event(&self, raw: Bytes, header_id: Option<&str>, content: Option<&[u8; 32]>) -> Identity {
        let found = self.targets.find(&raw);
        let at = |index: usize| found.as_ref().and_then(|found| found.get(index));
        let scalar = |index: usize| at(index).and_then(Found::scalar);

        let (id, keyed_by): (Box<str>, _) = match &self.id {
            IdAt::Digest => (digest_id(&raw), by_digest(content)),
            IdAt::Unsigned => (digest_id(&raw), KeyedBy::Nothing),
            IdAt::Header => match header_id {
                Some(id) => (id.into(), KeyedBy::Id),
                None => return Identity::unidentified(raw, content),
            },
            IdAt::Parts(parts) => match together(parts, &raw) {
                Some(named) => named,
                None => return Identity::unidentified(raw, content),
            },
            IdAt::Found {
                at: index,
                with_type,
                parts,
            } => match (at(*index), scalar(*index)) {
                (_, Some(id)) if *with_type => (id.into(), KeyedBy::TypeAndId),
                (_, Some(id)) => (id.into(), KeyedBy::Id),
                (Some(Found::Nothing), None) => match together(parts, &raw) {
                    Some(named) => named,
                    None => return Identity::unidentified(raw, content),
                },
                _ => return Identity::unidentified(raw, content),
            },
        };
        let there = |index: &usize| at(*index).is_some_and(Found::is_there);
        let kind: Option<Box<str>> = match &self.kind {
            TypeAt::None => None,
            TypeAt::Fixed(kind) => Some(kind.clone()),
            TypeAt::Found(indices) => indices
                .iter()
                .filter_map(|index| at(*index))
                .find(|found| found.is_there())
                .and_then(Found::scalar)
                .map(Box::from),
            TypeAt::Shape(rules) => rules
                .iter()
                .find(|(_, all, any)| {
                    all.iter().all(there) && (any.is_empty() || any.iter().any(there))
                })
                .map(|(kind, ..)| Box::from(*kind)),
        };
        // Without the type, the id may be a resource's, and its next status another event.
        let keyed_by = match keyed_by {
            KeyedBy::TypeAndId if kind.is_none() => KeyedBy::Digest,
            known => known,
        };
        let time = self.time.and_then(at).and_then(time_of);
        Identity {
            id,
            keyed_by,
            kind,
            kind_inferred: matches!(self.kind, TypeAt::Shape(_)),
            time,
            raw,
            identified: true,
        }
    }
}

fn all(pointers: &[Pointer]) -> Targets {
    pointers
        .iter()
        .fold(Targets::default(), |mut all, pointer| {
            all.add(pointer);
            all
        })
}

/// The parts that name an event together; `None` if none of them does, or one is there twice.
fn together(parts: &Targets, raw: &[u8]) -> Option<(Box<str>, KeyedBy)> {
    let found = parts.find(raw)?;
    let texts: Vec<&str> = found
        .iter()
        .map(|part| part.scalar().unwrap_or_default())
        .collect();
    if found.contains(&Found::Twice) || texts.iter().all(|text| text.is_empty()) {
        return None;
    }
    // With a part missing, two events could share the rest: a lost event is worse than a doubled one, so
    // the bytes decide. So could two that differ in where a part ends.
    let whole = texts
        .iter()
        .all(|text| !text.is_empty() && !text.contains('|'));
    let keyed_by = if whole { KeyedBy::Id } else { KeyedBy::Digest };
    Some((texts.join("|").into(), keyed_by))
}

/// A time in a payload: a date as text, or seconds as a whole number.
pub(crate) fn time_of(found: &Found<'_>) -> Option<UnixTime> {
    match found {
        Found::Value(Value::Text { text, .. }) => iso8601(text),
        Found::Value(Value::Number(number)) => number.parse().ok().map(UnixTime::from_secs),
        _ => None,
    }
}
