//! ZibaPay.
//!
//! ZibaPay: a signature in `X-Signature`.
//!
//! **How it is made is not public.** This preset assumes HMAC-SHA256 of the raw body under the
//! secret's text, as hexadecimal digits or Base64, which cannot be mistaken for each other, with or
//! without `sha256=` before it. If that is wrong, nothing verifies and nothing is let through:
//! capture a delivery, and say what you found with
//! [`with_scheme`](Provider::with_scheme), or with
//! [`SignatureEncoding`](super::Setting::SignatureEncoding) to allow one encoding only.
//!
//! Nor is it public where an event's id and type stand. The type is assumed at `event`, else at
//! `type`; until an id is set ([`Id`](super::Setting::Id)), an event is known by the digest of its
//! body: a status that returns to an earlier one with the very same bytes is then a duplicate.
//!
//! Nothing signed holds a time: a replay is recognised while the event is remembered, and not
//! longer. A bound on its age can be set with `with_freshness` on the receiver.

use std::borrow::Cow;
use std::time::Duration;

use super::{BODY_LIMIT, Certainty, DAY, MINUTE, Provider, Retry, SettingName, Source};
use crate::event::{Envelope, IdSource, TypeSource};
use crate::scan::Pointer;
use crate::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyFormat, Prefix, Scheme, SignatureEncoding,
    SignatureFormat,
};
use crate::typed::RawJson;

/// "Up to 24 hours, exponential": one minute doubled each time is assumed.
const GAPS: &[Duration] = &[
    MINUTE,
    MINUTE.saturating_mul(2),
    MINUTE.saturating_mul(4),
    MINUTE.saturating_mul(8),
    MINUTE.saturating_mul(16),
    MINUTE.saturating_mul(32),
    MINUTE.saturating_mul(64),
    MINUTE.saturating_mul(128),
    MINUTE.saturating_mul(256),
    MINUTE.saturating_mul(512),
    MINUTE.saturating_mul(417),
];

/// One event of ZibaPay's.
pub type Event = crate::Event<Data>;

crate::events! {
    /// What ZibaPay tells of. No payload is public: each is the whole delivery's JSON, from which
    /// [`RawJson::get`] takes what the merchant knows to be there.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Data {
        /// A payment succeeded.
        "payment.completed" => PaymentCompleted(RawJson),
        /// A payment failed.
        "payment.failed" => PaymentFailed(RawJson),
        /// A refund was begun.
        "refund.initiated" => RefundInitiated(RawJson),
        /// A refund was paid out.
        "refund.completed" => RefundCompleted(RawJson),
        /// A customer was made.
        "customer.created" => CustomerCreated(RawJson),
        /// A customer's data changed.
        "customer.updated" => CustomerUpdated(RawJson),
    }
}

/// What the receiver should know of it.
pub(super) fn preset() -> Provider {
    Provider {
        name: Cow::Borrowed("zibapay"),
        scheme: Scheme::Hmac(HmacScheme {
            algorithm: HmacAlgorithm::Sha256,
            key: KeyFormat::TEXT,
            signature: SignatureFormat {
                headers: Cow::Borrowed(&[Cow::Borrowed("x-signature")]),
                grammar: Grammar::Plain {
                    prefix: Prefix::Optional(Cow::Borrowed("sha256=")),
                },
                encoding: SignatureEncoding::HexOrBase64,
            },
            timestamp: None,
            template: Cow::Borrowed("{body}"),
        }),
        envelope: Envelope {
            members: None,
            id: IdSource::Digest,
            kind: TypeSource::Pointers(vec![Pointer::of(&["event"]), Pointer::of(&["type"])]),
            time: None,
        },
        open: Cow::Borrowed(&[
            SettingName::SignatureEncoding,
            SettingName::Id,
            SettingName::TypePointer,
            SettingName::TypeName,
            SettingName::Time,
        ]),
        modes: &[],
        retry: Some(Retry {
            gaps: Cow::Borrowed(GAPS),
            horizon: DAY,
        }),
        answer_within: None,
        body_limit: BODY_LIMIT,
        retention: None,
        certainty: Some(Certainty {
            proof: Source::Inferred,
            header: Source::Stated,
            id: Source::NotPublic,
            kind: Source::Inferred,
        }),
        sender: None,
    }
}
