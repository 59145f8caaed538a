//! Schemes in words: JSON or TOML that a merchant's file may hold.

use bytes::Bytes;
use countersign::provider::{Recipe, Setting};
use countersign::{Provider, Secret, Verifier};
use countersign_testkit::Signer;
use http::Request;

use crate::families::{NOW, URL};

/// Any text as a recipe.
///
/// # Panics
///
/// If a scheme that is taken verifies a delivery that nobody signed, or not what is signed by it.
pub fn recipe(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let recipes = [
        serde_json::from_str::<Recipe>(text).ok(),
        toml::from_str::<Recipe>(text).ok(),
    ];
    for recipe in recipes.into_iter().flatten() {
        if let Ok(provider) = Provider::try_from(recipe) {
            verifies_its_own(provider, text);
        }
    }
}

fn verifies_its_own(mut provider: Provider, text: &str) {
    let constants: Vec<String> = provider.constants().map(str::to_owned).collect();
    let settings = constants
        .into_iter()
        .map(|name| Setting::Constant(name, "value1".to_owned()))
        .chain(
            provider
                .scheme()
                .signs_url()
                .then(|| Setting::PublicUrl(URL.to_owned())),
        );
    for setting in settings.collect::<Vec<_>>() {
        let Ok(set) = provider.clone().with(setting) else {
            return;
        };
        provider = set;
    }
    let secret = Secret::new("0123456789abcdef0123456789abcdef").expect("a secret");
    let Ok(verifier) = Verifier::new(&provider, std::slice::from_ref(&secret)) else {
        return;
    };
    let unsigned = Request::new(Bytes::from_static(b"{}"));
    let verdict = verifier.verify(&unsigned, unsigned.body().clone(), NOW);
    assert!(verdict.is_err(), "{text}");
    // What signs for a public key is another one than what verifies.
    if provider.scheme().has_public_key() {
        return;
    }
    let Ok(signed) = Signer::new(&provider, &secret).and_then(|signer| signer.sign("{}", NOW))
    else {
        return;
    };
    let request = signed.into_request();
    let verdict = verifier.verify(&request, request.body().clone(), NOW);
    assert!(verdict.is_ok(), "{verdict:?} {request:?} {text}");
}
