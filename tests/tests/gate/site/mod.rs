//! A small site on either framework: receivers in front of handlers, on a free port.

mod actix_web;
mod axum;
mod bare;
mod handler;
mod log;
pub mod panics;
mod signal;

use std::net::SocketAddr;
use std::sync::Arc;

use countersign::{Clock, Receiver};

pub use self::actix_web::Server as ActixServer;
pub use self::axum::Server as AxumServer;
pub use self::bare::Bare;
pub use self::handler::{Handler, Runs};
pub use self::log::Log;
pub use self::signal::{Block, Leave, LiftAtTheEnd, PATIENCE, Tally, until};
use crate::sender::Sender;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    Axum,
    ActixWeb,
}

/// A receiver in front of a handler, at a path.
#[derive(Clone)]
pub struct Route {
    pub path: String,
    pub receiver: Receiver,
    pub handler: Handler,
    pub clock: Option<Arc<dyn Clock>>,
}

impl Route {
    pub fn new(path: &str, receiver: Receiver, handler: Handler) -> Route {
        Route {
            path: path.to_owned(),
            receiver,
            handler,
            clock: None,
        }
    }

    /// On a clock that the test winds.
    pub fn with_clock(mut self, clock: impl Clock) -> Route {
        self.clock = Some(Arc::new(clock));
        self
    }
}

pub struct Site {
    framework: Framework,
    pub address: SocketAddr,
    /// What all of its receivers observe.
    pub log: Log,
    /// How many requests the framework has done with: answered, or dropped since their connection was.
    pub closed: Tally,
    receivers: Vec<Receiver>,
    server: Server,
}

enum Server {
    Axum(AxumServer),
    ActixWeb(ActixServer),
}

/// Enough that one that is blocked holds up no other.
const WORKERS: usize = 2;

impl Site {
    /// One route, `/hook`.
    pub fn new(framework: Framework, receiver: Receiver, handler: Handler) -> Site {
        Site::with(framework, [Route::new("/hook", receiver, handler)])
    }

    pub fn with(framework: Framework, routes: impl IntoIterator<Item = Route>) -> Site {
        panics::watch();
        let (log, closed) = (Log::default(), Tally::default());
        let mut routes: Vec<Route> = routes.into_iter().collect();
        for route in &mut routes {
            route.receiver = route.receiver.clone().with_observer(log.clone());
        }
        let server = match framework {
            Framework::Axum => Server::Axum(AxumServer::start(WORKERS, &routes, &closed)),
            Framework::ActixWeb => Server::ActixWeb(ActixServer::start(WORKERS, &routes, &closed)),
        };
        Site {
            framework,
            address: match &server {
                Server::Axum(server) => server.address,
                Server::ActixWeb(server) => server.address,
            },
            log,
            closed,
            receivers: routes.into_iter().map(|route| route.receiver).collect(),
            server,
        }
    }

    pub fn connect(&self) -> Sender {
        Sender::connect(self.address)
    }

    pub fn stop_accepting(&mut self) {
        match &mut self.server {
            Server::Axum(server) => server.stop_accepting(),
            Server::ActixWeb(server) => server.stop_accepting(),
        }
    }

    /// The receiver of the first route.
    pub fn receiver(&self) -> &Receiver {
        &self.receivers[0]
    }

    /// Gives the server something to do from outside, as a merchant's other work does.
    ///
    /// A worker of tokio's that leaves its I/O driver for one task wakes no other worker to take its
    /// place there. If that task blocks its thread, nothing is read any more until another worker
    /// has run something.
    pub fn nudge(&self) {
        if let Server::Axum(server) = &self.server {
            server.nudge();
        }
    }

    /// How many tasks live on the server's runtime, where the framework's runtime counts them.
    pub fn tasks(&self) -> Option<usize> {
        match &self.server {
            Server::Axum(server) => Some(server.tasks()),
            Server::ActixWeb(_) => None,
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panics::none_seen(self.framework);
        }
    }
}
