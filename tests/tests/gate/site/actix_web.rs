//! A site on actix-web: an `HttpServer` in a system of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;

use ::actix_web::dev::ServerHandle;
use ::actix_web::http::StatusCode;
use ::actix_web::middleware::{Next, from_fn};
use ::actix_web::{App, HttpResponse, HttpServer, rt, web};
use countersign_actix_web::{Delivery, WebhookMiddleware};

use super::{Handler, Route, Tally};

pub struct Server {
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    pub fn start(workers: usize, routes: &[Route], closed: &Tally) -> Server {
        // Built here, once, and not once for each worker.
        let routes: Vec<(String, WebhookMiddleware, Handler)> = routes
            .iter()
            .map(|route| {
                let receiver = route.receiver.clone();
                let middleware = match &route.clock {
                    Some(clock) => WebhookMiddleware::with_clock(receiver, clock.clone()),
                    None => WebhookMiddleware::new(receiver),
                };
                (route.path.clone(), middleware, route.handler.clone())
            })
            .collect();
        let closed = closed.clone();
        Server::serve(workers, move |app| {
            for (path, middleware, handler) in &routes {
                let (handler, closed) = (handler.clone(), closed.clone());
                let handler = move |delivery: Delivery| {
                    let answer = handler((*delivery).clone());
                    async move { HttpResponse::new(StatusCode::from_u16(answer.await).unwrap()) }
                };
                let watch = from_fn(move |request, next: Next<_>| {
                    let closed = closed.on_drop();
                    async move {
                        let response = next.call(request).await;
                        drop(closed);
                        response
                    }
                });
                let route = web::post().to(handler).wrap(middleware.clone()).wrap(watch);
                app.service(web::resource(path.as_str()).route(route));
            }
        })
    }

    pub fn serve(
        workers: usize,
        configure: impl Fn(&mut web::ServiceConfig) + Send + Clone + 'static,
    ) -> Server {
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            rt::System::new().block_on(async move {
                let server = HttpServer::new(move || App::new().configure(&configure))
                    .workers(workers)
                    .bind((Ipv4Addr::LOCALHOST, 0))
                    .unwrap();
                let address = server.addrs()[0];
                let server = server.disable_signals().run();
                tell.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = told.recv().unwrap();
        Server { address, handle }
    }

    pub fn stop_accepting(&mut self) {
        // The command is sent by the call; its future only tells when it was carried out.
        drop(self.handle.pause());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}
