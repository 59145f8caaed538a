//! The program as a server, senders on sockets, and targets that it forwards to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use countersign::{Provider, Secret, UnixTime};
use countersign_testkit::Signer;
use serde_json::Value;

use crate::run::program;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A bound on failure: nothing takes as long when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn event(id: &str) -> String {
    format!(r#"{{"id":"{id}","name":"transaction.approved"}}"#)
}

pub(crate) fn now() -> i64 {
    UnixTime::from(SystemTime::now()).as_secs()
}

pub(crate) fn signed(provider: &Provider, body: &str) -> Request {
    signed_at(provider, body, now())
}

pub(crate) fn signed_at(provider: &Provider, body: &str, at: i64) -> Request {
    let secret = Secret::new(SECRET).unwrap();
    let signer = Signer::new(provider, &secret).unwrap();
    let signed = signer
        .sign(body.to_owned(), UnixTime::from_secs(at))
        .unwrap();
    let headers = signed.headers().iter();
    Request {
        method: "POST",
        path: "/".to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: signed.body().to_vec(),
    }
}

#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn to(&self, path: &str) -> Request {
        Request {
            path: path.to_owned(),
            ..self.clone()
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!(
            "{} {} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.method,
            self.path,
            self.body.len()
        );
        for (name, value) in &self.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        [bytes.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// The status, if anything is answered.
    pub(crate) fn try_send(&self, address: SocketAddr) -> Option<u16> {
        let mut socket = TcpStream::connect(address).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).ok()?;
        socket.write_all(&self.bytes()).ok()?;
        let mut answer = String::new();
        let _ = socket.read_to_string(&mut answer);
        answer.split(' ').nth(1)?.parse().ok()
    }

    fn send(&self, address: SocketAddr) -> Response {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        // An answer to a head alone may come before the body is written.
        let _ = socket.write_all(&self.bytes());
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{answer:?}"));
        Response {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// The program, listening.
pub(crate) struct Listener {
    child: Child,
    lines: Mutex<BufReader<ChildStdout>>,
    pub(crate) address: SocketAddr,
}

impl Listener {
    pub(crate) fn start(provider: &str, more: &[&str]) -> Listener {
        Listener::start_with(provider, more, &[])
    }

    pub(crate) fn start_with(provider: &str, more: &[&str], env: &[(&str, String)]) -> Listener {
        Listener::start_as(&["--provider", provider], more, env)
    }

    /// In JSON, unless the environment has a variable `TEXT`.
    pub(crate) fn start_as(provider: &[&str], more: &[&str], env: &[(&str, String)]) -> Listener {
        let mut command = program();
        command
            .arg("listen")
            .args(provider)
            .args(["--secret", SECRET])
            .args(more);
        if !env.iter().any(|(name, _)| *name == "TEXT") {
            command.arg("--json");
        }
        command.envs(env.iter().map(|(name, value)| (*name, value.as_str())));
        let mut child = command
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut listener = Listener {
            child,
            lines: Mutex::new(lines),
            address: SocketAddr::from(([0; 4], 0)),
        };
        let mut first = String::new();
        listener
            .lines
            .lock()
            .unwrap()
            .read_line(&mut first)
            .unwrap();
        let address = first
            .strip_prefix("listening on http://")
            .and_then(|rest| rest.strip_suffix("/\n"));
        listener.address = address
            .unwrap_or_else(|| panic!("{first:?}"))
            .parse()
            .unwrap();
        listener
    }

    pub(crate) fn send(&self, request: &Request) -> Response {
        request.send(self.address)
    }

    pub(crate) fn start_sending(&self, request: &Request) -> JoinHandle<Response> {
        let (request, address) = (request.clone(), self.address);
        std::thread::spawn(move || request.send(address))
    }

    /// Sends all at once; `meanwhile` is done once they are on their way.
    pub(crate) fn send_all(&self, requests: &[Request], meanwhile: impl FnOnce()) -> Vec<Response> {
        let sending: Vec<_> = requests
            .iter()
            .map(|request| self.start_sending(request))
            .collect();
        meanwhile();
        sending.into_iter().map(|one| one.join().unwrap()).collect()
    }

    /// The next line.
    pub(crate) fn line(&self) -> Value {
        let mut line = String::new();
        self.lines.lock().unwrap().read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let told = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .status();
        assert!(told.unwrap().success());
    }

    /// By SIGKILL.
    pub(crate) fn kill(mut self) -> std::process::ExitStatus {
        self.child.kill().unwrap();
        self.child.wait().unwrap()
    }

    /// Waits until no more connections are taken.
    pub(crate) fn wait_until_closed(&self) {
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_ok() {
            assert!(begun.elapsed() < PATIENCE, "it goes on listening");
            std::thread::yield_now();
        }
    }

    /// Stops it; the lines that were not read yet.
    pub(crate) fn stop(self, signal: &str) -> Vec<Value> {
        self.signal(signal);
        self.finished()
    }

    pub(crate) fn raw_lines_until_stopped(mut self) -> Vec<String> {
        self.signal("TERM");
        let mut text = String::new();
        self.lines
            .lock()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn finished(mut self) -> Vec<Value> {
        let mut text = String::new();
        self.lines
            .lock()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        text.lines()
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a target was sent.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Taken {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(other, _)| other == name)?;
        Some(value)
    }
}

/// A server that writes down what it is sent.
pub(crate) struct Target {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    taken: Mutex<Vec<Taken>>,
    more: Condvar,
    held: AtomicBool,
    connections: AtomicUsize,
}

impl Target {
    /// Answers with these, and from then on with the last one.
    pub(crate) fn answering(statuses: &[u16]) -> Target {
        let statuses = statuses.to_vec();
        Target::new(false, move |at| {
            let status = statuses.get(at).or(statuses.last()).unwrap();
            format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n")
        })
    }

    /// Answers 200 when it is let go.
    pub(crate) fn slow() -> Target {
        Target::new(true, |_| {
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned()
        })
    }

    pub(crate) fn redirecting(to: &str) -> Target {
        let answer = format!("HTTP/1.1 307 X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
        Target::new(false, move |_| answer.clone())
    }

    /// The URL of a server that is not there.
    pub(crate) fn dead() -> String {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", gone.local_addr().unwrap())
    }

    fn new(held: bool, answer: impl Fn(usize) -> String + Send + Sync + 'static) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        state.held.store(held, Ordering::SeqCst);
        let (shared, answer) = (state.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (state, answer) = (shared.clone(), answer.clone());
                std::thread::spawn(move || state.serve(socket, &*answer));
            }
        });
        Target { address, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.state.taken.lock().unwrap().clone()
    }

    /// Waits until it was sent so many.
    pub(crate) fn wait_for(&self, number: usize) {
        let taken = self.state.taken.lock().unwrap();
        let few = |taken: &mut Vec<Taken>| taken.len() < number;
        let (_taken, timeout) = self
            .state
            .more
            .wait_timeout_while(taken, PATIENCE, few)
            .unwrap();
        assert!(!timeout.timed_out(), "it was not sent {number}");
    }

    pub(crate) fn let_go(&self) {
        self.wait_for(1);
        self.state.held.store(false, Ordering::SeqCst);
        self.state.more.notify_all();
    }
}

impl State {
    fn serve(&self, socket: TcpStream, answer: &dyn Fn(usize) -> String) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        let mut reader = BufReader::new(socket);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let mut headers = Vec::new();
            loop {
                let mut header = String::new();
                reader.read_line(&mut header).unwrap();
                let Some((name, value)) = header.trim_end().split_once(": ") else {
                    break;
                };
                headers.push((name.to_lowercase(), value.to_owned()));
            }
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
            reader.read_exact(&mut body).unwrap();
            let line = line.trim_end().to_owned();
            let mut taken = self.taken.lock().unwrap();
            let at = taken.len();
            taken.push(Taken {
                line,
                headers,
                body,
            });
            self.more.notify_all();
            let held = |_: &mut Vec<Taken>| self.held.load(Ordering::SeqCst);
            drop(self.more.wait_timeout_while(taken, PATIENCE, held).unwrap());
            if reader.get_mut().write_all(answer(at).as_bytes()).is_err() {
                return;
            }
        }
    }
}
