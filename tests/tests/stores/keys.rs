//! Keys, by way of signed deliveries: there is no other way to one.

use countersign::{Key, Secret, UnixTime, Verifier, provider};
use countersign_testkit::Signer;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The key of an event of that id.
pub fn key(id: &str) -> Key {
    key_with(id, "payload")
}

/// The key of an event of that id and payload.
pub fn key_with(id: &str, payload: &str) -> Key {
    let now = UnixTime::from_secs(1_800_000_000);
    let secret = Secret::new(SECRET).unwrap();
    let provider = provider::fedapay();
    let body = format!(r#"{{"id":"{id}","name":"transaction.approved","entity":"{payload}"}}"#);
    let signer = Signer::new(&provider, &secret).unwrap();
    let request = signer.sign(body, now).unwrap().into_request();
    let verifier = Verifier::new(&provider, &[secret]).unwrap();
    let verified = verifier.verify(&request, request.body().clone(), now);
    verifier.identify(&verified.unwrap())[0].key("shop")
}

/// The keys of a batch of so many events, sorted.
pub fn batch(name: &str, size: usize) -> Vec<Key> {
    sorted((0..size).map(|n| key(&format!("{name} {n}"))))
}

/// The keys of a batch, sorted.
pub fn sorted(keys: impl IntoIterator<Item = Key>) -> Vec<Key> {
    let mut keys: Vec<Key> = keys.into_iter().collect();
    keys.sort();
    keys
}
