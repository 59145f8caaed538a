//! FedaPay's typed events.

use serde::Deserialize;

use crate::provider::open_enum::open_enum;
use crate::typed::{Amount, Id, RawJson, Timestamp};

/// One event of FedaPay's.
pub type Event = crate::Event<Data>;

crate::events! {
    /// What FedaPay tells of. A dispute has no published type: it comes as `Unknown`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Data {
        /// A transaction was made; its payer has not paid yet.
        "transaction.created" => TransactionCreated(Box<Change<Transaction>>),
        /// The payer has paid.
        "transaction.approved" => TransactionApproved(Box<Change<Transaction>>),
        /// The payment failed, for want of funds perhaps.
        "transaction.declined" => TransactionDeclined(Box<Change<Transaction>>),
        /// The payer, or a time-out, called the payment off.
        "transaction.canceled" => TransactionCanceled(Box<Change<Transaction>>),
        /// The money was moved on to the merchant's account.
        "transaction.transferred" => TransactionTransferred(Box<Change<Transaction>>),
        /// A transaction's data changed.
        "transaction.updated" => TransactionUpdated(Box<Change<Transaction>>),
        /// The money was paid back (the type is stated by third parties).
        "transaction.refunded" => TransactionRefunded(Box<Change<Transaction>>),
        /// A transaction was deleted (the type is stated by third parties).
        "transaction.deleted" => TransactionDeleted(Box<Change<Transaction>>),
        /// Nobody paid in time (the type is stated by third parties).
        "transaction.expired" => TransactionExpired(Box<Change<Transaction>>),
        /// A customer was made.
        "customer.created" => CustomerCreated(Box<Change<Customer>>),
        /// A customer's data changed.
        "customer.updated" => CustomerUpdated(Box<Change<Customer>>),
        /// A customer was deleted.
        "customer.deleted" => CustomerDeleted(Box<Change<Customer>>),
    }
}

/// What an event is about, as it is after the change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Change<T> {
    /// The kind of entity, such as `transaction`.
    pub object: Option<String>,
    /// The entity.
    pub entity: T,
}

open_enum! {
    /// Where a transaction stands.
    pub enum TransactionStatus {
        /// It was made.
        "created" => Created,
        /// It waits for its payer.
        "pending" => Pending,
        /// It is paid.
        "approved" => Approved,
        /// It was called off.
        "canceled" => Canceled,
        /// The payment failed.
        "declined" => Declined,
        /// It was paid back.
        "refunded" => Refunded,
        /// It was moved on to the merchant.
        "transferred" => Transferred,
        /// Nobody paid in time.
        "expired" => Expired,
    }
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "FedaPay's own names; it documents them no further"
)]
pub struct Transaction {
    pub klass: Option<String>,
    pub id: Id,
    pub reference: Option<String>,
    /// In whole units of the currency.
    pub amount: Amount,
    pub description: Option<String>,
    pub callback_url: Option<String>,
    pub status: TransactionStatus,
    pub customer_id: Option<Id>,
    pub currency_id: Option<Id>,
    pub mode: Option<String>,
    pub operation: Option<String>,
    /// Whatever the merchant put there, and a few members of FedaPay's.
    pub metadata: Option<RawJson>,
    pub commission: Option<Amount>,
    pub fees: Option<Amount>,
    pub fixed_commission: Option<Amount>,
    pub amount_transferred: Option<Amount>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub approved_at: Option<Timestamp>,
    pub canceled_at: Option<Timestamp>,
    pub declined_at: Option<Timestamp>,
    pub refunded_at: Option<Timestamp>,
    pub transferred_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    pub last_error_code: Option<String>,
    pub amount_debited: Option<Amount>,
    pub receipt_url: Option<String>,
    pub transaction_key: Option<String>,
    pub customer: Option<Customer>,
    pub payment_method: Option<PaymentMethod>,
}

/// A payer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "FedaPay's own names; it documents them no further"
)]
pub struct Customer {
    pub klass: Option<String>,
    pub id: Id,
    pub firstname: Option<String>,
    pub lastname: Option<String>,
    pub full_name: Option<String>,
    pub email: Option<String>,
    pub account_id: Option<Id>,
    pub phone_number_id: Option<Id>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
}

/// How a payment is made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "FedaPay's own names; it documents them no further"
)]
pub struct PaymentMethod {
    pub klass: Option<String>,
    pub id: Option<Id>,
    pub brand: Option<String>,
    pub country: Option<String>,
    pub number: Option<String>,
    pub deleted_at: Option<Timestamp>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub method: Option<String>,
}
