//! Bytes that are nearly what is expected.

use countersign_tests::hardness::NEARLY_JSON;
use proptest::prelude::*;
use serde_json::{Value, json};

fn tokens(all: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(all);
    prop::collection::vec(token, 0..most).prop_map(|tokens| tokens.concat().into_bytes())
}

/// What headers hold, and now and then anything.
const HEADER: &[&str] = &[
    "t=",
    "ts=",
    "s=",
    "v1=",
    "h1=",
    "v1,",
    "v1a,",
    "v0=",
    "sha256=",
    "sha1=",
    "Bearer ",
    "1800000000",
    "1800000000000",
    "2027-01-15T08:00:00Z",
    "0",
    "+1",
    ",",
    ";",
    ".",
    " ",
    "\t",
    "=",
    "-",
    "é",
    "AAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAA==",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "eyJhbGciOiJIUzI1NiJ9",
    "eyJhbGciOiJub25lIn0",
    "eyJhbGciOiJFUzI1NiJ9",
    "e30",
    "eyJpYXQiOjE4MDAwMDAwMDB9",
    "content-type x-hook0-id",
    "h=",
];

/// A body: JSON, or nearly, or anything.
pub(crate) fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        tokens(NEARLY_JSON, 24),
        any_json(4).prop_map(|value| value.to_string().into_bytes()),
        any_json(4).prop_map(|value| format!("{value:#}").into_bytes()),
    ]
}

/// JSON with the names that something looks for.
fn any_json(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~é]{0,12}".prop_map(Value::from),
    ];
    let name = prop::sample::select(
        &[
            "id",
            "type",
            "name",
            "event",
            "entity",
            "data",
            "klass",
            "eventId",
            "notifications",
            "timestamp",
            "a",
            "b",
            "object",
            "status",
            "/list",
            "~type",
        ][..],
    );
    leaf.prop_recursive(depth, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..6).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

/// A choice, then lines: a query, values of headers, a body.
pub(crate) fn requests() -> impl Strategy<Value = Vec<u8>> {
    let query = prop_oneof![
        Just(Vec::new()),
        "[a-zA-Z0-9.=&%+]{0,30}".prop_map(String::into_bytes)
    ];
    let line = prop_oneof![
        tokens(HEADER, 20),
        prop::collection::vec(any::<u8>(), 0..90),
        "(t=[0-9]{0,12},)?(v1|h1|v0|sha256)?[=,]?[0-9a-fA-F+/=. ]{0,90}"
            .prop_map(String::into_bytes),
        "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{43}"
            .prop_map(String::into_bytes),
    ];
    let lines = prop::collection::vec(line, 0..6);
    (any::<u8>(), query, lines, bodies()).prop_map(|(choice, query, lines, body)| {
        let mut data = vec![choice];
        for part in std::iter::once(query).chain(lines) {
            data.extend(part);
            data.push(b'\n');
        }
        data.extend(body);
        data
    })
}

/// A body that has all that a signature in it needs but the right one.
pub(crate) fn in_bodies() -> impl Strategy<Value = Vec<u8>> {
    let signature = prop_oneof![
        "[0-9a-f]{64}",
        "[0-9a-f]{128}",
        "[A-Za-z0-9+/]{42}A=",
        "[0-9A-Fa-f+/=]{0,130}",
    ];
    let field = || {
        prop_oneof![
            "[a-zA-Z0-9:.-]{0,12}".prop_map(Value::from),
            Just(Value::from("1800000000")),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            any_json(2),
        ]
    };
    let fields = [(); 8].map(|()| field());
    (0..4u8, signature, fields).prop_map(|(kind, signature, [a, b, c, d, e, f, g, h])| {
        let body = match kind {
            0 => json!({"notificationItems": [{"NotificationRequestItem": {
                "pspReference": a, "originalReference": b, "merchantAccountCode": c,
                "merchantReference": d, "amount": {"value": e, "currency": f}, "eventCode": g,
                "success": h, "additionalData": {"hmacSignature": signature},
            }}]}),
            1 => json!({"event": {"event_hash": signature, "event_time": a, "event_type": b}}),
            2 => json!({"signature_key": signature, "order_id": a, "status_code": b,
                        "gross_amount": c, "transaction_status": d}),
            _ => json!({"signature": {"signature": signature, "timestamp": a, "token": b},
                        "event-data": c}),
        };
        body.to_string().into_bytes()
    })
}

/// A choice, a query and a body with what a handshake is made of.
pub(crate) fn handshakes() -> impl Strategy<Value = Vec<u8>> {
    let text = || prop_oneof!["[a-zA-Z0-9_.~+/=-]{1,20}", "[ -~é]{0,20}"];
    let parameter = prop_oneof![
        Just("hub.mode=subscribe".to_owned()),
        Just("hub.verify_token=my-verify-token".to_owned()),
        text().prop_map(|text| format!("hub.verify_token={text}")),
        text().prop_map(|text| format!("hub.challenge={text}")),
        text().prop_map(|text| format!("challenge={text}")),
        text().prop_map(|text| format!("crc_token={text}")),
        "[a-z%0-9=+]{0,12}",
    ];
    let query = prop::collection::vec(parameter, 0..5).prop_map(|all| all.join("&"));
    let kind = prop::sample::select(
        &[
            "url_verification",
            "endpoint.url_validation",
            "event_callback",
            "",
        ][..],
    );
    let status = prop_oneof![
        Just("webhook_callback_verification_pending"),
        Just("enabled")
    ];
    let body = prop_oneof![
        4 => (kind, status, text()).prop_map(|(kind, status, text)| {
            json!({"type": kind, "event": kind, "challenge": text,
                   "payload": {"plainToken": text}, "subscription": {"status": status}})
                .to_string().into_bytes()
        }),
        1 => bodies(),
    ];
    (any::<u8>(), query, body)
        .prop_map(|(choice, query, body)| [&[choice][..], query.as_bytes(), b"\n", &body].concat())
}

/// A recipe of the catalogue with a member changed, as JSON or as TOML, or anything.
pub(crate) fn recipes() -> impl Strategy<Value = String> {
    let all: Value =
        serde_json::from_str(include_str!("../../data/recipes.json")).expect("recipes");
    let all: Vec<Value> = match all {
        Value::Array(all) => all,
        Value::Object(members) => members
            .into_iter()
            .flat_map(|(_, value)| match value {
                Value::Array(all) => all,
                _ => Vec::new(),
            })
            .collect(),
        _ => Vec::new(),
    };
    assert!(all.len() > 50, "the file has the recipes");
    let value = prop_oneof![
        any_json(1),
        prop::sample::select(
            &[
                "{body}",
                "{ts}.{body}",
                "{body}{ts}",
                "{url}{body}",
                "{secret}{body}",
                "{header:x-a}|{body}",
                "{json:/a}",
                "{form:a}{sorted_form}",
                "{}",
                "{",
                "header:x-time",
                "kv:t",
                "json:/at",
                "hmac-sha1",
                "sha256",
                "ed25519",
                "token",
                "plain",
                "kv",
                "list",
                "positional",
                "hex",
                "base64",
                "utf8",
                "s",
                "ms",
                "iso8601",
                ",",
                " ",
                "=",
                "a",
                ":",
                "{kv:n}.{body}",
                "{json:/sig}",
                "",
            ][..]
        )
        .prop_map(Value::from),
    ];
    let changed = (
        prop::sample::select(all),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        value,
        0..3u8,
    )
        .prop_map(|(mut recipe, at, below, value, how)| {
            if let Some(members) = recipe.as_object_mut() {
                let at = at.index(members.len());
                let member = members.values_mut().nth(at);
                match (member, how) {
                    (Some(Value::Object(inner)), 1..) if !inner.is_empty() => {
                        let below = below.index(inner.len());
                        if let Some(slot) = inner.values_mut().nth(below) {
                            *slot = value;
                        }
                    }
                    (Some(slot), 1..) => *slot = value,
                    _ => {}
                }
            }
            recipe
        });
    prop_oneof![
        4 => changed.clone().prop_map(|recipe| recipe.to_string()),
        2 => changed.prop_map(|recipe| toml::to_string(&without_null(recipe)).unwrap_or_default()),
        1 => any::<String>(),
    ]
}

/// TOML has none.
fn without_null(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_null(value)))
            .collect(),
        value => value,
    }
}
