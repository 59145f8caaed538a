//! Handshakes: nothing is answered without its own proof, and nothing but what is plain.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use countersign::{Gate, Greeting, Handshake, Receiver, Secret, provider};
use countersign_testkit::{ManualClock, Signer};
use http::{HeaderName, Request};

use super::choice;
use crate::families::NOW;

/// A provider's handshake, answered under its own secret and under another one.
struct Site {
    name: &'static str,
    own: Gate,
    other: Gate,
    signer: Signer,
}

/// The verify token of Meta's, besides the secret of all of them.
const OWN: &str = "my-verify-token";

static SITES: LazyLock<Vec<Site>> = LazyLock::new(|| {
    let names = ["meta", "slack", "zoom", "twitch", "dropbox", "x-twitter"];
    names.into_iter().map(site).collect()
});

fn site(name: &'static str) -> Site {
    let provider = provider::named(name).expect("a provider");
    let gate = |text: &str| {
        let secret = Secret::new(text).expect("a secret");
        let handshake = match name {
            "meta" => Handshake::meta(&secret),
            "slack" => Handshake::slack(),
            "zoom" => Handshake::zoom(&secret).expect("a handshake"),
            "twitch" => Handshake::twitch(),
            "dropbox" => Handshake::dropbox(),
            _ => Handshake::x(&secret).expect("a handshake"),
        };
        let receiver = Receiver::new("e", provider.clone(), [secret]).expect("a receiver");
        let receiver = receiver.with_handshake(handshake).expect("its own");
        receiver.open(Arc::new(ManualClock::new(NOW))).0
    };
    let secret = Secret::new(OWN).expect("a secret");
    Site {
        name,
        own: gate(OWN),
        other: gate("another-verify-token"),
        signer: Signer::new(&provider, &secret).expect("a signer"),
    }
}

/// A choice of the provider and whether it signs, a line that is a query, and a body. Whether it was
/// answered as a handshake.
///
/// # Panics
///
/// If it is answered and nothing proves it, or with what is not plain.
pub fn handshake(data: &[u8]) -> bool {
    let Some((at, data)) = choice(data) else {
        return false;
    };
    let (site, signs) = (&SITES[at % SITES.len()], at < 128);
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let query = lines.next().unwrap_or_default();
    let body = Bytes::copy_from_slice(lines.next().unwrap_or_default());
    by_head(site, signs, query) | by_body(site, signs, body)
}

/// Those that come as a `GET`.
fn by_head(site: &Site, signs: bool, query: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(query) else {
        return false;
    };
    let Ok(mut request) = Request::get(format!("/in?{text}")).body(()) else {
        return false;
    };
    // X signs the query as it does a body.
    if signs && site.name == "x-twitter" {
        let signed = site.signer.sign(text.to_owned(), NOW).expect("signed");
        let name = HeaderName::from_static("x-twitter-webhooks-signature");
        let value = signed.into_request().headers()[&name].clone();
        request.headers_mut().insert(name, value);
    }
    // Dropbox proves nothing.
    let proves = match site.name {
        "meta" => true,
        "x-twitter" => signs,
        "dropbox" => return site.own.greet(&request).inspect(assert_plain).is_some(),
        _ => false,
    };
    assert_eq!(site.other.greet(&request), None, "{}: {text}", site.name);
    let answer = site.own.greet(&request).inspect(assert_plain);
    assert!(proves || answer.is_none(), "{}: {text}", site.name);
    answer.is_some()
}

/// Those that come as a delivery.
fn by_body(site: &Site, signs: bool, body: Bytes) -> bool {
    let request = match signs {
        true => site
            .signer
            .sign(body.clone(), NOW)
            .expect("signed")
            .into_request(),
        false => Request::new(body.clone()),
    };
    assert_eq!(greeting(&site.other, &request), Err(()), "{}", site.name);
    let answer = greeting(&site.own, &request);
    assert_eq!(answer.is_ok(), signs, "{}", site.name);
    let Ok(Some(answer)) = answer else {
        return false;
    };
    assert_plain(&answer);
    let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    let says = |pointer: &str, wanted: &str| json.pointer(pointer) == Some(&wanted.into());
    let asks = match site.name {
        "slack" => says("/type", "url_verification"),
        "zoom" => says("/event", "endpoint.url_validation"),
        "twitch" => says(
            "/subscription/status",
            "webhook_callback_verification_pending",
        ),
        _ => false,
    };
    assert!(asks, "{}: {json}", site.name);
    true
}

/// The answer to a handshake that a delivery is; an error if it was refused.
fn greeting(gate: &Gate, request: &Request<Bytes>) -> Result<Option<Greeting>, ()> {
    let run = || {
        let mut intake = gate.begin(request, None)?;
        intake.update(request.body().clone())?;
        intake.conclude()
    };
    let mut admission = run().map_err(|_: countersign::Answer| ())?;
    Ok(admission.greeting().map(|greeting| *greeting))
}

/// No page, and no body that could be signed with it.
fn assert_plain(answer: &Greeting) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte);
    let texts = match answer.content_type {
        "application/json" => {
            let json: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
            let members = json.as_object().expect("an object").values();
            members
                .map(|text| text.as_str().expect("text").to_owned())
                .collect()
        }
        _ => vec![answer.body.clone()],
    };
    for text in texts {
        assert!(!text.is_empty() && text.bytes().all(is_plain), "{text:?}");
    }
}
