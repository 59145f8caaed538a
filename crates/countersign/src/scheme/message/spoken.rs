//! The message itself: its parts, one after the other; and what tells it from another.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::candidates::Group;
use super::check::Sink;
use super::contents::Contents;
use super::template::Part;
use super::verification::{MessageProof, MessageVerification};
use crate::scheme::Coverage;

/// Everything that a message is made of.
#[derive(Clone, Copy)]
pub(super) struct Spoken<'a, 'h> {
    pub(super) verification: &'a MessageVerification<'h>,
    pub(super) contents: &'a Contents<'a>,
    pub(super) body: &'a Bytes,
    pub(super) timestamp: &'a [u8],
    pub(super) pairs: &'a [&'a [u8]],
    pub(super) listed: &'a [u8],
    pub(super) url: &'a str,
}

impl<'a, 'h> Spoken<'a, 'h> {
    /// The same with what belongs to one group of signatures, the one at `at`.
    pub(super) fn of_group(self, at: usize, group: &'a Group<'h>) -> Spoken<'a, 'h> {
        let listed = self.verification.listed.get(at);
        Spoken {
            timestamp: group.timestamp.unwrap_or(self.timestamp),
            pairs: &group.pairs,
            listed: listed.map_or(b"", Vec::as_slice),
            ..self
        }
    }

    /// The same with another spelling of the URL.
    pub(super) fn of_url(self, url: &'a str) -> Spoken<'a, 'h> {
        Spoken { url, ..self }
    }

    pub(super) fn say(&self, parts: &[Part], secret: &[u8], sink: &mut Sink<'_>) {
        self.say_each(parts.iter(), secret, sink);
    }

    fn say_each<'p>(
        &self,
        parts: impl Iterator<Item = &'p Part>,
        secret: &[u8],
        sink: &mut Sink<'_>,
    ) {
        for part in parts {
            match part {
                Part::Literal(text) => sink(text),
                Part::Body => sink(self.body),
                Part::BodyCrc32 => sink(self.contents.crc32.as_bytes()),
                Part::Timestamp => sink(self.timestamp),
                Part::Method => sink(self.verification.method.as_bytes()),
                Part::Url => sink(self.url.as_bytes()),
                Part::Secret => sink(secret),
                Part::Header(at) => sink(
                    self.verification
                        .headers
                        .get(*at)
                        .copied()
                        .unwrap_or_default(),
                ),
                Part::SignedHeaders(_) => sink(self.listed),
                Part::Pair(at) => sink(self.pairs.get(*at).copied().unwrap_or_default()),
                Part::Json(at) => sink(self.contents.json.get(*at).map_or(b"", |text| text)),
                Part::Form(at) => sink(self.contents.form.get(*at).map_or(b"", Vec::as_slice)),
                Part::SortedForm => sink(&self.contents.sorted_form),
                Part::Query { at, before, after } => {
                    if let Some(Some(value)) = self.verification.query.get(*at) {
                        sink(before);
                        sink(value);
                        sink(after);
                    }
                }
            }
        }
    }
}

impl MessageProof {
    /// What tells one event from another, where that is neither an id nor the body alone: of a form the
    /// fields, for there are many spellings of one; the URL and the method of a request that may have no
    /// body; and whatever an id touches that has not its own two ends.
    ///
    /// It is the signed text as it was signed, without a mark where one value ends: who cuts the same
    /// bytes at another place has the same event. Time and secret are left out, since the same event
    /// may be signed anew; but not a time that could be cut elsewhere too.
    pub(super) fn content(&self, spoken: &Spoken<'_, '_>) -> Option<Box<[u8; 32]>> {
        let template = &self.template;
        let telling = |part: &Part| {
            matches!(
                part,
                Part::Method | Part::Url | Part::Query { .. } | Part::SortedForm | Part::Form(_)
            )
        };
        // An id that has its own two ends is all that counts.
        let is_named = spoken.verification.id.is_some();
        if self.id_is_parted && (is_named || !template.parts.iter().any(telling)) {
            return None;
        }
        let leaves_time = self.id_is_parted || self.is_timed;
        let is_signed_anew = |part: &Part| match part {
            Part::Timestamp => leaves_time,
            part => *part == Part::Secret,
        };
        let said = || template.parts.iter().filter(|part| !is_signed_anew(part));
        let mut length = 0u64;
        spoken.say_each(said(), b"", &mut |piece| length += piece.len() as u64);
        let mut state = Sha256::new();
        state.update(length.to_le_bytes());
        spoken.say_each(said(), b"", &mut |piece| state.update(piece));
        // What is not signed tells two deliveries apart where nothing else does.
        let is_form = |part: &Part| matches!(part, Part::SortedForm | Part::Form(_));
        let is_said = self.coverage == Coverage::WholeBody || template.parts.iter().any(is_form);
        if !is_said && self.id_is_parted {
            state.update(spoken.body);
        }
        Some(Box::new(state.finalize().into()))
    }
}
