//! A sender that keeps its connection.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How a delivery was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether the connection is to be kept.
    pub(crate) keeps: bool,
}

/// Sends a request whole, and then reads its answer whole.
pub(crate) async fn exchange(
    socket: &mut TcpStream,
    head: &str,
    body: &[u8],
) -> io::Result<Answer> {
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body).await?;
    let mut answer = Vec::with_capacity(1024);
    loop {
        if let Some(answer) = whole(&answer) {
            return Ok(answer);
        }
        if socket.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The answer, if all of it is there.
fn whole(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(other, value)| (other == name).then(|| value.trim()))
    };
    let length = header("content-length").map_or(0, |length| length.parse().expect("a length"));
    (body.len() >= length).then(|| Answer {
        status: head
            .split(' ')
            .nth(1)
            .expect("a status")
            .parse()
            .expect("a status"),
        keeps: header("connection") != Some("close"),
    })
}
