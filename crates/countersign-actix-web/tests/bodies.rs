//! Bodies on a real socket: what the framework's limits, chunks and silence make of them.

#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect has failed"
)]

mod site;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use countersign::{Outcome, Receiver};
use countersign_actix_web::{Delivery, Webhook};
use site::{Sender, Site, event, head, receiver, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[derive(serde::Deserialize)]
struct Event {
    id: String,
}

/// A handler that takes the body in every way there is.
fn reading(receiver: Receiver) -> (Site, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let site = Site::new(receiver, move |app, middleware| {
        let noted = noted.clone();
        let handler = move |Webhook(event): Webhook<Event>, delivery: Delivery, body: Bytes| {
            assert_eq!(body, delivery.verified().payload());
            noted.lock().unwrap().push(event.id);
            async { HttpResponse::Created().finish() }
        };
        app.route("/hook", web::post().to(handler).wrap(middleware));
    });
    (site, seen)
}

/// An event whose body is `length` bytes long.
fn padded(id: &str, length: usize) -> Bytes {
    let bare = format!(r#"{{"id":"{id}","name":"customer.created","pad":""}}"#);
    let pad = "x".repeat(length - bare.len());
    format!(r#"{{"id":"{id}","name":"customer.created","pad":"{pad}"}}"#).into()
}

#[actix_web::test]
async fn the_limits_of_the_framework_do_not_strike_what_was_admitted() {
    let (site, seen) = reading(receiver());
    let mut sender = site.connect().await;
    assert_eq!(sender.send(padded("large", 900 * 1024)).await.status, 201);
    assert_eq!(
        sender.send(padded("largest", 1024 * 1024)).await.status,
        201
    );
    assert_eq!(*seen.lock().unwrap(), ["large", "largest"]);
}

#[actix_web::test]
async fn chunks_are_put_together() {
    let (site, seen) = reading(receiver());
    let mut sender = site.connect().await;
    for cut in [1, 7, 48] {
        let body = Bytes::from(event(&format!("evt_{cut}")));
        sender
            .write(format!("{}transfer-encoding: chunked\r\n\r\n", head(&body)))
            .await;
        for chunk in body.chunks(cut) {
            sender.write(format!("{:x}\r\n", chunk.len())).await;
            sender.write(chunk).await;
            sender.write("\r\n").await;
        }
        sender.write("0\r\n\r\n").await;
        assert_eq!(sender.response().await.status, 201);
    }
    assert_eq!(*seen.lock().unwrap(), ["evt_1", "evt_7", "evt_48"]);
}

#[actix_web::test]
async fn a_little_too_large_is_read_and_its_connection_lives() {
    let (site, seen) = reading(receiver().with_body_limit(1000));
    let mut sender = site.connect().await;
    for length in [1001, 60 * 1024] {
        let refused = sender.send(padded("evt_1", length)).await;
        assert_eq!((refused.status, &*refused.body), (413, ""), "{refused:?}");
        assert!(!refused.closes(), "{refused:?}");
    }
    // As well where only the bytes tell.
    let body = padded("evt_1", 30 * 1024);
    sender
        .write(format!("{}transfer-encoding: chunked\r\n\r\n", head(&body)))
        .await;
    sender.write(format!("{:x}\r\n", body.len())).await;
    sender.write(body).await;
    sender.write("\r\n0\r\n\r\n").await;
    let refused = sender.response().await;
    assert_eq!(refused.status, 413);
    assert!(!refused.closes(), "{refused:?}");
    assert_eq!(sender.send(padded("evt_2", 1000)).await.status, 201);
    assert_eq!(*seen.lock().unwrap(), ["evt_2"]);
}

#[actix_web::test]
async fn far_too_large_is_answered_and_its_connection_closes() {
    let (site, _) = reading(receiver());
    let Sender { socket } = site.connect().await;
    let (mut read, mut write) = socket.into_split();
    let body = padded("evt_1", 4 * 1024 * 1024);
    let head = format!("{}content-length: {}\r\n\r\n", head(&body), body.len());
    let writing = actix_web::rt::spawn(async move {
        write.write_all(head.as_bytes()).await?;
        write.write_all(&body).await
    });
    let refused = soon(site::Response::read(&mut read)).await;
    assert_eq!(refused.status, 413);
    assert!(refused.closes(), "{refused:?}");
    drop(read);
    let _ = soon(writing).await;
}

#[actix_web::test]
async fn a_refused_body_without_an_end_is_cut_off() {
    let timeouts = (Duration::from_secs(1), Duration::from_millis(50));
    let (site, _) = reading(receiver().with_timeouts(timeouts.0, timeouts.1));
    let unsigned = "POST /hook HTTP/1.1\r\nhost: x\r\n".to_owned();
    let slow = head(&Bytes::from(event("evt_1")));
    for (head, status) in [(unsigned, 401), (slow, 408)] {
        let mut sender = site.connect().await;
        sender
            .write(format!(
                "{head}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n"
            ))
            .await;
        let refused = sender.response().await;
        assert_eq!(refused.status, status);
        assert!(refused.closes(), "{refused:?}");
        let mut rest = Vec::new();
        let _ = soon(sender.socket.read_to_end(&mut rest)).await;
        assert!(rest.is_empty());
    }
}

#[actix_web::test]
async fn a_body_that_does_not_arrive() {
    let timeouts = (Duration::from_secs(1), Duration::from_millis(50));
    let (mut site, seen) = reading(receiver().with_timeouts(timeouts.0, timeouts.1));
    let body = Bytes::from(event("evt_1"));
    let head = format!("{}content-length: {}\r\n\r\n", head(&body), body.len());
    let mut slow = site.connect().await;
    slow.write(&head).await;
    slow.write(&body[..10]).await;
    assert_eq!(slow.response().await.status, 408);
    assert_eq!(site.observed().await, (Outcome::Rejected, false));

    // Refused for what it says of itself, before any of it has come.
    let mut large = site.connect().await;
    large
        .write(head.replace("content-length: ", "content-length: 99999"))
        .await;
    assert_eq!(large.response().await.status, 413);
    assert_eq!(site.observed().await, (Outcome::Rejected, false));

    let mut broken = site.connect().await;
    broken.write(&head).await;
    broken.write(&body[..10]).await;
    broken.socket.shutdown().await.unwrap();
    assert_eq!(broken.response().await.status, 400);
    assert!(seen.lock().unwrap().is_empty());
}
