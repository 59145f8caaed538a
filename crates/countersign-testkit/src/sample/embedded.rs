//! The samples that follow a published example, as text: a byte that is not to be new stays as the
//! provider writes it.

use super::Fresh;

/// A sample of one type.
pub(super) struct Embedded {
    provider: &'static str,
    pub(super) kind: &'static str,
    /// Whether the provider publishes it as it is, but for what is new.
    pub(super) published: bool,
    text: &'static str,
    /// What is different from the example of another type.
    edits: &'static [(&'static str, &'static str)],
}

/// The samples of a provider, in the order of its list of types.
pub(super) fn of(provider: &str) -> impl Iterator<Item = &'static Embedded> {
    SAMPLES
        .iter()
        .filter(move |sample| sample.provider == provider)
}

impl Embedded {
    /// The id that is new, and the body.
    pub(super) fn fill(&self, fresh: &Fresh) -> (String, String) {
        let mut body = self.text.to_owned();
        for (from, to) in self.edits {
            body = body.replacen(from, to, 1);
        }
        let at = fresh.at;
        let (id, new) = match self.provider {
            "fedapay" => {
                let id = format!("evt_{}", fresh.hex());
                (
                    id,
                    [("id", ""), ("updated_at", &*format!("{at:.3}"))].map(owned),
                )
            }
            "banking-circle" => {
                let time = format!("{at:.7}");
                (
                    fresh.uuid(),
                    [("eventId", ""), ("timestamp", &*time)].map(owned),
                )
            }
            _ => {
                let time = format!("{at:.0}").replace('Z', "+00:00");
                (fresh.uuid(), [("id", ""), ("updatedAt", &*time)].map(owned))
            }
        };
        for (member, value) in new {
            let value = if value.is_empty() { &id } else { &value };
            body = with_text(&body, member, value);
        }
        (id, body)
    }
}

fn owned((member, value): (&'static str, &str)) -> (&'static str, String) {
    (member, value.to_owned())
}

/// The same JSON with another text as the first member of this name.
fn with_text(json: &str, member: &str, value: &str) -> String {
    let lead = format!("\"{member}\": \"");
    let split = json.split_once(&lead);
    let rest = split.and_then(|(before, rest)| Some((before, rest.split_once('"')?.1)));
    match rest {
        Some((before, behind)) => format!("{before}{lead}{value}\"{behind}"),
        None => json.to_owned(),
    }
}

const TRANSACTION: &str = include_str!("../../samples/fedapay-transaction.canceled.json");
const CUSTOMER: &str = include_str!("../../samples/fedapay-customer.json");
const INCOMING: &str = include_str!("../../samples/banking-circle-incoming-payment-processed.json");
const OUTGOING: &str = include_str!("../../samples/banking-circle-outgoing-payment-processed.json");
const BOOKED: &str = include_str!("../../samples/banking-circle-outgoing-payment-booked.json");
const STATUS: &str = include_str!("../../samples/banking-circle-payment-status.json");
const CASE: &str = include_str!("../../samples/banking-circle-case-events.json");
const UNPUBLISHED: &str = include_str!("../../samples/banking-circle-unpublished.json");

macro_rules! samples {
    ($($provider:literal: { $($kind:literal $published:ident $text:expr
        $(, $from:literal => $to:literal)* ;)* })*) => {
        &[$($(Embedded {
            provider: $provider,
            kind: $kind,
            published: $published,
            text: $text,
            edits: &[$(($from, $to)),*],
        },)*)*]
    };
}

const SAMPLES: &[Embedded] = samples! {
    "fedapay": {
        "transaction.created" false TRANSACTION,
            "transaction.canceled" => "transaction.created",
            "\"status\": \"canceled\"" => "\"status\": \"pending\"";
        "transaction.approved" false TRANSACTION,
            "transaction.canceled" => "transaction.approved",
            "\"status\": \"canceled\"" => "\"status\": \"approved\"";
        "transaction.declined" false TRANSACTION,
            "transaction.canceled" => "transaction.declined",
            "\"status\": \"canceled\"" => "\"status\": \"declined\"";
        "transaction.canceled" true TRANSACTION;
        "transaction.transferred" false TRANSACTION,
            "transaction.canceled" => "transaction.transferred",
            "\"status\": \"canceled\"" => "\"status\": \"transferred\"";
        "transaction.updated" false TRANSACTION,
            "transaction.canceled" => "transaction.updated",
            "\"status\": \"canceled\"" => "\"status\": \"pending\"";
        "transaction.refunded" false TRANSACTION,
            "transaction.canceled" => "transaction.refunded",
            "\"status\": \"canceled\"" => "\"status\": \"refunded\"";
        "transaction.deleted" false TRANSACTION,
            "transaction.canceled" => "transaction.deleted";
        "transaction.expired" false TRANSACTION,
            "transaction.canceled" => "transaction.expired",
            "\"status\": \"canceled\"" => "\"status\": \"expired\"";
        "customer.created" false CUSTOMER;
        "customer.updated" false CUSTOMER, "customer.created" => "customer.updated";
        "customer.deleted" false CUSTOMER, "customer.created" => "customer.deleted";
    }
    "banking-circle": {
        "IncomingPaymentProcessed" true INCOMING;
        "IncomingPaymentBooked" false BOOKED,
            "OutgoingPaymentBooked" => "IncomingPaymentBooked", "-125.0" => "125.0";
        "OutgoingPaymentRejected" false OUTGOING,
            "OutgoingPaymentProcessed" => "OutgoingPaymentRejected",
            "\"status\": \"Processed\"" => "\"status\": \"Rejected\"";
        "OutgoingPaymentBooked" true BOOKED;
        "OutgoingPaymentProcessed" true OUTGOING;
        "MissingFunding" false OUTGOING,
            "OutgoingPaymentProcessed" => "MissingFunding",
            "\"status\": \"Processed\"" => "\"status\": \"MissingFunding\"";
        "Reversed" false OUTGOING,
            "OutgoingPaymentProcessed" => "Reversed",
            "\"status\": \"Processed\"" => "\"status\": \"Reversed\"";
        "PaymentRouting" false OUTGOING,
            "OutgoingPaymentProcessed" => "PaymentRouting",
            "\"status\": \"Processed\"" => "\"routingStatus\": \"Routed\"";
        "OutgoingDirectDebitPendingProcessing" false OUTGOING,
            "OutgoingPaymentProcessed" => "OutgoingDirectDebitPendingProcessing",
            "\"status\": \"Processed\"" => "\"status\": \"PendingProcessing\"";
        "PaymentStatus" true STATUS;
        "AccountHolderVerification" false UNPUBLISHED,
            "MandateStatus" => "AccountHolderVerification";
        "CaseEvents" false CASE, "CasesEvents" => "CaseEvents";
        "CasesEvents" true CASE;
        "AgencyBankingWhitelistResult" false UNPUBLISHED,
            "MandateStatus" => "AgencyBankingWhitelistResult";
        "MandateStatus" false UNPUBLISHED;
    }
    "4pay": {
        "card_transaction" true include_str!("../../samples/4pay-card_transaction.json");
        "card_state" true include_str!("../../samples/4pay-card_state.json");
        "account_transaction" true include_str!("../../samples/4pay-account_transaction.json");
        "account_topup" true include_str!("../../samples/4pay-account_topup.json");
    }
};
