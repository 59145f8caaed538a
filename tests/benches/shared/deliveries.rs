//! FedaPay's deliveries, made with the plain libraries: the time and the body are signed, and the
//! event's id stands in the body.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use countersign::{DedupeStore, Key, Receiver, Secret, UnixTime, Verifier, provider};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Where the deliveries go.
pub(crate) const PATH: &str = "/webhooks/fedapay";

pub(crate) const SIGNATURE: &str = "x-fedapay-signature";

/// The secret of all deliveries; FedaPay takes its text for the key.
const SECRET: &str = "wh_sandbox_0123456789abcdef012345";

/// The largest body that any of the compared takes, in bytes.
pub(crate) const LIMIT: usize = 10 << 20;

#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) signature: String,
    pub(crate) body: Bytes,
}

pub(crate) fn key() -> Hmac<Sha256> {
    Hmac::new_from_slice(SECRET.as_bytes()).expect("HMAC takes a key of any length")
}

pub(crate) fn now() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH);
    passed.expect("after 1970").as_secs() as i64
}

/// A receiver of those deliveries.
pub(crate) fn receiver(store: impl DedupeStore) -> Receiver {
    let secret = Secret::new(SECRET).expect("a secret");
    Receiver::new("fedapay-live", provider::fedapay(), [secret])
        .expect("a receiver")
        .with_body_limit(LIMIT)
        // All senders of `http` at once, with the largest bodies: a refusal would be no measure of anything.
        .with_unverified_limit(16 * LIMIT)
        .with_store(store)
}

/// A genuine delivery of an event that there was not before.
pub(crate) fn fresh(length: usize) -> Delivery {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    signed(body(NEXT.fetch_add(1, Relaxed), length))
}

pub(crate) fn signed(body: Bytes) -> Delivery {
    let at = now();
    let mac = key().chain_update(format!("{at}.")).chain_update(&body);
    let tag = hex::encode(mac.finalize().into_bytes());
    Delivery {
        signature: format!("t={at},s={tag}"),
        body,
    }
}

/// What a store files the event of a delivery under.
pub(crate) fn key_of(delivery: &Delivery) -> Key {
    let secret = Secret::new(SECRET).expect("a secret");
    let verifier = Verifier::new(&provider::fedapay(), &[secret]).expect("a verifier");
    let request = http::Request::post(PATH).header(SIGNATURE, &delivery.signature);
    let request = request.body(()).expect("a request");
    let verified = verifier.verify(&request, delivery.body.clone(), UnixTime::from_secs(now()));
    verifier.identify(&verified.expect("genuine"))[0].key("fedapay-live")
}

/// The head of a request with the delivery, as it goes over a socket.
pub(crate) fn head(delivery: &Delivery) -> String {
    let mut head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: merchant.example\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n",
        delivery.body.len()
    );
    if !delivery.signature.is_empty() {
        head += &format!("{SIGNATURE}: {}\r\n", delivery.signature);
    }
    head + "\r\n"
}

/// A body as FedaPay sends it, filled up with metadata to its length. It is one part of a shared
/// buffer, as what a server read from its socket is.
fn body(id: usize, length: usize) -> Bytes {
    let head = format!(
        r#"{{"id":{id},"name":"transaction.approved","object":"transaction","entity":{{"id":{id},"klass":"v1/transaction","reference":"trx_8Gk_1750000000000","amount":100,"description":"Invoice 2025-0614, thirty days","callback_url":"https://merchant.example/return","status":"approved","customer_id":6170,"currency_id":1,"mode":"mtn","commission":"0.018","fees":2,"fixed_commission":0,"amount_transferred":98,"created_at":"2025-06-15T15:06:40.000Z","updated_at":"2025-06-15T15:07:12.000Z","approved_at":"2025-06-15T15:07:12.000Z","metadata":{{"items":["#
    );
    let tail = "]}}}";
    let mut text = BytesMut::with_capacity(length);
    text.extend_from_slice(head.as_bytes());
    let item = r#"{"sku":"SKU-0123456789","quantity":2,"price":4500},"#;
    while text.len() + item.len() + tail.len() + 4 < length {
        text.extend_from_slice(item.as_bytes());
    }
    let room = length - text.len() - tail.len() - 2;
    text.extend_from_slice(format!("\"{}\"{tail}", "x".repeat(room)).as_bytes());
    assert_eq!(text.len(), length);
    text.split().freeze()
}
