//! Where the layer and the middleware may stand, and what happens where they do not.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use actix_web::{HttpResponse, web};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign_actix_web::WebhookMiddleware;
use countersign_axum::WebhookLayer;

use crate::deliveries::{bank, batch, event, shop};
use crate::sender::Sender;
use crate::site::{ActixServer, AxumServer, Framework, Runs, Site, panics};

fn a_get(framework: Framework) {
    let runs = Runs::default();
    let site = Site::new(framework, shop(), runs.at_once(201));
    let mut sender = site.connect();
    sender.write("GET /hook HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(sender.response().status, 405);
    // It never reached the receiver.
    assert!(site.log.all().is_empty());
    assert_eq!(sender.send(&event("a")).status, 201);
    assert_eq!(sender.send(&event("a").to("/elsewhere")).status, 404);
}

#[test]
fn a_get_is_a_405_axum() {
    a_get(Framework::Axum);
}

#[test]
fn a_get_is_a_405_actix_web() {
    a_get(Framework::ActixWeb);
}

#[derive(serde::Deserialize)]
struct Named {
    #[serde(rename = "eventId")]
    event_id: String,
}

/// What each handler has to be given, and is not.
fn wrong_places(address: SocketAddr) {
    for (post, status) in [
        (event("a").to("/bare"), 500),
        (batch(&["a"]).to("/single"), 500),
        // Released: it goes to the handler that takes batches.
        (batch(&["a"]).to("/batch"), 201),
        (event("a").to("/undecodable"), 422),
        (event("a").to("/undecodable"), 422),
    ] {
        let answer = Sender::connect(address).send(&post);
        assert_eq!(answer.status, status, "{}", post.path);
        assert!(answer.body.is_empty(), "{}: the log is told why", post.path);
    }
}

#[test]
fn handlers_in_the_wrong_place_axum() {
    use countersign_axum::{Delivery, Webhook, Webhooks};

    panics::watch();
    let (shop, bank) = (WebhookLayer::new(shop()), WebhookLayer::new(bank()));
    let bare = async |_: Delivery| StatusCode::CREATED;
    let single = async |Webhook(event): Webhook<Named>| {
        assert!(!event.event_id.is_empty());
        StatusCode::CREATED
    };
    let several = async |Webhooks(events): Webhooks<Named>| {
        assert_eq!(events[0].event_id, "a");
        StatusCode::CREATED
    };
    let app = Router::new()
        .route("/bare", post(bare))
        .route("/single", post(single).route_layer(bank.clone()))
        .route("/batch", post(several).route_layer(bank))
        .route("/undecodable", post(single).route_layer(shop));
    let server = AxumServer::serve(1, app);
    wrong_places(server.address);
    panics::none_seen(Framework::Axum);
}

#[test]
fn handlers_in_the_wrong_place_actix_web() {
    use countersign_actix_web::{Delivery, Webhook, Webhooks};

    panics::watch();
    let (shop, bank) = (
        WebhookMiddleware::new(shop()),
        WebhookMiddleware::new(bank()),
    );
    let bare = async |_: Delivery| HttpResponse::Created().finish();
    let single = async |Webhook(event): Webhook<Named>| {
        assert!(!event.event_id.is_empty());
        HttpResponse::Created().finish()
    };
    let several = async |Webhooks(events): Webhooks<Named>| {
        assert_eq!(events[0].event_id, "a");
        HttpResponse::Created().finish()
    };
    let server = ActixServer::serve(1, move |app| {
        app.route("/bare", web::post().to(bare));
        app.route("/single", web::post().to(single).wrap(bank.clone()));
        app.route("/batch", web::post().to(several).wrap(bank.clone()));
        app.route("/undecodable", web::post().to(single).wrap(shop.clone()));
    });
    wrong_places(server.address);
    panics::none_seen(Framework::ActixWeb);
}

#[test]
fn around_a_scope_a_request_is_routed_on() {
    panics::watch();
    let middleware = WebhookMiddleware::new(shop());
    let server = ActixServer::serve(1, move |app| {
        let created = async |_: countersign_actix_web::Delivery| HttpResponse::Created().finish();
        // Data of its own makes actix-web write to the request that it routes.
        let inner = web::scope("/inner")
            .app_data(web::Data::new(1))
            .route("/hook", web::post().to(created));
        let outer = web::scope("/outer")
            .app_data(web::Data::new(2))
            .service(inner)
            .wrap(middleware.clone());
        app.service(outer);
    });
    let mut sender = Sender::connect(server.address);
    let post = event("a").to("/outer/inner/hook");
    assert_eq!(sender.send(&post).status, 201);
    assert!(sender.send(&post).is_duplicate());
    panics::none_seen(Framework::ActixWeb);
}

#[test]
fn the_other_way_round_actix_web_panics_at_the_start() {
    panics::watch();
    let middleware = WebhookMiddleware::new(shop());
    let wrapped_first = AssertUnwindSafe(move || {
        let created = async || HttpResponse::Created().finish();
        drop(web::post().wrap(middleware).to(created));
    });
    assert!(
        catch_unwind(wrapped_first).is_err(),
        "the documentation says so"
    );
}
