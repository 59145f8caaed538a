//! What is sent.

use crate::deliveries::{Delivery, fresh};

/// Of bodies, in bytes, and as the tables call them.
pub(crate) const SIZES: [(usize, &str); 4] = [
    (1 << 10, "1 KiB"),
    (64 << 10, "64 KiB"),
    (1 << 20, "1 MiB"),
    (10 << 20, "10 MiB"),
];

/// What deliveries are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Each a new event.
    Genuine,
    /// All of one event.
    Duplicate,
    /// With another's signature, which only shows once the body is hashed.
    Forged,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Genuine, Kind::Duplicate, Kind::Forged];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Genuine => "genuine",
            Kind::Duplicate => "duplicate",
            Kind::Forged => "forged",
        }
    }

    /// What it has to be answered by whom.
    pub(crate) fn status(self, who: Who) -> u16 {
        match (self, who) {
            (Kind::Forged, Who::Countersign | Who::ByHand) => 401,
            _ => 200,
        }
    }
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The adapter, with the memory store.
    Countersign,
    /// A handler that makes the same check itself, and knows no duplicates.
    ByHand,
    /// A handler that checks nothing.
    Nobody,
}

/// Deliveries of one kind and one length, without end.
pub(crate) struct Traffic {
    kind: Kind,
    length: usize,
    /// What all duplicates and all forgeries are.
    one: Delivery,
}

impl Traffic {
    /// Signed now, and so good for five minutes.
    pub(crate) fn new(kind: Kind, length: usize) -> Traffic {
        let mut one = fresh(length);
        if kind == Kind::Forged {
            one.signature = fresh(length).signature;
        }
        Traffic { kind, length, one }
    }

    pub(crate) fn next(&self) -> Delivery {
        match self.kind {
            Kind::Genuine => fresh(self.length),
            Kind::Duplicate | Kind::Forged => self.one.clone(),
        }
    }

    pub(crate) fn take(&self, count: usize) -> Vec<Delivery> {
        (0..count).map(|_| self.next()).collect()
    }
}
