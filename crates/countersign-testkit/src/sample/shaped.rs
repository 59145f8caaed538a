//! Samples of providers that publish none: made up, in the shape that the envelope asks for.

use countersign::{Envelope, IdSource, Pointer, TypeSource};
use serde_json::{Map, Value, json};

use super::Fresh;

/// One that was made up.
pub(super) struct Shaped {
    /// Nothing where the id is the digest of the event.
    pub(super) id: Option<String>,
    /// The event's own JSON.
    pub(super) event: String,
    pub(super) body: String,
}

const CENTRALPAY: &[&str] = &[
    "TRANSACTION_SUCCEEDED",
    "TRANSACTION_SUCCESS",
    "TRANSACTION_CANCELED",
    "TRANSACTION_CAPTURED",
    "TRANSACTION_EXPIRED",
    "TRANSACTION_UPDATED",
    "TRANSACTION_DISPUTED",
    "TRANSACTION_FAILED",
    "TRANSACTION_FRAUDULENT",
    "ONBOARDING_ENROLLMENT_CREATED",
    "ONBOARDING_ENROLLMENT_STATUS_UPDATED",
    "ONBOARDING_ADDITIONAL_DOCUMENT_REQUESTED",
    "ONBOARDING_ENROLLMENT_DOCUMENT_INVALID",
    "ONBOARDING_ADDITIONAL_DOCUMENT_UPDATED",
    "ONBOARDING_ENROLLMENT_WORKFLOW_RESET",
    "ONBOARDING_PEP_SANCTION_SEARCH_RESULT",
    "ONBOARDING_PAYMENT_ACCOUNT_CREATED",
    "PAYMENT_ACCOUNT_STATUS_UPDATED",
];

const ZIBAPAY: &[&str] = &[
    "payment.completed",
    "payment.failed",
    "refund.initiated",
    "refund.completed",
    "customer.created",
    "customer.updated",
];

/// The types of a provider whose samples are made up.
pub(super) fn kinds(provider: &str) -> &'static [&'static str] {
    match provider {
        "centralpay" => CENTRALPAY,
        "zibapay" => ZIBAPAY,
        "fedapay" | "banking-circle" | "4pay" => &[],
        _ => &["webhook.test"],
    }
}

pub(super) fn sample(envelope: &Envelope, kind: &str, fresh: &Fresh) -> Shaped {
    let id = format!("evt_{}", fresh.hex());
    let mut event = json!({
        "synthetic": "made up: no example of this event is published",
        "reference": fresh.hex(),
        "amount": "1500.00",
    });
    match &envelope.kind {
        TypeSource::Pointers(pointers) => {
            if let Some(pointer) = pointers.first() {
                put(&mut event, pointer, kind);
            }
        }
        _ => put_step(&mut event, ["event"].into_iter(), kind),
    }
    if let Some(pointer) = &envelope.time {
        put(&mut event, pointer, &fresh.at.to_string());
    }
    let id = match &envelope.id {
        IdSource::Pointer(pointer)
        | IdSource::WithType(pointer)
        | IdSource::OrParts { id: pointer, .. } => {
            put(&mut event, pointer, &id);
            Some(id)
        }
        IdSource::SignedHeader(_) => Some(id),
        _ => None,
    };
    // With white space: what was parsed and written again is another message.
    let event = format!("{event:#}");
    let body = match &envelope.members {
        None => event.clone(),
        Some(members) => {
            let mut whole = Value::Object(Map::new());
            put(&mut whole, members, MEMBER);
            let hole = format!("{MEMBER:?}");
            whole.to_string().replacen(&hole, &format!("[{event}]"), 1)
        }
    };
    Shaped { id, event, body }
}

/// Stands where a batch's events go.
const MEMBER: &str = "the events";

fn put(value: &mut Value, pointer: &Pointer, text: &str) {
    put_step(value, pointer.steps(), text);
}

fn put_step<'a>(value: &mut Value, steps: impl Iterator<Item = &'a str>, text: &str) {
    let mut at = value;
    for step in steps {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(members) = at else { return };
        at = members.entry(step.to_owned()).or_insert(Value::Null);
    }
    *at = Value::String(text.to_owned());
}
