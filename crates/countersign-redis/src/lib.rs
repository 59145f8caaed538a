//! Countersign's claims in Redis, for several workers that must run each webhook once.
//!
//! ```no_run
//! use axum::{Router, http::StatusCode, routing::post};
//! use countersign::{Receiver, Secret, provider};
//! use countersign_axum::{Webhook, WebhookLayer};
//! use countersign_redis::RedisStore;
//! # use countersign::provider::fedapay;
//! # async fn on_event(_: Webhook<fedapay::Event>) -> StatusCode { StatusCode::OK }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::open(&std::env::var("REDIS_URL")?)?;
//! let secret = Secret::new(std::env::var("FEDAPAY_SECRET")?)?;
//! let receiver = Receiver::new("fedapay-live", provider::fedapay(), [secret])?.with_store(store);
//!
//! let app: Router = Router::new()
//!     .route("/webhooks/fedapay", post(on_event).route_layer(WebhookLayer::new(receiver)));
//! # Ok(())
//! # }
//! ```
//!
//! A claim is one round trip and a commit another, also for a batch. The server may be down when the
//! program starts, or go away while it runs: deliveries are answered 503 until it is back, and nothing
//! has to be restarted. Why it fails, and that it answers again, is logged under the target
//! `countersign::redis`.
//!
//! # What Redis can lose
//!
//! An event runs once as long as Redis remembers it. **Redis acknowledges a write before its replicas
//! have it**, and by default before it is on disk: a claim or a commit of the last moments can be gone
//! after a failover or a crash, and the event then runs again when its provider repeats it. A server
//! that keeps nothing on disk forgets every id when it restarts. One with a `maxmemory-policy` other
//! than `noeviction` forgets ids when its memory is full. Whatever happens, no event is lost by it; it
//! may run twice. Where that costs money, claim in the transaction that books it, with
//! `countersign-sqlx` on PostgreSQL.
//!
//! So the server should have `maxmemory-policy noeviction` (the store looks, and logs a warning if it has
//! not; [`RedisStore::check`] asks), and `appendonly yes` if a restart is to forget nothing but the last
//! second. With `noeviction`, a full server refuses claims, and deliveries are answered 503. Leases and
//! retention are counted by the server's clock, which should be kept by NTP: if it is set forward,
//! leases end early.
//!
//! # Which servers
//!
//! Any Redis since 5.0 will do; it is tested with 7.0. What is used is `EVALSHA`, `EVAL`, `GET`, `SET`,
//! `PTTL`, `PEXPIRE` and `DEL`, and `INFO` for the look at its settings, which it may refuse.
//!
//! | server | |
//! |---|---|
//! | one, or a proxy to one | [`RedisStore::open`] with its URL |
//! | Sentinel | feature `sentinel`, and [`RedisStore::new`] with a `SentinelClient` |
//! | cluster | feature `cluster`, and [`RedisStore::new`] with a `ClusterClient` |
//! | over TLS | feature `tls`, and a URL that begins with `rediss://` |
//!
//! On a cluster a batch of several events is claimed slot by slot, in one round trip each and one after
//! another, since batches that claimed theirs at once could refuse each other again and again: some 970
//! round trips for 1000 events. What was claimed is released when a later slot refuses.
//! [`RedisStore::with_prefix`] tells how to keep all ids in one slot instead.
//!
//! # What is stored
//!
//! One entry an id, under `countersign:` and the id's SHA-256 in hexadecimal: `r` and the run's token while it is in
//! progress, `c` and a hash of the payload once it is committed. A committed one lives for the
//! retention. One in progress lives for a day longer than its lease, so that the run it belongs to can
//! renew it late, as long as nobody took it over; another run may do so as soon as the lease has ended.
//! To have an event run again, delete its entry.
//!
//! # Threads
//!
//! A store has a thread of its own for its connection, so that a handler that blocks a worker does not
//! hold up the renewal of other handlers' leases. It can be made and used on any thread, inside a
//! runtime or not.

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
