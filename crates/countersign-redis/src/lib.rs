#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod batch;
mod check;
mod connect;
mod entry;
mod link;
mod script;
mod server;
mod slot;
mod store;

pub use self::check::Warning;
pub use self::connect::Connect;
pub use self::store::RedisStore;
