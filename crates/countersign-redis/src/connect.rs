//! How connections are made: by the clients of the `redis` crate.

use redis::RedisResult;
use redis::aio::{ConnectionLike, MultiplexedConnection};

/// Makes the store's connections. The clients of the `redis` crate do, for a single server, a cluster
/// (feature `cluster`) and servers that Sentinel watches (feature `sentinel`).
///
/// An implementation of one's own makes sense where addresses or credentials change:
///
/// ```
/// use countersign_redis::{Connect, RedisStore};
/// use redis::{Client, RedisResult, aio::MultiplexedConnection};
///
/// struct Rotating;
///
/// impl Connect for Rotating {
///     type Connection = MultiplexedConnection;
///
///     async fn connect(&mut self) -> RedisResult<MultiplexedConnection> {
///         let url = format!("redis://:{}@redis.internal/", todays_password());
///         Client::open(url)?.get_multiplexed_async_connection().await
///     }
/// }
/// # fn todays_password() -> String { String::new() }
///
/// let store = RedisStore::new(Rotating)?;
/// # Ok::<(), countersign::StoreError>(())
/// ```
pub trait Connect: Send + 'static {
    /// A connection whose clones can be used at once, as those of the `redis` crate can.
    type Connection: ConnectionLike + Clone + Send + Sync + 'static;

    /// Makes a connection. It is called when the store is first used, and again after a connection
    /// broke or fell silent; never twice at once, always on the store's own thread, and for 5 seconds
    /// at most.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from connecting. Calls to the store then fail, and the next one tries again.
    fn connect(&mut self) -> impl Future<Output = RedisResult<Self::Connection>> + Send;

    /// What the log calls the server. It must not hold a password.
    fn name(&self) -> String {
        "redis".to_owned()
    }
}

/// A single server.
impl Connect for redis::Client {
    type Connection = MultiplexedConnection;

    async fn connect(&mut self) -> RedisResult<MultiplexedConnection> {
        self.get_multiplexed_async_connection_with_config(&untimed())
            .await
    }

    fn name(&self) -> String {
        format!("redis at {}", self.get_connection_info().addr())
    }
}

/// Servers that Sentinel watches: each connection goes to the one that is the master by then. The
/// client has to be one for the master.
#[cfg(feature = "sentinel")]
impl Connect for redis::sentinel::SentinelClient {
    type Connection = MultiplexedConnection;

    async fn connect(&mut self) -> RedisResult<MultiplexedConnection> {
        self.get_async_connection_with_config(&untimed()).await
    }
}

/// A cluster.
#[cfg(feature = "cluster")]
impl Connect for redis::cluster::ClusterClient {
    type Connection = redis::cluster_async::ClusterConnection;

    async fn connect(&mut self) -> RedisResult<Self::Connection> {
        self.get_async_connection().await
    }
}

/// Without a time-out for answers: the store has its own, whoever made the connection.
fn untimed() -> redis::AsyncConnectionConfig {
    redis::AsyncConnectionConfig::new().set_response_timeout(None)
}
