//! Finding what identifies the events of a verified delivery, in one scan.

use bytes::Bytes;

use crate::event::{Envelope, IdSource, Identity, KeyedBy, TypeSource, by_digest, digest_id};
use crate::scan::{Found, Pointer, Targets, Value, members};
use crate::time::UnixTime;
use crate::verified::Verified;
use crate::window::iso8601;

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
            IdSource::Digest | IdSource::SignedText => IdAt::Digest,
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
                // One whose ends are not proved is a label, and what is signed is the key.
                Some(id) => (id.into(), by_digest(content)),
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
        .map(|part| part.word().unwrap_or_default())
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
