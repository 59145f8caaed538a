//! The connection, and whether it is one to go on with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::StoreError;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::MutexGuard;

use super::{SCHEMA, SqliteStore, Writing};

/// A connection, and the file that it is one to.
pub(super) struct Open {
    connection: SqliteConnection,
    file: Option<File>,
}

/// What SQLite itself does not notice in WAL mode: a file that was removed or replaced is written to by
/// those who have it open, and by nobody else.
struct File {
    path: PathBuf,
    identity: Identity,
}

impl File {
    /// `None` of what is no file: a database in memory.
    fn at(path: &Path) -> Option<File> {
        // Wherever the process goes to later.
        let path = std::path::absolute(path).ok()?;
        let identity = identity(&path)?;
        Some(File { path, identity })
    }

    fn is_where_it_was(&self) -> bool {
        identity(&self.path).is_some_and(|identity| identity == self.identity)
    }
}

/// Device and number.
#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let file = std::fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

/// Elsewhere a file that is open stays where it is.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<Identity> {
    None
}

impl SqliteStore {
    /// The connection, for as long as this is held.
    pub(super) async fn open(&self) -> Result<Opened<'_>, StoreError> {
        let mut place = self.connection.lock().await;
        let has_moved = |open: &Open| {
            let file = open.file.as_ref();
            file.is_some_and(|file| !file.is_where_it_was())
        };
        if place.as_ref().is_some_and(has_moved) {
            *place = None;
            let moved = "its file was removed or replaced: it goes on with what is there now, and what was \
                         done before may run again";
            self.operator.fails(&moved);
        }
        if place.is_none() {
            let connected = self.connect().await;
            *place = Some(connected.map_err(|error| {
                self.operator.fails(&error);
                StoreError::unavailable(error)
            })?);
        }
        Ok(Opened {
            store: self,
            place,
            has_ended: false,
        })
    }

    async fn connect(&self) -> Result<Open, sqlx::Error> {
        // SQLite counts it as an `int`.
        let wait = self.timeout.min(Duration::from_secs(24 * 3600));
        let options = (*self.options).clone().busy_timeout(wait);
        let mut connection = options.connect().await?;
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        let file = File::at(self.options.get_filename());
        Ok(Open { connection, file })
    }
}

/// The place of the connection, with the connection in it. It is closed unless the call on it [comes to an
/// end](Self::end): whatever went wrong, another one is opened sooner than a bad one is known for it.
pub(super) struct Opened<'s> {
    store: &'s SqliteStore,
    place: MutexGuard<'s, Option<Open>>,
    has_ended: bool,
}

impl Opened<'_> {
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        let open = self.place.as_mut();
        let connection = open.map(|open| &mut open.connection);
        connection.ok_or_else(|| StoreError::unavailable("no connection"))
    }

    /// A transaction that has the file to itself from its beginning. If it is dropped, it is rolled back.
    pub(super) async fn begin(&mut self) -> Result<Writing<'_>, StoreError> {
        let connection = self.connection()?;
        connection
            .begin_with("begin immediate")
            .await
            .map_err(StoreError::unavailable)
    }

    /// What the call has come to.
    pub(super) fn end<T>(mut self, call: Result<T, StoreError>) -> Result<T, StoreError> {
        use std::error::Error as _;
        self.has_ended = true;
        match &call {
            Ok(_) => self.store.operator.answers(),
            Err(error) => {
                *self.place = None;
                match error.source() {
                    Some(cause) => self.store.operator.fails(&cause),
                    None => self.store.operator.fails(error),
                }
            }
        }
        call
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            *self.place = None;
            let late =
                "a call was given up before the file answered: does another process write to it?";
            self.store.operator.fails(&late);
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};

    use super::*;

    /// What was answered is on the disk, whatever the options say.
    #[test]
    fn commits_are_on_the_disk_before_they_are_answered() {
        const FULL: i64 = 2;
        let options = SqliteConnectOptions::new().filename(":memory:");
        let store = SqliteStore::with_options(options.synchronous(SqliteSynchronous::Off));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let setting = runtime.block_on(async {
            let mut opened = store.open().await.unwrap();
            let connection = opened.connection().unwrap();
            let row = sqlx::raw_sql("pragma synchronous").fetch_one(connection);
            row.await.unwrap().get::<i64, _>(0)
        });
        assert_eq!(setting, FULL);
    }
}
