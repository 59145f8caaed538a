//! Requests that an attacker or a broken sender makes, with the verdict they deserve.

use bytes::Bytes;
use countersign::{ConfigError, Provider, Secret, UnixTime, provider};
use http::{HeaderName, HeaderValue, Request};
use serde::Deserialize;

/// One request of `attacks.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    pub id: String,
    pub class: String,
    provider_scheme: String,
    secret: Option<String>,
    secrets: Option<Vec<String>>,
    now_unix: i64,
    pub tolerance_secs: u64,
    headers: Vec<(String, String)>,
    #[serde(default)]
    header_rules: Vec<HeaderRule>,
    body_b64: Option<String>,
    body_rule: Option<BodyRule>,
    pub expect: Expect,
    /// Of two safe verdicts the stricter or the more useful one.
    pub recommend: Option<Expect>,
    stage: Option<Stage>,
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    Accept,
    Reject,
    Either,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stage {
    /// Refusing the secret counts as rejecting the request.
    Config,
}

/// A header too long to be written out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderRule {
    name: String,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    repeat: String,
    #[serde(default)]
    times: usize,
    #[serde(default)]
    suffix: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyRule {
    prefix_b64: String,
    repeat_b64: String,
    times: usize,
    suffix_b64: String,
}

/// All of them, in the order of the file.
pub fn attacks() -> Vec<Attack> {
    serde_json::from_str(include_str!("../data/attacks.json")).expect("attacks.json")
}

impl Attack {
    pub fn provider(&self) -> Provider {
        match self.provider_scheme.as_str() {
            "stripe_like" => provider::stripe(),
            "fedapay" => provider::fedapay(),
            "plain_hex_header" => provider::fourpay(),
            "prefixed_hex" => provider::github(),
            "standard_webhooks" => provider::standard_webhooks(),
            other => panic!("{}: no provider for {other}", self.id),
        }
    }

    /// The text of each secret, as a merchant configured it.
    pub fn secret_texts(&self) -> &[String] {
        match (&self.secret, &self.secrets) {
            (Some(secret), None) => std::slice::from_ref(secret),
            (None, Some(secrets)) => secrets,
            _ => panic!("{}: one of secret and secrets", self.id),
        }
    }

    pub fn secrets(&self) -> Result<Vec<Secret>, ConfigError> {
        self.secret_texts().iter().map(Secret::new).collect()
    }

    pub fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.now_unix)
    }

    /// Whether the configuration itself is what has to be refused.
    pub fn refuses_configuration(&self) -> bool {
        self.stage.is_some()
    }

    /// Name and value of each header in the order sent, repeated names included.
    pub fn headers(&self) -> impl Iterator<Item = (String, String)> {
        let ruled = self.header_rules.iter().map(|rule| {
            let value = rule.prefix.clone() + &rule.repeat.repeat(rule.times) + &rule.suffix;
            (rule.name.clone(), value)
        });
        self.headers.iter().cloned().chain(ruled)
    }

    pub fn body(&self) -> Bytes {
        match (&self.body_b64, &self.body_rule) {
            (Some(body), None) => crate::base64(body).into(),
            (None, Some(rule)) => {
                let mut body = crate::base64(&rule.prefix_b64);
                body.extend(crate::base64(&rule.repeat_b64).repeat(rule.times));
                body.extend(crate::base64(&rule.suffix_b64));
                body.into()
            }
            _ => panic!("{}: one of body_b64 and body_rule", self.id),
        }
    }

    /// The request; `None` if HTTP cannot carry one of its headers.
    pub fn request(&self) -> Option<Request<Bytes>> {
        let mut request = Request::new(self.body());
        *request.method_mut() = http::Method::POST;
        for (name, value) in self.headers() {
            let name: HeaderName = name.parse().ok()?;
            let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
            request.headers_mut().append(name, value);
        }
        Some(request)
    }
}
