//! A site whose handler takes every request, with a delivery beside it or without: what a merchant has
//! while a receiver observes only.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ::actix_web::{HttpResponse, http, web};
use ::axum::Router;
use ::axum::body::Body;
use ::axum::http::StatusCode;
use ::axum::routing::post;
use bytes::Bytes;
use countersign::{Delivery, Receiver};
use futures_util::StreamExt;

use super::{ActixServer, AxumServer, Framework, Log, panics};
use crate::sender::Sender;

/// The event that the handler was given, if it was given one, and the body.
pub type Given = (Option<String>, Bytes);

pub struct Bare {
    pub log: Log,
    address: SocketAddr,
    given: Arc<Mutex<Vec<Given>>>,
    _server: Server,
}

enum Server {
    Axum { _server: AxumServer },
    ActixWeb { _server: ActixServer },
}

impl Bare {
    /// A handler that answers 202, or 400 where its body breaks off.
    pub fn start(framework: Framework, receiver: Receiver) -> Bare {
        Bare::with(framework, receiver, |_| 202)
    }

    /// A handler that answers what `answer` says.
    pub fn with(
        framework: Framework,
        receiver: Receiver,
        answer: impl Fn(Option<&Delivery>) -> u16 + Send + Sync + 'static,
    ) -> Bare {
        panics::watch();
        let log = Log::default();
        let receiver = receiver.with_observer(log.clone());
        let given: Arc<Mutex<Vec<Given>>> = Arc::default();
        let told = given.clone();
        let answer = Arc::new(move |delivery: Option<&Delivery>, body: Option<Bytes>| {
            let Some(body) = body else { return 400 };
            let id = delivery.and_then(|delivery| delivery.events().next());
            let id = id.map(|event| event.id().to_owned());
            told.lock().unwrap().push((id, body));
            answer(delivery)
        });
        let (address, server) = match framework {
            Framework::Axum => {
                let layer = countersign_axum::WebhookLayer::new(receiver);
                let handler = |delivery: Result<countersign_axum::Delivery, _>, body: Body| async move {
                    let body = ::axum::body::to_bytes(body, usize::MAX).await;
                    let delivery = delivery.as_deref().ok();
                    StatusCode::from_u16(answer(delivery, body.ok())).unwrap()
                };
                let app = Router::new().route("/hook", post(handler).route_layer(layer));
                let server = AxumServer::serve(2, app);
                (server.address, Server::Axum { _server: server })
            }
            Framework::ActixWeb => {
                let middleware = countersign_actix_web::WebhookMiddleware::new(receiver);
                let server = ActixServer::serve(2, move |app| {
                    let answer = answer.clone();
                    let handler = move |delivery: Result<
                        countersign_actix_web::Delivery,
                        ::actix_web::Error,
                    >,
                                        mut body: web::Payload| {
                        let answer = answer.clone();
                        async move {
                            let (mut whole, mut broken) = (Vec::new(), false);
                            while let Some(chunk) = body.next().await {
                                match chunk {
                                    Ok(chunk) => whole.extend(chunk),
                                    Err(_) => broken = true,
                                }
                            }
                            let whole = (!broken).then(|| Bytes::from(whole));
                            let status = answer(delivery.as_deref().ok(), whole);
                            HttpResponse::new(http::StatusCode::from_u16(status).unwrap())
                        }
                    };
                    let route = web::post().to(handler).wrap(middleware.clone());
                    app.service(web::resource("/hook").route(route));
                });
                (server.address, Server::ActixWeb { _server: server })
            }
        };
        Bare {
            log,
            address,
            given,
            _server: server,
        }
    }

    pub fn connect(&self) -> Sender {
        Sender::connect(self.address)
    }

    /// What the handler was given, in the order of its runs.
    pub fn given(&self) -> Vec<Given> {
        self.given.lock().unwrap().clone()
    }
}
