//! `--store`: where claims are kept.

use countersign::{MemoryStore, Receiver};

use crate::failure::{Failure, Reason};

/// A store that this program knows.
pub(super) enum StoreArg {
    /// In this process; forgotten when it ends.
    Memory,
}

impl StoreArg {
    /// What was given is not repeated: a store's URL may hold a password.
    pub(super) fn parse(text: &str) -> Result<StoreArg, Failure> {
        match text {
            "memory" => Ok(StoreArg::Memory),
            _ => Err(Failure::new(
                Reason::BadStore,
                "--store is none that is known here; it takes: memory",
            )),
        }
    }

    pub(super) fn keep(self, receiver: Receiver) -> Receiver {
        match self {
            StoreArg::Memory => receiver.with_store(MemoryStore::default()),
        }
    }
}
