//! The handlers. Each runs once for an event that its provider really sent: what is forged, stale or
//! done already does not come so far.
//!
//! A 2xx commits the event, anything else releases it, and the provider sends it again. This is
//! at-least-once: effects that must not happen twice, crash or not, need the event's id beside them
//! in one transaction.

use std::fmt;

use axum::http::StatusCode;
use countersign_axum::{Delivery, Webhook, Webhooks};
use serde::Deserialize;

/// CentralPay's payload is not public: the delivery as it is, which any JSON fits.
pub(crate) async fn centralpay(delivery: Delivery) -> StatusCode {
    for event in delivery.events() {
        let payload = String::from_utf8_lossy(event.raw());
        say(format_args!("centralpay: {} {payload:?}", event.id()));
    }
    StatusCode::OK
}

#[derive(Deserialize)]
pub(crate) struct FedaPay {
    name: String,
    entity: FedaPayEntity,
}

#[derive(Deserialize)]
struct FedaPayEntity {
    klass: String,
}

/// FedaPay: one event, decoded.
pub(crate) async fn fedapay(Webhook(event): Webhook<FedaPay>) -> StatusCode {
    say(format_args!(
        "fedapay: {:?} of a {:?}",
        event.name, event.entity.klass
    ));
    StatusCode::OK
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BankingCircle {
    event_id: String,
    notification_type: String,
}

/// Banking Circle sends up to a thousand events at once. Those that are done already are not among
/// these.
pub(crate) async fn banking_circle(Webhooks(events): Webhooks<BankingCircle>) -> StatusCode {
    for event in events {
        let BankingCircle {
            event_id,
            notification_type,
        } = event;
        say(format_args!(
            "banking-circle: {notification_type:?} {event_id:?}"
        ));
    }
    StatusCode::OK
}

#[derive(Deserialize)]
pub(crate) struct ZibaPay {
    /// Where the type stands is an assumption: the payload is not public.
    event: Option<String>,
}

/// ZibaPay: one event, decoded.
pub(crate) async fn zibapay(Webhook(event): Webhook<ZibaPay>) -> StatusCode {
    say(format_args!(
        "zibapay: {:?}",
        event.event.as_deref().unwrap_or("unknown")
    ));
    StatusCode::OK
}

#[derive(Deserialize)]
pub(crate) struct FourPay {
    /// The resource's, not the event's: it comes again with each change of status.
    id: String,
    status: Option<String>,
}

/// 4Pay names no type; the delivery tells what the payload's shape says.
pub(crate) async fn fourpay(Webhook(event): Webhook<FourPay>, delivery: Delivery) -> StatusCode {
    let kind = delivery.events().next().and_then(|event| event.kind());
    let kind = kind.unwrap_or("unknown");
    let status = event.status.as_deref().unwrap_or("unknown");
    say(format_args!("4pay: {kind} {:?} is {status:?}", event.id));
    StatusCode::OK
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
pub(crate) fn say(what: fmt::Arguments<'_>) {
    println!("{what}");
}
