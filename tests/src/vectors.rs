//! Signed deliveries that others made: providers, their SDKs, or their documented algorithm.

use std::collections::BTreeMap;

use bytes::Bytes;
use countersign::provider::Setting;
use countersign::scheme::SignatureEncoding;
use countersign::{Provider, Secret, UnixTime, provider};
use http::{HeaderName, HeaderValue, Request};
use serde::Deserialize;

/// One vector of `five-providers.json` or `catalogue.json`.
#[derive(Debug, Deserialize)]
pub struct Vector {
    pub scheme: String,
    pub reason: String,
    #[serde(default)]
    pub source: String,
    method: String,
    url: Option<String>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_b64: Option<String>,
    secrets_b64: Vec<String>,
    now_unix: Option<i64>,
    #[serde(default)]
    config: BTreeMap<String, String>,
    expect: Expect,
    pub events: Option<Vec<Event>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Valid,
    Invalid,
}

/// What identifies an event of a vector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    pub id: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// The vectors of the five providers.
pub fn five_providers() -> Vec<Vector> {
    serde_json::from_str(include_str!("../data/five-providers.json")).expect("five-providers.json")
}

/// The vectors of the catalogue: most are published by the providers.
pub fn catalogue() -> Vec<Vector> {
    serde_json::from_str(include_str!("../data/catalogue.json")).expect("catalogue.json")
}

/// Vectors of our own for the schemes that have none elsewhere: `make_catalogue.py` made them.
pub fn catalogue_extra() -> Vec<Vector> {
    serde_json::from_str(include_str!("../data/catalogue-extra.json"))
        .expect("catalogue-extra.json")
}

/// The provider of that name, whether or not it signs anything.
pub fn named(name: &str) -> Provider {
    provider::named(name)
        .or_else(|| provider::dangerously_token_only(name))
        .unwrap_or_else(|| panic!("no provider {name}"))
}

impl Vector {
    pub fn is_valid(&self) -> bool {
        self.expect == Expect::Valid
    }

    pub fn provider(&self) -> Provider {
        let mut provider = named(&self.scheme);
        if provider.scheme().signs_url() {
            let url = self.url.clone().expect("a URL");
            provider = provider.with(Setting::PublicUrl(url)).expect("left open");
        }
        for (name, value) in &self.config {
            let setting = match (name.as_str(), value.as_str()) {
                ("signature_header", header) => Setting::SignatureHeader(header.to_owned()),
                ("signature_encoding", "hex") => Setting::SignatureEncoding(SignatureEncoding::Hex),
                ("signature_encoding", "base64") => {
                    Setting::SignatureEncoding(SignatureEncoding::Base64)
                }
                (name, value) => Setting::Constant(name.to_owned(), value.to_owned()),
            };
            provider = provider.with(setting).expect("left open");
        }
        provider
    }

    pub fn secrets(&self) -> Vec<Secret> {
        let texts = self.secret_texts();
        texts
            .map(|text| Secret::new(text).expect("a secret"))
            .collect()
    }

    pub fn secret_texts(&self) -> impl Iterator<Item = String> {
        let text = |secret: &String| String::from_utf8(crate::base64(secret)).expect("text");
        self.secrets_b64.iter().map(text)
    }

    /// When to verify; where the scheme signs no time, any moment will do.
    pub fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.now_unix.unwrap_or(1_800_000_000))
    }

    pub fn request(&self) -> Request<Bytes> {
        let body = match (&self.body, &self.body_b64) {
            (Some(text), None) => Bytes::from(text.clone()),
            (None, Some(base64)) => crate::base64(base64).into(),
            _ => panic!("one of body and body_b64"),
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method.parse().expect("a method");
        if let Some(url) = &self.url {
            *request.uri_mut() = url.parse().expect("a URL");
        }
        for (name, value) in &self.headers {
            request.headers_mut().append(
                name.parse::<HeaderName>().expect("a name"),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        request
    }
}
