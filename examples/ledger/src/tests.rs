//! The routes without a socket, on a file and, where there is a server, in PostgreSQL.

use std::time::SystemTime;

use axum::Router;
use countersign::provider::fedapay;
use countersign::{Receiver, Secret};
use countersign_testkit::{Sample, Signer, Target, attack};
use countersign_tests::servers::Postgres;
use tempfile::TempDir;

use crate::app;
use crate::books::Books;

fn secret() -> Secret {
    Secret::new("wh_live_0123456789abcdef").unwrap()
}

/// An app in each kind of books.
async fn on_each(scene: impl AsyncFn(&Router, &Books)) {
    let directory = TempDir::new().unwrap();
    let file = format!(
        "sqlite://{}?mode=rwc",
        directory.path().join("l.db").display()
    );
    let database = Postgres::database().map(|database| database.url);
    for url in [Some(file), database].into_iter().flatten() {
        let books = Books::open(&url).await.unwrap();
        let receiver = Receiver::new("fedapay", fedapay(), [secret()]).unwrap();
        scene(&app(books.dedupe(receiver).unwrap(), books.clone()), &books).await;
    }
}

async fn deliver(app: &Router, sample: &Sample) -> u16 {
    let signer = Signer::new(&fedapay(), &secret()).unwrap();
    let signed = signer.sign(sample, SystemTime::now().into()).unwrap();
    let answer = app.deliver(signed.to("/webhooks/fedapay")).await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn a_payment_is_booked_once() {
    on_each(async |app, books| {
        let payment = Sample::of(&fedapay(), "transaction.approved").unwrap();
        let at_once = (0..10).map(|_| deliver(app, &payment));
        for status in futures_util::future::join_all(at_once).await {
            assert_eq!(status, 200);
        }
        let (entries, total) = books.balance().await.unwrap();
        assert!(entries == 1 && total > 0, "{entries} entries, {total}");
    })
    .await;
}

#[tokio::test]
async fn an_attack_books_nothing_that_is_not_genuine() {
    on_each(async |app, _| {
        attack(app, "/webhooks/fedapay", &fedapay(), &secret())
            .await
            .unwrap()
            .assert_all_held();
    })
    .await;
}
