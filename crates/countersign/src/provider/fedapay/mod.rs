//! FedaPay.
//!
//! [FedaPay](https://docs.fedapay.com): HMAC-SHA256 of `{t}.{raw body}` under the whole text of the
//! secret, in `X-FEDAPAY-SIGNATURE: t=…,s=…`, with a window of 300 seconds each way.
//!
//! The secret belongs to one endpoint and one mode: `wh_live_…` and `wh_sandbox_…` in one list are
//! refused. Every retry is signed anew with a new `t`; the event is the `id` at the top, or, where
//! there is none, name, class, id and time of the entity together (an inference).
//!
//! FedaPay switches an endpoint off after 10 failures, and whether 409 and 503 count as such is not
//! public.

mod events;

use std::borrow::Cow;
use std::time::Duration;

use super::{BODY_LIMIT, Certainty, Provider, Retry, SECOND, Source};
use crate::event::{Envelope, IdSource, TypeSource};
use crate::scan::Pointer;
use crate::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyFormat, Scheme, SignatureEncoding, SignatureFormat,
    TimestampFormat, TimestampSource,
};
use crate::window::TimeUnit;

pub use self::events::{
    Change, Customer, Data, Event, PaymentMethod, Transaction, TransactionStatus,
};

/// Nine retries, exponential, at most about 2 minutes apart (stated by third parties).
const GAPS: &[Duration] = &[
    SECOND,
    SECOND.saturating_mul(2),
    SECOND.saturating_mul(4),
    SECOND.saturating_mul(8),
    SECOND.saturating_mul(16),
    SECOND.saturating_mul(32),
    SECOND.saturating_mul(64),
    SECOND.saturating_mul(120),
    SECOND.saturating_mul(120),
];

/// What the receiver should know of it.
pub(super) fn preset() -> Provider {
    let entity = |name| Pointer::of(&["entity", name]);
    Provider {
        name: Cow::Borrowed("fedapay"),
        scheme: Scheme::Hmac(HmacScheme {
            algorithm: HmacAlgorithm::Sha256,
            key: KeyFormat::TEXT,
            signature: SignatureFormat {
                headers: Cow::Borrowed(&[Cow::Borrowed("x-fedapay-signature")]),
                grammar: Grammar::Pairs {
                    separator: b',',
                    keys: Cow::Borrowed(&[Cow::Borrowed("s")]),
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
        envelope: Envelope {
            members: None,
            id: IdSource::OrParts {
                id: Pointer::of(&["id"]),
                parts: vec![
                    Pointer::of(&["name"]),
                    entity("klass"),
                    entity("id"),
                    entity("updated_at"),
                ],
            },
            kind: TypeSource::Pointers(vec![Pointer::of(&["name"])]),
            time: None,
        },
        open: Cow::Borrowed(&[]),
        modes: &["wh_live_", "wh_sandbox_"],
        retry: Some(Retry {
            gaps: Cow::Borrowed(GAPS),
            horizon: GAPS_TOTAL,
        }),
        answer_within: None,
        body_limit: BODY_LIMIT,
        retention: None,
        certainty: Some(Certainty {
            proof: Source::Stated,
            header: Source::Stated,
            id: Source::Quoted,
            kind: Source::Stated,
        }),
        sender: None,
    }
}

/// The sum of the gaps.
const GAPS_TOTAL: Duration = SECOND.saturating_mul(127 + 240);
