//! What a merchant's handler is given, and what its answers do.

#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect has failed"
)]

mod site;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use actix_web::middleware::from_fn;
use actix_web::{Error, HttpResponse, ResponseError, http::StatusCode, web};
use bytes::Bytes;
use countersign::{Receiver, Secret, provider};
use countersign_actix_web::{Delivery, Webhook, Webhooks};
use countersign_testkit::Signer;
use site::{Site, event, head_by, receiver};

#[derive(serde::Deserialize)]
struct Event {
    id: String,
}

#[actix_web::test]
async fn one_event_runs_once() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let handler = move |Webhook(event): Webhook<Event>| {
        assert_eq!(event.id, "evt_1");
        counted.fetch_add(1, Ordering::SeqCst);
        async { HttpResponse::Created().finish() }
    };
    let site = Site::new(receiver(), move |app, middleware| {
        app.route("/hook", web::post().to(handler.clone()).wrap(middleware));
    });

    let mut sender = site.connect().await;
    assert_eq!(sender.send(event("evt_1")).await.status, 201);
    assert!(sender.send(event("evt_1")).await.is_duplicate());
    let other = Secret::new("wh_sandbox_other").unwrap();
    let body = Bytes::from(event("evt_1"));
    let length = body.len();
    let forged = head_by(&other, &body);
    sender
        .write(format!("{forged}content-length: {length}\r\n\r\n"))
        .await;
    sender.write(body).await;
    let refused = sender.response().await;
    assert_eq!((refused.status, &*refused.body), (401, ""), "{refused:?}");
    // Refused before its body is read, which is there all the same.
    sender
        .write("POST /hook HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello")
        .await;
    assert_eq!(sender.response().await.status, 401);
    assert!(sender.send(event("evt_1")).await.is_duplicate());
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert!(site.receiver.drain(Duration::from_secs(1)).await);
    assert_eq!(sender.send(event("evt_2")).await.status, 503);
}

#[actix_web::test]
async fn a_get_is_never_verified() {
    let site = Site::new(receiver(), |app, middleware| {
        let route = || web::post().to(HttpResponse::Ok).wrap(middleware.clone());
        app.service(web::resource("/hook").route(route()));
        app.route("/bare", route());
        app.service(
            web::resource("/around")
                .wrap(middleware.clone())
                .route(web::post().to(HttpResponse::Ok)),
        );
    });
    let mut sender = site.connect().await;
    for (path, status) in [("/hook", 405), ("/bare", 404), ("/around", 401)] {
        sender
            .write(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        assert_eq!(sender.response().await.status, status, "{path}");
    }
}

#[actix_web::test]
async fn the_middleware_may_stand_around_the_app() {
    let (told, mut observed) = tokio::sync::mpsc::unbounded_channel();
    let middleware = countersign_actix_web::WebhookMiddleware::new(receiver());
    let server = actix_web::HttpServer::new(move || {
        let told = told.clone();
        let handler = move |Webhook(event): Webhook<Event>| {
            told.send(event.id).unwrap();
            async { HttpResponse::Ok().finish() }
        };
        let scope = web::scope("")
            .app_data(web::Data::new(()))
            .route("/hook", web::post().to(handler));
        actix_web::App::new()
            .service(scope)
            .wrap(middleware.clone())
    });
    let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    actix_web::rt::spawn(server.disable_signals().run());
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut sender = site::Sender { socket };
    assert_eq!(sender.send(event("evt_1")).await.status, 200);
    assert!(sender.send(event("evt_1")).await.is_duplicate());
    assert_eq!(observed.recv().await.unwrap(), "evt_1");
}

#[actix_web::test]
async fn what_a_handler_cannot_be_given() {
    #[derive(serde::Deserialize)]
    struct Other {
        #[expect(dead_code, reason = "it is never there")]
        amount: u64,
    }
    let site = Site::new(receiver(), |app, middleware| {
        let shape = |_: Webhook<Other>| async { HttpResponse::Ok().finish() };
        let bare = |_: Webhook<Event>| async { HttpResponse::Ok().finish() };
        app.route("/hook", web::post().to(shape).wrap(middleware));
        app.route("/bare", web::post().to(bare));
    });
    let mut sender = site.connect().await;
    // Twice: it was released.
    for _ in 0..2 {
        let refused = sender.send(event("evt_1")).await;
        assert_eq!((refused.status, &*refused.body), (422, ""), "{refused:?}");
    }
    sender.write("POST /bare HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let refused = sender.response().await;
    assert_eq!((refused.status, &*refused.body), (500, ""), "{refused:?}");
}

#[actix_web::test]
async fn a_batch_is_settled_event_by_event() {
    let key = || Secret::new("0123456789abcdef0123456789abcdef").unwrap();
    let receiver = Receiver::new("bank", provider::banking_circle(), [key()]).unwrap();
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Notice {
        event_id: String,
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let site = Site::new(receiver, move |app, middleware| {
        let counted = counted.clone();
        let first_fails =
            move |Webhooks(notices): Webhooks<Notice>, delivery: Delivery, raw: Bytes| {
                // The whole batch is no body to run: of it the events are handed over.
                assert!(raw.is_empty() && !delivery.verified().payload().is_empty());
                let run = counted.fetch_add(1, Ordering::SeqCst);
                async move {
                    let ids: Vec<_> = notices.iter().map(|notice| &*notice.event_id).collect();
                    if run == 0 {
                        assert_eq!(ids, ["1", "2"]);
                        assert!(delivery.done("1").await && delivery.failed("2").await);
                    } else {
                        assert_eq!(ids, ["2"]);
                    }
                    HttpResponse::Ok().finish()
                }
            };
        let single = |_: Webhook<Notice>| async { HttpResponse::Ok().finish() };
        app.route(
            "/hook",
            web::post().to(first_fails).wrap(middleware.clone()),
        );
        app.route("/single", web::post().to(single).wrap(middleware));
    });
    let signer = Signer::new(&provider::banking_circle(), &key()).unwrap();
    let mut sender = site.connect().await;
    for (path, status) in [
        ("/single", 500),
        ("/hook", 500),
        ("/hook", 200),
        ("/hook", 200),
    ] {
        let batch = r#"{"notifications":[{"eventId":"1"},{"eventId":"2"}]}"#;
        let signed = signer.sign(batch, SystemTime::now().into()).unwrap();
        let length = signed.body().len();
        let mut head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n");
        for (name, value) in signed.headers() {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        sender.write(format!("{head}\r\n")).await;
        sender.write(signed.body()).await;
        assert_eq!(sender.response().await.status, status, "{path}");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

/// An error whose response has another status than it claims itself.
#[derive(Debug)]
struct Teapot;

impl std::fmt::Display for Teapot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a teapot")
    }
}

impl ResponseError for Teapot {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(StatusCode::IM_A_TEAPOT)
    }
}

#[actix_web::test]
async fn an_inner_error_settles_by_the_response_it_makes() {
    let receiver = receiver().with_commit_also(|status| status == 418);
    let site = Site::new(receiver, |app, middleware| {
        let fails = from_fn(|_, _| async {
            Err::<actix_web::dev::ServiceResponse, _>(Error::from(Teapot))
        });
        let route = web::post()
            .to(HttpResponse::Ok)
            .wrap(fails)
            .wrap(middleware.clone());
        app.route("/hook", route);
    });
    let mut sender = site.connect().await;
    assert_eq!(sender.send(event("evt_1")).await.status, 418);
    assert!(sender.send(event("evt_1")).await.is_duplicate());
}

#[actix_web::test]
async fn a_handler_that_panics_is_answered_500_and_tried_again() {
    let runs = Arc::new(AtomicUsize::new(0));
    let site = Site::new(receiver(), move |app, middleware| {
        let runs = runs.clone();
        let handler = move |_: Webhook<Event>| {
            let first = runs.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                assert!(!first, "the first run panics");
                HttpResponse::Ok().finish()
            }
        };
        app.route("/hook", web::post().to(handler).wrap(middleware));
    });
    let mut sender = site.connect().await;
    assert_eq!(sender.send(event("evt_1")).await.status, 500);
    let second = sender.send(event("evt_1")).await;
    assert_eq!(second.status, 200);
    assert!(!second.is_duplicate());
    assert!(sender.send(event("evt_1")).await.is_duplicate());
}

#[actix_web::test]
async fn workers_share_one_receiver() {
    let runs = Arc::new(AtomicUsize::new(0));
    let threads = Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
    let (counted, noted) = (runs.clone(), threads.clone());
    let site = Site::with_workers(2, receiver(), move |app, middleware| {
        let (counted, noted) = (counted.clone(), noted.clone());
        let handler = move |_: Webhook<Event>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { HttpResponse::Created().finish() }
        };
        let note = from_fn(move |request, next: actix_web::middleware::Next<_>| {
            noted.lock().unwrap().insert(std::thread::current().id());
            next.call(request)
        });
        app.route("/hook", web::post().to(handler).wrap(middleware).wrap(note));
    });
    // Connections that are all open go to both workers in turn.
    let mut senders = Vec::new();
    let mut created = 0;
    for _ in 0..8 {
        senders.push(site.connect().await);
        let response = senders.last_mut().unwrap().send(event("evt_1")).await;
        created += usize::from(response.status == 201);
        assert!(response.status == 201 || response.is_duplicate());
    }
    assert_eq!((created, runs.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(threads.lock().unwrap().len(), 2);
}
