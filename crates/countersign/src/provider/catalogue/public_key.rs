//! Signatures that are verified with a public key. They need the crate's feature `public-key`; the
//! secret is the provider's public key.

use super::entries;
use super::entry::{Alg, At, Entry, From, HMAC_SHA256, Id, Key, PUBLISHED, Spelling, names};
use crate::provider::Sender;
use crate::scheme::{KeyEncoding, MessageAlgorithm, SignatureEncoding};
use crate::window::TimeUnit::{Iso8601, Seconds};

const BASE64: SignatureEncoding = SignatureEncoding::Base64;
const ED25519: Alg = Alg::Signs(MessageAlgorithm::Ed25519);
const ECDSA: Alg = Alg::Signs(MessageAlgorithm::EcdsaP256Sha256);
const RSA: Alg = Alg::Signs(MessageAlgorithm::RsaSha256);
const PEM: Key = Key(KeyEncoding::Pem, &[]);
const ANY_2XX: Sender = Sender {
    success: "2xx",
    ..Sender::UNKNOWN
};

entries! {
    PUBLIC_KEYS;

    /// [Standard Webhooks](https://www.standardwebhooks.com), asymmetric (`v1a`): Ed25519, the public key
    /// in Base64 behind `whpk_`.
    standard_webhooks_v1a = "standard-webhooks-v1a" Entry {
        alg: ED25519, key: Key(KeyEncoding::Base64, names!["whpk_"]),
        from: From::Headers(names!["webhook-signature"]), spelling: Spelling::List("v1a"), encoding: BASE64,
        time: Some((At::Header("webhook-timestamp"), Seconds, Some(300))),
        template: "{header:webhook-id}.{ts}.{body}",
        id: Id::Header("webhook-id"), kind: &["/type"], sure: PUBLISHED,
        sender: Sender { signed_anew: Some(true), remark: "a retry keeps webhook-id", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [SendGrid](https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features):
    /// ECDSA, the public key as its dashboard shows it. Several events a delivery; the time is signed, but
    /// no window is documented.
    sendgrid = "sendgrid" Entry {
        alg: ECDSA, key: Key(KeyEncoding::SpkiBase64, &[]),
        from: From::Headers(names!["x-twilio-email-event-webhook-signature"]), encoding: BASE64,
        time: Some((At::Header("x-twilio-email-event-webhook-timestamp"), Seconds, None)),
        template: "{ts}{body}",
        id: Id::Json("/*/sg_event_id"), kind: &["/event"], sure: PUBLISHED,
        sender: Sender { retries: "for 24 h", horizon: 24, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Discord](https://docs.discord.com/developers/interactions/overview) interactions: Ed25519, the
    /// public key in hexadecimal digits.
    discord = "discord" Entry {
        alg: ED25519, key: Key(KeyEncoding::Hex, &[]),
        from: From::Headers(names!["x-signature-ed25519"]),
        time: Some((At::Header("x-signature-timestamp"), Seconds, Some(300))), template: "{ts}{body}",
        id: Id::Json("/id"), kind: &["/type"], sure: PUBLISHED,
        sender: Sender { within: 3, retries: "never",
            remark: "a ping (type 1) wants {\"type\":1}; a wrong signature sent on purpose wants a 401",
            ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Wise](https://docs.wise.com/api-docs/features/webhooks-notifications/event-handling): RSA, the
    /// public key in PEM, one for production and one for the sandbox.
    wise = "wise" Entry {
        alg: RSA, key: PEM,
        from: From::Headers(names!["x-signature-sha256"]), encoding: BASE64,
        id: Id::Label("x-delivery-id"), kind: &["/event_type"], sure: PUBLISHED,
        sender: Sender { within: 5, retries: "25 times in 2 weeks", horizon: 336, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [PayPal](https://developer.paypal.com/api/rest/webhooks/rest/): RSA over the CRC-32 of the body.
    /// The constant `webhook_id` is the webhook's, and the key is that of the certificate that
    /// `paypal-cert-url` names. Fetch it by hand from a host of `paypal.com`, make sure of it, and take its
    /// key: `openssl verify -untrusted cert.pem cert.pem`, then `openssl x509 -in cert.pem -noout -pubkey`.
    /// A certificate itself is refused, since nothing here would see who issued it and until when it holds.
    ///
    /// A CRC-32 is no proof: whoever has seen one delivery can make another body that has the same. Ask
    /// its API about what it says.
    paypal = "paypal" Entry {
        alg: RSA, key: PEM,
        from: From::Headers(names!["paypal-transmission-sig"]), encoding: BASE64,
        time: Some((At::Header("paypal-transmission-time"), Iso8601, None)),
        template: "{header:paypal-transmission-id}|{ts}|{const:webhook_id}|{body_crc32}",
        id: Id::Json("/id"), kind: &["/event_type"],
        sender: Sender { retries: "25 times in 3 days", horizon: 72, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Telnyx](https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks): Ed25519, the
    /// public key in Base64.
    telnyx = "telnyx" Entry {
        alg: ED25519, key: Key(KeyEncoding::Base64, &[]),
        from: From::Headers(names!["telnyx-signature-ed25519"]), encoding: BASE64,
        time: Some((At::Header("telnyx-timestamp"), Seconds, Some(300))), template: "{ts}|{body}",
        id: Id::Json("/data/id"), kind: &["/data/event_type"],
        sender: Sender { within: 2, ..ANY_2XX },
        ..HMAC_SHA256
    };
}
