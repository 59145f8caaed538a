//! What becomes of a run when its sender goes.

#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect has failed"
)]

mod site;

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use actix_web::middleware::{Next, from_fn};
use actix_web::{HttpResponse, web};
use countersign::{Outcome, Receiver};
use countersign_actix_web::Delivery;
use site::{Site, event, receiver, soon};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, mpsc};

/// A handler that says when it begins, waits for leave to end, and says when it is gone.
#[derive(Clone)]
struct Held {
    began: mpsc::UnboundedSender<()>,
    leave: Arc<Semaphore>,
    /// Told when the connection's side of a delivery is dropped, whatever its handler does.
    dropped: mpsc::UnboundedSender<()>,
    ended: mpsc::UnboundedSender<bool>,
}

struct Watch {
    began: mpsc::UnboundedReceiver<()>,
    leave: Arc<Semaphore>,
    dropped: mpsc::UnboundedReceiver<()>,
    ended: mpsc::UnboundedReceiver<bool>,
}

fn held() -> (Held, Watch) {
    let (began, began_rx) = mpsc::unbounded_channel();
    let (dropped, dropped_rx) = mpsc::unbounded_channel();
    let (ended, ended_rx) = mpsc::unbounded_channel();
    let leave = Arc::new(Semaphore::new(0));
    let watch = Watch {
        began: began_rx,
        leave: leave.clone(),
        dropped: dropped_rx,
        ended: ended_rx,
    };
    let held = Held {
        began,
        leave,
        dropped,
        ended,
    };
    (held, watch)
}

struct OnDrop<T: Copy>(mpsc::UnboundedSender<T>, T);

impl<T: Copy> Drop for OnDrop<T> {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

impl Held {
    fn site(&self, receiver: Receiver) -> Site {
        let held = self.clone();
        Site::new(receiver, move |app, middleware| {
            let (within, around) = (held.clone(), held.clone());
            let handler = move |_: Delivery| {
                let held = within.clone();
                async move {
                    let mut ended = OnDrop(held.ended, false);
                    held.began.send(()).unwrap();
                    held.leave.acquire().await.unwrap().forget();
                    ended.1 = true;
                    HttpResponse::Created().finish()
                }
            };
            let watch = from_fn(move |request, next: Next<_>| {
                let dropped = OnDrop(around.dropped.clone(), ());
                async move {
                    let response = next.call(request).await;
                    drop(dropped);
                    response
                }
            });
            app.route(
                "/hook",
                web::post().to(handler).wrap(middleware).wrap(watch),
            );
        })
    }
}

#[actix_web::test]
async fn a_handler_outlives_a_sender_that_resets() {
    let (held, mut watch) = held();
    let mut site = held.site(receiver());
    let mut sender = site.connect().await;
    sender.start(event("evt_1")).await;
    soon(watch.began.recv()).await;
    sender.reset();
    soon(watch.dropped.recv()).await;
    watch.leave.add_permits(1);
    assert_eq!(soon(watch.ended.recv()).await, Some(true));
    assert_eq!(site.observed().await, (Outcome::Delivered, true));
    assert!(site.send(event("evt_1")).await.is_duplicate());
}

#[actix_web::test]
async fn a_handler_outlives_a_sender_that_closes() {
    let (held, mut watch) = held();
    let mut site = held.site(receiver());
    let mut sender = site.connect().await;
    sender.start(event("evt_1")).await;
    soon(watch.began.recv()).await;
    drop(sender);
    // The worker has one thread: having answered this, it has seen that the other is gone.
    let mut other = site.connect().await;
    other.write("POST /hook HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(other.response().await.status, 401);
    assert_eq!(site.observed().await, (Outcome::Rejected, false));
    watch.leave.add_permits(1);
    assert_eq!(soon(watch.ended.recv()).await, Some(true));
    // actix-web does not drop what it serves on a mere end of the sender's stream.
    assert_eq!(site.observed().await, (Outcome::Delivered, false));
    assert!(site.send(event("evt_1")).await.is_duplicate());
}

#[actix_web::test]
async fn a_sender_that_only_ends_its_stream_is_answered() {
    let (held, mut watch) = held();
    let site = held.site(receiver());
    let mut sender = site.connect().await;
    sender.start(event("evt_1")).await;
    sender.socket.shutdown().await.unwrap();
    soon(watch.began.recv()).await;
    watch.leave.add_permits(1);
    assert_eq!(sender.response().await.status, 201);
}

#[actix_web::test]
async fn a_late_handler_is_answered_for_and_commits() {
    let (held, mut watch) = held();
    let receiver = receiver()
        .with_deadlines(Duration::from_millis(50), Duration::from_secs(60))
        .unwrap()
        .with_wait(Duration::ZERO);
    let mut site = held.site(receiver);
    let mut sender = site.connect().await;
    let late = sender.send(event("evt_1")).await;
    assert_eq!((late.status, &*late.body), (503, ""), "{late:?}");
    assert!(late.head.contains("retry-after: 5"), "{late:?}");
    assert_eq!(site.observed().await, (Outcome::AnswerDeadline, false));
    // On the same connection: it is as good as before.
    let busy = sender.send(event("evt_1")).await;
    assert_eq!(busy.status, 409);
    assert!(
        busy.head.contains("webhook-outcome: in-progress"),
        "{busy:?}"
    );
    assert_eq!(site.observed().await, (Outcome::InProgress, false));
    watch.leave.add_permits(1);
    assert_eq!(soon(watch.ended.recv()).await, Some(true));
    assert_eq!(site.observed().await, (Outcome::Delivered, true));
    assert!(sender.send(event("evt_1")).await.is_duplicate());
}

#[actix_web::test]
async fn draining_waits_for_handlers_without_a_connection() {
    let (held, mut watch) = held();
    let mut site = held.site(receiver());
    let mut sender = site.connect().await;
    sender.start(event("evt_1")).await;
    soon(watch.began.recv()).await;
    sender.reset();
    soon(watch.dropped.recv()).await;
    site.server.pause().await;
    let receiver = site.receiver.clone();
    let drained =
        actix_web::rt::spawn(async move { receiver.drain(Duration::from_secs(60)).await });
    watch.leave.add_permits(1);
    assert!(soon(drained).await.unwrap());
    assert_eq!(site.observed().await, (Outcome::Delivered, true));
    soon(site.server.stop(true)).await;
}

#[actix_web::test]
async fn draining_stops_what_does_not_end() {
    let (held, mut watch) = held();
    let mut site = held.site(receiver());
    let mut sender = site.connect().await;
    sender.start(event("evt_1")).await;
    soon(watch.began.recv()).await;
    assert!(soon(site.receiver.drain(Duration::ZERO)).await);
    assert_eq!(soon(watch.ended.recv()).await, Some(false));
    assert_eq!(sender.response().await.status, 503);
    assert_eq!(site.observed().await, (Outcome::HandlerTimedOut, false));
    soon(site.server.stop(true)).await;
}

#[actix_web::test]
async fn draining_stops_a_handler_that_was_just_begun() {
    let (begun, mut began) = mpsc::unbounded_channel();
    let (go_on, blocked) = std::sync::mpsc::channel();
    let blocked = Arc::new(Mutex::new(blocked));
    let mut site = Site::new(receiver(), move |app, middleware| {
        let (begun, blocked) = (begun.clone(), blocked.clone());
        let handler = move |_: Delivery| {
            begun.send(()).unwrap();
            blocked.lock().unwrap().recv().unwrap();
            std::future::pending::<HttpResponse>()
        };
        app.route("/hook", web::post().to(handler).wrap(middleware));
    });
    let mut sender = site.connect().await;
    sender.start(event("evt_1")).await;
    soon(began.recv()).await;
    let receiver = site.receiver.clone();
    let mut drained = pin!(receiver.drain(Duration::ZERO));
    let first = std::future::poll_fn(|cx| Poll::Ready(drained.as_mut().poll(cx))).await;
    assert!(first.is_pending());
    go_on.send(()).unwrap();
    assert!(soon(drained).await);
    assert_eq!(sender.response().await.status, 503);
    assert_eq!(site.observed().await, (Outcome::HandlerTimedOut, false));
}

#[actix_web::test]
async fn a_server_that_is_stopped_at_once_releases() {
    let (held, mut watch) = held();
    let receiver = receiver();
    let site = held.site(receiver.clone());
    // One whose connection goes down with the server, and one that has none any longer.
    let mut with = site.connect().await;
    with.start(event("evt_1")).await;
    soon(watch.began.recv()).await;
    let mut without = site.connect().await;
    without.start(event("evt_2")).await;
    soon(watch.began.recv()).await;
    without.reset();
    soon(watch.dropped.recv()).await;
    soon(site.server.stop(false)).await;
    assert_eq!(soon(watch.ended.recv()).await, Some(false));
    assert_eq!(soon(watch.ended.recv()).await, Some(false));

    watch.leave.add_permits(2);
    let site = held.site(receiver);
    let mut sender = site.connect().await;
    assert_eq!(sender.send(event("evt_1")).await.status, 201);
    assert_eq!(sender.send(event("evt_2")).await.status, 201);
}
