//! Deliveries as the four measured providers sign them, made with the plain libraries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::{Provider, Secret, UnixTime, Verifier, provider};
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use sha2::Sha256;

/// The time at which the deliveries are signed and verified.
pub(crate) const NOW: i64 = 1_750_000_000;

pub(crate) fn now() -> UnixTime {
    UnixTime::from_secs(NOW)
}

/// The secret of all deliveries; the very bytes are the key.
pub(crate) const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

/// How a provider signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Github,
    Stripe,
    FedaPay,
    StandardWebhooks,
}

pub(crate) const STYLES: [Style; 4] = [
    Style::Github,
    Style::Stripe,
    Style::FedaPay,
    Style::StandardWebhooks,
];

/// A delivery, and what is needed to verify it in this way or that.
pub(crate) struct Delivery {
    pub(crate) verifier: Verifier,
    pub(crate) request: Request<()>,
    pub(crate) body: Bytes,
    /// The bytes under the signature.
    pub(crate) signed: Vec<u8>,
}

pub(crate) fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

pub(crate) fn tag(key: &[u8], signed: &[u8]) -> [u8; 32] {
    mac(key).chain_update(signed).finalize().into_bytes().into()
}

/// A body. It is leaked, so that handing out another copy of it costs no more than a move: a server
/// gives the body away, and neither counts references to it nor keeps one.
pub(crate) fn body(length: usize) -> Bytes {
    let text = br#"{"id":"evt_1","type":"charge.succeeded","data":"0123456789"},"#;
    let body: Vec<u8> = text.iter().copied().cycle().take(length).collect();
    Bytes::from_static(body.leak())
}

impl Style {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Style::Github => "github",
            Style::Stripe => "stripe",
            Style::FedaPay => "fedapay",
            Style::StandardWebhooks => "standard-webhooks",
        }
    }

    pub(crate) fn provider(self) -> Provider {
        match self {
            Style::Github => provider::github(),
            Style::Stripe => provider::stripe(),
            Style::FedaPay => provider::fedapay(),
            Style::StandardWebhooks => provider::standard_webhooks(),
        }
    }

    pub(crate) fn verifier(self, keys: &[&[u8]]) -> Verifier {
        let secrets: Vec<Secret> = keys
            .iter()
            .map(|key| Secret::from_bytes(*key).expect("a secret"))
            .collect();
        Verifier::new(&self.provider(), &secrets).expect("a verifier")
    }

    /// The bytes that are signed.
    pub(crate) fn signed(self, at: i64, body: &[u8]) -> Vec<u8> {
        let before = match self {
            Style::Github => String::new(),
            Style::Stripe | Style::FedaPay => format!("{at}."),
            Style::StandardWebhooks => format!("{ID}.{at}."),
        };
        [before.as_bytes(), body].concat()
    }

    /// The headers of a delivery with these signatures.
    pub(crate) fn headers(self, at: i64, tags: &[[u8; 32]]) -> Vec<(&'static str, String)> {
        let hex = |name: &str| -> String {
            tags.iter()
                .map(|tag| format!(",{name}={}", hex::encode(tag)))
                .collect()
        };
        match self {
            Style::Github => {
                let tag = tags.last().map(hex::encode).unwrap_or_default();
                vec![("x-hub-signature-256", format!("sha256={tag}"))]
            }
            Style::Stripe => vec![("stripe-signature", format!("t={at}{}", hex("v1")))],
            Style::FedaPay => vec![("x-fedapay-signature", format!("t={at}{}", hex("s")))],
            Style::StandardWebhooks => {
                let entries: Vec<String> = tags
                    .iter()
                    .map(|tag| format!("v1,{}", STANDARD.encode(tag)))
                    .collect();
                vec![
                    ("webhook-id", ID.to_owned()),
                    ("webhook-timestamp", at.to_string()),
                    ("webhook-signature", entries.join(" ")),
                ]
            }
        }
    }

    /// A genuine delivery of `body`.
    pub(crate) fn delivery(self, body: Bytes) -> Delivery {
        let signed = self.signed(NOW, &body);
        let headers = self.headers(NOW, &[tag(KEY, &signed)]);
        Delivery {
            verifier: self.verifier(&[KEY]),
            request: request(&headers),
            body,
            signed,
        }
    }
}

/// The message id of Standard Webhooks, as long as theirs are.
const ID: &str = "msg_2gPZ8bqQ9hFzvX1e3kTtWcYdRsN";

/// A request as a server sees it: among other headers than the scheme's.
pub(crate) fn request<V: AsRef<[u8]>>(headers: &[(&str, V)]) -> Request<()> {
    let mut request = Request::post("/webhooks")
        .header("host", "merchant.example")
        .header("user-agent", "Webhooks/1.0")
        .header("content-type", "application/json")
        .header("content-length", "1024")
        .header("accept", "*/*")
        .header("accept-encoding", "gzip, deflate")
        .header("x-request-id", "6f0e1a52-7a0f-4d63-a7a2-5f4b1f6d9f10");
    for (name, value) in headers {
        request = request.header(*name, value.as_ref());
    }
    request.body(()).expect("a request")
}
