//! Every provider with a key of its own: what signs for it, and what verifies.

use bytes::Bytes;
use countersign::provider::{self, Setting};
use countersign::scheme::{Scheme, SignatureSource, TimestampSource};
use countersign::{Provider, Secret, UnixTime, Verifier};
use countersign_testkit::Signer;
use http::Request;

use crate::vectors::named;

/// When deliveries are signed and verified.
pub const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// The URL of those that sign one.
pub const URL: &str = "https://merchant.example/hooks/in";

/// A provider, what signs for it, and what verifies.
pub struct Family {
    pub provider: Provider,
    pub signer: Signer,
    pub verifier: Verifier,
}

/// A key pair's member: `private` or `pem`, `spki`, `base64`, `hex` of the public half.
pub fn key_pair(kind: &str, member: &str) -> String {
    let keys: serde_json::Value =
        serde_json::from_str(include_str!("../data/private-keys.json")).expect("keys");
    keys[kind][member].as_str().expect("a key").to_owned()
}

/// The names of all, whether or not they sign anything.
pub fn names() -> impl Iterator<Item = &'static str> {
    provider::names().chain(provider::token_only_names())
}

impl Family {
    pub fn named(name: &str) -> Family {
        let mut provider = named(name);
        let mut set = |setting| {
            provider = provider.clone().with(setting).expect("left open");
        };
        if name == "centralpay" {
            set(Setting::SignatureHeader("x-signature".to_owned()));
        }
        if named(name).scheme().signs_url() {
            set(Setting::PublicUrl(URL.to_owned()));
        }
        for constant in named(name).constants() {
            set(Setting::Constant(constant.to_owned(), "value1".to_owned()));
        }
        let secret = |text: &str| Secret::new(text).expect("a secret");
        let private = |kind: &str| secret(&key_pair(kind, "private"));
        let key = match name {
            "sendgrid" | "plaid-jwt-es256" => private("p256"),
            "wise" | "paypal" => private("rsa"),
            "discord" | "telnyx" | "standard-webhooks-v1a" => private("ed25519"),
            "finch" => secret("5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH"),
            _ => secret("0123456789abcdef0123456789abcdef"),
        };
        let signer = Signer::new(&provider, &key).unwrap_or_else(|e| panic!("{name}: {e}"));
        let known: [Secret; 1] = [signer.public_key().unwrap_or(key)];
        let verifier = Verifier::new(&provider, &known).unwrap_or_else(|e| panic!("{name}: {e}"));
        Family {
            provider,
            signer,
            verifier,
        }
    }

    /// Of a form, the fields are signed and not their spelling.
    pub fn takes_a_form(&self) -> bool {
        ["twilio-form", "cinetpay"].contains(&self.provider.name())
    }

    fn takes_json(&self) -> bool {
        match self.provider.scheme() {
            Scheme::Message(scheme) => {
                matches!(scheme.signature, SignatureSource::Json(_))
                    || scheme.template.contains("json:")
                    // Nothing else tells where the URL ends.
                    || scheme.template.contains("{url}{body}")
                    || scheme.template.contains("{signed_headers:")
                    || scheme
                        .timestamp
                        .as_ref()
                        .is_some_and(|format| matches!(format.from, TimestampSource::Json(_)))
            }
            _ => false,
        }
    }

    /// A body that it can carry: `bytes`, or a form, JSON or text with `text` in it.
    pub fn body(&self, text: &str, bytes: &[u8]) -> Bytes {
        if self.takes_a_form() {
            let text: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
            return format!("cpm_site_id=1&cpm_trans_id={text}&Digits={text}").into();
        }
        if self.takes_json() {
            return serde_json::json!({"id": text, "order_id": text})
                .to_string()
                .into();
        }
        match self.provider.scheme() {
            Scheme::Sealed(_) => String::from_utf8_lossy(bytes).into_owned().into(),
            // A plain hash is one of text.
            Scheme::Message(scheme) if scheme.template.starts_with("{secret}") => {
                String::from_utf8_lossy(bytes).into_owned().into()
            }
            _ => Bytes::copy_from_slice(bytes),
        }
    }

    /// A genuine delivery, sent now.
    pub fn sign(&self, text: &str, bytes: &[u8]) -> Request<Bytes> {
        let signed = self.signer.sign(self.body(text, bytes), NOW);
        signed
            .unwrap_or_else(|e| panic!("{}: {e}", self.provider.name()))
            .into_request()
    }
}
