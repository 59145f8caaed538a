//! The message itself: its parts, one after the other.

use bytes::Bytes;

use super::check::Sink;
use super::contents::Contents;
use super::template::Part;
use super::verification::MessageVerification;

/// Everything that a message is made of.
pub(super) struct Spoken<'a, 'h> {
    pub(super) verification: &'a MessageVerification<'h>,
    pub(super) contents: &'a Contents<'a>,
    pub(super) body: &'a Bytes,
    pub(super) timestamp: &'a [u8],
    pub(super) pairs: &'a [&'a [u8]],
    pub(super) listed: &'a [u8],
    pub(super) url: &'a str,
}

impl Spoken<'_, '_> {
    pub(super) fn say(&self, parts: &[Part], secret: &[u8], sink: &mut Sink<'_>) {
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
