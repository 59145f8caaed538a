//! A PgBouncer in front of a PostgreSQL server.

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;

use tempfile::TempDir;

use super::postgres::{directory, own, unprivileged};
use super::{Database, Postgres, Process, binary, on_a_free_port};

/// A PgBouncer that lends its server's connections for one transaction at a time.
pub struct PgBouncer {
    process: Process,
    address: SocketAddr,
    _directory: TempDir,
}

impl PgBouncer {
    /// Starts one with `connections` to each database; `None` where there is no `pgbouncer`.
    pub fn start(server: &Postgres, connections: usize) -> Option<PgBouncer> {
        let binary = binary("pgbouncer")?;
        let directory = directory();
        let (process, address) = on_a_free_port(|address| {
            let settings = directory.path().join("pgbouncer.ini");
            let text = format!(
                "[databases]\n* = user=postgres host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
                 unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {connections}\n\
                 max_client_conn = 1000\n",
                server.address().port(),
                address.port()
            );
            fs::write(&settings, text).expect("a file");
            own(directory.path());
            let mut command = unprivileged(&binary);
            // The settings are root's, in a directory of the other's: all may read them.
            Process::start_in(
                Some(directory.path()),
                command
                    .arg(settings)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null()),
            )
        });
        Some(PgBouncer {
            process,
            address,
            _directory: directory,
        })
    }

    /// The URL of a database of its server, by way of it.
    pub fn url(&self, database: &Database) -> String {
        format!("postgres://postgres@{}/{}", self.address, database.name)
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}
