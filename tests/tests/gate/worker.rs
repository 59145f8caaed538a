//! A worker that is a process of its own, to be killed where a test says.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver as Lines, channel};
use std::time::Duration;

use countersign_testkit::Operation;
use countersign_tests::around::{Around, Beside};
use countersign_tests::servers::Process;

use crate::deliveries::shop;
use crate::sender::Sender;
use crate::site::{Framework, PATIENCE, Runs, Site};
use crate::stage::{Shelf, Stage};

const FRAMEWORK: &str = "COUNTERSIGN_WORKER_FRAMEWORK";
const PLACE: &str = "COUNTERSIGN_WORKER_PLACE";
const LEASE: &str = "COUNTERSIGN_WORKER_LEASE";
const HALT: &str = "COUNTERSIGN_WORKER_HALT";

/// Where a worker halts, to be killed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    AfterTheClaim,
    InTheHandler,
    AfterTheHandler,
    BeforeTheCommit,
    AfterTheCommit,
}

pub const POINTS: [Point; 5] = [
    Point::AfterTheClaim,
    Point::InTheHandler,
    Point::AfterTheHandler,
    Point::BeforeTheCommit,
    Point::AfterTheCommit,
];

/// A server in a process of its own.
pub struct Worker {
    pub process: Process,
    address: SocketAddr,
    lines: Lines<String>,
}

impl Worker {
    /// Starts one on the store; `halt` is where it stops for good.
    pub fn start(stage: &Stage, store: &Shelf, lease: Duration, halt: Option<Point>) -> Worker {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["worker::process", "--exact", "--nocapture"])
            .env(FRAMEWORK, format!("{:?}", stage.framework))
            .env(PLACE, store.place())
            .env(LEASE, lease.as_millis().to_string())
            .env(HALT, format!("{halt:?}"));
        let mut process = Process::start(command.stdout(Stdio::piped()));
        let stdout = BufReader::new(process.stdout().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // Behind what the test harness writes without an end of line.
                if let Some((_, said)) = line.split_once("worker: ") {
                    let _ = sender.send(said.to_owned());
                }
            }
        });
        let address = lines.recv_timeout(PATIENCE).expect("an address");
        Worker {
            process,
            address: address.parse().unwrap(),
            lines,
        }
    }

    pub fn connect(&self) -> Sender {
        Sender::connect(self.address)
    }

    /// The next that it says.
    #[track_caller]
    pub fn says(&self, what: &str) {
        assert_eq!(self.lines.recv_timeout(PATIENCE).as_deref(), Ok(what));
    }

    /// All that it has said, and says until its output ends.
    pub fn said(mut self) -> Vec<String> {
        if self.process.is_running() {
            self.process.kill();
        }
        self.lines.iter().collect()
    }
}

fn say(what: &str) {
    println!("worker: {what}");
}

/// Goes on for ever, without holding its thread.
async fn halt_here() -> ! {
    say("halted");
    std::future::pending().await
}

/// The worker's own side. It is no test unless [`Worker::start`] began it.
#[test]
fn process() {
    let read = |name| std::env::var(name).ok();
    let Some(framework) = read(FRAMEWORK) else {
        return;
    };
    let framework = match framework.as_str() {
        "Axum" => Framework::Axum,
        _ => Framework::ActixWeb,
    };
    let halt = read(HALT).unwrap();
    let at = POINTS
        .into_iter()
        .find(|point| format!("{:?}", Some(*point)) == halt);
    let lease = Duration::from_millis(read(LEASE).unwrap().parse().unwrap());
    let store = Around {
        store: Shelf::open(&read(PLACE).unwrap()),
        beside: Halting(at),
    };
    let receiver = shop()
        .with_store(store)
        .with_lease(lease)
        .unwrap()
        .with_wait(Duration::ZERO);
    let handler = Runs::default().handler(move |_| async move {
        say("begun");
        if at == Some(Point::InTheHandler) {
            halt_here().await;
        }
        say("done");
        if at == Some(Point::AfterTheHandler) {
            halt_here().await;
        }
        201
    });
    let site = Site::new(framework, receiver, handler);
    say(&site.address.to_string());
    // Until it is killed.
    loop {
        std::thread::park();
    }
}

/// Halts around the calls of a store.
struct Halting(Option<Point>);

impl Halting {
    async fn at(&self, point: Point) {
        if self.0 == Some(point) {
            halt_here().await;
        }
    }
}

impl Beside for Halting {
    async fn before(&self, operation: Operation) {
        if operation == Operation::Commit {
            self.at(Point::BeforeTheCommit).await;
        }
    }

    async fn after(&self, operation: Operation) {
        match operation {
            Operation::Claim => self.at(Point::AfterTheClaim).await,
            Operation::Commit => self.at(Point::AfterTheCommit).await,
            _ => {}
        }
    }
}
