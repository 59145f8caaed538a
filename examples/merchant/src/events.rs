//! What this merchant does with an event, whatever framework brought it.
//!
//! A handler runs once for an event that its provider really sent: what is forged, stale or done already
//! does not come so far. A 2xx commits the event, anything else releases it, and the provider sends it
//! again. This is at-least-once: effects that must not happen twice, crash or not, need the event's id
//! beside them in one transaction, as in `examples/ledger`.

use countersign::provider;

use crate::say;

/// CentralPay: a name in two parts, and a payload whose form is not public.
pub fn centralpay(event: provider::centralpay::Event) {
    use provider::centralpay::Data::*;
    match &event.data {
        TransactionSucceeded(payload) | TransactionCaptured(payload) => {
            say(format_args!("centralpay: paid, {:?}", payload.as_str()));
        }
        TransactionFailed(_) | TransactionCanceled(_) | TransactionExpired(_) => {
            say(format_args!("centralpay: will not be paid"));
        }
        TransactionDisputed(_) | TransactionFraudulent(_) => {
            say(format_args!(
                "centralpay: somebody has to look at {:?}",
                event.id
            ));
        }
        TransactionUpdated(_)
        | OnboardingEnrollmentCreated(_)
        | OnboardingEnrollmentStatusUpdated(_)
        | OnboardingAdditionalDocumentRequested(_)
        | OnboardingEnrollmentDocumentInvalid(_)
        | OnboardingAdditionalDocumentUpdated(_)
        | OnboardingEnrollmentWorkflowReset(_)
        | OnboardingPepSanctionSearchResult(_)
        | OnboardingPaymentAccountCreated(_)
        | PaymentAccountStatusUpdated(_) => {
            say(format_args!("centralpay: {:?}, noted", event.action()));
        }
        Unknown { raw, .. } => say(format_args!(
            "centralpay: {:?} of a {:?}, {} bytes",
            event.action(),
            event.object(),
            raw.len()
        )),
    }
}

/// FedaPay: transactions and customers.
pub fn fedapay(event: provider::fedapay::Event) {
    use provider::fedapay::Data::*;
    match event.data {
        TransactionApproved(change) | TransactionTransferred(change) => {
            let payment = change.entity;
            say(format_args!(
                "fedapay: {} is paid, {} in all",
                payment.id, payment.amount
            ));
        }
        TransactionDeclined(change)
        | TransactionCanceled(change)
        | TransactionExpired(change)
        | TransactionDeleted(change) => {
            say(format_args!(
                "fedapay: {} will not be paid: {:?}",
                change.entity.id, change.entity.last_error_code
            ));
        }
        TransactionRefunded(change) => {
            say(format_args!("fedapay: {} is paid back", change.entity.id));
        }
        TransactionCreated(change) | TransactionUpdated(change) => {
            say(format_args!(
                "fedapay: {} is {:?}",
                change.entity.id,
                change.entity.status.as_str()
            ));
        }
        CustomerCreated(change) | CustomerUpdated(change) | CustomerDeleted(change) => {
            say(format_args!("fedapay: customer {}", change.entity.id));
        }
        Unknown { name, raw } => {
            say(format_args!("fedapay: {name:?}, {} bytes", raw.len()));
        }
    }
}

/// Banking Circle sends up to a thousand events at once. Those that are done already are not among
/// these.
pub fn banking_circle(events: Vec<provider::banking_circle::Event>) {
    for event in events {
        let id = event.id;
        let what = match event.data {
            provider::banking_circle::Data::IncomingPaymentProcessed(told)
            | provider::banking_circle::Data::OutgoingPaymentProcessed(told)
            | provider::banking_circle::Data::OutgoingPaymentRejected(told)
            | provider::banking_circle::Data::OutgoingDirectDebitPendingProcessing(told)
            | provider::banking_circle::Data::MissingFunding(told)
            | provider::banking_circle::Data::PaymentRouting(told)
            | provider::banking_circle::Data::Reversed(told) => told.content.payment_id,
            provider::banking_circle::Data::IncomingPaymentBooked(told)
            | provider::banking_circle::Data::OutgoingPaymentBooked(told) => {
                format!("{} by {}", told.content.payment_id, told.content.amount)
            }
            provider::banking_circle::Data::PaymentStatus(told) => told.content.transaction_status,
            provider::banking_circle::Data::CaseEvents(told) => told.content.case_id,
            provider::banking_circle::Data::AccountHolderVerification(told)
            | provider::banking_circle::Data::AgencyBankingWhitelistResult(told)
            | provider::banking_circle::Data::MandateStatus(told) => {
                told.content.as_str().to_owned()
            }
            provider::banking_circle::Data::Unknown { raw, .. } => format!("{} bytes", raw.len()),
        };
        let name = event.name.unwrap_or_default();
        say(format_args!("banking-circle: {name:?} {id:?}: {what:?}"));
    }
}

/// ZibaPay: payloads whose form is not public.
pub fn zibapay(event: provider::zibapay::Event) {
    use provider::zibapay::Data::*;
    match event.data {
        PaymentCompleted(payload) => say(format_args!("zibapay: paid, {:?}", payload.as_str())),
        PaymentFailed(_) => say(format_args!("zibapay: will not be paid")),
        RefundInitiated(_) | RefundCompleted(_) => say(format_args!("zibapay: a refund")),
        CustomerCreated(_) | CustomerUpdated(_) => say(format_args!("zibapay: a customer")),
        Unknown { name, raw } => {
            say(format_args!("zibapay: {name:?}, {} bytes", raw.len()));
        }
    }
}

/// 4Pay: no delivery names its type; the payload's shape tells it.
pub fn fourpay(event: provider::fourpay::Event) {
    use provider::fourpay::Data::*;
    match event.data {
        CardTransaction(bought) => say(format_args!(
            "4pay: {:?} is {:?}, {} at {:?}",
            bought.id, bought.status, bought.amount, bought.merchant_name
        )),
        CardState(card) => say(format_args!(
            "4pay: card {:?} is {:?}",
            card.id, card.status
        )),
        AccountTransaction(moved) => say(format_args!(
            "4pay: {:?} is {:?}, {}",
            moved.id, moved.status, moved.amount
        )),
        AccountTopup(topup) => say(format_args!(
            "4pay: {:?} is {:?}, {}",
            topup.id, topup.status, topup.amount
        )),
        Unknown { raw, .. } => say(format_args!("4pay: something else, {} bytes", raw.len())),
    }
}
