//! A PostgreSQL server, and databases on one.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::{Process, binary, on_a_free_port, tail};

/// A PostgreSQL server of a test's own, whose superuser is `postgres` and needs no password.
///
/// It leaves writes to the kernel, which outlives it however it is killed.
pub struct Postgres {
    process: Process,
    address: SocketAddr,
    binary: PathBuf,
    settings: Vec<String>,
    directory: TempDir,
}

/// A database that no other test uses.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its URL, `postgres://…`.
    pub url: String,
    /// Its name.
    pub name: String,
}

impl Postgres {
    /// Starts one; `None` where there is no `postgres`.
    pub fn start() -> Option<Postgres> {
        Postgres::with(&[])
    }

    /// Starts one with further settings, each `name=value`.
    pub fn with(settings: &[&str]) -> Option<Postgres> {
        let binary = binary("postgres")?;
        // The tools stand beside what the path may only point to.
        let binary = binary.canonicalize().unwrap_or(binary);
        let directory = directory();
        initialise(&binary, &directory.path().join("data"));
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let (process, address) =
            on_a_free_port(|address| run(&binary, &directory, &settings, address));
        let server = Postgres {
            process,
            address,
            binary,
            settings,
            directory,
        };
        server.ready();
        Some(server)
    }

    /// A new database on a server that the tests of this process share, and that none of them may harm;
    /// `None` where there is no `postgres`.
    pub fn database() -> Option<Database> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Postgres::with(&["max_connections=400"]));
        match shared {
            Some(server) => Some(server.new_database()),
            // Each test that is left out is to say so.
            None => binary("postgres").and(None),
        }
    }

    /// A new database on this server.
    pub fn new_database(&self) -> Database {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("d{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("create database {name}"));
        Database {
            url: format!("postgres://postgres@{}/{name}", self.address),
            name,
        }
    }

    /// What a statement yields, by `psql`: rows a line, columns parted by `|`.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        self.ask(database, statement)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
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
        self.ready();
    }

    /// It accepts connections before it lets anybody in.
    fn ready(&self) {
        while let Err(error) = self.ask("postgres", "select 1") {
            assert!(
                error.contains("starting up") || error.contains("recovery"),
                "{error}"
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn ask(&self, database: &str, statement: &str) -> Result<String, String> {
        let port = self.address.port().to_string();
        let psql = self.binary.with_file_name("psql");
        let mut command = Command::new(psql);
        command.args([
            "-X",
            "-A",
            "-t",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "postgres",
            "-d",
            database,
            "-c",
            statement,
        ]);
        let output = command.output().expect("psql");
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

fn run(binary: &Path, directory: &TempDir, settings: &[String], address: SocketAddr) -> Process {
    let log = File::options()
        .create(true)
        .append(true)
        .open(directory.path().join("log"));
    let mut command = unprivileged(binary);
    command.arg("-D").arg(directory.path().join("data"));
    command.args([
        "-h",
        "127.0.0.1",
        "-k",
        "",
        "-p",
        &address.port().to_string(),
    ]);
    for setting in ["fsync=off", "log_min_messages=warning"]
        .into_iter()
        .chain(settings.iter().map(String::as_str))
    {
        command.args(["-c", setting]);
    }
    Process::start_in(
        Some(directory.path()),
        command.stdout(Stdio::null()).stderr(log.expect("a log")),
    )
}

/// Makes the files of a server in which there is nothing yet.
fn initialise(binary: &Path, data: &Path) {
    let mut command = unprivileged(&binary.with_file_name("initdb"));
    command
        .args(["--no-sync", "-A", "trust", "-U", "postgres"])
        .args(["-E", "UTF8", "--locale=C", "-D"])
        .arg(data);
    let output = command.output().expect("initdb");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
}

/// A directory that the server's user may enter.
pub(super) fn directory() -> TempDir {
    let directory = TempDir::new().expect("a directory");
    own(directory.path());
    directory
}

pub(super) fn own(path: &Path) {
    if let Some((user, group)) = user() {
        chown(path, Some(user), Some(group)).expect("root may give it away");
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("root may");
    }
}

/// Neither PostgreSQL nor PgBouncer runs as root.
pub(super) fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = user() {
        command.uid(user).gid(group);
    }
    command
}

/// The user and the group to run as, if this is root.
fn user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the users");
    let fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<&str>>());
    let number = |text: &str| text.parse().expect("a number");
    let of = |name| {
        fields
            .clone()
            .find(|user| user[0] == name)
            .map(|user| (number(user[2]), number(user[3])))
    };
    Some(
        of("postgres")
            .or_else(|| of("nobody"))
            .expect("a user to run the server as"),
    )
}
