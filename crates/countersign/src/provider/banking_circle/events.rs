//! Banking Circle Connect's typed events. A delivery is a batch: handlers take `Webhooks<Event>`.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::payment::{Booking, Payment};
use super::status::{Case, PaymentStatus};
use crate::typed::{DecodeError, RawJson, Timestamp, decode};

/// One event of Banking Circle's.
pub type Event = crate::Event<Data>;

crate::events! {
    /// What Banking Circle tells of.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Data {
        /// Money came in. With [`Payment::is_return`] it is a payment of the merchant's that came back.
        "IncomingPaymentProcessed" => IncomingPaymentProcessed(Box<Notification<Payment>>),
        /// An incoming payment was booked on the account.
        "IncomingPaymentBooked" => IncomingPaymentBooked(Box<Notification<Booking>>),
        /// A payment that the merchant ordered was refused; its errors say why.
        "OutgoingPaymentRejected" => OutgoingPaymentRejected(Box<Notification<Payment>>),
        /// An outgoing payment was booked on the account.
        "OutgoingPaymentBooked" => OutgoingPaymentBooked(Box<Notification<Booking>>),
        /// A payment that the merchant ordered was sent.
        "OutgoingPaymentProcessed" => OutgoingPaymentProcessed(Box<Notification<Payment>>),
        /// The account does not cover a payment: it is executed once it is funded, and rejected after
        /// 2 days.
        "MissingFunding" => MissingFunding(Box<Notification<Payment>>),
        /// A payment was undone.
        "Reversed" => Reversed(Box<Notification<Payment>>),
        /// A payment takes its way; [`Payment::routing_status`] says how far it is.
        "PaymentRouting" => PaymentRouting(Box<Notification<Payment>>),
        /// A direct debit is accepted and waits to be processed.
        "OutgoingDirectDebitPendingProcessing" =>
            OutgoingDirectDebitPendingProcessing(Box<Notification<Payment>>),
        /// A payment's status changed (the type is stated by third parties).
        "PaymentStatus" => PaymentStatus(Box<Notification<PaymentStatus>>),
        /// The holder of an account was verified, or was not (the type is stated by third parties, and
        /// its form is not public).
        "AccountHolderVerification" => AccountHolderVerification(Box<Notification<RawJson>>),
        /// A case, such as a request for information, was opened or moved on (stated by third parties).
        /// Documentation and deliveries spell the type differently; both are taken.
        "CaseEvents" | "CasesEvents" => CaseEvents(Box<Notification<Case>>),
        /// An account was put on an agency's list, or was not (the type is stated by third parties, and
        /// its form is not public).
        "AgencyBankingWhitelistResult" => AgencyBankingWhitelistResult(Box<Notification<RawJson>>),
        /// A mandate's status changed (the type is stated by third parties, and its form is not
        /// public).
        "MandateStatus" => MandateStatus(Box<Notification<RawJson>>),
    }
}

/// What an event tells, and the subscription through which it does.
///
/// Several subscriptions may share one endpoint; an event that comes by two of them runs once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Received<T>", bound = "T: DeserializeOwned")]
#[non_exhaustive]
pub struct Notification<T> {
    /// The subscription.
    pub subscription_id: Option<String>,
    /// The event as that subscription counts it. The event's own id is [`Event`](crate::Event)'s.
    pub subscription_event_id: Option<String>,
    /// When it happened, to the digits that Banking Circle writes.
    pub timestamp: Option<Timestamp>,
    /// What happened: `payment` in the JSON, or `payload` where the type has that.
    pub content: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
struct Received<T> {
    subscription_id: Option<String>,
    subscription_event_id: Option<String>,
    timestamp: Option<Timestamp>,
    payment: Option<T>,
    /// Of a type that has a `payment`, it is a property that was added, and may be anything.
    payload: Option<RawJson>,
}

/// Neither `payment` nor `payload` is what the type has.
enum Unfit {
    Nothing,
    Payload(DecodeError),
}

/// In the words of serde's own errors.
impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Nothing => {
                f.write_str("invalid value: nothing, expected `payment` or `payload`")
            }
            Unfit::Payload(error) => {
                let wanted = error.wanted().trim_start_matches("expected ");
                write!(
                    f,
                    "invalid value: a payload, expected {wanted} at payload.{}",
                    error.path()
                )
            }
        }
    }
}

impl<T: DeserializeOwned> TryFrom<Received<T>> for Notification<T> {
    type Error = Unfit;

    fn try_from(received: Received<T>) -> Result<Self, Unfit> {
        let content = match (received.payment, received.payload) {
            (Some(payment), _) => payment,
            (None, Some(payload)) => {
                decode(None, payload.as_str().as_bytes()).map_err(Unfit::Payload)?
            }
            (None, None) => return Err(Unfit::Nothing),
        };
        Ok(Notification {
            subscription_id: received.subscription_id,
            subscription_event_id: received.subscription_event_id,
            timestamp: received.timestamp,
            content,
        })
    }
}
