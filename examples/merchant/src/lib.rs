//! What the two example servers share, since no framework is in it: five endpoints whose secrets
//! come from the environment, a `curl` line to try each of them, and when to stop.

#![forbid(unsafe_code)]

mod curl;
mod endpoints;
mod log;
mod stop;
pub mod trial;

pub use self::curl::lines_to_try;
pub use self::endpoints::{Endpoint, Endpoints};
pub use self::stop::told_to_stop;
