//! What a request has to have beside its signature, or in place of one.

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use countersign::scheme::{Coverage, Scheme};
use countersign::{
    ConfigErrorKind, Guard, Outcome, Pointer, Provider, Receiver, Secret, Sources, Verifier,
    provider,
};
use countersign_axum::WebhookLayer;
use tower::ServiceExt;

use crate::counted::counted;
use crate::deliveries::{event, event_body, forged, memory, shop};
use crate::sender::Post;
use crate::site::{Framework, Log, Runs, Site};
use crate::stage::{Kind, Stage};

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

fn a_required_header(framework: Framework) {
    let stage = Stage {
        framework,
        kind: Kind::Memory,
    };
    let (runs, store) = (Runs::default(), counted(stage.store()));
    let receiver = shop().with_store(store.clone());
    let receiver = receiver.require_header("X-Shop", secret("sesame")).unwrap();
    let receiver = receiver.require_header("X-Till", secret("seven")).unwrap();
    // A new secret that the provider has not been told of yet.
    let receiver = receiver.require_header("x-till", secret("eight")).unwrap();
    let site = Site::new(framework, receiver, runs.at_once(201));
    let mut sender = site.connect();
    let both = |post: Post| post.with("x-shop", "sesame").with("X-TILL", "seven");
    for (post, why) in [
        (event("a"), "required_header_mismatch"),
        (
            event("a").with("x-shop", "sesame"),
            "required_header_mismatch",
        ),
        (
            event("a").with("x-till", "seven"),
            "required_header_mismatch",
        ),
        (
            both(event("a")).with("x-shop", "sesame"),
            "required_header_mismatch",
        ),
        (
            event("a").with("x-shop", "Sesame").with("x-till", "seven"),
            "required_header_mismatch",
        ),
        (
            event("a").with("x-shop", "seven").with("x-till", "sesame"),
            "required_header_mismatch",
        ),
        (
            event("a").with("x-shop", "").with("x-till", "seven"),
            "required_header_mismatch",
        ),
        (both(forged("a")), "signature_mismatch"),
    ] {
        let answer = sender.send(&post);
        assert_eq!((answer.status, &*answer.body), (401, &b""[..]), "{why}");
        let last = site.log.texts().pop().unwrap();
        assert_eq!(last, format!("rejected {why} 401"));
    }
    assert_eq!((store.beside.all.get(), runs.number()), (0, 0));
    assert_eq!(sender.send(&both(event("a"))).status, 201);
    let told = event("b").with("x-shop", "sesame").with("x-till", "eight");
    assert_eq!(sender.send(&told).status, 201);
}

fn unsigned(guard: Guard, id: Option<&str>) -> Receiver {
    let id = id.map(|id| Pointer::new(id).unwrap());
    let receiver = Receiver::dangerously_unsigned("hints", provider::fedapay(), guard, id);
    receiver.unwrap().with_store(memory(100))
}

fn without_signatures(framework: Framework) {
    let header = || Guard::Header("X-Shop".to_owned(), secret("sesame"));
    let local = Guard::Sources(Sources::only(["127.0.0.1"]).unwrap());
    let elsewhere = Guard::Sources(Sources::only(["203.0.113.0/24"]).unwrap());
    let plain = || Post::new(event_body("a"));
    let named = || plain().with("X-Shop", "sesame");
    for (guard, good, bad) in [
        (header(), Some(named()), Some(plain())),
        (local, Some(plain()), None),
        (elsewhere, None, Some(named())),
    ] {
        let runs = Runs::default();
        let handler = runs.handler(|delivery| {
            let covered = delivery.verified().covers();
            std::future::ready(if covered == Coverage::Nothing {
                201
            } else {
                500
            })
        });
        let site = Site::new(framework, unsigned(guard, None), handler);
        let mut sender = site.connect();
        if let Some(bad) = bad {
            assert_eq!(sender.send(&bad).status, 401);
        }
        if let Some(good) = good {
            // Nothing names it, so that nothing is taken for a duplicate.
            assert_eq!(sender.send(&good).status, 201);
            assert_eq!(sender.send(&good).status, 201);
            assert_eq!(runs.number(), 2);
        }
        assert_eq!(
            site.log.count(Outcome::Unsigned),
            0,
            "it is not about a delivery"
        );
    }
    // Unless the merchant chooses to believe an id.
    let runs = Runs::default();
    let site = Site::new(
        framework,
        unsigned(header(), Some("/id")),
        runs.at_once(201),
    );
    let mut sender = site.connect();
    assert_eq!(sender.send(&named()).status, 201);
    assert_eq!(sender.send(&named()).outcome(), Some("duplicate"));
    assert_eq!(runs.ids(), [["a"]]);
}

on_both!(a_required_header without_signatures);

#[test]
fn no_verifier_takes_what_is_not_signed() {
    let envelope = provider::fedapay().envelope().clone();
    let provider = Provider::new("hints", Scheme::DangerousUnsigned, envelope);
    for secrets in [&[][..], &[secret("sesame")]] {
        let error = Verifier::new(&provider, secrets).unwrap_err();
        let kinds = [ConfigErrorKind::NoSecret, ConfigErrorKind::BadScheme];
        assert!(kinds.contains(&error.kind()), "{error}");
        assert!(Receiver::new("hints", provider.clone(), secrets.to_vec()).is_err());
    }
    let receiver = unsigned(Guard::Header("X-Shop".to_owned(), secret("sesame")), None);
    let error = receiver.replace_secrets([secret("other")]).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::NotApplicable);
}

#[test]
fn a_required_secret_is_not_bounded_in_time() {
    let bounded = secret("sesame").valid_until(countersign::UnixTime::from_secs(2_000_000_000));
    let error = shop().require_header("X-Shop", bounded).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::NotApplicable);
}

/// It fails closed, and aloud.
#[tokio::test]
async fn a_server_that_does_not_say_where_from_is_a_500() {
    let log = Log::default();
    let receiver = shop().with_observer(log.clone());
    let receiver = receiver.with_sources(Sources::only(["0.0.0.0/0", "::/0"]).unwrap());
    let app = Router::new().route(
        "/hook",
        post(async || "").route_layer(WebhookLayer::new(receiver)),
    );
    let post = event("a");
    let mut request = http::Request::post("/hook");
    for (name, value) in &post.headers {
        request = request.header(name.as_str(), value.as_slice());
    }
    let request = request.body(Body::from(post.body)).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(log.texts(), ["rejected source_unknown 500"]);
}
