//! Public schemes that many senders share.

use std::borrow::Cow;

use super::{DAY, Provider, Retry, top_level};
use crate::event::{Envelope, IdSource, TypeSource};
use crate::scan::Pointer;
use crate::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyEncoding, KeyFormat, Prefix, Scheme, SignatureEncoding,
    SignatureFormat, TimestampFormat, TimestampSource,
};
use crate::window::TimeUnit;

/// [Standard Webhooks](https://www.standardwebhooks.com), symmetric (`v1`): HMAC-SHA256 of
/// `{id}.{timestamp}.{body}` under the Base64 text behind `whsec_`, in `webhook-signature: v1,…`.
/// The message id is the signed header `webhook-id`.
pub fn standard_webhooks() -> Provider {
    Provider::new(
        "standard-webhooks",
        Scheme::Hmac(HmacScheme {
            algorithm: HmacAlgorithm::Sha256,
            key: KeyFormat {
                encoding: KeyEncoding::Base64PaddingOptional,
                strip_prefix: Cow::Borrowed(&[Cow::Borrowed("whsec_")]),
            },
            signature: SignatureFormat {
                headers: Cow::Borrowed(&[Cow::Borrowed("webhook-signature")]),
                grammar: Grammar::List {
                    separator: b' ',
                    version_separator: b',',
                    version: Cow::Borrowed("v1"),
                },
                encoding: SignatureEncoding::Base64,
            },
            timestamp: Some(TimestampFormat {
                from: TimestampSource::Header(Cow::Borrowed("webhook-timestamp")),
                unit: TimeUnit::Seconds,
                tolerance: Some(300),
            }),
            template: Cow::Borrowed("{header:webhook-id}.{ts}.{body}"),
        }),
        Envelope {
            members: None,
            id: IdSource::SignedHeader(Cow::Borrowed("webhook-id")),
            kind: TypeSource::Pointers(vec![Pointer::of(&["type"])]),
            time: None,
        },
    )
    .all_stated()
}

/// [Stripe](https://docs.stripe.com/webhooks): HMAC-SHA256 of `{t}.{body}` under the whole text of
/// the secret, in `Stripe-Signature: t=…,v1=…`. Retries go on for three days in live mode.
pub fn stripe() -> Provider {
    Provider::new(
        "stripe",
        Scheme::Hmac(HmacScheme {
            algorithm: HmacAlgorithm::Sha256,
            key: KeyFormat::TEXT,
            signature: SignatureFormat {
                headers: Cow::Borrowed(&[Cow::Borrowed("stripe-signature")]),
                grammar: Grammar::Pairs {
                    separator: b',',
                    keys: Cow::Borrowed(&[Cow::Borrowed("v1")]),
                },
                encoding: SignatureEncoding::Hex,
            },
            timestamp: Some(TimestampFormat {
                from: TimestampSource::Pair(Cow::Borrowed("t")),
                unit: TimeUnit::Seconds,
                tolerance: Some(300),
            }),
            template: Cow::Borrowed("{ts}.{body}"),
        }),
        top_level("id", "type"),
    )
    .with_retry(Retry {
        gaps: Cow::Borrowed(&[]),
        horizon: DAY.saturating_mul(3),
    })
    .all_stated()
}

/// [GitHub](https://docs.github.com/webhooks): HMAC-SHA256 of the body under the secret's text, in
/// `X-Hub-Signature-256: sha256=…`.
///
/// `X-GitHub-Delivery` and `X-GitHub-Event` are not signed, so that anyone who has seen one delivery
/// could send it again under another id: the event is known by the digest of its body. GitHub does
/// not retry by itself.
pub fn github() -> Provider {
    Provider::new(
        "github",
        Scheme::Hmac(HmacScheme {
            algorithm: HmacAlgorithm::Sha256,
            key: KeyFormat::TEXT,
            signature: SignatureFormat {
                headers: Cow::Borrowed(&[Cow::Borrowed("x-hub-signature-256")]),
                grammar: Grammar::Plain {
                    prefix: Prefix::Required(Cow::Borrowed("sha256=")),
                },
                encoding: SignatureEncoding::Hex,
            },
            timestamp: None,
            template: Cow::Borrowed("{body}"),
        }),
        Envelope {
            members: None,
            id: IdSource::Digest,
            kind: TypeSource::None,
            time: None,
        },
    )
    .all_stated()
}
