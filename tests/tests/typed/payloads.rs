//! Every example payload decodes into its variant with no field lost, and goes on doing so when the
//! provider reorders, adds, leaves out or nulls what it may.

use countersign::{Provider, provider};
use serde_json::Value;

use crate::stage::shown;

/// Every file of `data/payloads`, its provider, and the variants that it holds.
fn payloads() -> Vec<(&'static str, Provider, &'static [&'static str])> {
    let bank = provider::banking_circle;
    vec![
        ("4pay-account_topup", provider::fourpay(), &["AccountTopup"]),
        (
            "4pay-account_transaction",
            provider::fourpay(),
            &["AccountTransaction"],
        ),
        ("4pay-card_state", provider::fourpay(), &["CardState"]),
        (
            "4pay-card_transaction",
            provider::fourpay(),
            &["CardTransaction"],
        ),
        (
            "banking-circle-batch-of-three",
            bank(),
            &[
                "IncomingPaymentProcessed",
                "OutgoingPaymentProcessed",
                "OutgoingPaymentBooked",
            ],
        ),
        ("banking-circle-case-events", bank(), &["CaseEvents"]),
        (
            "banking-circle-incoming-payment-processed",
            bank(),
            &["IncomingPaymentProcessed"],
        ),
        ("banking-circle-payment-status", bank(), &["PaymentStatus"]),
        (
            "fedapay-transaction.canceled",
            provider::fedapay(),
            &["TransactionCanceled"],
        ),
    ]
}

fn text(name: &str) -> String {
    String::from_utf8(countersign_tests::payload(name).to_vec()).unwrap()
}

fn json(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

/// What each event becomes; none may fail.
fn all(provider: &Provider, body: &str) -> Vec<String> {
    let events = shown(provider, body).into_iter();
    events
        .map(|event| event.unwrap_or_else(|e| panic!("{e}\n{body}")))
        .collect()
}

/// The data of an event as it is shown, without what identifies it.
fn data(shown: &str) -> &str {
    shown.split_once("data: ").unwrap().1
}

/// The pointers of all values that hold no others.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                leaves(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                leaves(value, &format!("{at}/{index}"), found);
            }
        }
        _ => found.push(at.to_owned()),
    }
}

#[test]
fn every_file_is_listed() {
    let folder = format!("{}/data/payloads", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut listed: Vec<String> = payloads()
        .iter()
        .map(|(name, ..)| format!("{name}.json"))
        .collect();
    listed.sort();
    assert_eq!(files, listed);
}

#[test]
fn each_becomes_its_variant() {
    for (name, provider, variants) in payloads() {
        let events = all(&provider, &text(name));
        assert_eq!(events.len(), variants.len(), "{name}");
        for (event, variant) in events.iter().zip(variants) {
            assert!(
                data(event).starts_with(&format!("{variant}(")),
                "{name}: {event}"
            );
        }
    }
}

/// What a typed event shows, without an id that is made of all bytes.
fn seen(provider: &Provider, events: &[String]) -> String {
    let shown = events.iter().map(|event| match provider.name() {
        "4pay" => data(event),
        _ => event,
    });
    shown.collect()
}

/// Each value of the JSON, one at a time, is replaced by others, `null` too: the typed event has to show
/// the text that was there, and then the one that replaced it.
#[test]
fn no_field_is_lost() {
    let mut checked = 0;
    for (name, provider, _) in payloads() {
        let whole = json(name);
        let before = seen(&provider, &all(&provider, &text(name)));
        let mut pointers = Vec::new();
        leaves(&whole, "", &mut pointers);
        for pointer in pointers {
            let old = whole.pointer(&pointer).unwrap();
            // These choose the variant.
            if ["/name", "/notificationType"]
                .iter()
                .any(|end| pointer.ends_with(end))
            {
                continue;
            }
            let plain = |value: &Value| value.to_string().trim_matches('"').to_owned();
            if !old.is_null() {
                assert!(before.contains(&plain(old)), "{name} {pointer}: {old}");
            }
            let others = [
                Value::from("zz-other"),
                // An amount is one in a text too.
                Value::from("7719.123"),
                Value::from(119),
                Value::from(old != &Value::from(true)),
                // Where an object may be, it is one that this is a member of.
                serde_json::json!({"accountId": "zz-other"}),
            ];
            let turns_up = others.iter().any(|other| {
                let mut changed = whole.clone();
                *changed.pointer_mut(&pointer).unwrap() = other.clone();
                let after: Result<Vec<String>, _> =
                    shown(&provider, &changed.to_string()).into_iter().collect();
                after.is_ok_and(|after| {
                    let after = seen(&provider, &after);
                    let wanted = match other.is_object() {
                        true => "zz-other".to_owned(),
                        false => plain(other),
                    };
                    after != before && after.contains(&wanted)
                })
            });
            assert!(
                turns_up,
                "{name} {pointer}: what replaces it does not turn up"
            );
            checked += 1;
        }
    }
    assert!(checked > 200, "{checked}");
}

/// The JSON with the members of every object in the opposite order.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .rev()
                .map(|(name, value)| format!("{}:{}", Value::from(&**name), reversed(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(reversed).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

#[test]
fn the_order_of_fields_does_not_matter() {
    for (name, provider, _) in payloads() {
        let value = json(name);
        let (forth, back) = (value.to_string(), reversed(&value));
        assert_ne!(forth, back, "{name}");
        // Raw JSON keeps its order, and the digest of a body follows its bytes.
        let sorted = |body: &str| -> Vec<Vec<char>> {
            let events = all(&provider, body);
            let letters = |event: &String| {
                let mut letters: Vec<char> = data(event).chars().collect();
                letters.sort_unstable();
                letters
            };
            events.iter().map(letters).collect()
        };
        assert_eq!(sorted(&forth), sorted(&back), "{name}");
    }
}

/// Puts a member that nobody knows into every object.
fn add_everywhere(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(add_everywhere);
            members.insert(
                "zzNew".into(),
                serde_json::json!({"a": [1.5, null, {"b": true}]}),
            );
        }
        Value::Array(items) => items.iter_mut().for_each(add_everywhere),
        _ => {}
    }
}

#[test]
fn fields_may_be_added_anywhere() {
    for (name, provider, variants) in payloads() {
        let mut value = json(name);
        add_everywhere(&mut value);
        let events = all(&provider, &value.to_string());
        for (event, variant) in events.iter().zip(variants) {
            assert!(
                data(event).starts_with(&format!("{variant}(")),
                "{name}: {event}"
            );
        }
    }
}

/// What an event cannot do without: it names the event, chooses its variant, or is what the event
/// says.
fn is_required(provider: &str, file: &str, pointer: &str) -> bool {
    let ends = |names: &[&str]| names.iter().any(|name| pointer.ends_with(name));
    match provider {
        "fedapay" => {
            pointer == "/name"
                || ["/entity", "/entity/id", "/entity/amount", "/entity/status"].contains(&pointer)
                || pointer == "/entity/customer/id"
        }
        "banking-circle" => {
            pointer == "/notifications"
                || ends(&[
                    "/eventId",
                    "/notificationType",
                    "/payment",
                    "/payload",
                    "/payment/paymentId",
                    "/payment/amount",
                    "/payment/caseId",
                    "/payload/TransactionStatus",
                    "mount/amount",
                    "/InstructedAmount/Amount",
                ])
                // A member of the batch.
                || pointer.rsplit('/').next().is_some_and(|name| name.parse::<usize>().is_ok())
        }
        "4pay" => {
            // The last ones tell the type by being there.
            let told_by: &[&str] = match file {
                "4pay-account_topup" => &["/accountUuid", "/amount"],
                "4pay-account_transaction" => &["/type", "/amount"],
                "4pay-card_transaction" => &["/cardUuid", "/amount"],
                _ => &[],
            };
            pointer == "/id" || told_by.contains(&pointer)
        }
        other => panic!("{other}"),
    }
}

/// The pointers of all values.
fn everything(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut go = |name: &str, value: &Value| {
        let at = format!("{at}/{name}");
        found.push(at.clone());
        everything(value, &at, found);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| go(name, value)),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, value)| go(&index.to_string(), value));
        }
        _ => {}
    }
}

#[test]
fn whatever_is_optional_may_be_null_or_absent() {
    for (name, provider, variants) in payloads() {
        let whole = json(name);
        let mut pointers = Vec::new();
        everything(&whole, "", &mut pointers);
        for pointer in pointers {
            if is_required(provider.name(), name, &pointer) {
                continue;
            }
            let mut nulled = whole.clone();
            *nulled.pointer_mut(&pointer).unwrap() = Value::Null;
            let mut without = whole.clone();
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            match without.pointer_mut(parent).unwrap() {
                Value::Object(members) => drop(members.remove(field)),
                Value::Array(items) => drop(items.remove(field.parse().unwrap())),
                _ => unreachable!(),
            }
            for changed in [nulled, without] {
                let events = all(&provider, &changed.to_string());
                for (event, variant) in events.iter().zip(variants) {
                    assert!(
                        data(event).starts_with(&format!("{variant}(")),
                        "{name} without {pointer}: {event}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_required_is_an_error_with_its_path() {
    let value = json("fedapay-transaction.canceled");
    for (pointer, path) in [
        ("/entity/amount", "entity.amount"),
        ("/entity/status", "entity.status"),
        ("/entity/customer/id", "entity.customer.id"),
        ("/entity/customer", "entity.customer"),
    ] {
        let mut changed = value.clone();
        *changed.pointer_mut(pointer).unwrap() = serde_json::json!([true]);
        let event = shown(&provider::fedapay(), &changed.to_string())
            .pop()
            .unwrap();
        let error = event.unwrap_err();
        assert!(error.path().starts_with(path), "{error}");
        assert_eq!(error.name(), Some("transaction.canceled"));
    }
}

#[test]
fn new_values_of_a_status_are_kept() {
    for (name, pointer) in [
        ("fedapay-transaction.canceled", "/entity/status"),
        (
            "banking-circle-payment-status",
            "/notifications/0/payload/TransactionStatus",
        ),
        (
            "banking-circle-incoming-payment-processed",
            "/notifications/0/payment/status",
        ),
        (
            "banking-circle-case-events",
            "/notifications/0/payment/status",
        ),
        ("4pay-card_state", "/status"),
        ("4pay-card_transaction", "/type"),
    ] {
        let (_, provider, variants) = payloads()
            .into_iter()
            .find(|(known, ..)| *known == name)
            .unwrap();
        let mut value = json(name);
        *value.pointer_mut(pointer).unwrap() = "half_done".into();
        let events = all(&provider, &value.to_string());
        assert!(data(&events[0]).starts_with(variants[0]), "{name}");
        assert!(events[0].contains("half_done"), "{name}: {}", events[0]);
    }
}
