//! A real server on a free port, what its receiver observed, and a sender on a raw socket.

#![allow(dead_code, reason = "no test uses all of it")]

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, rt, web};
use bytes::Bytes;
use countersign::{Observation, Observer, Outcome, Receiver, Secret, provider};
use countersign_actix_web::WebhookMiddleware;
use countersign_testkit::Signer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// A bound on failure: nothing waits as long when all is well.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it never happened")
}

pub(crate) fn secret() -> Secret {
    Secret::new("wh_sandbox_0123456789").unwrap()
}

pub(crate) fn receiver() -> Receiver {
    Receiver::new("test", provider::fedapay(), [secret()]).unwrap()
}

/// The body of an event with this id.
pub(crate) fn event(id: &str) -> String {
    format!(r#"{{"id":"{id}","name":"customer.created"}}"#)
}

struct Told(mpsc::UnboundedSender<(Outcome, bool)>);

impl Observer for Told {
    fn observe(&self, observation: &Observation<'_>) {
        let _ = self.0.send((observation.outcome, observation.late));
    }
}

pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) server: ServerHandle,
    pub(crate) receiver: Receiver,
    observed: mpsc::UnboundedReceiver<(Outcome, bool)>,
}

impl Site {
    /// Serves `routes` behind `receiver` with one worker.
    pub(crate) fn new<F>(receiver: Receiver, routes: F) -> Site
    where
        F: Fn(&mut web::ServiceConfig, WebhookMiddleware) + Send + Clone + 'static,
    {
        Site::with_workers(1, receiver, routes)
    }

    pub(crate) fn with_workers<F>(workers: usize, receiver: Receiver, routes: F) -> Site
    where
        F: Fn(&mut web::ServiceConfig, WebhookMiddleware) + Send + Clone + 'static,
    {
        let (told, observed) = mpsc::unbounded_channel();
        let receiver = receiver.with_observer(Told(told));
        let middleware = WebhookMiddleware::new(receiver.clone());
        let server = HttpServer::new(move || {
            let (routes, middleware) = (routes.clone(), middleware.clone());
            App::new().configure(move |app| routes(app, middleware))
        });
        let server = server.workers(workers).bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        let server = server.disable_signals().run();
        let handle = server.handle();
        rt::spawn(server);
        Site {
            address,
            server: handle,
            receiver,
            observed,
        }
    }

    pub(crate) async fn connect(&self) -> Sender {
        let socket = TcpStream::connect(self.address).await.unwrap();
        Sender { socket }
    }

    /// Sends one event on a connection of its own.
    pub(crate) async fn send(&self, body: impl Into<Bytes>) -> Response {
        self.connect().await.send(body).await
    }

    /// The next thing that was observed, and whether it came after the answer.
    pub(crate) async fn observed(&mut self) -> (Outcome, bool) {
        soon(self.observed.recv()).await.unwrap()
    }
}

/// The head of a genuine delivery, without the empty line.
pub(crate) fn head(body: &Bytes) -> String {
    head_by(&secret(), body)
}

pub(crate) fn head_by(secret: &Secret, body: &Bytes) -> String {
    let signer = Signer::new(&provider::fedapay(), secret).unwrap();
    let signed = signer.sign(body.clone(), SystemTime::now().into()).unwrap();
    let mut head = "POST /hook HTTP/1.1\r\nhost: x\r\n".to_owned();
    for (name, value) in signed.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head
}

/// One connection of a sender's.
pub(crate) struct Sender {
    pub(crate) socket: TcpStream,
}

impl Sender {
    /// Sends a genuine event.
    pub(crate) async fn start(&mut self, body: impl Into<Bytes>) {
        let body = body.into();
        let head = format!("{}content-length: {}\r\n\r\n", head(&body), body.len());
        self.write(head).await;
        self.write(body).await;
    }

    /// Sends a genuine event and reads the answer.
    pub(crate) async fn send(&mut self, body: impl Into<Bytes>) -> Response {
        self.start(body).await;
        self.response().await
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.socket.write_all(bytes.as_ref())).await.unwrap();
    }

    pub(crate) async fn response(&mut self) -> Response {
        soon(Response::read(&mut self.socket)).await
    }

    /// Hangs up with a reset.
    pub(crate) fn reset(self) {
        self.socket.set_zero_linger().unwrap();
    }
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    /// Reads one response, and nothing behind it.
    pub(crate) async fn read(socket: &mut (impl AsyncReadExt + Unpin)) -> Response {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.expect("the connection was closed"));
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.split("content-length: ").nth(1);
        let length = length.and_then(|rest| rest.split("\r\n").next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        socket.read_exact(&mut body).await.unwrap();
        Response {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            body: String::from_utf8(body).unwrap(),
            head,
        }
    }

    pub(crate) fn is_duplicate(&self) -> bool {
        self.status == 200 && self.head.contains("webhook-outcome: duplicate")
    }

    pub(crate) fn closes(&self) -> bool {
        self.head.contains("connection: close")
    }
}
