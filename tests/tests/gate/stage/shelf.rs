//! A store of whatever kind, as the scenarios see it.

use std::sync::Arc;
use std::time::Duration;

use countersign::{AnyStore, Claim, Commit, DedupeStore, Key, Renewal, StoreError, Token};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use countersign_tests::servers::Keyspace;
use sqlx::{Connection as _, Row as _};
use tempfile::TempDir;

/// A store, and what a test may know of what it holds. Clones are the same one.
#[derive(Clone)]
pub struct Shelf {
    store: AnyStore,
    held: Arc<dyn Fn() -> (usize, usize) + Send + Sync>,
    place: Option<String>,
    directory: Option<Arc<TempDir>>,
}

impl Shelf {
    pub fn new(
        store: impl DedupeStore,
        held: impl Fn() -> (usize, usize) + Send + Sync + 'static,
    ) -> Shelf {
        Shelf {
            store: AnyStore::new(store),
            held: Arc::new(held),
            place: None,
            directory: None,
        }
    }

    pub fn redis(Keyspace { url, prefix }: &Keyspace) -> Shelf {
        let store = RedisStore::open(url).unwrap().with_prefix(prefix);
        let client = redis::Client::open(url.as_str()).unwrap();
        let all = format!("{prefix}*");
        let mut shelf = Shelf::new(store, move || redis_held(&client, &all));
        shelf.place = Some(format!("redis {url} {prefix}"));
        shelf
    }

    /// In a directory that is removed with it.
    pub fn sqlite() -> Shelf {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("events.db");
        let mut shelf = Shelf::sqlite_at(path.to_str().unwrap());
        shelf.directory = Some(Arc::new(directory));
        shelf
    }

    fn sqlite_at(path: &str) -> Shelf {
        let place = format!("sqlite {path}");
        let path = path.to_owned();
        let mut shelf = Shelf::new(SqliteStore::new(&path), move || apart(sqlite_held(&path)));
        shelf.place = Some(place);
        shelf
    }

    /// In the database of this URL.
    pub fn postgres(url: &str) -> Shelf {
        let store = PostgresStore::new(url).unwrap();
        let migrating = store.clone();
        apart(async move { migrating.migrate().await.unwrap() });
        let place = format!("postgres {url}");
        let url = url.to_owned();
        let mut shelf = Shelf::new(store, move || apart(postgres_held(&url)));
        shelf.place = Some(place);
        shelf
    }

    /// The same store in another process.
    pub fn open(place: &str) -> Shelf {
        let words: Vec<&str> = place.split(' ').collect();
        match words[..] {
            ["redis", url, prefix] => Shelf::redis(&Keyspace {
                url: url.to_owned(),
                prefix: prefix.to_owned(),
            }),
            ["sqlite", path] => Shelf::sqlite_at(path),
            ["postgres", url] => Shelf::postgres(url),
            _ => panic!("not a place: {place}"),
        }
    }

    /// Where another process finds it.
    pub fn place(&self) -> &str {
        self.place.as_deref().expect("a store that processes share")
    }

    /// How many ids it holds in progress, by leases that have not ended, and committed.
    pub fn held(&self) -> (usize, usize) {
        (self.held)()
    }
}

/// Also from within a runtime.
fn apart<T: Send>(future: impl Future<Output = T> + Send) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let run = move || {
        let mut runtime = runtime;
        runtime.enable_all().build().unwrap().block_on(future)
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}

/// Times are in milliseconds.
async fn sqlite_held(path: &str) -> (usize, usize) {
    let mut connection = sqlx::SqliteConnection::connect(path).await.unwrap();
    let question = "select count(*) filter (where not committed), count(*) filter (where committed)
                    from countersign_events where until > unixepoch('subsec') * 1000";
    // The table is made when it is first needed.
    let Ok(row) = sqlx::query(question).fetch_one(&mut connection).await else {
        return (0, 0);
    };
    let number = |at| usize::try_from(row.get::<i64, usize>(at)).unwrap();
    (number(0), number(1))
}

async fn postgres_held(url: &str) -> (usize, usize) {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let question = "select count(*) filter (where not committed), count(*) filter (where committed)
                    from countersign_events where expires_at > clock_timestamp()";
    let row = sqlx::query(question)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let number = |at| usize::try_from(row.get::<i64, usize>(at)).unwrap();
    (number(0), number(1))
}

/// An entry in progress is kept for a day longer than its lease.
fn redis_held(client: &redis::Client, all: &str) -> (usize, usize) {
    const GRACE: i64 = 24 * 60 * 60 * 1000;
    let script = "local running, committed = 0, 0
         for _, id in ipairs(redis.call('KEYS', ARGV[1])) do
           if string.sub(redis.call('GET', id), 1, 1) == 'c' then committed = committed + 1
           elseif redis.call('PTTL', id) > tonumber(ARGV[2]) then running = running + 1 end
         end
         return {running, committed}";
    let mut connection = client.get_connection().unwrap();
    let mut command = redis::cmd("EVAL");
    let command = command.arg(script).arg(0).arg(all).arg(GRACE);
    command.query(&mut connection).unwrap()
}

impl DedupeStore for Shelf {
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        self.store.claim(keys, token, lease).await
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        self.store.commit(keys, token, retention).await
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        self.store.renew(keys, token, lease).await
    }

    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        self.store.release(keys, token).await
    }

    fn leases_expire(&self) -> bool {
        DedupeStore::leases_expire(&self.store)
    }
}
