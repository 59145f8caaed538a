//! Deliveries as their handlers have them, for a store's own `claim_in`.

use std::sync::Arc;

use countersign::{Delivery, Provider, Receiver, Secret, TransactionStore, UnixTime, provider};
use countersign_testkit::{ManualClock, Signer};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A delivery of one event, whose key is that of [`key`](crate::keys::key).
pub async fn delivery(store: impl TransactionStore, id: &str) -> Delivery {
    let body = format!(r#"{{"id":"{id}","name":"transaction.approved","entity":"payload"}}"#);
    signed(store, &provider::fedapay(), body).await
}

async fn signed(store: impl TransactionStore, provider: &Provider, body: String) -> Delivery {
    let secret = || Secret::new(SECRET).unwrap();
    let receiver = Receiver::new("shop", provider.clone(), [secret()]).unwrap();
    let receiver = receiver.with_claim_in_transaction(store).unwrap();
    // Its time stands still.
    let (gate, _keeper) = receiver.open(Arc::new(ManualClock::new(NOW)));
    let signer = Signer::new(provider, &secret()).unwrap();
    let request = signer.sign(body, NOW).unwrap().into_request();
    let mut intake = gate.begin(&request, None).unwrap();
    intake.update(request.body().clone()).unwrap();
    intake.admit().await.unwrap().delivery()
}
