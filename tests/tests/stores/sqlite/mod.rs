//! Claims in a SQLite file.

mod files;
mod processes;
mod rows;

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_sqlx::SqliteStore;
use countersign_testkit::{Contest, conformance};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_secs(60);

/// SQLite knows no queue, and this machine has other work.
const PATIENCE: Duration = Duration::from_secs(20);

pub fn open(path: impl AsRef<Path>) -> SqliteStore {
    SqliteStore::new(path).with_timeout(PATIENCE)
}

/// A file of a test's own.
pub struct File {
    directory: TempDir,
}

impl File {
    pub fn new() -> File {
        File {
            directory: TempDir::new().unwrap(),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("events.db")
    }

    pub fn url(&self) -> String {
        format!("sqlite://{}", self.path().display())
    }

    /// A store on it as another process has it, with a connection of its own.
    pub fn store(&self) -> SqliteStore {
        open(self.path())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite() {
    let file = File::new();
    let report = conformance(async || file.store(), tokio::time::sleep).await;
    println!("{report}");
    report.assert_all_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_one_connection() {
    let file = File::new();
    let store = file.store();
    conformance(async || store.clone(), tokio::time::sleep)
        .await
        .assert_all_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes() {
    if let Some(part) = Contest::part() {
        let store = open(part.place());
        return part.play(&store, tokio::time::sleep).await;
    }
    let file = File::new();
    let tally = Contest::hold(
        "sqlite::several_processes",
        &file.path().display().to_string(),
        4,
    );
    tally.unwrap().assert_fair();
}
