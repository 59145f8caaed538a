//! From a JSON text to a typed event, by way of a signature.

use countersign::provider::{Setting, banking_circle, centralpay, fedapay, fourpay, zibapay};
use countersign::{
    DecodeError, FromEvent, Identity, Pointer, Provider, Secret, TypeSource, UnixTime, Verifier,
};
use countersign_testkit::Signer;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The events of a delivery of `body`, as a verifier identifies them.
pub fn identify(provider: &Provider, body: &str) -> Vec<Identity> {
    let secret = Secret::new(SECRET).unwrap();
    let now = UnixTime::from_secs(1_800_000_000);
    let signer = Signer::new(provider, &secret).unwrap();
    let request = signer.sign(body.to_owned(), now).unwrap().into_request();
    let verifier = Verifier::new(provider, &[secret]).unwrap();
    let verified = verifier
        .verify(&request, request.body().clone(), now)
        .unwrap();
    verifier.identify(&verified)
}

/// All events of a delivery as `T`.
pub fn decode<T: FromEvent>(provider: &Provider, body: &str) -> Vec<Result<T, DecodeError>> {
    let events = identify(provider, body);
    events.iter().map(T::from_event).collect()
}

/// CentralPay, with what its merchant has to say of it.
pub fn named_centralpay() -> Provider {
    centralpay()
        .with(Setting::SignatureHeader("x-signature".into()))
        .unwrap()
        .with(Setting::Type(TypeSource::Pointers(vec![
            Pointer::new("/event").unwrap(),
        ])))
        .unwrap()
}

/// What the events of a delivery become, as text, whatever their provider.
pub fn shown(provider: &Provider, body: &str) -> Vec<Result<String, DecodeError>> {
    fn each<T: FromEvent + std::fmt::Debug>(
        provider: &Provider,
        body: &str,
    ) -> Vec<Result<String, DecodeError>> {
        let events = decode::<T>(provider, body);
        events
            .into_iter()
            .map(|event| event.map(|event| format!("{event:?}")))
            .collect()
    }
    match provider.name() {
        "centralpay" => each::<centralpay::Event>(provider, body),
        "fedapay" => each::<fedapay::Event>(provider, body),
        "banking-circle" => each::<banking_circle::Event>(provider, body),
        "zibapay" => each::<zibapay::Event>(provider, body),
        "4pay" => each::<fourpay::Event>(provider, body),
        other => panic!("no typed events of {other}"),
    }
}
