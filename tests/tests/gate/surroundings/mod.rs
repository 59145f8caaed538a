//! The traps that the frameworks set, and where each is tested. A name without a file is in this
//! folder; `actix:` is `crates/countersign-actix-web/tests`, the rest is through both adapters.
//!
//! **Both frameworks**
//! - actix-web is on another `http` than axum, hence `Head`: `heads.rs`; repeated names in the attacks.
//! - axum's adapter stands on axum-core, not on axum: `heads.rs`.
//! - The head is checked before the body is read, and a declared length over the limit is a 413
//!   then: `limits.rs`, S23, S37.
//! - A chunked body is counted as it is read: `limits.rs`, S23.
//! - Neither axum's 2 MB nor `PayloadConfig`'s 256 kB strike a body that was admitted: `limits.rs`;
//!   actix: `connection.rs`.
//! - A GET keeps its 405 where the layer stands on the method: `routing.rs`; actix: `smoke.rs`.
//! - A handler without the layer, or one for a single event behind a provider of batches, is a 500:
//!   `routing.rs`; actix: `smoke.rs`.
//! - An answer before the body is read costs no connection up to 64 KiB: `forged.rs`. Beyond that
//!   the connection is cut off: S23; actix: `connection.rs`.
//! - The first reservation for a body is capped, whatever `Content-Length` says: `limits.rs`, S37 by
//!   the memory it takes; `stream.peak` of the budgets.
//! - hyper drops a request on FIN, actix-web on RST only: S5; actix: `connection.rs`.
//! - At shutdown: no new connections, drain, stop: S22; actix: `connection.rs`.
//!
//! **axum**
//! - The ready instance is the one that is called: `ready.rs`.
//!
//! **actix-web**
//! - Loggers outside see refusals as responses, and a 500 or 503 in place of the handler's answer as
//!   the error it is: `loggers.rs`.
//! - No clone of the request is held: around a scope or the app the routing would panic:
//!   `routing.rs`; actix: `smoke.rs`.
//! - `.to(h).wrap(m)`: the other way round panics at the start: `routing.rs`.
//! - A receiver that is built once for each worker knows nothing of the others: `workers.rs`;
//!   actix: `smoke.rs`.
//! - What a handler is lent is not copied, and no header is looked up by allocating: `copies.actix` and
//!   `gate.actix` of the budgets.
//!
//! **An operator's**
//! - Whose secrets count is looked up before anything is proved, and so within bounds: `tenants.rs`.
//! - Headers and addresses beside a signature, and in place of one: `guards.rs`, S24.
//! - While a receiver observes only, every body reaches the handler as it came: `observing.rs`, S39.
//!
//! **Seen in the field**
//! - A body over the framework's limit that panics the handler: `limits.rs`.
//! - A timestamp of `i64::MIN`: `heads.rs`, and the attacks.
//! - A layer that buffers 256 MiB before it misses a signature: S23.
//! - A README whose example does not compile: the doctests of this package and of the adapters.
//! - A streamed body that never completes: S23.
//! - 200 for a duplicate that is still in progress: S1, S4.

/// A test for each framework of each scene.
macro_rules! on_both {
    ($($scene:ident)*) => {
        mod on_axum {
            $(#[test]
            fn $scene() {
                super::$scene(crate::site::Framework::Axum);
            })*
        }

        mod on_actix_web {
            $(#[test]
            fn $scene() {
                super::$scene(crate::site::Framework::ActixWeb);
            })*
        }
    };
}

mod forged;
mod guards;
mod heads;
mod limits;
mod loggers;
mod observing;
mod ready;
mod routing;
mod tenants;
mod workers;
