//! A Redis server.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::{Process, binary, on_a_free_port, tail};

/// A Redis server of a test's own.
pub struct Redis {
    process: Process,
    address: SocketAddr,
    binary: PathBuf,
    settings: Vec<String>,
    directory: TempDir,
}

/// Names that no other test uses.
#[derive(Debug, Clone)]
pub struct Keyspace {
    /// The server's URL.
    pub url: String,
    /// What the names begin with.
    pub prefix: String,
}

impl Redis {
    /// Starts one that keeps nothing on disk; `None` where there is no `redis-server`.
    pub fn start() -> Option<Redis> {
        Redis::with(&[])
    }

    /// Starts one that has every write on disk before it answers.
    pub fn on_disk() -> Option<Redis> {
        Redis::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// Starts one with further settings, as its command line takes them.
    pub fn with(settings: &[&str]) -> Option<Redis> {
        let binary = binary("redis-server")?;
        let directory = TempDir::new().expect("a directory");
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let (process, address) =
            on_a_free_port(|address| run(&binary, &directory, &settings, address));
        Some(Redis {
            process,
            address,
            binary,
            settings,
            directory,
        })
    }

    /// New names on a server that the tests of this process share, and that none of them may harm; `None`
    /// where there is no `redis-server`.
    pub fn keyspace() -> Option<Keyspace> {
        static SHARED: OnceLock<Option<Redis>> = OnceLock::new();
        match SHARED.get_or_init(Redis::start) {
            Some(server) => Some(server.new_keyspace()),
            // Each test that is left out is to say so.
            None => binary("redis-server").and(None),
        }
    }

    /// New names on this server.
    pub fn new_keyspace(&self) -> Keyspace {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let prefix = format!("k{}:", NEXT.fetch_add(1, Ordering::Relaxed));
        Keyspace {
            url: self.url(),
            prefix,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, `redis://…`.
    pub fn url(&self) -> String {
        format!("redis://{}/", self.address)
    }

    /// Its process, to be frozen, thawed and killed.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Starts it again where it was, after it was killed.
    pub fn restart(&mut self) {
        self.process = run(&self.binary, &self.directory, &self.settings, self.address);
        assert!(
            self.process.answers(self.address),
            "{}",
            tail(&self.directory.path().join("log"))
        );
    }
}

fn run(binary: &PathBuf, directory: &TempDir, settings: &[String], address: SocketAddr) -> Process {
    let log = File::options()
        .create(true)
        .append(true)
        .open(directory.path().join("log"));
    let mut command = Command::new(binary);
    command.args([
        "--bind",
        "127.0.0.1",
        "--port",
        &address.port().to_string(),
        "--save",
        "",
    ]);
    command.arg("--dir").arg(directory.path());
    Process::start_in(
        Some(directory.path()),
        command.args(settings).stdout(log.expect("a log")),
    )
}
