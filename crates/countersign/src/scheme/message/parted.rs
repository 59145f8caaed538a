//! What of a template is told from its neighbour, and how.

use http::HeaderName;

use super::template::{Part, Template};
use super::url::is_of_url;
use crate::window::Beside;

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

    /// Whether the header's value has two ends that are proved, or is not here at all. Its far end is,
    /// for every value; its near end is not where a value without a mark of its own touches it.
    pub(super) fn parts_header(&self, name: &HeaderName) -> bool {
        let is_it = |part: &Part| match part {
            Part::Header(at) => self
                .headers
                .get(*at)
                .is_some_and(|known| known.name == *name),
            _ => false,
        };
        let Some(at) = self.parts.iter().position(is_it) else {
            return true;
        };
        let before = self.parts.get(..at).unwrap_or_default();
        match before.last() {
            None | Some(Part::Timestamp) => true,
            Some(Part::Literal(_)) => !reaches_url(before),
            Some(_) => false,
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
