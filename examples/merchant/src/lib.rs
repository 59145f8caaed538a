//! What the example servers share, since no framework is in it: five endpoints whose secrets come from
//! the environment, what is done with their events, a `curl` line to try each of them, and how a server
//! begins and ends.

#![forbid(unsafe_code)]

mod curl;
mod endpoints;
pub mod events;
#[cfg(feature = "axum")]
mod on_axum;
mod server;
mod stop;
pub mod trial;

pub use self::curl::lines_to_try;
pub use self::endpoints::{Endpoint, Endpoints};
#[cfg(feature = "axum")]
pub use self::on_axum::{fedapay_route, serve, serve_in_background};
pub use self::server::{drain, exit_code, listen, say};
pub use self::stop::told_to_stop;
