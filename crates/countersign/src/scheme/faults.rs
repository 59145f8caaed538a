//! The faults of a head, of which one is reported.

use crate::error::{Error, ErrorKind};

/// The faults of a head, of which one is reported.
#[derive(Default)]
pub(super) struct Faults {
    first: Option<Error>,
}

impl Faults {
    /// The fault to report.
    #[inline]
    pub(super) fn first(&self) -> Option<Error> {
        self.first
    }

    #[cold]
    pub(super) fn add(&mut self, kind: ErrorKind, part: &'static str) {
        if self
            .first
            .is_none_or(|first| rank(kind) < rank(first.kind()))
        {
            self.first = Some(Error::of(kind, part));
        }
    }
}

fn rank(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::DuplicateHeader => 0,
        ErrorKind::MissingHeader => 1,
        _ => 2,
    }
}
