//! Acme's deliveries over HTTP, as the description says that it signs them.

use std::time::{Duration, SystemTime};

use countersign::Secret;
use countersign_testkit::{OverHttp, Signer, Target, attack};

use super::*;

const PAID: &str = r#"{"id":"inv_1/paid","type":"invoice.paid","invoice":"inv_1","cents":4200}"#;

fn secret() -> Secret {
    Secret::new(SANDBOX).unwrap()
}

async fn server() -> OverHttp {
    let receiver = Receiver::new("acme", acme().unwrap(), [secret()]).unwrap();
    let url = merchant::serve_in_background(app(receiver)).await;
    OverHttp::new(url.unwrap())
}

#[tokio::test]
async fn an_invoice_is_paid_once() {
    let server = server().await;
    let signer = Signer::new(&acme().unwrap(), &secret()).unwrap();
    for (ago, status, outcome) in [
        (0, 200, None),
        // Signed anew, as a retry is.
        (10, 200, Some("duplicate")),
        (301, 401, None),
    ] {
        let then = SystemTime::now() - Duration::from_secs(ago);
        let signed = signer.sign(PAID, then.into()).unwrap();
        let answer = server.deliver(signed.to("/webhooks/acme")).await.unwrap();
        assert_eq!(answer.status(), status, "{ago} s old");
        let said = answer.headers().get("webhook-outcome");
        assert_eq!(said.map(|said| said.to_str().unwrap()), outcome);
    }
}

#[tokio::test]
async fn it_stands_an_attack() {
    attack(
        &server().await,
        "/webhooks/acme",
        &acme().unwrap(),
        &secret(),
    )
    .await
    .unwrap()
    .assert_all_held();
}
