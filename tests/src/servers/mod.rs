//! Real servers for the tests: each a process of its own on a free port of the loopback interface, from the
//! binary that the machine has, and ended by the test that began it, however that ends.
//!
//! Where there is no such binary a test says so and passes; under `COUNTERSIGN_REQUIRE_SERVERS=1` it fails.

mod pgbouncer;
mod postgres;
mod process;
mod redis;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use self::pgbouncer::PgBouncer;
pub use self::postgres::{Database, Postgres};
pub use self::process::Process;
pub use self::redis::{Keyspace, Redis};

/// How long a server may take to answer its first connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a server is started before its port is given up: another process may take it in between.
const TRIES: usize = 5;

/// The path of a server's binary; if there is none, the test is skipped, aloud.
fn binary(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps PostgreSQL's server out of the path, and what only root needs in `sbin`.
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut versions: Vec<PathBuf> = versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    versions.sort();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = places
        .chain(versions.into_iter().rev())
        .map(|place| place.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        let required =
            std::env::var_os("COUNTERSIGN_REQUIRE_SERVERS").is_some_and(|value| value == "1");
        assert!(
            !required,
            "COUNTERSIGN_REQUIRE_SERVERS=1, and there is no {name}"
        );
        skipped(name);
    }
    found
}

/// Past the test harness, which keeps what a test that passes has printed to itself.
fn skipped(name: &str) {
    use std::io::Write as _;
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {test} needs {name}, which this machine does not have"
    );
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}

/// Starts a server on a free port, again on another if that one was taken in between.
fn on_a_free_port(mut start: impl FnMut(SocketAddr) -> Process) -> (Process, SocketAddr) {
    for _ in 0..TRIES {
        let address = free_address();
        let mut process = start(address);
        if process.answers(address) {
            return (process, address);
        }
    }
    panic!("a server did not start, {TRIES} times");
}

impl Process {
    /// Waits until it accepts a connection; `false` if it ended before that.
    fn answers(&mut self, address: SocketAddr) -> bool {
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if !self.is_running() {
                return false;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{address} accepts no connection"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        // Whoever accepts is it: another's server on its port would have ended it.
        self.is_running()
    }
}

/// What the log says in the end, for a test that fails.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
