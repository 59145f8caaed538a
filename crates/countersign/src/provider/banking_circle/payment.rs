//! The payments that Banking Circle's events are about.

use serde::Deserialize;

use crate::typed::{Amount, RawJson, Timestamp};

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct Payment {
    pub payment_id: String,
    pub transaction_reference: Option<String>,
    pub classification: Option<String>,
    pub sub_classification: Option<String>,
    pub is_traceable: Option<bool>,
    pub status: Option<String>,
    pub processed_timestamp: Option<Timestamp>,
    pub latest_status_changed_timestamp: Option<Timestamp>,
    pub booked: Option<RawJson>,
    pub reversal_booked: Option<RawJson>,
    /// Whether it is a payment of the merchant's that came back: `return` in the payload.
    #[serde(rename = "return")]
    pub is_return: Option<bool>,
    pub payment_rail: Option<String>,
    /// How far a payment is on its way.
    pub routing_status: Option<String>,
    pub errors: Option<RawJson>,
    pub transfer: Option<Transfer>,
    pub debtor_information: Option<DebtorInformation>,
    pub creditor_information: Option<CreditorInformation>,
}

/// A payment as it was booked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct Booking {
    pub payment_id: String,
    pub transaction_reference: Option<String>,
    /// A date without an offset.
    pub value_date: Option<Timestamp>,
    /// A date without an offset.
    pub transaction_date: Option<Timestamp>,
    /// Signed by its effect on the balance: what went out is negative.
    pub amount: Amount,
    pub currency: Option<String>,
    pub transfer: Option<Transfer>,
}

/// From whom to whom, how much, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct Transfer {
    pub debtor_account: Option<Account>,
    pub debtor_name: Option<String>,
    pub amount: Option<Money>,
    pub value_date: Option<Timestamp>,
    pub charge_bearer: Option<String>,
    pub remittance_information: Option<RemittanceInformation>,
    pub creditor_account: Option<Account>,
    pub creditor_name: Option<String>,
    pub creditor_proxy_account: Option<ProxyAccount>,
}

/// An account, by whatever it is known by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct Account {
    pub account_number: Option<String>,
    pub account_iban: Option<String>,
    pub account: Option<String>,
    pub financial_institution: Option<String>,
    pub country: Option<String>,
}

/// An account by another name, such as a mail address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct ProxyAccount {
    pub service: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub value: Option<String>,
}

/// An amount and its currency.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct Money {
    pub currency: Option<String>,
    pub amount: Amount,
}

/// What a payment is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct RemittanceInformation {
    pub line1: Option<String>,
    pub line2: Option<String>,
    pub line3: Option<String>,
    pub line4: Option<String>,
}

/// Who is paid.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct CreditorInformation {
    pub account_id: Option<String>,
    pub credit_amount: Option<Money>,
}

/// Who pays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct DebtorInformation {
    pub account_id: Option<String>,
    pub debit_amount: Option<Money>,
    pub instruction: Option<Instruction>,
}

/// What the merchant ordered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct Instruction {
    pub amount: Option<Money>,
}
