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

use serde::Deserialize;

use super::{BODY_LIMIT, Certainty, DAY, Provider, Retry, SECOND, SettingName, Source};
use crate::event::{Envelope, IdSource, Shape, TypeSource};
use crate::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyFormat, Prefix, Scheme, SignatureEncoding,
    SignatureFormat,
};
use crate::typed::{Amount, Id, Timestamp};

/// One event of 4Pay's.
pub type Event = crate::Event<Data>;

crate::events! {
    /// What 4Pay tells of. The type is told from the payload's shape, and what turns out to be of
    /// another form is `Unknown`; for an endpoint that receives one type only,
    /// [`Provider::with_type`] fixes it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Data {
        /// A card was used, or a purchase with it moved on: told by `cardUuid`.
        "card_transaction" => CardTransaction(Box<CardTransaction>),
        /// A card was made, or its state or balance changed: told by `lastFour`, `cardType` or
        /// `cardOwnerId`.
        "card_state" => CardState(Box<CardState>),
        /// Money came into an account or left it: told by `type`.
        "account_transaction" => AccountTransaction(Box<AccountTransaction>),
        /// An account was topped up: told by `accountUuid` and `amount`.
        "account_topup" => AccountTopup(Box<AccountTopup>),
    }
}

/// A transaction with a card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "4Pay's own names")]
pub struct CardTransaction {
    /// The transaction: it comes again with every status.
    pub id: Id,
    pub card_uuid: Id,
    pub account_uuid: Option<Id>,
    pub amount: Amount,
    pub currency: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub status: Option<String>,
    pub merchant_name: Option<String>,
    pub merchant_category: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// A card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "4Pay's own names")]
pub struct CardState {
    /// The card: it comes again with every state.
    pub id: Id,
    pub account_uuid: Option<Id>,
    pub card_owner_id: Option<Id>,
    pub status: Option<String>,
    pub card_type: Option<String>,
    pub last_four: Option<String>,
    pub balance: Option<Amount>,
    pub available_balance: Option<Amount>,
    pub currency: Option<String>,
    pub expiry_month: Option<u8>,
    pub expiry_year: Option<u16>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// A transaction of an account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "4Pay's own names")]
pub struct AccountTransaction {
    /// The transaction: it comes again with every status.
    pub id: Id,
    pub account_uuid: Option<Id>,
    pub amount: Amount,
    pub currency: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub status: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// Money for an account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "4Pay's own names")]
pub struct AccountTopup {
    /// The top-up: it comes again with every status.
    pub id: Id,
    pub account_uuid: Option<Id>,
    pub currency: Option<String>,
    pub amount: Amount,
    pub status: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

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
        certainty: Some(Certainty {
            proof: Source::Stated,
            header: Source::Stated,
            id: Source::Inferred,
            kind: Source::Inferred,
        }),
        sender: None,
    }
}
