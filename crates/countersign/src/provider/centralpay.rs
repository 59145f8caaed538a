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

use super::{BODY_LIMIT, Certainty, HOUR, Provider, Retry, SECOND, SettingName, Source};
use crate::event::{Envelope, IdSource, TypeSource};
use crate::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyFormat, Prefix, Scheme, SignatureEncoding,
    SignatureFormat,
};
use crate::typed::RawJson;

/// One event of CentralPay's.
pub type Event = crate::Event<Data>;

crate::events! {
    /// What CentralPay tells of, as far as names are known; for any other,
    /// [`object`](crate::Event::object) and [`action`](crate::Event::action) tell a name's two parts.
    ///
    /// No payload is public: each is the whole delivery's JSON, from which [`RawJson::get`] takes
    /// what the merchant knows to be there. Nor is it public where the name stands: until
    /// [`Setting::Type`](super::Setting::Type) says it, every event is `Unknown` without a name.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Data {
        /// A payment succeeded. One page spells it `TRANSACTION_SUCCESS`; both are taken.
        "TRANSACTION_SUCCEEDED" | "TRANSACTION_SUCCESS" => TransactionSucceeded(RawJson),
        /// A payment was called off.
        "TRANSACTION_CANCELED" => TransactionCanceled(RawJson),
        /// An authorised payment was captured.
        "TRANSACTION_CAPTURED" => TransactionCaptured(RawJson),
        /// An authorisation ran out before it was captured.
        "TRANSACTION_EXPIRED" => TransactionExpired(RawJson),
        /// A transaction's data changed.
        "TRANSACTION_UPDATED" => TransactionUpdated(RawJson),
        /// A payer disputes a payment.
        "TRANSACTION_DISPUTED" => TransactionDisputed(RawJson),
        /// A payment failed.
        "TRANSACTION_FAILED" => TransactionFailed(RawJson),
        /// A payment was found fraudulent.
        "TRANSACTION_FRAUDULENT" => TransactionFraudulent(RawJson),
        /// An enrolment was begun.
        "ONBOARDING_ENROLLMENT_CREATED" => OnboardingEnrollmentCreated(RawJson),
        /// An enrolment moved on.
        "ONBOARDING_ENROLLMENT_STATUS_UPDATED" => OnboardingEnrollmentStatusUpdated(RawJson),
        /// One more document is asked for.
        "ONBOARDING_ADDITIONAL_DOCUMENT_REQUESTED" =>
            OnboardingAdditionalDocumentRequested(RawJson),
        /// A document was refused.
        "ONBOARDING_ENROLLMENT_DOCUMENT_INVALID" => OnboardingEnrollmentDocumentInvalid(RawJson),
        /// A document that was asked for changed.
        "ONBOARDING_ADDITIONAL_DOCUMENT_UPDATED" => OnboardingAdditionalDocumentUpdated(RawJson),
        /// An enrolment starts over.
        "ONBOARDING_ENROLLMENT_WORKFLOW_RESET" => OnboardingEnrollmentWorkflowReset(RawJson),
        /// A search for political exposure and sanctions has a result.
        "ONBOARDING_PEP_SANCTION_SEARCH_RESULT" => OnboardingPepSanctionSearchResult(RawJson),
        /// The enrolment led to a payment account.
        "ONBOARDING_PAYMENT_ACCOUNT_CREATED" => OnboardingPaymentAccountCreated(RawJson),
        /// A payment account's status changed.
        "PAYMENT_ACCOUNT_STATUS_UPDATED" => PaymentAccountStatusUpdated(RawJson),
    }
}

/// The families of objects that are known: a name may have more than one word on either side.
const OBJECTS: &[&str] = &[
    "BANK_ACCOUNT",
    "CARD",
    "CREDIT",
    "CUSTOMER",
    "DEPOSIT",
    "DISPUTE",
    "INSTALLMENT",
    "MANDATE",
    "MERCHANT_ENROLLMENT",
    "ONBOARDING",
    "PAYMENT_ACCOUNT",
    "PAYMENT_REQUEST",
    "PAYOUT",
    "REFUND",
    "SCT_TRANSACTION",
    "SDD_TRANSACTION",
    "SUBSCRIPTION",
    "TRANSACTION",
    "TRANSFER",
    "TRANSFER_REVERSAL",
    "WALLET",
    "WIRE_TRANSFER",
];

impl crate::Event<Data> {
    /// What the event is about, such as `WIRE_TRANSFER`: the first part of its name.
    pub fn object(&self) -> Option<&str> {
        self.parts().map(|(object, _)| object)
    }

    /// What happened to it, such as `CREATED`: the rest of the name.
    pub fn action(&self) -> Option<&str> {
        self.parts().map(|(_, action)| action)
    }

    fn parts(&self) -> Option<(&str, &str)> {
        let name = self.name.as_deref()?;
        let split = |object: &&str| {
            let action = name.strip_prefix(*object)?.strip_prefix('_')?;
            Some((name.get(..object.len())?, action))
        };
        let known = OBJECTS.iter().filter_map(split);
        let longest = known.max_by_key(|(object, _)| object.len());
        longest.or_else(|| name.split_once('_'))
    }
}

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
        certainty: Some(Certainty {
            proof: Source::Stated,
            header: Source::NotPublic,
            id: Source::NotPublic,
            kind: Source::NotPublic,
        }),
        sender: None,
    }
}
