//! Each contestant as a process of its own, so that its CPU time is its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign::MemoryStore;
use countersign_tests::servers::Process;

use crate::deliveries::receiver;
use crate::traffic::Who;
use crate::{actix, axum};

/// The first word of the command line of a server.
pub(crate) const SERVE: &str = "serve";

/// What a server is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framework {
    Axum,
    Actix,
}

impl Framework {
    pub(crate) const ALL: [Framework; 2] = [Framework::Axum, Framework::Actix];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Framework::Axum => "axum",
            Framework::Actix => "actix-web",
        }
    }
}

fn word(who: Who) -> &'static str {
    match who {
        Who::Countersign => "countersign",
        Who::ByHand => "by-hand",
        Who::Nobody => "no-check",
    }
}

/// A server that runs.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts this program once more, as a server.
    pub(crate) fn start(framework: Framework, who: Who) -> Server {
        let program = std::env::current_exe().expect("a program");
        let mut command = Command::new(program);
        command.args([SERVE, framework.name(), word(who)]);
        let mut process = Process::start(command.stdout(Stdio::piped()));
        let output = process.stdout().expect("its output");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("its address");
        let address = line.trim().parse().expect("an address");
        Server { process, address }
    }

    /// How long its threads have been running. Zero where the kernel does not tell.
    pub(crate) fn cpu_time(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id()));
        let nanos = tasks.into_iter().flatten().flatten().filter_map(|task| {
            let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            times.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }
}

/// Is the server of these names: the framework's, and what answers.
pub(crate) fn serve(names: &[&str]) {
    let tell = |address: SocketAddr| println!("{address}");
    let receiver = || receiver(MemoryStore::default());
    match names {
        ["axum", "countersign"] => axum::serve(axum::layered(receiver()), tell),
        ["axum", "by-hand"] => axum::serve(axum::inline(), tell),
        ["axum", "no-check"] => axum::serve(axum::bare(), tell),
        ["actix-web", "countersign"] => actix::serve(actix::layered(receiver()), tell),
        ["actix-web", "by-hand"] => actix::serve(actix::inline(), tell),
        ["actix-web", "no-check"] => actix::serve(actix::bare(), tell),
        _ => panic!("no such server: {names:?}"),
    }
}
