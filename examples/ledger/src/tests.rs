//! The routes without a socket.

use std::time::SystemTime;

use axum::Router;
use countersign::Secret;
use countersign::provider::fedapay;
use countersign_testkit::{Sample, Signer, Target, attack};
use tempfile::TempDir;

use crate::books::Books;
use crate::{app, receiver};

fn secret() -> Secret {
    Secret::new("wh_live_0123456789abcdef").unwrap()
}

/// An app whose books go with `directory`.
async fn open(directory: &TempDir) -> (Router, Books) {
    let file = directory.path().join("ledger.db");
    let books = Books::open(&format!("sqlite://{}", file.display()))
        .await
        .unwrap();
    let app = app(receiver(secret(), &books).unwrap(), books.clone());
    (app, books)
}

async fn deliver(app: &Router, sample: &Sample) -> u16 {
    let signer = Signer::new(&fedapay(), &secret()).unwrap();
    let signed = signer.sign(sample, SystemTime::now().into()).unwrap();
    let answer = app.deliver(signed.to("/webhooks/fedapay")).await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn a_payment_is_booked_once() {
    let directory = TempDir::new().unwrap();
    let (app, books) = open(&directory).await;
    let payment = Sample::of(&fedapay(), "transaction.approved").unwrap();
    let at_once = (0..10).map(|_| deliver(&app, &payment));
    for status in futures_util::future::join_all(at_once).await {
        assert_eq!(status, 200);
    }
    let (entries, total) = books.balance().await.unwrap();
    assert!(entries == 1 && total > 0, "{entries} entries, {total}");
}

#[tokio::test]
async fn an_attack_books_nothing_that_is_not_genuine() {
    let directory = TempDir::new().unwrap();
    let (app, _) = open(&directory).await;
    attack(&app, "/webhooks/fedapay", &fedapay(), &secret())
        .await
        .unwrap()
        .assert_all_held();
}
