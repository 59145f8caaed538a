//! A platform: one endpoint for many shops, each with an account and secrets of its own at the provider,
//! found by the path of the request. Secrets change while the server runs.
//!
//! ```sh
//! cargo run -p tenants
//! # in another terminal: a payment for the shop `pear`, with its secret
//! printf '{"id":"evt_1","type":"charge.succeeded"}' > payment.json
//! cargo run -p countersign-cli -- send --provider stripe --secret whsec_pear-0123456789 \
//!     --to http://127.0.0.1:8080/webhooks/pear --body payment.json
//! ```

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::{Asked, ConfigError, Receiver, Secret, Tenant, provider};
use countersign_axum::{Delivery, WebhookLayer};

/// Whose secrets are whose. A platform has them in a database or a vault; a lookup may wait for it.
#[derive(Clone, Default)]
struct Shops(Arc<RwLock<HashMap<String, Vec<Secret>>>>);

impl Shops {
    /// The secrets of a shop from now on: the new one and, until the provider signs with it alone, the old.
    fn set(&self, shop: &str, secrets: Vec<Secret>) {
        let mut shops = self.0.write().unwrap_or_else(PoisonError::into_inner);
        shops.insert(shop.to_owned(), secrets);
    }

    /// Asked for each delivery, **before anything of it is proved**. In a router that is nested in another
    /// (`nest`), the path would be without the prefix of the nest.
    fn find(&self, asked: &Asked) -> Option<Tenant> {
        let shop = asked.path().strip_prefix("/webhooks/")?;
        let shops = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Tenant::new(shop, shops.get(shop)?.iter().cloned()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // To try it with. A server that is reached by others has no secrets in its source.
    let shops = Shops::default();
    shops.set("pear", vec![Secret::new("whsec_pear-0123456789")?]);
    shops.set("plum", vec![Secret::new("whsec_plum-0123456789")?]);

    let receiver = receiver(shops)?;
    merchant::serve(app(receiver.clone()), receiver).await
}

fn receiver(shops: Shops) -> Result<Receiver, ConfigError> {
    Receiver::for_tenants("stripe", provider::stripe(), move |asked| {
        let shops = shops.clone();
        // A shop that is not there is `Ok(None)` and a 401; a database that is not there an `Err` and a
        // 500, so that the event comes again.
        async move { Ok(shops.find(&asked)) }
    })
}

fn app(receiver: Receiver) -> Router {
    let webhook = post(on_event).route_layer(WebhookLayer::new(receiver));
    Router::new().route("/webhooks/{shop}", webhook)
}

/// Whose it is, is told by the delivery: by the secret that verified it, and not by the path alone.
async fn on_event(delivery: Delivery) -> StatusCode {
    for event in delivery.events() {
        let shop = delivery.tenant().unwrap_or_default();
        println!(
            "{shop:?}: {:?} {:?}",
            event.kind().unwrap_or_default(),
            event.id()
        );
    }
    StatusCode::OK
}
