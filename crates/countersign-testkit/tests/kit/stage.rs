//! The five providers, and a merchant's server for each in either framework.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::{Service, ServiceResponse};
use actix_web::{App, HttpResponse, test, web};
use axum::http::StatusCode;
use axum::{Router, routing::post};
use countersign::provider::{self, Setting};
use countersign::{Clock, Pointer, Provider, Receiver, Secret, TypeSource, UnixTime};
use countersign_actix_web::WebhookMiddleware;
use countersign_axum::WebhookLayer;
use countersign_testkit::{ActixApp, ManualClock, Witness};

pub(crate) const ROUTE: &str = "/webhooks/pay";

/// CentralPay, with what its merchant has to say of it.
pub(crate) fn centralpay() -> Provider {
    provider::centralpay()
        .with(Setting::SignatureHeader("x-signature".into()))
        .unwrap()
        .with(Setting::Type(TypeSource::Pointers(vec![
            Pointer::new("/eventType").unwrap(),
        ])))
        .unwrap()
}

pub(crate) fn five() -> [Provider; 5] {
    [
        centralpay(),
        provider::fedapay(),
        provider::banking_circle(),
        provider::zibapay(),
        provider::fourpay(),
    ]
}

pub(crate) fn secret_of(provider: &Provider) -> Secret {
    let text = match provider.name() {
        "fedapay" => "wh_live_0123456789abcdef",
        "standard-webhooks" => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        _ => "0123456789abcdef0123456789abcdef",
    };
    Secret::new(text).unwrap()
}

pub(crate) fn receiver(provider: &Provider) -> Receiver {
    Receiver::new("test", provider.clone(), [secret_of(provider)]).unwrap()
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::new(UnixTime::from_secs(1_800_000_000))
}

/// A receiver on a clock of its own, and who watches it.
pub(crate) struct Stage {
    pub(crate) clock: ManualClock,
    pub(crate) receiver: Receiver,
    pub(crate) secret: Secret,
    pub(crate) witness: Witness,
}

impl Stage {
    pub(crate) fn new(provider: &Provider) -> Stage {
        Stage::with(provider, |receiver| receiver)
    }

    pub(crate) fn with(provider: &Provider, more: impl FnOnce(Receiver) -> Receiver) -> Stage {
        let witness = Witness::default();
        Stage {
            clock: clock(),
            receiver: more(receiver(provider)).with_observer(witness.clone()),
            secret: secret_of(provider),
            witness,
        }
    }

    pub(crate) fn layer(&self) -> WebhookLayer {
        WebhookLayer::with_clock(self.receiver.clone(), self.arc())
    }

    pub(crate) fn middleware(&self) -> WebhookMiddleware {
        WebhookMiddleware::with_clock(self.receiver.clone(), self.arc())
    }

    fn arc(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    pub(crate) fn simulator(&self) -> countersign_testkit::Simulator {
        countersign_testkit::Simulator::new(&self.receiver, &self.secret, &self.clock).unwrap()
    }
}

/// How often a handler has run.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<AtomicUsize>);

impl Runs {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A shop whose handler takes whatever comes, but not at once.
pub(crate) fn axum_shop(layer: WebhookLayer, runs: &Runs) -> Router {
    let runs = runs.clone();
    let handler = move |_: countersign_axum::Delivery| async move {
        tokio::task::yield_now().await;
        runs.add();
        StatusCode::CREATED
    };
    Router::new().route(ROUTE, post(handler).route_layer(layer))
}

pub(crate) async fn actix_shop(
    middleware: WebhookMiddleware,
    runs: Runs,
) -> ActixApp<
    impl Service<
        actix_http::Request,
        Response = ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
    >,
> {
    let handler = move |_: countersign_actix_web::Delivery| {
        let runs = runs.clone();
        async move {
            tokio::task::yield_now().await;
            runs.add();
            HttpResponse::Created().finish()
        }
    };
    let route = web::post().to(handler).wrap(middleware);
    ActixApp(test::init_service(App::new().service(web::resource(ROUTE).route(route))).await)
}
