//! Starts a built server and tries it, as the tests of both do.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    clippy::missing_panics_doc,
    reason = "for tests: each says what went wrong by panicking, and by its name what is tried"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use data_encoding::BASE64;

/// What a server is told. None of it may be seen in what it prints.
const SETTINGS: [(&str, &str); 6] = [
    ("CENTRALPAY_SIGNATURE_HEADER", "X-Cp-Signature"),
    ("CENTRALPAY_SECRET", "centralpay-0123456789"),
    ("FEDAPAY_SECRET", "wh_sandbox_0123456789"),
    ("BANKING_CIRCLE_SECRET", "0123456789abcdef0123456789abcdef"),
    ("ZIBAPAY_SECRET", "zibapay-0123456789"),
    ("FOURPAY_SECRET", "fourpay-0123456789"),
];

/// A bound on failure: nothing takes as long when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// `server` is the path of the built program, here and below.
pub fn says_what_is_missing(server: &str) {
    let (code, said) = refused(server, |_| None);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for (name, _) in SETTINGS {
        assert!(said.contains(&format!("{name} is not set")), "{said}");
    }
}

pub fn says_what_is_unusable(server: &str) {
    let cases = [
        ("FEDAPAY_SECRET", " \t", "is blank"),
        ("FOURPAY_SECRET", "s3cret-by-a-file\n", "white space"),
        ("BANKING_CIRCLE_SECRET", "s3cret-too-short", ""),
        (
            "CENTRALPAY_SIGNATURE_HEADER",
            "no header name",
            "not a header name",
        ),
        ("CENTRALPAY_SIGNATURE_HEADER", "", "is blank"),
        ("BIND", "nowhere", "nowhere"),
    ];
    for (name, value, why) in cases {
        let (code, said) = refused(server, |setting| Some((setting == name).then_some(value)));
        assert_eq!(code, Some(2), "{name}: {said}");
        assert_eq!(said.lines().count(), 1, "{name}: {said}");
        assert!(said.contains(name) && said.contains(why), "{name}: {said}");
        // One thing is wrong, and one is named.
        let named = SETTINGS.iter().filter(|(other, _)| said.contains(other));
        assert_eq!(named.count(), usize::from(name != "BIND"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

pub fn takes_the_lines_that_it_prints(server: &str) {
    let mut server = Server::start(server);
    let lines = server.lines.clone();
    assert_eq!(lines.len(), 5, "{lines:?}");
    let said = [
        "centralpay: ",
        "fedapay: ",
        "banking-circle: ",
        "zibapay: ",
        "4pay: ",
    ];
    for (line, said) in lines.iter().zip(said) {
        let request = Request::of(line);
        let (mut forged, mut unsigned) = (request.clone(), request.clone());
        forged.body[0] ^= 1;
        unsigned.headers.retain(|(name, _)| name == "content-type");
        for refused in [forged, unsigned] {
            let answer = server.answer(&refused.bytes("POST"));
            assert!(answer.starts_with("HTTP/1.1 401"), "{line}\n{answer}");
        }

        let answer = server.answer(&request.bytes("POST"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{line}\n{answer}");
        assert!(!answer.contains("webhook-outcome"), "{answer}");
        let printed = server
            .printed
            .recv_timeout(PATIENCE)
            .expect("the handler ran");
        assert!(printed.starts_with(said), "{printed}");
        let answer = server.answer(&request.bytes("POST"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{line}\n{answer}");
        assert!(answer.contains("webhook-outcome: duplicate"), "{answer}");
        let answer = server.answer(&request.bytes("GET"));
        assert!(answer.starts_with("HTTP/1.1 405"), "{line}\n{answer}");
    }
    let (status, rest, log) = server.stop("TERM");
    assert_eq!(status.code(), Some(0));
    assert_eq!(rest, Vec::<String>::new(), "a handler ran that should not");
    // The sender was told nothing of why; the log is.
    for said in [
        "signature_mismatch",
        "missing_header",
        "delivered",
        "duplicate",
    ] {
        let count = log.iter().filter(|line| line.contains(said)).count();
        assert!(count >= 4, "{said}: {log:?}");
    }
    for (name, secret) in &SETTINGS[1..] {
        let shown = log.iter().find(|line| line.contains(secret));
        assert_eq!(shown, None, "{name} is in it");
    }
}

/// A delivery is half sent when the server is told to stop: it is answered all the same, with 200 if
/// the server waits for its connections before its receivers drain, with 503 if it does so after.
pub fn drains(server: &str, signal: &str, status: u16) {
    let mut server = Server::start(server);
    let request = Request::of(&server.lines[1]).bytes("POST");
    let (first, second) = request.split_at(request.len() - 10);
    let mut socket = server.connect();
    socket.write_all(first).unwrap();
    // It is read by now, or else the connection could be closed as an idle one.
    let other = Request::of(&server.lines[4]).bytes("POST");
    assert!(server.answer(&other).starts_with("HTTP/1.1 200"));
    std::thread::sleep(Duration::from_millis(300));

    server.signal(signal);
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        server.child.try_wait().unwrap().is_none(),
        "it did not wait"
    );
    socket.write_all(second).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let expected = format!("HTTP/1.1 {status}");
    assert!(answer.starts_with(&expected), "{answer}");
    assert_eq!(server.wait().code(), Some(0));
    assert!(TcpStream::connect(&server.address).is_err());
}

/// Starts a server that has to give up, and returns its exit code and its standard error. `change`
/// gives each setting's value: `None` for unset, `Some(None)` for the usual one.
fn refused(
    server: &str,
    change: impl Fn(&'static str) -> Option<Option<&'static str>>,
) -> (Option<i32>, String) {
    let mut command = Command::new(server);
    for (name, usual) in SETTINGS.into_iter().chain([("BIND", "127.0.0.1:0")]) {
        match change(name) {
            Some(value) => command.env(name, value.unwrap_or(usual)),
            None => command.env_remove(name),
        };
    }
    let mut child = command
        .env("RUST_BACKTRACE", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = wait(&mut child);
    let (mut printed, mut said) = (String::new(), String::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut printed)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(printed, "");
    (status.code(), said)
}

/// A server that runs, until this is dropped.
struct Server {
    child: Child,
    address: String,
    lines: Vec<String>,
    printed: Receiver<String>,
    logged: Receiver<String>,
}

impl Server {
    fn start(program: &str) -> Server {
        let mut child = Command::new(program)
            .envs(SETTINGS)
            .env("BIND", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = lines(child.stdout.take().unwrap());
        let logged = lines(child.stderr.take().unwrap());
        let mut server = Server {
            child,
            address: String::new(),
            lines: Vec::new(),
            printed,
            logged,
        };
        let next = || {
            server
                .printed
                .recv_timeout(PATIENCE)
                .expect("it printed nothing")
        };
        let first = next();
        let address = first.strip_prefix("listening on http://").expect(&first);
        server.address = address.to_owned();
        while server.lines.len() < 5 {
            let line = next();
            for (name, secret) in &SETTINGS[1..] {
                assert!(!line.contains(secret), "{name} is in {line}");
            }
            if line.contains("curl ") {
                server.lines.push(line);
            }
        }
        assert_eq!(next(), "");
        server
    }

    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(&self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    fn answer(&self, request: &[u8]) -> String {
        let mut socket = self.connect();
        socket.write_all(request).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    fn signal(&self, signal: &str) {
        // `kill` is built into every shell, and not a program of every system.
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// Stops it, and returns what it had still printed, and its whole log.
    fn stop(&mut self, signal: &str) -> (ExitStatus, Vec<String>, Vec<String>) {
        self.signal(signal);
        let status = self.wait();
        (
            status,
            self.printed.iter().collect(),
            self.logged.iter().collect(),
        )
    }
}

/// The lines of a pipe as they come, so that it is never full.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (told, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = told.send(line);
        }
    });
    lines
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    panic!("the server did not end");
}

/// What a printed line sends.
#[derive(Clone)]
struct Request {
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// Reads a line as a shell and `curl` would, so that neither is needed.
    fn of(line: &str) -> Request {
        let words = words(line);
        let mut words = words.iter().map(String::as_str);
        let mut request = Request {
            path: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        while let Some(word) = words.next() {
            match word {
                "echo" => request.body = BASE64.decode(words.next().unwrap().as_bytes()).unwrap(),
                "|" | "base64" | "-d" | "curl" | "-i" => {}
                "-H" => {
                    let header = words.next().unwrap().split_once(": ").unwrap();
                    request.headers.push((header.0.into(), header.1.into()));
                }
                "--data-raw" => request.body = words.next().unwrap().into(),
                "--data-binary" => assert_eq!(words.next(), Some("@-")),
                url => {
                    let path = url.strip_prefix("http://").and_then(|url| url.find('/'));
                    assert_eq!(request.path, "", "{url}");
                    request.path = url["http://".len() + path.expect(url)..].into();
                }
            }
        }
        request
    }

    fn bytes(&self, method: &str) -> Vec<u8> {
        let mut head = format!(
            "{method} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n",
            self.path
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        [head.as_bytes(), &self.body].concat()
    }
}

/// Splits a line at spaces outside single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (nth, piece) in line.split('\'').enumerate() {
        if nth % 2 == 1 {
            words.last_mut().unwrap().push_str(piece);
            continue;
        }
        for (nth, part) in piece.split(' ').enumerate() {
            if nth > 0 {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(part);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
