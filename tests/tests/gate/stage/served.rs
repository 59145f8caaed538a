//! A store whose server the test may harm.

use countersign_tests::servers::{Postgres, Process, Redis};

use super::{Kind, Shelf, Stage};

/// A server of the test's own, and a store on it that holds nothing yet.
pub struct Served {
    pub server: Server,
    pub store: Shelf,
}

pub enum Server {
    Redis(Redis),
    Postgres(Postgres),
}

impl Stage {
    /// Of the two kinds that have a server.
    pub fn served(&self) -> Served {
        match self.kind {
            Kind::Redis => Served::redis(Redis::on_disk().expect("it was there before")),
            Kind::Postgres => {
                let server = Postgres::start().expect("it was there before");
                let store = Shelf::postgres(&server.new_database().url);
                let server = Server::Postgres(server);
                Served { server, store }
            }
            Kind::Memory | Kind::Sqlite => panic!("{:?} has no server", self.kind),
        }
    }

    /// One that keeps nothing on disk, where there is such a thing.
    pub fn forgetful(&self) -> Option<Served> {
        match self.kind {
            Kind::Redis => Some(Served::redis(Redis::start().expect("it was there before"))),
            _ => None,
        }
    }
}

impl Served {
    pub fn redis(server: Redis) -> Served {
        let store = Shelf::redis(&server.new_keyspace());
        Served {
            server: Server::Redis(server),
            store,
        }
    }
}

impl Server {
    fn process(&mut self) -> &mut Process {
        match self {
            Server::Redis(server) => server.process(),
            Server::Postgres(server) => server.process(),
        }
    }

    /// By SIGKILL.
    pub fn kill(&mut self) {
        self.process().kill();
    }

    /// By SIGSTOP.
    pub fn freeze(&mut self) {
        self.process().freeze();
    }

    pub fn thaw(&mut self) {
        self.process().thaw();
    }

    /// After it was killed.
    pub fn restart(&mut self) {
        match self {
            Server::Redis(server) => server.restart(),
            Server::Postgres(server) => server.restart(),
        }
    }
}
