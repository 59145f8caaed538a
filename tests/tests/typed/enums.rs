//! Every type that a provider names has its variant, and what is special about it.

use countersign::provider::banking_circle::Data as Bank;
use countersign::provider::fedapay::{Data as FedaPay, TransactionStatus};
use countersign::provider::{Setting, banking_circle, fedapay, fourpay, zibapay};
use countersign::provider::{centralpay, centralpay::Data as CentralPay};
use countersign::{Amount, Event, EventData, Pointer, RawJson, UnixTime};

use crate::stage::{self, decode, shown};

fn one<T: countersign::FromEvent>(provider: &countersign::Provider, body: &str) -> T {
    let [event] = decode::<T>(provider, body).try_into().ok().unwrap();
    event.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn fedapay_has_a_variant_for_each_of_its_types() {
    let types = [
        "transaction.created",
        "transaction.approved",
        "transaction.declined",
        "transaction.canceled",
        "transaction.transferred",
        "transaction.updated",
        "transaction.refunded",
        "transaction.deleted",
        "transaction.expired",
        "customer.created",
        "customer.updated",
        "customer.deleted",
    ];
    assert_eq!(FedaPay::NAMES, types);
    for name in types {
        let body = format!(
            r#"{{"id":7,"name":"{name}","object":"x","entity":{{"id":"9","status":"pending","amount":"1.50"}}}}"#
        );
        let event: fedapay::Event = one(&fedapay(), &body);
        assert_eq!((&*event.id, event.name.as_deref()), ("7", Some(name)));
        let words: Vec<&str> = name.split('.').collect();
        let variant = format!("{:?}", event.data).to_lowercase();
        assert!(
            variant.starts_with(&format!("{}(", words.concat())),
            "{variant}"
        );
    }
    let body = r#"{"id":7,"name":"transaction.disputed","entity":[]}"#;
    let event: fedapay::Event = one(&fedapay(), body);
    assert_eq!(
        event.data,
        FedaPay::Unknown {
            name: Some("transaction.disputed".into()),
            raw: body.into()
        }
    );
}

#[test]
fn fedapay_amounts_and_ids_are_exact() {
    let body = r#"{"id":12345678901234567890123,"name":"transaction.approved","entity":{
        "id":98446301,"status":"approved","amount":100.10,"commission":"0.018","fees":2,
        "customer_id":"cus_1"}}"#;
    let event: fedapay::Event = one(&fedapay(), body);
    assert_eq!(event.id, "12345678901234567890123");
    assert_eq!(event.raw, body);
    let FedaPay::TransactionApproved(change) = event.data else {
        panic!("{:?}", event.data);
    };
    let transaction = change.entity;
    assert_eq!(transaction.id, "98446301");
    assert_eq!(transaction.customer_id.unwrap(), "cus_1");
    assert_eq!(transaction.status, TransactionStatus::Approved);
    assert_eq!(transaction.amount.as_str(), "100.10");
    assert_eq!(transaction.amount.minor_units(2), Some(10_010));
    assert_eq!(
        transaction.commission.as_ref().map(Amount::as_str),
        Some("0.018")
    );
    assert_eq!(transaction.fees.as_ref().map(Amount::as_str), Some("2"));
}

#[test]
fn banking_circle_has_a_variant_for_each_of_its_types() {
    let types = [
        "IncomingPaymentProcessed",
        "IncomingPaymentBooked",
        "OutgoingPaymentRejected",
        "OutgoingPaymentBooked",
        "OutgoingPaymentProcessed",
        "MissingFunding",
        "Reversed",
        "PaymentRouting",
        "OutgoingDirectDebitPendingProcessing",
        "PaymentStatus",
        "AccountHolderVerification",
        "CaseEvents",
        "CasesEvents",
        "AgencyBankingWhitelistResult",
        "MandateStatus",
    ];
    assert_eq!(Bank::NAMES, types);
    let members = types.map(|name| {
        // Whichever of the two keys a type has, the other is taken too.
        let key = if name.len() % 2 == 0 { "payment" } else { "payload" };
        format!(
            r#"{{"eventId":"{name}","notificationType":"{name}","timestamp":"2023-09-23T14:53:52.8581798Z",
            "subscriptionId":"s","subscriptionEventId":"se",
            "{key}":{{"paymentId":"p","amount":-125.0,"caseId":"c","TransactionStatus":"x"}}}}"#
        )
    });
    let body = format!(r#"{{"notifications":[{}]}}"#, members.join(","));
    let events = decode::<banking_circle::Event>(&banking_circle(), &body);
    for (event, name) in events.into_iter().zip(types) {
        let event = event.unwrap();
        assert_eq!(event.name.as_deref(), Some(name));
        assert_eq!(event.time, Some(UnixTime::from_millis(1_695_480_832_858)));
        let shown = format!("{:?}", event.data);
        let variant = name.replace("Cases", "Case");
        assert!(shown.starts_with(&format!("{variant}(")), "{shown}");
        assert!(shown.contains(r#"subscription_id: Some("s")"#), "{shown}");
        assert!(
            shown.contains(r#"subscription_event_id: Some("se")"#),
            "{shown}"
        );
    }
}

#[test]
fn banking_circle_returns_bookings_and_routes_are_told_apart() {
    let batch =
        String::from_utf8(countersign_tests::payload("banking-circle-batch-of-three").to_vec());
    let events = decode::<banking_circle::Event>(&banking_circle(), &batch.unwrap());
    let [incoming, _, booked] = events.try_into().ok().unwrap();
    let Bank::IncomingPaymentProcessed(told) = incoming.unwrap().data else {
        panic!()
    };
    assert_eq!(told.content.is_return, Some(true));
    let transfer = told.content.transfer.as_ref().unwrap();
    assert_eq!(transfer.amount.as_ref().unwrap().amount.as_str(), "145.25");
    let Bank::OutgoingPaymentBooked(told) = booked.unwrap().data else {
        panic!()
    };
    assert_eq!(
        told.content.amount.as_str(),
        "-125.0",
        "signed by its effect"
    );
    assert_eq!(
        told.content.value_date.as_ref().unwrap().to_unix_time(),
        None,
        "no offset"
    );

    let body = r#"{"notifications":[{"eventId":"e","notificationType":"PaymentRouting",
        "payment":{"paymentId":"p","routingStatus":"Routed"},"payload":null}]}"#;
    let event: banking_circle::Event = one(&banking_circle(), body);
    let Bank::PaymentRouting(told) = event.data else {
        panic!()
    };
    assert_eq!(told.content.routing_status.as_deref(), Some("Routed"));

    let body = r#"{"notifications":[{"eventId":"e","notificationType":"Reversed"}]}"#;
    let error = shown(&banking_circle(), body).pop().unwrap().unwrap_err();
    assert_eq!(error.wanted(), "expected `payment` or `payload`");
}

#[test]
fn fourpay_types_are_told_by_shape_or_by_the_merchant() {
    assert_eq!(
        fourpay::Data::NAMES,
        [
            "card_transaction",
            "card_state",
            "account_transaction",
            "account_topup"
        ]
    );
    let unknown = r#"{"id":"x","balance":"1.00"}"#;
    let event: fourpay::Event = one(&fourpay(), unknown);
    assert_eq!(
        event.data,
        fourpay::Data::Unknown {
            name: None,
            raw: unknown.into()
        }
    );
    // An inferred type that does not decode is unknown; one that the merchant named is an error.
    let odd = r#"{"accountUuid":"a","amount":"a lot"}"#;
    let event: fourpay::Event = one(&fourpay(), odd);
    let name = Some("account_topup".to_owned());
    assert_eq!(
        event.data,
        fourpay::Data::Unknown {
            name,
            raw: odd.into()
        }
    );
    let fixed = fourpay().with_type("account_topup").unwrap();
    let error = shown(&fixed, odd).pop().unwrap().unwrap_err();
    assert_eq!(
        (error.path(), error.wanted()),
        ("amount", "expected an amount")
    );
    // With a type, the shape is not asked.
    let card = r#"{"id":"not-a-uuid","accountUuid":"a","amount":"1.00","cardUuid":"c"}"#;
    let event: fourpay::Event = one(&fixed, card);
    assert!(matches!(event.data, fourpay::Data::AccountTopup(topup) if topup.id == "not-a-uuid"));
    assert!(
        fedapay().with_type("x").is_err(),
        "its payload names the type"
    );
}

#[test]
fn zibapay_payloads_are_raw_with_pointers() {
    let names = [
        "payment.completed",
        "payment.failed",
        "refund.initiated",
        "refund.completed",
        "customer.created",
        "customer.updated",
    ];
    assert_eq!(zibapay::Data::NAMES, names);
    for key in ["event", "type"] {
        for name in names {
            // Synthetic: no payload is public.
            let body = format!(r#"{{"{key}": "{name}","data":{{"amount":"12.50","n":[1,2]}}}}"#);
            let event: zibapay::Event = one(&zibapay(), &body);
            assert_eq!(event.name.as_deref(), Some(name));
            use zibapay::Data::*;
            let json: RawJson = match event.data {
                PaymentCompleted(json)
                | PaymentFailed(json)
                | RefundInitiated(json)
                | RefundCompleted(json)
                | CustomerCreated(json)
                | CustomerUpdated(json) => json,
                Unknown { .. } => panic!("{name}"),
            };
            assert_eq!(json.as_str(), body, "to the byte");
            let amount: Amount = json
                .get(&Pointer::new("/data/amount").unwrap())
                .unwrap()
                .unwrap();
            assert_eq!(amount.as_str(), "12.50");
        }
    }
    let elsewhere = zibapay()
        .with(Setting::Type(
            countersign::TypeSource::parse("/meta/kind").unwrap(),
        ))
        .unwrap();
    let event: zibapay::Event = one(&elsewhere, r#"{"meta":{"kind":"payment.failed"}}"#);
    assert!(matches!(event.data, zibapay::Data::PaymentFailed(_)));
}

#[test]
fn centralpay_names_are_variants_and_split_in_two() {
    assert_eq!(CentralPay::NAMES.len(), 18);
    let event = |name: &str| -> centralpay::Event {
        one(
            &stage::named_centralpay(),
            &format!(r#"{{"event":"{name}"}}"#),
        )
    };
    for name in CentralPay::NAMES {
        let event = event(name);
        assert!(!matches!(event.data, CentralPay::Unknown { .. }), "{name}");
        let (object, action) = (event.object().unwrap(), event.action().unwrap());
        assert_eq!(format!("{object}_{action}"), *name);
    }
    for name in ["TRANSACTION_SUCCEEDED", "TRANSACTION_SUCCESS"] {
        assert!(matches!(
            event(name).data,
            CentralPay::TransactionSucceeded(_)
        ));
    }
    for (name, parts) in [
        ("TRANSACTION_CAPTURED", Some(("TRANSACTION", "CAPTURED"))),
        (
            "PAYMENT_ACCOUNT_STATUS_UPDATED",
            Some(("PAYMENT_ACCOUNT", "STATUS_UPDATED")),
        ),
        // Nobody listed these.
        (
            "TRANSFER_REVERSAL_CREATED",
            Some(("TRANSFER_REVERSAL", "CREATED")),
        ),
        ("TRANSFER_CREATED", Some(("TRANSFER", "CREATED"))),
        ("WIRE_TRANSFER_SENT", Some(("WIRE_TRANSFER", "SENT"))),
        ("VOUCHER_USED_UP", Some(("VOUCHER", "USED_UP"))),
        ("CARDS_LOST", Some(("CARDS", "LOST"))),
        ("PING", None),
    ] {
        let event = event(name);
        assert_eq!(event.object().zip(event.action()), parts, "{name}");
    }
    let header = Setting::SignatureHeader("x-signature".into());
    let unnamed = centralpay().with(header).unwrap();
    let body = r#"{"event":"TRANSACTION_SUCCEEDED"}"#;
    let event: centralpay::Event = one(&unnamed, body);
    assert_eq!(
        event.data,
        CentralPay::Unknown {
            name: None,
            raw: body.into()
        }
    );
    assert_eq!(event.object(), None);
}

countersign::events! {
    #[derive(Debug, PartialEq)]
    enum Shop {
        "a" | "b" => Counted(Count),
        "ping" => Ping,
    }
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Count {
    n: u8,
}

#[test]
fn a_merchants_own_enum_and_own_types_work_alike() {
    let fedapay = &fedapay();
    let body = |name: &str| format!(r#"{{"id":"e","name":"{name}","n":3}}"#);
    for name in ["a", "b"] {
        let event: Event<Shop> = one(fedapay, &body(name));
        assert_eq!(
            (event.data, &*event.id),
            (Shop::Counted(Count { n: 3 }), "e")
        );
    }
    assert_eq!(one::<Event<Shop>>(fedapay, &body("ping")).data, Shop::Ping);
    assert_eq!(one::<Count>(fedapay, &body("c")), Count { n: 3 });
    let error = decode::<Event<Shop>>(fedapay, r#"{"id":"e","name":"a","n":300}"#);
    let error = error.into_iter().next().unwrap().unwrap_err();
    assert_eq!(
        (error.name(), error.path(), error.wanted()),
        (Some("a"), "n", "expected u8")
    );
}
