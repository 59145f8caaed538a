//! A sender on a raw socket: it sends what it is told to, byte for byte.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;

use crate::site::PATIENCE;

/// A request as it is going to be written.
#[derive(Clone)]
pub struct Post {
    pub path: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Bytes,
}

impl Post {
    pub fn new(body: impl Into<Bytes>) -> Post {
        Post {
            path: "/hook".into(),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// To another path.
    pub fn to(mut self, path: &str) -> Post {
        self.path = path.to_owned();
        self
    }

    /// With one header more.
    pub fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Post {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The head, with this line in it that says how long the body is.
    pub fn head(&self, framing: &str) -> Vec<u8> {
        let mut head =
            format!("POST {} HTTP/1.1\r\nhost: x\r\n{framing}\r\n", self.path).into_bytes();
        for (name, value) in &self.headers {
            head.extend(name.bytes().chain(*b": ").chain(value.iter().copied()));
            head.extend(*b"\r\n");
        }
        head.extend(*b"\r\n");
        head
    }

    pub fn head_with_length(&self) -> Vec<u8> {
        self.head(&format!("content-length: {}", self.body.len()))
    }

    /// Head and body, in chunks of `size` bytes.
    pub fn chunked(&self, size: usize) -> Vec<u8> {
        let mut bytes = self.head("transfer-encoding: chunked");
        for chunk in self.body.chunks(size) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend(chunk);
            bytes.extend(*b"\r\n");
        }
        bytes.extend(*b"0\r\n\r\n");
        bytes
    }
}

/// One connection.
pub struct Sender {
    socket: TcpStream,
    /// What was read beyond the last response.
    ahead: Vec<u8>,
}

impl Sender {
    pub fn connect(address: SocketAddr) -> Sender {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Sender {
            socket,
            ahead: Vec::new(),
        }
    }

    pub fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.socket.write_all(bytes.as_ref())
    }

    #[track_caller]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_write(bytes).expect("the connection was closed");
    }

    /// Sends it and does not wait.
    #[track_caller]
    pub fn start(&mut self, post: &Post) {
        let mut bytes = post.head_with_length();
        bytes.extend(&post.body);
        self.write(bytes);
    }

    #[track_caller]
    pub fn send(&mut self, post: &Post) -> Response {
        self.start(post);
        self.response()
    }

    #[track_caller]
    pub fn response(&mut self) -> Response {
        self.try_response().expect("an answer")
    }

    pub fn try_response(&mut self) -> io::Result<Response> {
        let end = loop {
            if let Some(end) = self
                .ahead
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                break end + 4;
            }
            self.read_more()?;
        };
        let head: Vec<u8> = self.ahead.drain(..end).collect();
        let head = String::from_utf8(head)
            .expect("a head in ASCII")
            .to_lowercase();
        let mut response = Response {
            status: head[9..12].parse().expect("a status"),
            head,
            body: Vec::new(),
        };
        let length = response
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        while self.ahead.len() < length {
            self.read_more()?;
        }
        response.body = self.ahead.drain(..length).collect();
        Ok(response)
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut bytes = [0; 4096];
        match self.socket.read(&mut bytes)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.ahead.extend(&bytes[..read]);
                Ok(())
            }
        }
    }

    /// Whether nothing was answered so far.
    pub fn is_unanswered(&mut self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let read = self.read_more();
        self.socket.set_nonblocking(false).unwrap();
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) && self.ahead.is_empty()
    }

    /// Ends the stream of requests, and still listens.
    pub fn end(&mut self) {
        // The other side may have hung up before.
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// Hangs up by FIN.
    pub fn close(self) {}

    /// Hangs up by RST.
    pub fn reset(self) {
        let at_once = Some(Duration::ZERO);
        SockRef::from(&self.socket).set_linger(at_once).unwrap();
    }
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// In lower case.
    head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    pub fn outcome(&self) -> Option<&str> {
        self.header("webhook-outcome")
    }

    pub fn is_duplicate(&self) -> bool {
        self.status == 200 && self.outcome() == Some("duplicate")
    }

    /// In progress elsewhere, with a time to come again.
    pub fn is_in_progress(&self) -> bool {
        let retry_after = self.header("retry-after");
        let retry_after = retry_after.and_then(|seconds| seconds.parse::<u64>().ok());
        self.status == 409
            && self.outcome() == Some("in-progress")
            && retry_after.is_some_and(|seconds| seconds >= 1)
    }

    pub fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }
}
