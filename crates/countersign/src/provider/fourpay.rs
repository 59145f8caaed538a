//! 4Pay.
//!
//! 4Pay: HMAC-SHA256 of the raw body under the secret's text, as lower-case hexadecimal digits in
//! `X-Webhook-Signature`.
//!
//! Some pages of its documentation speak of a header `api-notification-sign` with SHA-512, left
//! over from its upstream; it is ignored. The type is told from the payload's shape (an inference)
//! or fixed for the endpoint ([`Type`](super::Setting::Type)).
//!
//! A delivery has no event id: `id` is the resource's, and comes again with every status. So an
//! event is known by the digest of its body: a status that returns to an earlier one with the very
//! same bytes, within the retention, is taken for a duplicate.
//!
//! Nothing signed holds a time: a replay is recognised while the event is remembered, and not
//! longer. A bound on its age can be set with `with_freshness` on the receiver. How 4Pay retries is
//! not public; a horizon of 3 days is assumed.

use std::borrow::Cow;

use super::{BODY_LIMIT, DAY, Provider, Retry, SECOND, SettingName};
use crate::event::{Envelope, IdSource, Shape, TypeSource};
use crate::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyFormat, Prefix, Scheme, SignatureEncoding,
    SignatureFormat,
};

/// A delivery does not name its type; its payload is that of the matching REST answer.
const SHAPES: &[Shape] = &[
    Shape {
        kind: "card_transaction",
        all: &["cardUuid"],
        any: &[],
    },
    Shape {
        kind: "card_state",
        all: &[],
        any: &["lastFour", "cardType", "cardOwnerId"],
    },
    Shape {
        kind: "account_transaction",
        all: &["type"],
        any: &[],
    },
    Shape {
        kind: "account_topup",
        all: &["accountUuid", "amount"],
        any: &[],
    },
];

/// What the receiver should know of it.
pub(super) fn preset() -> Provider {
    Provider {
        name: Cow::Borrowed("4pay"),
        scheme: Scheme::Hmac(HmacScheme {
            algorithm: HmacAlgorithm::Sha256,
            key: KeyFormat::TEXT,
            signature: SignatureFormat {
                headers: Cow::Borrowed(&[Cow::Borrowed("x-webhook-signature")]),
                grammar: Grammar::Plain {
                    prefix: Prefix::None,
                },
                encoding: SignatureEncoding::Hex,
            },
            timestamp: None,
            template: Cow::Borrowed("{body}"),
        }),
        envelope: Envelope {
            members: None,
            id: IdSource::Digest,
            kind: TypeSource::Shape(SHAPES),
            time: None,
        },
        open: Cow::Borrowed(&[SettingName::TypeName]),
        modes: &[],
        retry: Some(Retry {
            gaps: Cow::Borrowed(&[]),
            horizon: DAY.saturating_mul(3),
        }),
        answer_within: Some(SECOND.saturating_mul(10)),
        body_limit: BODY_LIMIT,
        retention: None,
    }
}
