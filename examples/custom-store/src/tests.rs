//! That the store holds, and that a receiver on it does.

use countersign_testkit::{OverHttp, attack, conformance};

use super::*;

/// Every rule, on a clock that stands still but when it is told to move: tokio's own, paused.
#[tokio::test(start_paused = true)]
async fn the_store_keeps_every_rule() {
    let store = Register::default();
    conformance(async || store.clone(), tokio::time::sleep)
        .await
        .assert_all_held();
}

#[tokio::test]
async fn it_stands_an_attack() {
    let secret = Secret::new(SANDBOX).unwrap();
    let receiver = Receiver::new("fedapay", fedapay(), [secret.clone()]).unwrap();
    let app = app(receiver.with_store(Register::default()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });

    let server = OverHttp::new(format!("http://{address}"));
    attack(&server, "/webhooks/fedapay", &fedapay(), &secret)
        .await
        .unwrap()
        .assert_all_held();
}
