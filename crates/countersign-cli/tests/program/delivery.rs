//! Deliveries to run the program on.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

pub(crate) const SECRET: &str = "plain-test-secret-3141592653589793";
pub(crate) const BODY: &str = r#"{"accountUuid":"a-1","amount":"12.50"}"#;

/// A folder that is gone after the test.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Files {
        Files(tempfile::tempdir().expect("a folder"))
    }

    /// Writes a file; its path.
    pub(crate) fn with(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("written");
        path
    }

    pub(crate) fn path(&self, name: &str) -> String {
        let path = self.0.path().join(name);
        path.to_str().expect("UTF-8").to_owned()
    }
}

/// HMAC-SHA256, as hexadecimal digits.
pub(crate) fn hmac_hex(secret: &str, signed: impl AsRef<[u8]>) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(signed.as_ref());
    hex::encode(mac.finalize().into_bytes())
}

/// A delivery as `--request` reads it.
pub(crate) fn request(headers: Value, body: impl AsRef<[u8]>) -> Value {
    json!({"method": "POST", "url": null, "headers": headers, "body_b64": STANDARD.encode(body)})
}

/// 4Pay's delivery of [`BODY`], signed with [`SECRET`].
pub(crate) fn fourpay() -> Value {
    let signature = hmac_hex(SECRET, BODY);
    request(json!([["X-Webhook-Signature", signature]]), BODY)
}

/// `verify --json` of 4Pay's delivery in `file`.
pub(crate) fn verify_fourpay<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["verify", "--json", "--provider", "4pay", "--request", file];
    args.extend(more);
    args
}
