//! The sender's side: real HTTP over real sockets.

use std::io;
use std::net::SocketAddr;

use axum::body::Bytes;
use countersign_testkit::Signed;
use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Clone)]
pub(super) struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

impl Sender {
    pub(super) fn new(address: SocketAddr) -> Self {
        Sender {
            client: Client::builder(TokioExecutor::new()).build_http(),
            address,
        }
    }

    /// Delivers, and waits for the status; 0 if there was no answer.
    pub(super) async fn deliver(&self, path: &str, signed: &Signed, body: Bytes) -> u16 {
        let uri = format!("http://{}{path}", self.address);
        let mut request = Request::post(uri).header("content-type", "application/json");
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(Full::new(body)) else {
            return 0;
        };
        match self.client.request(request).await {
            Ok(response) => response.status().as_u16(),
            Err(_) => 0,
        }
    }

    /// Delivers, and hangs up without waiting for the answer once `started` is true.
    pub(super) async fn hang_up(
        &self,
        path: &str,
        signed: &Signed,
        started: impl Fn() -> bool,
    ) -> io::Result<()> {
        let mut socket = self.write_head(path, signed, signed.body().len()).await?;
        socket.write_all(signed.body()).await?;
        super::play::until(started).await;
        drop(socket);
        Ok(())
    }

    /// Announces a body of `length` bytes, sends as much of it as a server reads of what it refuses,
    /// and looks for an answer; 0 if there was none. A sender that goes on writing may find the
    /// connection closed before it has read the answer.
    pub(super) async fn announce(
        &self,
        path: &str,
        signed: &Signed,
        length: usize,
    ) -> io::Result<u16> {
        let mut socket = self.write_head(path, signed, length).await?;
        socket.write_all(&vec![b' '; 64 * 1024 + 1]).await?;
        let mut status_line = [0; "HTTP/1.1 200".len()];
        socket.read_exact(&mut status_line).await?;
        let line = std::str::from_utf8(&status_line).unwrap_or_default();
        let status = line
            .rsplit(' ')
            .next()
            .and_then(|status| status.parse().ok());
        Ok(status.unwrap_or_default())
    }

    async fn write_head(
        &self,
        path: &str,
        signed: &Signed,
        length: usize,
    ) -> io::Result<TcpStream> {
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n",
            self.address,
        )
        .into_bytes();
        for (name, value) in signed.headers() {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        let mut socket = TcpStream::connect(self.address).await?;
        socket.write_all(&head).await?;
        Ok(socket)
    }
}
