//! Deliveries and verdicts in a few words, for the tests beside this file.

use bytes::Bytes;
use countersign::provider::{self, Setting};
use countersign::{ErrorKind, Provider, Secret, UnixTime, Verified, Verifier};
use countersign_testkit::Signer;
use http::{HeaderName, HeaderValue, Request};

pub use countersign_tests::families::NOW;

pub fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a secret")
}

/// Every preset, with two secrets of its own.
pub fn presets() -> Vec<(Provider, [Secret; 2])> {
    let texts = || [secret("first-0123456789"), secret("second-0123456789")];
    let centralpay = provider::centralpay()
        .with(Setting::SignatureHeader("X-Cp-Hmac".to_owned()))
        .expect("left open");
    vec![
        (centralpay, texts()),
        (
            provider::fedapay(),
            [secret("wh_live_first"), secret("wh_live_second")],
        ),
        (
            provider::banking_circle(),
            [
                secret("0123456789abcdef0123456789abcdef"),
                secret("fedcba9876543210fedcba9876543210"),
            ],
        ),
        (provider::zibapay(), texts()),
        (provider::fourpay(), texts()),
        (provider::stripe(), texts()),
        (provider::github(), texts()),
        (
            provider::standard_webhooks(),
            [
                secret("whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="),
                secret("whsec_ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A="),
            ],
        ),
    ]
}

pub fn verifier(provider: &Provider, secrets: &[Secret]) -> Verifier {
    Verifier::new(provider, secrets).expect("a configuration")
}

/// A genuine delivery of `body`, sent now.
pub fn signed(provider: &Provider, secret: &Secret, body: impl Into<Bytes>) -> Request<Bytes> {
    Signer::new(provider, secret)
        .and_then(|signer| signer.sign(body, NOW))
        .expect("signed")
        .into_request()
}

/// The verdict on a request, now.
pub fn verdict(verifier: &Verifier, request: &Request<Bytes>) -> Result<Verified, ErrorKind> {
    verifier
        .verify(request, request.body().clone(), NOW)
        .map_err(|error| error.kind())
}

/// The kind of fault that a request is refused for, now.
pub fn refusal(verifier: &Verifier, request: &Request<Bytes>) -> ErrorKind {
    verdict(verifier, request).expect_err("refused")
}

/// The verdict on a request whose body comes in chunks of `size` bytes.
pub fn verdict_in_chunks(
    verifier: &Verifier,
    request: &Request<Bytes>,
    size: usize,
    now: UnixTime,
) -> Result<Verified, ErrorKind> {
    let run = || {
        let mut verification = verifier.begin(request)?;
        for chunk in request.body().chunks(size) {
            verification.update(Bytes::copy_from_slice(chunk))?;
        }
        verification.finish(now)
    };
    run().map_err(|error| error.kind())
}

/// The request with another body.
pub fn with_body(request: &Request<Bytes>, body: impl Into<Bytes>) -> Request<Bytes> {
    let (head, _) = request.clone().into_parts();
    Request::from_parts(head, body.into())
}

/// The request with one header replaced.
pub fn with_header(
    request: &Request<Bytes>,
    name: &'static str,
    value: impl AsRef<[u8]>,
) -> Request<Bytes> {
    let mut request = request.clone();
    let value = HeaderValue::from_bytes(value.as_ref()).expect("a value");
    request
        .headers_mut()
        .insert(HeaderName::from_static(name), value);
    request
}

/// The request with one header more.
pub fn with_another_header(
    request: &Request<Bytes>,
    name: &'static str,
    value: impl AsRef<[u8]>,
) -> Request<Bytes> {
    let mut request = request.clone();
    let value = HeaderValue::from_bytes(value.as_ref()).expect("a value");
    request
        .headers_mut()
        .append(HeaderName::from_static(name), value);
    request
}

/// The request without one header.
pub fn without_header(request: &Request<Bytes>, name: &'static str) -> Request<Bytes> {
    let mut request = request.clone();
    request.headers_mut().remove(name).expect("was there");
    request
}

/// The one value of a header.
pub fn header(request: &Request<Bytes>, name: &str) -> String {
    request.headers()[name].to_str().expect("ASCII").to_owned()
}
