//! A site on axum: `axum::serve` on a runtime of its own.

use std::net::{Ipv4Addr, SocketAddr};

use ::axum::Router;
use ::axum::extract::{ConnectInfo, Request};
use ::axum::http::StatusCode;
use ::axum::middleware::{Next, from_fn};
use ::axum::routing::post;
use countersign_axum::{Delivery, WebhookLayer};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::{Route, Tally};

pub struct Server {
    pub address: SocketAddr,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
}

impl Server {
    pub fn start(threads: usize, routes: &[Route], closed: &Tally) -> Server {
        let mut app = Router::new();
        for route in routes {
            let (handler, closed) = (route.handler.clone(), closed.clone());
            let handler = move |delivery: Delivery| async move {
                StatusCode::from_u16(handler((*delivery).clone()).await).unwrap()
            };
            let layer = match &route.clock {
                Some(clock) => WebhookLayer::with_clock(route.receiver.clone(), clock.clone()),
                None => WebhookLayer::new(route.receiver.clone()),
            };
            let layer = layer.with_peer(|extensions| {
                let ConnectInfo(address) = extensions.get::<ConnectInfo<SocketAddr>>()?;
                Some(address.ip())
            });
            let watch = from_fn(move |request: Request, next: Next| {
                let closed = closed.on_drop();
                async move {
                    let response = next.run(request).await;
                    drop(closed);
                    response
                }
            });
            let method = post(handler).route_layer(layer).layer(watch);
            app = app.route(&route.path, method);
        }
        Server::serve(threads, app)
    }

    pub fn serve(threads: usize, app: Router) -> Server {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        runtime.spawn(async move {
            let app = app.into_make_service_with_connect_info::<SocketAddr>();
            let server = ::axum::serve(listener, app);
            let stopped = async move { drop(stopped.await) };
            server.with_graceful_shutdown(stopped).await
        });
        Server {
            address,
            runtime: Some(runtime),
            stop: Some(stop),
        }
    }

    pub fn stop_accepting(&mut self) {
        drop(self.stop.take());
    }

    pub fn nudge(&self) {
        let runtime = self.runtime.as_ref().expect("it runs");
        runtime.spawn(async {});
    }

    /// How many tasks live on the server's runtime.
    pub fn tasks(&self) -> usize {
        let runtime = self.runtime.as_ref().expect("it runs");
        runtime.metrics().num_alive_tasks()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its handlers may block their threads for as long as they like.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
