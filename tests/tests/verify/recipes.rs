//! Schemes in words: read from JSON or TOML they behave as the presets do, and nothing in them is
//! passed over in silence.

use countersign::provider::{self, Recipe};
use countersign::{ConfigErrorKind, Provider, Verifier};
use serde_json::{Value, json};

use crate::delivery::{NOW, header, presets, secret, signed, verdict, verifier, with_header};

const STRIPE: &str = r#"{
    "id": "stripe",
    "alg": "hmac-sha256",
    "key": {"encoding": "utf8"},
    "signature": {"header": "stripe-signature", "grammar": "kv", "pair_sep": ",",
                  "keys": ["v1"], "encoding": "hex"},
    "timestamp": {"from": "kv:t", "unit": "s", "tolerance": 300},
    "template": "{ts}.{body}",
    "id_from": "json:/id",
    "type_from": "json:/type"
}"#;

const STRIPE_TOML: &str = r#"
    id = "stripe"
    alg = "hmac-sha256"
    template = "{ts}.{body}"
    id_from = "json:/id"
    type_from = "json:/type"
    [key]
    encoding = "utf8"
    [signature]
    header = "stripe-signature"
    grammar = "kv"
    pair_sep = ","
    keys = ["v1"]
    encoding = "hex"
    [timestamp]
    from = "kv:t"
    unit = "s"
    tolerance = 300
"#;

const GITHUB: &str = r#"{
    "id": "github",
    "alg": "hmac-sha256",
    "key": {"encoding": "utf8"},
    "signature": {"header": "x-hub-signature-256", "grammar": "plain", "prefix": "sha256=",
                  "encoding": "hex"},
    "template": "{body}",
    "id_from": "header:x-github-delivery"
}"#;

const GITHUB_TOML: &str = r#"
    id = "github"
    alg = "hmac-sha256"
    template = "{body}"
    id_from = "header:x-github-delivery"
    [key]
    encoding = "utf8"
    [signature]
    header = "X-Hub-Signature-256"
    grammar = "plain"
    prefix = "sha256="
    encoding = "hex"
"#;

const STANDARD_WEBHOOKS: &str = r#"{
    "id": "standard-webhooks",
    "alg": "hmac-sha256",
    "key": {"encoding": "base64-nopad-ok", "strip_prefix": ["whsec_"]},
    "signature": {"header": "webhook-signature", "grammar": "list", "entry_sep": " ",
                  "vsep": ",", "version": "v1", "encoding": "base64"},
    "timestamp": {"from": "header:webhook-timestamp", "unit": "s", "tolerance": 300},
    "template": "{header:webhook-id}.{ts}.{body}",
    "id_from": "header:webhook-id",
    "type_from": "json:/type"
}"#;

const STANDARD_WEBHOOKS_TOML: &str = r#"
    id = "standard-webhooks"
    alg = "hmac-sha256"
    template = "{header:webhook-id}.{ts}.{body}"
    id_from = "header:webhook-id"
    type_from = "json:/type"
    key = { encoding = "base64-nopad-ok", strip_prefix = ["whsec_"] }
    signature = { header = "webhook-signature", grammar = "list", entry_sep = " ", vsep = ",", version = "v1", encoding = "base64" }
    timestamp = { from = "header:webhook-timestamp", unit = "s", tolerance = 300 }
"#;

/// FedaPay's preset falls back to several pointers, which a recipe cannot say; the rest it can.
const FEDAPAY: &str = r#"{
    "id": "fedapay",
    "alg": "hmac-sha256",
    "key": {"encoding": "utf8"},
    "signature": {"header": "X-FEDAPAY-SIGNATURE", "grammar": "kv", "pair_sep": ",",
                  "keys": ["s"], "encoding": "hex"},
    "timestamp": {"from": "kv:t", "unit": "s", "tolerance": 300},
    "template": "{ts}.{body}",
    "id_from": "json:/id",
    "type_from": "json:/name"
}"#;

const FEDAPAY_TOML: &str = r#"
    id = "fedapay"
    alg = "hmac-sha256"
    template = "{ts}.{body}"
    id_from = "json:/id"
    type_from = "json:/name"
    key = { encoding = "utf8" }
    signature = { header = "X-FEDAPAY-SIGNATURE", grammar = "kv", pair_sep = ",", keys = ["s"], encoding = "hex" }
    timestamp = { from = "kv:t", unit = "s", tolerance = 300 }
"#;

fn from_json(text: &str) -> Provider {
    let recipe: Recipe = serde_json::from_str(text).expect("a recipe");
    Provider::try_from(recipe).expect("a provider")
}

fn from_toml(text: &str) -> Provider {
    let recipe: Recipe = toml::from_str(text).expect("a recipe");
    Provider::try_from(recipe).expect("a provider")
}

#[test]
fn recipes_of_the_catalogue_behave_as_the_presets() {
    let body = r#"{"id":"evt_1","type":"a.b","name":"c.d"}"#;
    for (preset, [secret, _]) in presets() {
        let written = match preset.name() {
            "stripe" => [from_json(STRIPE), from_toml(STRIPE_TOML)],
            "github" => [from_json(GITHUB), from_toml(GITHUB_TOML)],
            "standard-webhooks" => [
                from_json(STANDARD_WEBHOOKS),
                from_toml(STANDARD_WEBHOOKS_TOML),
            ],
            "fedapay" => [from_json(FEDAPAY), from_toml(FEDAPAY_TOML)],
            _ => continue,
        };
        let built_in = verifier(&preset, std::slice::from_ref(&secret));
        for provider in written {
            let written = verifier(&provider, std::slice::from_ref(&secret));
            assert_eq!(provider.name(), preset.name());
            assert_eq!(written.tolerance(), built_in.tolerance());
            assert_eq!(written.body_limit(), built_in.body_limit());

            // Each verifies what is signed for the other, and finds the same event in it.
            for signer in [&preset, &provider] {
                let request = signed(signer, &secret, body);
                let (ours, theirs) = (verdict(&written, &request), verdict(&built_in, &request));
                let (ours, theirs) = (ours.expect("verified"), theirs.expect("verified"));
                assert_eq!(ours.timestamp(), theirs.timestamp());
                assert_eq!(ours.signed_id(), theirs.signed_id());
                assert_eq!(written.identify(&ours), built_in.identify(&theirs));
            }
        }
    }
}

#[test]
fn a_recipe_is_the_same_scheme_as_its_preset() {
    for (text, preset) in [
        (STRIPE, provider::stripe()),
        (GITHUB, provider::github()),
        (STANDARD_WEBHOOKS, provider::standard_webhooks()),
    ] {
        assert_eq!(from_json(text).scheme(), preset.scheme());
        assert_eq!(from_json(text).envelope(), preset.envelope());
    }
    assert_eq!(from_toml(STRIPE_TOML), from_json(STRIPE));
    assert_eq!(
        from_toml(STANDARD_WEBHOOKS_TOML),
        from_json(STANDARD_WEBHOOKS)
    );
}

/// A recipe like stripe's with one change.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Provider, String> {
    let mut recipe: Value = serde_json::from_str(STRIPE).expect("JSON");
    change(&mut recipe);
    let recipe: Recipe = serde_json::from_value(recipe).map_err(|error| error.to_string())?;
    let provider = Provider::try_from(recipe).map_err(|error| {
        assert_eq!(error.kind(), ConfigErrorKind::BadScheme, "{error}");
        error.to_string()
    })?;
    match Verifier::new(&provider, &[secret("a-secret-0123456789")]) {
        Ok(_) => Ok(provider),
        Err(error) => {
            assert_eq!(error.kind(), ConfigErrorKind::BadScheme, "{error}");
            Err(error.to_string())
        }
    }
}

#[test]
fn misspelt_keys_are_refused_by_name() {
    for (at, misspelt) in [
        ("", "templat"),
        ("/signature", "headr"),
        ("/timestamp", "tolerence"),
        ("/key", "encodin"),
    ] {
        let error = changed(|recipe| {
            recipe.pointer_mut(at).expect("there")[misspelt] = json!("x");
        })
        .expect_err(misspelt);
        assert!(error.contains(misspelt), "{error}");
    }
    for unknown in [
        changed(|recipe| recipe["key"]["encoding"] = json!("utf16")),
        changed(|recipe| recipe["timestamp"]["unit"] = json!("minutes")),
        changed(|recipe| recipe["signature"]["encoding"] = json!("base32")),
    ] {
        let error = unknown.expect_err("refused");
        assert!(error.contains("unknown variant"), "{error}");
    }
}

#[test]
fn unsupported_features_are_refused_by_name() {
    type Change = fn(&mut Value);
    let cases: &[(Change, &str)] = &[
        (|r| r["alg"] = json!("ed448"), "ed448"),
        (|r| r["alg"] = json!("HMAC-SHA256"), "HMAC-SHA256"),
        (|r| r["alg"] = json!("none"), "none"),
        (|r| r["alg"] = json!("token"), "a token signs nothing"),
        (|r| r["id"] = json!(""), "id"),
        (|r| r["extra"] = json!("body-sha256"), "extra"),
        (|r| r["note"] = json!("read the docs"), "note"),
        (|r| r["key"]["encoding"] = json!("pem"), "public keys"),
        (|r| r["body_digest"] = json!("sha"), "with the URL"),
        (|r| r["signature"]["json"] = json!("/sig"), "one of"),
        (
            |r| r["signature"] = json!({"json": "/sig", "grammar": "plain", "encoding": "hex"}),
            "no pairs",
        ),
        (
            |r| r["signature"]["group_sep"] = json!(", "),
            "the separator",
        ),
        (
            |r| r["signature"] = json!({"header": "h", "grammar": "positional", "encoding": "hex"}),
            "the first entry",
        ),
        (
            |r| r["signature"] = json!({"header": "h", "grammar": "morse", "encoding": "hex"}),
            "morse",
        ),
        (|r| r["signature"]["encoding"] = json!("utf8"), "for tokens"),
        (
            |r| r["signature"]["grammar"] = json!("list"),
            "signature.pair_sep",
        ),
        (
            |r| r["signature"]["prefix"] = json!("v0="),
            "signature.prefix",
        ),
        (|r| r["signature"]["pair_sep"] = json!(", "), ", "),
        (
            |r| r["signature"]["pair_sep"] = Value::Null,
            "signature.pair_sep",
        ),
        (|r| r["signature"]["keys"] = Value::Null, "signature.keys"),
        (|r| r["signature"]["keys"] = json!([]), "keys"),
        (|r| r["signature"]["keys"] = json!(["t"]), "key of its own"),
        (|r| r["signature"]["headers"] = json!(["a", "b"]), "headers"),
        (|r| r["signature"]["header"] = Value::Null, "header"),
        (
            |r| r["signature"]["header"] = json!("not a name"),
            "not a name",
        ),
        (|r| r["timestamp"]["from"] = json!("query:ts"), "query:ts"),
        (
            |r| r["timestamp"]["from"] = json!("json:created"),
            "must start with /",
        ),
        (|r| r["timestamp"] = Value::Null, "{ts}"),
        (|r| r["template"] = Value::Null, "template"),
        (|r| r["template"] = json!("{body}"), "{ts}"),
        (|r| r["template"] = json!("{ts}{body}{body}"), "twice"),
        (|r| r["template"] = json!("{ts}."), "{body}"),
        (
            |r| r["template"] = json!("{ts}{body}{sorted_form}"),
            "once in all",
        ),
        (|r| r["template"] = json!("{ts}{cookie}{body}"), "{cookie}"),
        (
            |r| r["template"] = json!("{ts}{signed_headers:h}{body}"),
            "{kv:…}",
        ),
        (
            |r| r["template"] = json!("{ts}{json:a}"),
            "must start with /",
        ),
        (
            |r| r["template"] = json!("{ts}[{body}]"),
            "one query parameter",
        ),
        (|r| r["template"] = json!("{ts}[{query:a}"), "not closed"),
        (
            |r| r["template"] = json!("{ts}{header:a}{method}{body}"),
            "parts a header",
        ),
        (|r| r["id_from"] = json!("query:id"), "query:id"),
        (|r| r["id_from"] = json!("json:id"), "must start with /"),
        (|r| r["type_from"] = json!("header:x-type"), "header:x-type"),
        (
            |r| r["type_from"] = json!("json:/events/*/type"),
            "another array",
        ),
    ];
    for (change, name) in cases {
        let error = changed(change).expect_err(name);
        assert!(error.contains(name), "{name}: {error}");
    }
}

#[test]
fn an_id_header_that_is_not_signed_is_no_id() {
    let github = from_json(GITHUB);
    let secret = secret("a-secret-0123456789");
    let verifier = verifier(&github, std::slice::from_ref(&secret));
    let request = signed(&github, &secret, "{}");
    let events: Vec<_> = ["one", "another"]
        .map(|id| {
            let request = with_header(&request, "x-github-delivery", id);
            verifier.identify(&verdict(&verifier, &request).expect("verified"))
        })
        .into();
    assert_eq!(events[0], events[1]);
    assert!(events[0][0].id().starts_with("sha256:"));
}

#[test]
fn a_star_in_a_pointer_makes_a_batch() {
    let batch = |array: &str| {
        let mut recipe: Value = serde_json::from_str(STRIPE).expect("JSON");
        recipe["id_from"] = json!(format!("json:{array}/*/id"));
        recipe["type_from"] = json!(format!("json:{array}/*/type"));
        from_json(&recipe.to_string())
    };
    let secret = secret("a-secret-0123456789");
    for (provider, body) in [
        (
            batch("/events"),
            r#"{"events":[{"id":1,"type":"a"},{"id":"b"}]}"#,
        ),
        (batch(""), r#"[{"id":1,"type":"a"},{"id":"b"}]"#),
    ] {
        let verifier = verifier(&provider, std::slice::from_ref(&secret));
        let verified = verdict(&verifier, &signed(&provider, &secret, body)).expect("verified");
        let events = verifier.identify(&verified);
        let found: Vec<_> = events.iter().map(|e| (e.id(), e.kind())).collect();
        assert_eq!(found, [("1", Some("a")), ("b", None)]);
    }
}

/// One of several signature headers is enough, as with Shopify's two names and Box's two keys.
#[test]
fn one_of_several_headers_is_enough() {
    let two = from_json(
        r#"{
            "id": "two", "alg": "hmac-sha256", "key": {"encoding": "utf8"},
            "signature": {"headers": ["x-first", "x-second"], "grammar": "plain",
                          "encoding": "base64"},
            "template": "{body}"
        }"#,
    );
    let secret = secret("a-secret-0123456789");
    let verifier = verifier(&two, std::slice::from_ref(&secret));
    let first = signed(&two, &secret, "{}");
    assert!(verdict(&verifier, &first).is_ok());
    let genuine = header(&first, "x-first");
    let other = header(&signed(&two, &secret, "[]"), "x-first");
    let both = with_header(&with_header(&first, "x-first", other), "x-second", genuine);
    assert!(verifier.verify(&both, "{}", NOW).is_ok());
}
