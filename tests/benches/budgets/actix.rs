//! Requests through actix-web's app, in process.

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::rt::SystemRunner;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, HttpRequest, HttpResponse, web};
use countersign::Receiver;
use countersign_actix_web::{Delivery, WebhookMiddleware};
use hmac::Hmac;
use sha2::Sha256;

use crate::by_hand::{is_genuine, is_handled};
use crate::deliveries::{self, PATH, SIGNATURE, key};
use crate::measure::{ROUND, cpu_time};

pub(crate) async fn on_event(delivery: Delivery) -> HttpResponse {
    answer(is_handled(delivery.verified().payload()))
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

/// The app with the middleware.
pub(crate) fn layered(
    system: &SystemRunner,
    receiver: Receiver,
    fresh: impl Fn() -> deliveries::Delivery,
) -> impl FnMut() -> f64 {
    let webhooks = WebhookMiddleware::new(receiver);
    let route = web::post().to(on_event).wrap(webhooks);
    let app = App::new().service(web::resource(PATH).route(route));
    rounds(
        system,
        system.block_on(init_service(app)),
        fresh,
        TestRequest::to_request,
    )
}

/// The app whose handler checks by hand.
pub(crate) fn inline(
    system: &SystemRunner,
    fresh: impl Fn() -> deliveries::Delivery,
) -> impl FnMut() -> f64 {
    let route = web::post().to(check_and_handle);
    let app = App::new()
        .app_data(web::Data::new(key()))
        .app_data(web::PayloadConfig::new(1 << 20))
        .service(web::resource(PATH).route(route));
    rounds(
        system,
        system.block_on(init_service(app)),
        fresh,
        TestRequest::to_request,
    )
}

/// Rounds of requests: the CPU time of making a request, which stands for what a server does to read
/// one, of its way through the app, and of forgetting the response.
fn rounds<R, B: MessageBody>(
    system: &SystemRunner,
    app: impl Service<R, Response = ServiceResponse<B>, Error = Error>,
    fresh: impl Fn() -> deliveries::Delivery,
    // The type of a request has no public name.
    made: impl Fn(TestRequest) -> R,
) -> impl FnMut() -> f64 {
    move || {
        let deliveries: Vec<deliveries::Delivery> = (0..ROUND).map(|_| fresh()).collect();
        system.block_on(async {
            let start = cpu_time();
            for delivery in deliveries {
                let request = made(request(delivery));
                let response = app.call(request).await.expect("a response");
                assert_eq!(response.status(), StatusCode::OK);
            }
            cpu_time() - start
        })
    }
}
