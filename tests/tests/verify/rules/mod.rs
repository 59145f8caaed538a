//! The rules, each with a known failure behind it, and each test by its rule's number.

mod body;
mod ids;
mod order;
mod secrets;
mod signatures;
mod time;

use bytes::Bytes;
use countersign::{ConfigErrorKind, Provider, Secret, Verifier, provider};
use http::Request;

use crate::delivery::{secret, signed, verdict, verifier};

const MIB: usize = 1024 * 1024;
const TEXT: &str = "wh_live_0123456789";
const WHSEC: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

fn fedapay() -> (Verifier, Request<Bytes>) {
    genuine(&provider::fedapay(), TEXT)
}

fn standard() -> (Verifier, Request<Bytes>) {
    genuine(&provider::standard_webhooks(), WHSEC)
}

/// A verifier, and a delivery that it accepts.
fn genuine(provider: &Provider, text: &str) -> (Verifier, Request<Bytes>) {
    let verifier = verifier(provider, &[secret(text)]);
    let request = signed(provider, &secret(text), r#"{"id":"evt_1"}"#);
    assert!(verdict(&verifier, &request).is_ok());
    (verifier, request)
}

fn config_error(provider: &Provider, secrets: &[Secret]) -> ConfigErrorKind {
    Verifier::new(provider, secrets)
        .expect_err("refused")
        .kind()
}
