//! How sure it is what a preset says of its provider.

use std::fmt;

/// Where a fact is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The provider says it, in its documentation or in the source of its own SDK.
    Stated,
    /// Somebody else says it, quoting the provider.
    Quoted,
    /// Nobody says it; it is concluded from what is said, and an assumption.
    Inferred,
    /// It is not public. The merchant has to find it out and to set it, or goes without.
    NotPublic,
}

impl Source {
    /// A stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Stated => "stated",
            Source::Quoted => "quoted",
            Source::Inferred => "inferred",
            Source::NotPublic => "not public",
        }
    }
}

/// Where the facts of a preset are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Certainty {
    /// What is signed, and by which algorithm.
    pub proof: Source,
    /// In which header the signature stands.
    pub header: Source,
    /// What names an event.
    pub id: Source,
    /// Where its type stands.
    pub kind: Source,
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = [
            ("proof", self.proof),
            ("header", self.header),
            ("id", self.id),
            ("type", self.kind),
        ];
        if facts.iter().all(|(_, source)| *source == self.proof) {
            return write!(f, "all {}", self.proof.as_str());
        }
        for (index, (name, source)) in facts.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {}", source.as_str())?;
        }
        Ok(())
    }
}
