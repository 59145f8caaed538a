//! What a scenario is played on: a framework, and a kind of store.

mod lame;
mod served;
mod shelf;

use countersign::{Provider, Receiver, provider};
use countersign_tests::servers::{Postgres, Redis};

pub use self::lame::Lame;
pub use self::served::{Served, Server};
pub use self::shelf::Shelf;
use crate::deliveries::{held, memory, receiver};
use crate::site::Framework;

/// A framework, and a kind of store.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    pub framework: Framework,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Memory,
    Sqlite,
    Redis,
    Postgres,
}

impl Stage {
    /// A store that holds nothing yet, and that no other test uses; `None` where its server is missing.
    pub fn try_store(&self) -> Option<Shelf> {
        match self.kind {
            Kind::Memory => {
                let store = memory(4096);
                Some(Shelf::new(store.clone(), move || held(&store)))
            }
            Kind::Sqlite => Some(Shelf::sqlite()),
            Kind::Postgres => Some(Shelf::postgres(&Postgres::database()?.url)),
            Kind::Redis => Some(Shelf::redis(&Redis::keyspace()?)),
        }
    }

    /// A store that holds nothing yet, and that no other test uses.
    pub fn store(&self) -> Shelf {
        self.try_store().expect("the server that was there before")
    }

    /// A receiver on a store of its own.
    pub fn receiver(&self, endpoint: &str, provider: Provider) -> Receiver {
        receiver(endpoint, provider).with_store(self.store())
    }

    /// One event a delivery, signed with its time, known by an id in the payload.
    pub fn shop(&self) -> Receiver {
        self.receiver("shop", provider::fedapay())
    }

    /// Batches of events.
    pub fn bank(&self) -> Receiver {
        self.receiver("bank", provider::banking_circle())
    }
}
