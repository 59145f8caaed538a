//! Handshakes through the layer: each answered when its proof holds, and only where it was asked for.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::routing::post;
use countersign::{Handshake, Provider, Receiver, Secret, provider};
use countersign_axum::{Delivery, WebhookLayer};
use countersign_testkit::Signer;
use tower_service::Service;

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

struct Site {
    app: Router,
    runs: Arc<AtomicUsize>,
}

impl Site {
    fn new(provider: Provider, key: &str, handshake: Option<Handshake>) -> Site {
        let mut receiver = Receiver::new("e", provider, [secret(key)]).unwrap();
        if let Some(handshake) = handshake {
            receiver = receiver.with_handshake(handshake).unwrap();
        }
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = runs.clone();
        let handler = move |_: Delivery| {
            counter.fetch_add(1, Ordering::SeqCst);
            async { StatusCode::OK }
        };
        let route = post(handler.clone()).get(handler);
        let app = Router::new().route("/", route.route_layer(WebhookLayer::new(receiver)));
        Site { app, runs }
    }

    /// Status, type and text of the answer.
    async fn ask(&mut self, request: Request<Body>) -> (StatusCode, String, String) {
        let response = self.app.call(request).await.unwrap();
        let status = response.status();
        let kind = response.headers().get("content-type");
        let kind = kind.map_or(String::new(), |kind| kind.to_str().unwrap().to_owned());
        if !kind.is_empty() {
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        }
        let body = to_bytes(response.into_body(), 4096).await.unwrap();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn get(
        &mut self,
        uri: &str,
        header: Option<(&str, &str)>,
    ) -> (StatusCode, String, String) {
        let mut request = Request::get(uri);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        self.ask(request.body(Body::empty()).unwrap()).await
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn greeted(kind: &str, body: &str) -> (StatusCode, String, String) {
    (StatusCode::OK, kind.to_owned(), body.to_owned())
}

fn refused() -> (StatusCode, String, String) {
    (StatusCode::UNAUTHORIZED, String::new(), String::new())
}

#[tokio::test]
async fn meta_is_greeted_by_its_verify_token() {
    let token = secret("my-verify-token");
    let mut site = Site::new(
        provider::meta(),
        "app-secret",
        Some(Handshake::meta(&token)),
    );
    let ask = "/?hub.mode=subscribe&hub.verify_token=my-verify-token&hub.challenge=1158201444";
    assert_eq!(site.get(ask, None).await, greeted(TEXT, "1158201444"));
    for wrong in [
        ask.replace("my-verify", "another"),
        ask.replace("subscribe", "unsubscribe"),
        ask.replace("1158201444", "%3Cscript%3E"),
        ask.replace("&hub.challenge=1158201444", ""),
        format!("{ask}&hub.verify_token=my-verify-token"),
        "/".to_owned(),
    ] {
        assert_eq!(site.get(&wrong, None).await, refused(), "{wrong}");
    }
    assert_eq!(site.runs.load(Ordering::SeqCst), 0);
    let mut silent = Site::new(provider::meta(), "app-secret", None);
    assert_eq!(silent.get(ask, None).await, refused());
}

#[tokio::test]
async fn dropbox_and_braintree_are_greeted_with_what_they_ask() {
    let mut site = Site::new(
        provider::dropbox(),
        "app-secret",
        Some(Handshake::dropbox()),
    );
    assert_eq!(
        site.get("/?challenge=abc-123", None).await,
        greeted(TEXT, "abc-123")
    );
    assert_eq!(site.get("/?challenge=%3Cb%3E", None).await, refused());
    let braintree = Handshake::braintree("public", &secret("private-key")).unwrap();
    let mut site = Site::new(provider::github(), "any", Some(braintree));
    let expected = "public|d1f717dcdbd9828e9d25fde36103b14b4967db97";
    let ask = "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53";
    assert_eq!(site.get(ask, None).await, greeted(TEXT, expected));
    for wrong in [
        "/?bt_challenge=20f9",
        "/?bt_challenge=20F9F8ED05F77439FE955C977E4C8A53",
    ] {
        assert_eq!(site.get(wrong, None).await, refused(), "{wrong}");
    }
}

/// Dropbox proves nothing, so that anyone can ask: what is given back is short, and asked for by `GET`.
#[tokio::test]
async fn little_is_echoed_to_whoever_asks() {
    let handshake = Some(Handshake::dropbox());
    let mut site = Site::new(provider::dropbox(), "app-secret", handshake);
    let longest = "a".repeat(512);
    let ask = format!("/?challenge={longest}");
    assert_eq!(site.get(&ask, None).await, greeted(TEXT, &longest));
    assert_eq!(site.get(&format!("{ask}a"), None).await, refused());
    assert_eq!(site.get("/?challenge=", None).await, refused());
    let query = |length: usize| format!("/?challenge=a&{}", "x".repeat(length - 12));
    assert_eq!(site.get(&query(4096), None).await, greeted(TEXT, "a"));
    assert_eq!(site.get(&query(4097), None).await, refused());
    let post = Request::post(&ask).body(Body::empty()).unwrap();
    assert_eq!(site.ask(post).await, refused());
    assert_eq!(site.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn x_is_answered_only_where_it_has_signed_what_it_asks() {
    let handshake = Handshake::x(&secret("consumer-secret")).unwrap();
    let mut site = Site::new(provider::x_twitter(), "consumer-secret", Some(handshake));
    let ask = "/?crc_token=abc123&nonce=42";
    let name = "x-twitter-webhooks-signature";
    let signed = Some((name, "sha256=zyZS8VcTaqe+XVGl5s3SApE/e826/UlEbDEuiP+Fino="));
    let token = r#"{"response_token":"sha256=uWCvRjzPn3Ze439/BvadzeJY3nkdXavefSSjmCbY1dY="}"#;
    assert_eq!(
        site.get(ask, signed).await,
        greeted("application/json", token)
    );
    assert_eq!(
        site.get(ask, None).await,
        refused(),
        "whoever asks could have deliveries signed"
    );
    assert_eq!(
        site.get("/?crc_token=abc124&nonce=42", signed).await,
        refused()
    );
    // Even one that is signed is no body.
    let evil = Some((name, "sha256=za4s4lOfWpOy9YoIgSjSGht3Y0hkq3cJ/pZKkvm4olY="));
    assert_eq!(
        site.get("/?crc_token=%7B%22a%22%3A1%7D", evil).await,
        refused()
    );
}

#[tokio::test]
async fn a_signed_challenge_is_answered_before_the_handler() {
    let zoom = || Handshake::zoom(&secret("zoom-secret-token")).unwrap();
    let cases: [(Provider, &str, Handshake, &str, &str, &str); 3] = [
        (
            provider::slack(),
            "signing-secret",
            Handshake::slack(),
            r#"{"token":"x","challenge":"3eZbrw1aB","type":"url_verification"}"#,
            TEXT,
            "3eZbrw1aB",
        ),
        (
            provider::zoom(),
            "zoom-secret-token",
            zoom(),
            r#"{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event":"endpoint.url_validation"}"#,
            "application/json",
            r#"{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"d9e0d764a78494688ba3f2d5c0ed4ca311394b4834d959759213424d2df961e3"}"#,
        ),
        (
            provider::twitch(),
            "eventsub-secret",
            Handshake::twitch(),
            r#"{"challenge":"pogchamp-kappa","subscription":{"status":"webhook_callback_verification_pending"}}"#,
            TEXT,
            "pogchamp-kappa",
        ),
    ];
    for (provider, key, handshake, body, kind, answer) in cases {
        let signer = Signer::new(&provider, &secret(key)).unwrap();
        let signed = |body: &str| {
            let signed = signer
                .sign(body.to_owned(), SystemTime::now().into())
                .unwrap();
            signed.to("/").map(Body::from)
        };
        let mut site = Site::new(provider.clone(), key, Some(handshake));
        assert_eq!(site.ask(signed(body)).await, greeted(kind, answer));
        assert_eq!(
            site.ask(signed(body)).await,
            greeted(kind, answer),
            "each time"
        );
        // Unsigned, and with another challenge under the signature of this one.
        let forged = Request::post("/")
            .body(Body::from(body.to_owned()))
            .unwrap();
        assert_eq!(site.ask(forged).await, refused());
        let (head, _) = signed(body).into_parts();
        let changed = Request::from_parts(head, Body::from(body.replace("e", "f")));
        assert_eq!(site.ask(changed).await, refused());
        assert_eq!(site.runs.load(Ordering::SeqCst), 0);
        // An event is one, though it has a challenge too, and a page is no challenge.
        let event = body
            .replace("url_verification", "event_callback")
            .replace("url_validation", "started")
            .replace("verification_pending", "revoked");
        let bare = (StatusCode::OK, String::new(), String::new());
        assert_eq!(site.ask(signed(&event)).await, bare, "{event}");
        let page = body
            .replace("3eZbrw1aB", "<b>")
            .replace("qgg8vl", "v0:1:")
            .replace("pogchamp", "<b>");
        assert_eq!(site.ask(signed(&page)).await.2, "");
        assert_eq!(site.runs.load(Ordering::SeqCst), 2);
        // Not asked for, it is a delivery like any other.
        let mut silent = Site::new(provider, key, None);
        silent.ask(signed(body)).await;
        assert_eq!(silent.runs.load(Ordering::SeqCst), 1);
    }
}

/// Whatever the scheme under the provider's name, what does not cover the body proves no challenge in it.
#[tokio::test]
async fn a_challenge_that_nothing_covers_is_not_answered() {
    let envelope = provider::slack().envelope().clone();
    let token = provider::dangerously_token_only("gitlab-token").unwrap();
    let slack = Provider::new("slack", token.scheme().clone(), envelope);
    let mut site = Site::new(slack, "signing-secret", Some(Handshake::slack()));
    let body = r#"{"challenge":"3eZbrw1aB","type":"url_verification"}"#;
    let request = Request::post("/").header("x-gitlab-token", "signing-secret");
    let (_, _, answer) = site.ask(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(answer, "");
}

#[tokio::test]
async fn a_handshake_is_its_providers() {
    // Whose scheme is the same.
    assert_eq!(provider::github().scheme(), provider::meta().scheme());
    let receiver = Receiver::new("e", provider::github(), [secret("a-secret")]).unwrap();
    let meta = Handshake::meta(&secret("my-verify-token"));
    let error = receiver.with_handshake(meta).unwrap_err();
    assert_eq!(error.kind().as_str(), "not_applicable");
    for other in [provider::github(), provider::stripe(), provider::fedapay()] {
        let receiver = Receiver::new("e", other, [secret("wh_live_0123456789")]).unwrap();
        let error = receiver.with_handshake(Handshake::slack()).unwrap_err();
        assert_eq!(error.kind().as_str(), "not_applicable");
    }
}
