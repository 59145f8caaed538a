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
    let route = merchant::fedapay_route(receiver().unwrap());
    let server = OverHttp::new(merchant::serve_in_background(route).await.unwrap());
    let secret = Secret::new(SANDBOX).unwrap();
    attack(&server, "/webhooks/fedapay", &fedapay(), &secret)
        .await
        .unwrap()
        .assert_all_held();
}
