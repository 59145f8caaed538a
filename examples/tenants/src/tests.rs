//! Two shops over HTTP: what one of them may sign, and when.

use std::time::SystemTime;

use countersign_testkit::{OverHttp, Signer, Target};

use super::*;

struct Platform {
    shops: Shops,
    server: OverHttp,
}

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

impl Platform {
    async fn open() -> Platform {
        let shops = Shops::default();
        for shop in ["pear", "plum"] {
            shops.set(shop, vec![secret(&format!("whsec_{shop}-0"))]);
        }
        let app = app(receiver(shops.clone()).unwrap());
        let server = OverHttp::new(merchant::serve_in_background(app).await.unwrap());
        Platform { shops, server }
    }

    /// The event `id`, signed with `with` and sent to `shop`: its status, and the outcome in its answer.
    async fn deliver(&self, shop: &str, with: &str, id: &str) -> (u16, String) {
        let body = format!(r#"{{"id":"{id}","type":"charge.succeeded"}}"#);
        let signer = Signer::new(&provider::stripe(), &secret(with)).unwrap();
        let signed = signer.sign(body, SystemTime::now().into()).unwrap();
        let request = signed.to(&format!("/webhooks/{shop}"));
        let answer = self.server.deliver(request).await.unwrap();
        let outcome = answer.headers().get("webhook-outcome");
        let outcome = outcome.map_or("", |outcome| outcome.to_str().unwrap());
        (answer.status().as_u16(), outcome.to_owned())
    }
}

fn is(status: u16, outcome: &str) -> (u16, String) {
    (status, outcome.to_owned())
}

#[tokio::test]
async fn shops_are_apart() {
    let platform = Platform::open().await;
    assert_eq!(
        platform.deliver("pear", "whsec_pear-0", "evt_1").await,
        is(200, "")
    );
    // The same id of another account is another event.
    assert_eq!(
        platform.deliver("plum", "whsec_plum-0", "evt_1").await,
        is(200, "")
    );
    assert_eq!(
        platform.deliver("pear", "whsec_pear-0", "evt_1").await,
        is(200, "duplicate")
    );
    // One shop's secret signs nothing for another, and nothing for nobody.
    assert_eq!(
        platform.deliver("plum", "whsec_pear-0", "evt_2").await.0,
        401
    );
    assert_eq!(
        platform.deliver("fig", "whsec_pear-0", "evt_2").await.0,
        401
    );
}

#[tokio::test]
async fn a_secret_is_replaced_while_it_runs() {
    let platform = Platform::open().await;
    let (old, new) = ("whsec_pear-0", "whsec_pear-1");
    assert_eq!(platform.deliver("pear", new, "evt_1").await.0, 401);

    platform.shops.set("pear", vec![secret(new), secret(old)]);
    assert_eq!(platform.deliver("pear", old, "evt_1").await, is(200, ""));
    assert_eq!(
        platform.deliver("pear", new, "evt_1").await,
        is(200, "duplicate")
    );

    platform.shops.set("pear", vec![secret(new)]);
    assert_eq!(platform.deliver("pear", old, "evt_2").await.0, 401);
    assert_eq!(platform.deliver("pear", new, "evt_2").await, is(200, ""));
}
