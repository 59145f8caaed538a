//! The store: what the contract asks, in terms of scripts over ids.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Key, Lease, Renewal, StoreError, Token};

use crate::batch::{Batch, Claimed, Verdict};
use crate::check::{Warning, check};
use crate::connect::Connect;
use crate::entry::GRACE;
use crate::script::{COMMIT, RELEASE, RENEW, Script, is_full};
use crate::server::Server;

const PREFIX: &str = "countersign:";

const TIMEOUT: Duration = Duration::from_millis(500);

/// Claims kept in Redis, for any number of workers that share it.
///
/// Clones share one connection, which is made when the store is first used, on a thread of the
/// store's own. What it promises, and what it cannot, is said on the [front page](crate).
#[derive(Clone)]
pub struct RedisStore {
    server: Server,
    prefix: Arc<str>,
}

impl RedisStore {
    /// A store on the server at `url`: `redis://[user][:password@]host[:port][/database]`, with
    /// `rediss://` in front for TLS (feature `tls`), or `unix:///path`.
    ///
    /// Nothing is connected yet: a program starts while its server is down, and its deliveries are
    /// answered 503 until it is there. [`check`](Self::check) tells whether it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::unavailable`] if the URL is not one, needs the feature `tls`, or there is no
    /// thread left.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let client = redis::Client::open(url).map_err(StoreError::unavailable)?;
        let address = client.get_connection_info().clone();
        // Or the kernel holds a claim back until the answer to the one before has come.
        let settings = address.tcp_settings().clone().set_nodelay(true);
        let client = redis::Client::open(address.set_tcp_settings(settings));
        RedisStore::new(client.map_err(StoreError::unavailable)?)
    }

    /// A store whose connections `connector` makes: a client of the `redis` crate, for a single
    /// server, a cluster or Sentinel, with credentials and certificates as it was given them.
    ///
    /// Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::unavailable`] if there is no thread left.
    pub fn new(connector: impl Connect) -> Result<Self, StoreError> {
        Ok(RedisStore {
            server: Server::new(connector, TIMEOUT).map_err(StoreError::unavailable)?,
            prefix: PREFIX.into(),
        })
    }

    /// Sets what every id begins with, instead of `countersign:`. All workers of one endpoint need the
    /// same.
    ///
    /// On a cluster, a prefix with a hash tag, as `{countersign}:`, keeps all ids in one slot. Else the
    /// slots of a batch are claimed one after another: 1000 events are in some 970 slots, and at half a
    /// millisecond a round trip that takes half a second of the receiver's store time-out. In one slot they
    /// are claimed in one round trip and all or none even if a worker dies halfway, and one of the
    /// servers carries the load of them all.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into().into();
        self
    }

    /// Sets for how long one question to the server may go unanswered, a connection to be made first
    /// included, instead of 500 milliseconds. It should be shorter than the receiver's store time-out
    /// (1 second), so that the log tells what went wrong.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.server.limit = timeout;
        self
    }

    /// Asks the server whether it is there and is set up to remember what it is told.
    ///
    /// The store asks by itself, once, when its server has first answered a claim, and logs the
    /// warnings; this is for programs that would rather not start.
    ///
    /// # Errors
    ///
    /// [`StoreError::unavailable`] if the server does not answer.
    pub async fn check(&self) -> Result<Vec<Warning>, StoreError> {
        check(&self.server).await.map_err(StoreError::unavailable)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .field("timeout", &self.server.limit)
            .finish_non_exhaustive()
    }
}

impl DedupeStore for RedisStore {
    /// One round trip. On a cluster, a batch of several slots takes one a slot, one after another,
    /// until one refuses; what is held under the token by then is released, whichever call claimed it.
    ///
    /// # Errors
    ///
    /// [`StoreError::full`] if the server has reached its `maxmemory`;
    /// [`StoreError::unavailable`] for everything else.
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        let claimed = match self.batch(keys, token).claim(lease).await {
            Ok(claimed) => claimed,
            Err(error) if is_full(&error) => return Err(StoreError::full()),
            Err(error) => return Err(StoreError::unavailable(error)),
        };
        self.server.check_once();
        let verdicts = match claimed {
            Claimed::Settled(verdicts) => verdicts,
            Claimed::Busy(left) => {
                return Ok(Claim::InProgress {
                    retry_after: Some(left),
                });
            }
        };
        let those = |which: &[Verdict]| {
            let keys = keys.iter().zip(&verdicts);
            let keys = keys.filter(|(_, verdict)| which.contains(verdict));
            keys.map(|(key, _)| *key).collect::<Vec<Key>>()
        };
        let fresh = those(&[Verdict::New, Verdict::Own]);
        let differing = those(&[Verdict::Differing]);
        Ok(if fresh.is_empty() {
            Claim::Committed { differing }
        } else {
            Claim::Acquired(Lease { fresh, differing })
        })
    }

    /// One round trip; on a cluster one a slot, at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::unavailable`], also if the server has reached its `maxmemory`.
    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        Ok(
            match self.settle(&COMMIT, keys, token, &[retention]).await? {
                false => Commit::Landed,
                true => Commit::LostLease,
            },
        )
    }

    /// Renews a claim for up to a day after its lease has expired, unless somebody took it over.
    ///
    /// # Errors
    ///
    /// [`StoreError::unavailable`].
    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        let kept = lease.saturating_add(GRACE);
        Ok(match self.settle(&RENEW, keys, token, &[kept]).await? {
            false => Renewal::Renewed,
            true => Renewal::Lost,
        })
    }

    /// # Errors
    ///
    /// [`StoreError::unavailable`].
    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        self.settle(&RELEASE, keys, token, &[]).await?;
        Ok(())
    }

    fn leases_expire(&self) -> bool {
        true
    }
}

impl RedisStore {
    fn batch(&self, keys: &[Key], token: Token) -> Batch<'_> {
        Batch::new(&self.server, &self.prefix, keys, token)
    }

    async fn settle(
        &self,
        script: &Script,
        keys: &[Key],
        token: Token,
        times: &[Duration],
    ) -> Result<bool, StoreError> {
        let lost = self.batch(keys, token).settle(script, times).await;
        lost.map_err(StoreError::unavailable)
    }
}
