//! Receivers, and what providers would send to them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use countersign::{MemoryStore, Provider, Receiver, Secret, UnixTime, provider};
use countersign_testkit::Signer;

use crate::sender::Post;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub fn secret() -> Secret {
    Secret::new(SECRET).unwrap()
}

pub fn another_secret() -> Secret {
    Secret::new("fedcba9876543210fedcba9876543210").unwrap()
}

/// A memory store of so many ids.
pub fn memory(capacity: usize) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(NonZeroUsize::new(capacity).unwrap()))
}

/// How many ids a memory store holds in progress, and committed.
pub fn held(store: &MemoryStore) -> (usize, usize) {
    let shown = format!("{store:?}");
    let number = |name: &str| -> usize {
        let (_, rest) = shown.split_once(name).unwrap();
        rest.split(',').next().unwrap().trim().parse().unwrap()
    };
    (number("in_progress:"), number("committed:"))
}

pub fn receiver(endpoint: &str, provider: Provider) -> Receiver {
    let receiver = Receiver::new(endpoint, provider, [secret()]).unwrap();
    receiver.with_store(memory(4096))
}

/// One event a delivery, signed with its time, known by an id in the payload.
pub fn shop() -> Receiver {
    receiver("shop", provider::fedapay())
}

/// Batches of events.
pub fn bank() -> Receiver {
    receiver("bank", provider::banking_circle())
}

/// A delivery as the provider signs it, now.
pub fn signed(provider: &Provider, body: impl Into<Bytes>) -> Post {
    signed_at(provider, body, SystemTime::now().into())
}

pub fn signed_at(provider: &Provider, body: impl Into<Bytes>, at: UnixTime) -> Post {
    signed_by(&secret(), provider, body, at)
}

pub fn signed_by(
    secret: &Secret,
    provider: &Provider,
    body: impl Into<Bytes>,
    at: UnixTime,
) -> Post {
    let signed = Signer::new(provider, secret)
        .unwrap()
        .sign(body, at)
        .unwrap();
    let mut post = Post::new(signed.body().clone());
    for (name, value) in signed.headers() {
        post = post.with(name.as_str(), value.as_bytes());
    }
    post
}

pub fn event_body(id: &str) -> String {
    format!(r#"{{"id":"{id}","name":"transaction.approved"}}"#)
}

/// A delivery of FedaPay's.
pub fn event(id: &str) -> Post {
    signed(&provider::fedapay(), event_body(id))
}

/// The same under a secret that the receiver does not know.
pub fn forged(id: &str) -> Post {
    let now = SystemTime::now().into();
    signed_by(&another_secret(), &provider::fedapay(), event_body(id), now)
}

/// An event of FedaPay's whose body is `length` bytes long.
pub fn padded(id: &str, length: usize) -> Post {
    let mut body = event_body(id).into_bytes();
    body.resize(length, b' ');
    signed(&provider::fedapay(), body)
}

/// A batch of Banking Circle's.
pub fn batch<I: AsRef<str>>(ids: &[I]) -> Post {
    let members: Vec<String> = ids
        .iter()
        .map(|id| {
            format!(
                r#"{{"eventId":"{}","notificationType":"Reversed"}}"#,
                id.as_ref()
            )
        })
        .collect();
    let body = format!(r#"{{"notifications":[{}]}}"#, members.join(","));
    signed(&provider::banking_circle(), body)
}
