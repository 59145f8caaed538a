//! Banking Circle Connect.
//!
//! [Banking Circle Connect](https://docs.bankingcircleconnect.com): the body is sealed with
//! AES-256-GCM. Nonce, tag and checksum stand in the headers `Nonce`, `AuthenticationTag` and
//! `Checksum`, whose names can be changed; `SubscriptionVersion` is not required.
//!
//! The key is a text of 32 characters taken as it is (an inference, and stated by third parties);
//! its Base64 form can be chosen ([`KeyEncoding`](super::Setting::KeyEncoding)). That nothing but
//! the body is authenticated is inferred too. A delivery holds up to 1000 events, each with an
//! `eventId`; the handler is given UTF-8 JSON.
//!
//! Nothing in the proof holds a time, and no window is applied: retries come up to four days late.
//! `eventId` stops a replay while it is remembered: for 35 days, since pending deliveries may be
//! re-sent weeks later when a deactivated subscription is switched on again (an assumption).

mod events;
mod payment;
mod status;

use std::borrow::Cow;
use std::time::Duration;

use super::{Certainty, DAY, HOUR, MINUTE, Provider, Retry, SECOND, SettingName, Source};
use crate::event::{Envelope, IdSource, TypeSource};
use crate::scan::Pointer;
use crate::scheme::{KeyFormat, Scheme, SealedScheme};

pub use self::events::{Data, Event, Notification};
pub use self::payment::{
    Account, Booking, CreditorInformation, DebtorInformation, Instruction, Money, Payment,
    ProxyAccount, RemittanceInformation, Transfer,
};
pub use self::status::{
    AccountReference, Agent, Case, InstructedAmount, PaymentStatus, StatusReason,
    TransactionReference,
};

/// Eleven retries, then the subscription is deactivated (stated by third parties).
const GAPS: &[Duration] = &[
    SECOND.saturating_mul(15),
    SECOND.saturating_mul(30),
    MINUTE,
    MINUTE.saturating_mul(10),
    MINUTE.saturating_mul(30),
    HOUR,
    HOUR.saturating_mul(2),
    HOUR.saturating_mul(6),
    HOUR.saturating_mul(12),
    HOUR.saturating_mul(24),
    HOUR.saturating_mul(48),
];

/// The sum of the gaps: a little under four days.
const GAPS_TOTAL: Duration = Duration::from_secs(337_305);

/// What the receiver should know of it.
pub(super) fn preset() -> Provider {
    Provider {
        name: Cow::Borrowed("banking-circle"),
        scheme: Scheme::Sealed(SealedScheme {
            nonce: Cow::Borrowed("nonce"),
            tag: Cow::Borrowed("authenticationtag"),
            checksum: Cow::Borrowed("checksum"),
            key: KeyFormat::TEXT,
        }),
        envelope: Envelope {
            members: Some(Pointer::of(&["notifications"])),
            id: IdSource::Pointer(Pointer::of(&["eventId"])),
            kind: TypeSource::Pointers(vec![Pointer::of(&["notificationType"])]),
            time: Some(Pointer::of(&["timestamp"])),
        },
        open: Cow::Borrowed(&[
            SettingName::KeyEncoding,
            SettingName::NonceHeader,
            SettingName::TagHeader,
            SettingName::ChecksumHeader,
        ]),
        modes: &[],
        retry: Some(Retry {
            gaps: Cow::Borrowed(GAPS),
            horizon: GAPS_TOTAL,
        }),
        answer_within: Some(SECOND.saturating_mul(10)),
        body_limit: 50_000_000,
        retention: Some(DAY.saturating_mul(35)),
        certainty: Some(Certainty {
            proof: Source::Stated,
            header: Source::Stated,
            id: Source::Stated,
            kind: Source::Stated,
        }),
        sender: None,
    }
}
