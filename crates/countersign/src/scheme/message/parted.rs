//! What of a template is told from its neighbour, and how.

use http::HeaderName;

use super::template::{Part, Template};
use super::url::is_of_url;
use crate::error::ConfigError;
use crate::event::IdSource;
use crate::scheme::signature::{TimestampFormat, TimestampSource};
use crate::scheme::template::header_name;
use crate::window::Beside;

/// The side that a template is read from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Beginning,
    End,
}

impl Template {
    pub(super) fn lists_headers(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::SignedHeaders(_)))
    }

    /// Whether every byte of the body, or of what it is as a form, changes what is signed.
    pub(super) fn is_of_whole_body(&self) -> bool {
        let whole = |part: &Part| {
            matches!(
                part,
                Part::Body | Part::BodyCrc32 | Part::SortedForm | Part::Form(_)
            )
        };
        self.parts.iter().any(whole)
    }

    /// Whether none of these pairs holds what parts it from its neighbour.
    pub(super) fn parts_pairs(&self, pairs: &[&[u8]]) -> bool {
        self.pairs
            .iter()
            .zip(pairs)
            .all(|(pair, text)| pair.parts(text))
    }

    /// The header that names an event, and whether what names it, if anything does, has its own ends.
    pub(super) fn parts_id(
        &self,
        id: &IdSource,
        time: Option<&TimestampFormat>,
    ) -> Result<(Option<HeaderName>, bool), ConfigError> {
        Ok(match id {
            IdSource::SignedHeader(name) => {
                let name = header_name(name)?;
                let is_parted = self.proves_header(&name, time);
                (Some(name), is_parted)
            }
            IdSource::SignedText => (None, false),
            _ => (None, true),
        })
    }

    /// Whether a header is the same however the signed bytes are cut, or is not here at all.
    fn proves_header(&self, name: &HeaderName, time: Option<&TimestampFormat>) -> bool {
        let mut parts = self.parts.iter().enumerate();
        parts.all(|(at, part)| match part {
            Part::Header(index) => {
                let header = self.headers.get(*index);
                header.is_none_or(|header| header.name != *name) || self.proves(at, time)
            }
            // It may be one of these, which tell it from each other.
            Part::SignedHeaders(_) => self.told(at, Side::Beginning, time),
            _ => true,
        })
    }

    /// Whether a field of the body is here, and the same however the signed bytes are cut.
    pub(super) fn proves_json(&self, pointer: &str, time: Option<&TimestampFormat>) -> bool {
        let mut parts = self.parts.iter().enumerate();
        parts.any(|(at, part)| match part {
            Part::Json(index) => {
                let json = self.json.get(*index);
                json.is_some_and(|json| &*json.name == pointer) && self.proves(at, time)
            }
            _ => false,
        })
    }

    /// Whether both ends of this part are proved. It is not enough that text stands beside it: a value
    /// further off may hold that text too, if nothing tells where it ends itself.
    fn proves(&self, at: usize, time: Option<&TimestampFormat>) -> bool {
        let from_end = self.parts.len().saturating_sub(at);
        match self.middle {
            Some(middle) if at == middle => {
                self.told(at, Side::Beginning, time)
                    && self.told(from_end.saturating_sub(1), Side::End, time)
            }
            Some(middle) if at > middle => self.told(from_end, Side::End, time),
            _ => self.told(at + 1, Side::Beginning, time),
        }
    }

    /// Whether, read from this side, each of so many parts ends where it can be told.
    fn told(&self, count: usize, side: Side, time: Option<&TimestampFormat>) -> bool {
        let mut parts: Vec<&Part> = self.parts.iter().collect();
        if side == Side::End {
            parts.reverse();
        }
        (0..count).all(|at| match parts.split_at_checked(at + 1) {
            Some(([.., part], beyond)) => self.ends(part, beyond, side, time),
            _ => false,
        })
    }

    /// Whether a part that begins where it can be told, read from this side, ends so too. `beyond` is
    /// what comes after it.
    fn ends(
        &self,
        part: &Part,
        beyond: &[&Part],
        side: Side,
        time: Option<&TimestampFormat>,
    ) -> bool {
        // Only a window tells one time from another.
        let is_timed = time.is_some_and(|format| format.tolerance.is_some());
        let at_time = is_timed && beyond.first().is_some_and(|next| self.is_time(next, time));
        let ends = |delimiter: Option<u8>| delimiter.is_some() || at_time || beyond.is_empty();
        let at_text =
            |is_own: fn(u8) -> bool| at_time || beyond.is_empty() || stops(beyond, is_own);
        match part {
            Part::Literal(_) => true,
            // It has all its digits where something touches it.
            part if self.is_time(part, time) => true,
            Part::Header(at) => ends(self.headers.get(*at).and_then(|known| known.delimiter)),
            Part::Pair(at) => ends(self.pairs.get(*at).and_then(|known| known.delimiter)),
            Part::Json(at) => ends(self.json.get(*at).and_then(|known| known.delimiter)),
            Part::Form(at) => ends(self.form.get(*at).and_then(|known| known.delimiter)),
            // Each URL begins with what no method holds.
            Part::Method if side == Side::Beginning && beyond.first() == Some(&&Part::Url) => true,
            Part::Method => at_text(is_of_method),
            Part::Url => at_text(is_of_url),
            Part::BodyCrc32 => at_text(|byte| byte.is_ascii_digit()),
            Part::Query { at, before, after } => {
                ends(self.query.get(*at).and_then(|known| known.delimiter))
                    && is_told_there(side, before, after, beyond)
            }
            // One of several secrets may be the beginning of another.
            Part::Secret | Part::Timestamp => false,
            Part::Body | Part::SortedForm | Part::SignedHeaders(_) => false,
        }
    }

    /// Whether this part is the time, in a hole of its own or as a field of the body.
    fn is_time(&self, part: &Part, time: Option<&TimestampFormat>) -> bool {
        match (part, time.map(|format| &format.from)) {
            (Part::Timestamp, _) => true,
            (Part::Json(at), Some(TimestampSource::Json(time))) => {
                self.json.get(*at).is_some_and(|json| *json.name == **time)
            }
            _ => false,
        }
    }

    /// Whether the body stands behind the URL with nothing between them that a URL could not hold.
    pub(super) fn has_body_at_url(&self) -> bool {
        let at = self.parts.iter().position(|part| *part == Part::Body);
        let before = at.and_then(|at| self.parts.get(..at));
        before.is_some_and(reaches_url)
    }

    /// What stands before and behind the timestamp, wherever it is.
    pub(super) fn beside_timestamp(&self) -> Vec<(Beside, Beside)> {
        let is_time = |(_, part): &(usize, &Part)| **part == Part::Timestamp;
        let beside = |part: Option<&Part>, byte: fn(&[u8]) -> Option<&u8>| match part {
            None => Beside::Edge,
            // An empty text parts nothing.
            Some(Part::Literal(text)) => byte(text).map_or(Beside::Value, |b| Beside::Text(*b)),
            Some(_) => Beside::Value,
        };
        let times = self.parts.iter().enumerate().filter(is_time);
        times
            .map(|(at, _)| {
                let before = at.checked_sub(1).and_then(|at| self.parts.get(at));
                let behind = self.parts.get(at + 1);
                (beside(before, <[u8]>::last), beside(behind, <[u8]>::first))
            })
            .collect()
    }
}

/// Whether a URL could go on to the end of these parts.
fn reaches_url(parts: &[Part]) -> bool {
    let of_url = |part: &&Part| match part {
        Part::Literal(text) => text.iter().copied().all(is_of_url),
        _ => false,
    };
    parts.iter().rev().find(|part| !of_url(part)) == Some(&Part::Url)
}

/// Whether the text that comes at once has a byte that is none of the value's own.
fn stops(beyond: &[&Part], is_own: fn(u8) -> bool) -> bool {
    let texts = beyond.iter().map_while(|part| match part {
        Part::Literal(text) => Some(text),
        _ => None,
    });
    texts.flatten().any(|byte| !is_own(*byte))
}

/// Whether it is told that a parameter is there: it comes with text that nothing else begins with, or
/// is as good as empty where it is missing.
fn is_told_there(side: Side, before: &[u8], after: &[u8], beyond: &[&Part]) -> bool {
    if before.is_empty() && after.is_empty() {
        return true;
    }
    let next = match beyond.first() {
        Some(Part::Literal(text)) => text,
        _ => return false,
    };
    let (own, next) = match side {
        Side::Beginning => (before.first(), next.first()),
        Side::End => (after.last(), next.last()),
    };
    own.is_some() && next.is_some() && own != next
}

/// What RFC 9110 lets the name of a method hold.
fn is_of_method(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
