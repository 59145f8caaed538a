//! `listen --handshake`: what each provider asks, over a socket, and who is not answered.

use countersign::{Provider, provider};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::stage::{Listener, Request, SECRET, signed};
use crate::run::run;

fn get(target: &str, headers: &[(&str, &str)]) -> Request {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Request {
        method: "GET",
        path: target.to_owned(),
        headers: headers.iter().map(owned).collect(),
        body: Vec::new(),
    }
}

fn mac(text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The body of a 200 that is told to be a handshake.
fn greeting(listener: &Listener, request: &Request) -> String {
    let answer = listener.send(request);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer.head.contains("x-content-type-options: nosniff"),
        "{answer:?}"
    );
    assert_eq!(listener.line()["outcome"], "handshake");
    answer.body
}

fn refused(listener: &Listener, request: &Request) {
    let answer = listener.send(request);
    assert_eq!((answer.status, &*answer.body), (401, ""), "{answer:?}");
    assert_eq!(listener.line()["outcome"], "rejected");
}

/// What came of a delivery. That it has no id is said on a line of its own, before it.
fn outcome(listener: &Listener) -> String {
    loop {
        if let Some(outcome) = listener.line()["outcome"].as_str() {
            return outcome.to_owned();
        }
    }
}

#[test]
fn meta_by_its_verify_token() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "my-verify-token\n").unwrap();
    let path = file.path().to_str().unwrap();
    let listener = Listener::start("meta", &["--handshake", "--verify-token-file", path]);
    let ask = "/?hub.mode=subscribe&hub.verify_token=my-verify-token&hub.challenge=1158201444";
    assert_eq!(greeting(&listener, &get(ask, &[])), "1158201444");
    refused(&listener, &get(&ask.replace("my-verify", "another"), &[]));
    refused(
        &listener,
        &get(&ask.replace("1158201444", "%3Cscript%3E"), &[]),
    );
    refused(&listener, &get("/", &[]));
    // What it is for goes on.
    let delivery = signed(&provider::meta(), r#"{"object":"page"}"#);
    assert_eq!(listener.send(&delivery).status, 200);
    assert_eq!(listener.line()["outcome"], "delivered");
}

#[test]
fn slack_zoom_and_twitch_by_their_signature() {
    let asked = |name: &str, provider: Provider, body: String, answer: &str| {
        let listener = Listener::start(name, &["--handshake"]);
        let request = signed(&provider, &body);
        assert_eq!(greeting(&listener, &request), answer, "{name}");
        let mut forged = request.clone();
        forged.body.push(b' ');
        refused(&listener, &forged);
        // Not asked for, it is an event like any other.
        let silent = Listener::start(name, &[]);
        let answer = silent.send(&request);
        let told = (&*outcome(&silent), answer.status, &*answer.body);
        assert_eq!(told, ("delivered", 200, ""), "{name}");
    };
    let body = json!({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdx"});
    asked(
        "slack",
        provider::slack(),
        body.to_string(),
        "3eZbrw1aBm2rZgRNFdx",
    );
    let body = json!({"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZ"}});
    let tokens = format!(
        r#"{{"plainToken":"qgg8vlvZ","encryptedToken":"{}"}}"#,
        hex::encode(mac("qgg8vlvZ"))
    );
    asked("zoom", provider::zoom(), body.to_string(), &tokens);
    let body = json!({
        "challenge": "pogchamp-kappa-360noscope-vohiyo",
        "subscription": {"status": "webhook_callback_verification_pending"},
    });
    asked(
        "twitch",
        provider::twitch(),
        body.to_string(),
        "pogchamp-kappa-360noscope-vohiyo",
    );
}

#[test]
fn x_by_the_signature_of_its_query_and_dropbox_as_it_is() {
    let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    let listener = Listener::start("x-twitter", &["--handshake"]);
    let query = "crc_token=abc123&nonce=1";
    let signature = format!("sha256={}", base64(&mac(query)));
    let header = [("x-twitter-webhooks-signature", &*signature)];
    assert_eq!(
        greeting(&listener, &get(&format!("/?{query}"), &header)),
        format!(
            r#"{{"response_token":"sha256={}"}}"#,
            base64(&mac("abc123"))
        )
    );
    refused(&listener, &get(&format!("/?{query}"), &[]));
    refused(&listener, &get("/?crc_token=other&nonce=1", &header));

    let listener = Listener::start("dropbox", &["--handshake"]);
    assert_eq!(
        greeting(&listener, &get("/?challenge=abc-123", &[])),
        "abc-123"
    );
    refused(&listener, &get("/?challenge=%3Cb%3E", &[]));
}

#[test]
fn only_where_it_is_asked_for_and_there_is_one() {
    for name in ["meta", "dropbox", "x-twitter"] {
        let listener = Listener::start(name, &[]);
        assert_eq!(
            listener.send(&get("/?challenge=abc", &[])).status,
            405,
            "{name}"
        );
    }
    let listen = |args: &[&str]| {
        run(["listen", "--secret", SECRET, "--json"]
            .into_iter()
            .chain(args.iter().copied()))
    };
    for provider in ["fedapay", "github", "meta"] {
        let refused = listen(&["--provider", provider, "--handshake"]);
        assert_eq!(refused.failure(), "not_applicable", "{provider}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "token").unwrap();
    let token = ["--verify-token-file", file.path().to_str().unwrap()];
    let other = ["--provider", "slack", "--handshake", token[0], token[1]];
    assert_eq!(listen(&other).failure(), "not_applicable");
    let alone = ["--provider", "meta", token[0], token[1]];
    assert_eq!(listen(&alone).code, 2, "a token without --handshake");
    std::fs::write(file.path(), "").unwrap();
    let empty = ["--provider", "meta", "--handshake", token[0], token[1]];
    assert_eq!(listen(&empty).failure(), "empty_secret");
}
