//! actix-web's apps that are compared, and requests through them in process.

use std::net::SocketAddr;

use actix_web::dev::Service;
use actix_web::rt::{System, SystemRunner};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use countersign::Receiver;
use countersign_actix_web::{Delivery, WebhookMiddleware};
use hmac::Hmac;
use sha2::Sha256;

use crate::by_hand::{is_genuine, is_handled};
use crate::deliveries::{self, LIMIT, PATH, SIGNATURE, key};

/// With the middleware.
pub(crate) fn layered(receiver: Receiver) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let webhooks = WebhookMiddleware::new(receiver);
    move |app| {
        let route = web::post().to(on_event).wrap(webhooks.clone());
        app.service(web::resource(PATH).route(route));
    }
}

async fn on_event(delivery: Delivery) -> HttpResponse {
    answer(is_handled(delivery.verified().payload()))
}

/// With the same check in the handler.
pub(crate) fn inline() -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let key = key();
    move |app| {
        app.app_data(web::Data::new(key.clone()))
            .app_data(web::PayloadConfig::new(LIMIT))
            .service(web::resource(PATH).route(web::post().to(check_and_handle)));
    }
}

async fn check_and_handle(
    key: web::Data<Hmac<Sha256>>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let header = request.headers().get(SIGNATURE);
    match header.and_then(|value| value.to_str().ok()) {
        Some(header) if is_genuine(&key, header, &body) => answer(is_handled(&body)),
        _ => HttpResponse::Unauthorized().finish(),
    }
}

/// With no check at all.
pub(crate) fn bare() -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    |app| {
        let handle = |body: web::Bytes| async move { answer(is_handled(&body)) };
        app.app_data(web::PayloadConfig::new(LIMIT))
            .service(web::resource(PATH).route(web::post().to(handle)));
    }
}

fn answer(handled: bool) -> HttpResponse {
    match handled {
        true => HttpResponse::Ok().finish(),
        false => HttpResponse::UnprocessableEntity().finish(),
    }
}

fn request(delivery: deliveries::Delivery) -> TestRequest {
    TestRequest::post()
        .uri(PATH)
        .insert_header(("host", "merchant.example"))
        .insert_header(("user-agent", "FedaPay/1.0"))
        .insert_header(("content-type", "application/json"))
        .insert_header(("content-length", delivery.body.len()))
        .insert_header(("accept", "*/*"))
        .insert_header(("accept-encoding", "gzip, deflate"))
        .insert_header((SIGNATURE, delivery.signature))
        .set_payload(delivery.body)
}

/// Takes deliveries through the app, which has to answer each with this status: makes a request, which
/// stands for what a server does to read one, and forgets the response.
pub(crate) fn through(
    system: &SystemRunner,
    app: impl FnOnce(&mut ServiceConfig),
    status: u16,
) -> impl FnMut(Vec<deliveries::Delivery>) {
    let app = system.block_on(init_service(App::new().configure(app)));
    move |deliveries| {
        system.block_on(async {
            for delivery in deliveries {
                let request = request(delivery).to_request();
                let response = app.call(request).await.expect("a response");
                assert_eq!(response.status().as_u16(), status);
            }
        });
    }
}

/// Serves the app by one worker, for the rest of this thread.
pub(crate) fn serve(
    app: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    tell: impl FnOnce(SocketAddr),
) {
    System::new().block_on(async {
        let server = HttpServer::new(move || App::new().configure(app.clone()));
        let server = server.workers(1).bind(("127.0.0.1", 0)).expect("a port");
        tell(server.addrs()[0]);
        server.disable_signals().run().await.expect("served");
    });
}
