//! The servers that other tests stand on: they start, freeze, die and come back as told, and leave nothing.

#![forbid(unsafe_code)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign_tests::servers::{PgBouncer, Postgres, Process, Redis};
use rustix::process::Signal;

/// Redis's own words; `None` if there is no answer for a while.
fn ask(address: SocketAddr, line: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("a time");
    stream.write_all(format!("{line}\r\n").as_bytes()).ok()?;
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer[..read]).trim().to_owned())
}

#[test]
fn redis_freezes_thaws_dies_and_comes_back() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let address = redis.address();
    assert_eq!(ask(address, "set a 1").as_deref(), Some("+OK"));
    redis.process().freeze();
    assert_eq!(ask(address, "ping"), None);
    redis.process().thaw();
    assert_eq!(ask(address, "exists a").as_deref(), Some(":1"));
    redis.process().kill();
    assert_eq!(ask(address, "ping"), None);
    redis.restart();
    assert_eq!(
        ask(address, "exists a").as_deref(),
        Some(":0"),
        "it keeps nothing"
    );
    drop(redis);
    assert_eq!(ask(address, "ping"), None);
}

#[test]
fn redis_on_disk_keeps_what_it_answered() {
    let Some(mut redis) = Redis::on_disk() else {
        return;
    };
    assert_eq!(ask(redis.address(), "set a 1").as_deref(), Some("+OK"));
    redis.process().kill();
    redis.restart();
    assert_eq!(ask(redis.address(), "exists a").as_deref(), Some(":1"));
}

#[test]
fn postgres_freezes_with_all_its_backends_and_outlives_a_kill() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let database = server.new_database();
    server.sql(&database.name, "create table t (n int)");
    server.sql(&database.name, "insert into t values (7)");
    let mut backend = session(&server, &database.name);
    server.process().freeze();
    assert!(
        !backend.answers_within(Duration::from_millis(300)),
        "a backend went on"
    );
    server.process().thaw();
    assert!(backend.answers_within(Duration::from_secs(60)));
    server.process().kill();
    server.restart();
    assert_eq!(server.sql(&database.name, "select n from t"), "7");
}

/// A `psql` whose connection is open.
struct Session {
    process: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
    waiting: bool,
}

fn session(server: &Postgres, database: &str) -> Session {
    let url = format!("postgres://postgres@{}/{database}", server.address());
    let mut process = Command::new("psql");
    process
        .args(["-X", "-A", "-t", &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut process = process.spawn().expect("psql");
    let (sender, lines) = std::sync::mpsc::channel();
    let stdout = std::io::BufReader::new(process.stdout.take().expect("a pipe"));
    std::thread::spawn(move || {
        for line in std::io::BufRead::lines(stdout).map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let mut session = Session {
        process,
        lines,
        waiting: false,
    };
    assert!(session.answers_within(Duration::from_secs(60)));
    session
}

impl Session {
    fn answers_within(&mut self, time: Duration) -> bool {
        if !std::mem::replace(&mut self.waiting, true) {
            let stdin = self.process.stdin.as_mut().expect("a pipe");
            stdin.write_all(b"select 42;\n").expect("psql reads");
        }
        let answered = self.lines.recv_timeout(time).is_ok();
        self.waiting = !answered;
        answered
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn databases_of_one_server_are_apart() {
    let (Some(one), Some(other)) = (Postgres::database(), Postgres::database()) else {
        return;
    };
    assert_ne!(one.name, other.name);
    assert_ne!(one.url, other.url);
}

#[test]
fn pgbouncer_lends_connections_of_its_server() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let Some(bouncer) = PgBouncer::start(&server, 2) else {
        return;
    };
    let database = server.new_database();
    let output = Command::new("psql")
        .args(["-X", "-A", "-t", "-c", "select 42", &bouncer.url(&database)])
        .output();
    let output = output.expect("psql");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "42",
        "{output:?}"
    );
}

#[test]
fn a_process_ends_by_the_signal_it_was_sent() {
    let mut process = Process::start(Command::new("sleep").arg("1000"));
    assert!(process.is_running());
    assert_eq!(process.end(Signal::TERM).signal(), Some(15));
    let mut process = Process::start(Command::new("sleep").arg("1000"));
    process.kill();
    assert!(!process.is_running());
}

/// The test itself is a process that is killed here.
#[test]
fn a_server_does_not_outlive_a_test_that_is_killed() {
    if std::env::var_os("COUNTERSIGN_TEST_TO_BE_KILLED").is_some() {
        let server = Process::start(Command::new("sleep").arg("1000"));
        println!("server {}", server.id());
        std::thread::sleep(Duration::from_secs(1000));
    }
    let name = "a_server_does_not_outlive_a_test_that_is_killed";
    let mut test = Command::new(std::env::current_exe().expect("this test"));
    test.args([name, "--exact", "--nocapture"])
        .env("COUNTERSIGN_TEST_TO_BE_KILLED", "1")
        .stdout(Stdio::piped());
    let mut test = test.stdin(Stdio::null()).spawn().expect("this test");
    let stdout = std::io::BufReader::new(test.stdout.take().expect("a pipe"));
    let mut lines = std::io::BufRead::lines(stdout).map_while(Result::ok);
    let id = lines
        .find_map(|line| Some(line.split_once("server ")?.1.to_owned()))
        .expect("its server");
    let stat = format!("/proc/{id}/stat");
    assert!(Path::new(&stat).exists());
    test.kill().expect("a child");
    test.wait().expect("a child");
    // Whoever inherits it may leave it a zombie for a while.
    let is_gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    for _ in 0..1000 {
        if is_gone() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("process {id} is still there");
}
