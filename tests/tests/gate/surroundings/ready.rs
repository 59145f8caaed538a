//! tower: only the instance that said it is ready may be called.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::mem::take;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign_axum::WebhookLayer;
use tower_layer::Layer;
use tower_service::Service;

use crate::deliveries::{event, shop};
use crate::sender::Sender;
use crate::site::{AxumServer, Framework, panics};

/// Panics if it is called without having been asked, as tower allows a service to.
#[derive(Default)]
struct Strict {
    is_ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        // Whoever was not asked is not ready.
        Strict::default()
    }
}

impl Service<Request> for Strict {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        assert!(take(&mut self.is_ready), "called, and was not ready");
        ready(Ok(StatusCode::CREATED.into_response()))
    }
}

#[test]
fn the_instance_that_is_ready_is_called() {
    panics::watch();
    let service = WebhookLayer::new(shop()).layer(Strict::default());
    let server = AxumServer::serve(2, Router::new().route_service("/hook", service));
    let mut sender = Sender::connect(server.address);
    for id in ["a", "b", "c"] {
        assert_eq!(sender.send(&event(id)).status, 201);
    }
    panics::none_seen(Framework::Axum);
}
