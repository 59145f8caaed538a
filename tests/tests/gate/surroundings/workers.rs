//! Workers of actix-web: one receiver for all of them, or one for each.

use std::collections::HashSet;

use actix_web::{HttpResponse, web};
use countersign_actix_web::{Delivery, WebhookMiddleware};

use crate::deliveries::{event, memory, shop};
use crate::sender::Sender;
use crate::site::{ActixServer, Framework, Runs, Site};

/// Sends the same event on connections that are all open, so that they go to both workers in turn.
fn runs_of(server: &ActixServer) -> usize {
    let mut senders = Vec::new();
    let mut created = 0;
    for _ in 0..8 {
        let mut sender = Sender::connect(server.address);
        let answer = sender.send(&event("a"));
        assert!(answer.status == 201 || answer.is_duplicate(), "{answer:?}");
        created += usize::from(answer.status == 201);
        senders.push(sender);
    }
    created
}

async fn created(_: Delivery) -> HttpResponse {
    HttpResponse::Created().finish()
}

#[test]
fn the_trap_a_receiver_for_each_worker_forgets_what_the_others_ran() {
    let server = ActixServer::serve(2, |app| {
        // Called once for each worker, as the documentation warns.
        let middleware = WebhookMiddleware::new(shop());
        app.route("/hook", web::post().to(created).wrap(middleware));
    });
    assert_eq!(runs_of(&server), 2);
    let docs = include_str!("../../../../crates/countersign-actix-web/README.md");
    assert!(docs.contains("# Build the receiver outside `HttpServer::new`"));
}

#[test]
fn receivers_for_each_worker_on_one_store_are_one_endpoint() {
    let store = memory(16);
    let server = ActixServer::serve(2, move |app| {
        let middleware = WebhookMiddleware::new(shop().with_store(store.clone()));
        app.route("/hook", web::post().to(created).wrap(middleware));
    });
    assert_eq!(runs_of(&server), 1);
}

fn one_receiver(framework: Framework) {
    let runs = Runs::default();
    let site = Site::new(framework, shop(), runs.at_once(201));
    let mut senders: Vec<Sender> = (0..8).map(|_| site.connect()).collect();
    let statuses: HashSet<u16> = senders
        .iter_mut()
        .map(|s| s.send(&event("a")).status)
        .collect();
    assert_eq!((runs.number(), statuses), (1, HashSet::from([200, 201])));
}

#[test]
fn one_receiver_serves_all_workers_axum() {
    one_receiver(Framework::Axum);
}

#[test]
fn one_receiver_serves_all_workers_actix_web() {
    one_receiver(Framework::ActixWeb);
}
