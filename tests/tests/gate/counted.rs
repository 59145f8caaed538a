//! A store that counts what it is asked.

use countersign_testkit::Operation;
use countersign_tests::around::{Around, Beside};

use crate::site::Tally;
use crate::stage::Shelf;

pub fn counted(store: Shelf) -> Around<Shelf, Calls> {
    let beside = Calls::default();
    Around { store, beside }
}

#[derive(Clone, Default)]
pub struct Calls {
    /// Calls of any kind.
    pub all: Tally,
    /// Claims that were answered.
    pub claims: Tally,
}

impl Beside for Calls {
    async fn before(&self, _: Operation) {
        self.all.add();
    }

    async fn after(&self, operation: Operation) {
        if operation == Operation::Claim {
            self.claims.add();
        }
    }
}
