//! Status updates and cases of Banking Circle's.

use serde::Deserialize;

use crate::typed::{Amount, RawJson, Timestamp};

/// A change of a payment's status.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct PaymentStatus {
    pub end_to_end_id: Option<String>,
    pub instruction_uetr: Option<String>,
    pub account_servicer_reference: Option<String>,
    pub acceptance_date_time: Option<Timestamp>,
    pub transaction_status: String,
    pub status_reason_information: Option<Vec<StatusReason>>,
    pub transaction_reference: Option<TransactionReference>,
}

/// Why a payment has its status.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct StatusReason {
    pub reason: Option<String>,
    pub additional_information: Option<String>,
}

/// The payment that a status is of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct TransactionReference {
    pub instructed_amount: Option<InstructedAmount>,
    pub debtor_account: Option<AccountReference>,
    pub debtor_agent: Option<Agent>,
    pub creditor_account: Option<AccountReference>,
    pub creditor_agent: Option<Agent>,
}

/// An amount and its currency.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct InstructedAmount {
    pub currency: Option<String>,
    pub amount: Amount,
}

/// An account, by whatever it is known by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct AccountReference {
    pub iban: Option<String>,
    pub account_number: Option<String>,
    pub account_uuid: Option<String>,
}

/// A bank.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct Agent {
    pub bic: Option<String>,
    pub ncc: Option<String>,
    pub country: Option<String>,
}

/// A case: a question that a bank has about a payment, say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "Banking Circle's own names")]
pub struct Case {
    pub event_type: Option<String>,
    pub case_id: String,
    pub case_type: Option<String>,
    pub status: Option<String>,
    /// Until when an answer is expected.
    pub deadline: Option<Timestamp>,
    pub links: Option<RawJson>,
}
