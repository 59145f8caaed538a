//! CentralPay.
//!
//! [CentralPay](https://www.centralpay.com): HMAC-SHA256 of the raw body under the secret's text.
//!
//! **Its documentation does not name the signature header**, so the merchant has to
//! ([`SignatureHeader`](super::Setting::SignatureHeader)); a captured delivery shows it. Lower-case
//! hexadecimal digits are assumed for its encoding and can be changed
//! ([`SignatureEncoding`](super::Setting::SignatureEncoding)). Nor does it say where an event's id
//! and type stand: until they are set ([`Id`](super::Setting::Id), [`Type`](super::Setting::Type)),
//! an event is known by the digest of its body, and its type is not known.
//!
//! Nothing signed holds a time: a replay is recognised while the event is remembered, and not
//! longer. A bound on its age can be set with `with_freshness` on the receiver.

use std::borrow::Cow;
use std::time::Duration;

use super::{BODY_LIMIT, HOUR, Provider, Retry, SECOND, SettingName};
use crate::event::{Envelope, IdSource, TypeSource};
use crate::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyFormat, Prefix, Scheme, SignatureEncoding,
    SignatureFormat,
};

/// Its pages name four gaps for five retries; the fourth is assumed again for the fifth.
const GAPS: &[Duration] = &[
    SECOND,
    SECOND.saturating_mul(5),
    SECOND.saturating_mul(30),
    SECOND.saturating_mul(300),
    SECOND.saturating_mul(300),
];

/// Older pages speak of a retry every 5 minutes for 2 hours, which is the longer of the two.
const HORIZON: Duration = HOUR.saturating_mul(2);

/// What the receiver should know of it.
pub(super) fn preset() -> Provider {
    Provider {
        name: Cow::Borrowed("centralpay"),
        scheme: Scheme::Hmac(HmacScheme {
            algorithm: HmacAlgorithm::Sha256,
            key: KeyFormat::TEXT,
            signature: SignatureFormat {
                headers: Cow::Borrowed(&[]),
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
            kind: TypeSource::None,
            time: None,
        },
        open: Cow::Borrowed(&[
            SettingName::SignatureHeader,
            SettingName::SignatureEncoding,
            SettingName::Id,
            SettingName::TypePointer,
            SettingName::TypeName,
            SettingName::Time,
        ]),
        modes: &[],
        retry: Some(Retry {
            gaps: Cow::Borrowed(GAPS),
            horizon: HORIZON,
        }),
        answer_within: None,
        body_limit: BODY_LIMIT,
        retention: None,
    }
}
