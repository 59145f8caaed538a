//! The shop behind a real middleware of either framework.

use std::collections::VecDeque;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use actix_web::web::{Data, post as actix_post};
use actix_web::{App, HttpResponse, test};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use countersign::{Key, Observation, Observer, Provider, Receiver, Secret, Verifier, provider};
use countersign_actix_web::WebhookMiddleware;
use countersign_axum::WebhookLayer;
use countersign_testkit::{ActixApp, Signed, Signer, Target};
use futures_util::future::LocalBoxFuture;
use http::Request;
use tokio::sync::Semaphore;

use super::shop::Shop;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// This machine has other work.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the handler does with its transaction.
#[derive(Clone)]
pub enum Deed {
    Commits,
    Drops,
    ForgetsToClaim,
    CommitsAndFails,
    CommitsAndPanics,
    /// Answers once the gate is open.
    CommitsAndHolds(Gate),
    /// Commits once the gate is open.
    Holds(Gate),
    /// Drops it then.
    HoldsAndDrops(Gate),
    /// Commits although it could not claim.
    CommitsInSpiteOfAnError,
    /// Neither commits nor drops it, as if the client had vanished.
    Leaks,
}

/// What the next handlers do; those behind them commit. Clones are the same.
#[derive(Clone, Default)]
pub struct Deeds(Arc<Mutex<VecDeque<Deed>>>);

impl Deeds {
    pub fn then(&self, deed: Deed) {
        self.0.lock().unwrap().push_back(deed);
    }

    pub fn next(&self) -> Deed {
        let next = self.0.lock().unwrap().pop_front();
        next.unwrap_or(Deed::Commits)
    }
}

/// Tells a test that a handler has come to it, and waits to be opened.
#[derive(Clone)]
pub struct Gate {
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    pub fn new() -> Gate {
        let closed = || Arc::new(Semaphore::new(0));
        Gate {
            reached: closed(),
            open: closed(),
        }
    }

    pub async fn pass(&self) {
        self.reached.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }

    pub async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    pub fn open(&self) {
        self.open.add_permits(1);
    }
}

/// The outcomes that were observed.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Observer for Log {
    fn observe(&self, told: &Observation<'_>) {
        self.0.lock().unwrap().push(told.outcome.as_str());
    }
}

impl Log {
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Framework {
    Axum,
    ActixWeb,
}

/// A receiver in front of a shop.
#[derive(Clone)]
pub struct Site {
    pub shop: Shop,
    pub deeds: Deeds,
    pub log: Log,
    provider: Provider,
    deliver: Rc<dyn Fn(Request<Bytes>) -> LocalBoxFuture<'static, String>>,
}

pub fn receiver(provider: &Provider) -> Receiver {
    let secret = Secret::new(SECRET).unwrap();
    let receiver = Receiver::new("shop", provider.clone(), [secret]).unwrap();
    let receiver = receiver.with_deadlines(PATIENCE, 10 * PATIENCE).unwrap();
    receiver.with_timeouts(PATIENCE, PATIENCE)
}

impl Site {
    /// One that takes single events.
    pub async fn new(framework: Framework, shop: &Shop) -> Site {
        let receiver = shop.receiver(receiver(&provider::fedapay()));
        Site::behind(framework, shop, receiver).await
    }

    pub async fn behind(framework: Framework, shop: &Shop, receiver: Receiver) -> Site {
        let (deeds, log) = (Deeds::default(), Log::default());
        let provider = receiver.provider().clone();
        let receiver = receiver.with_observer(log.clone());
        let deliver: Rc<dyn Fn(_) -> _> = match framework {
            Framework::Axum => {
                let app = Router::new()
                    .route("/", post(on_axum).route_layer(WebhookLayer::new(receiver)))
                    .with_state((shop.clone(), deeds.clone()));
                let app = Rc::new(app);
                Rc::new(move |request| deliver(app.clone(), request))
            }
            Framework::ActixWeb => {
                let app = App::new()
                    .app_data(Data::new((shop.clone(), deeds.clone())))
                    .route(
                        "/",
                        actix_post()
                            .to(on_actix)
                            .wrap(WebhookMiddleware::new(receiver)),
                    );
                let app = Rc::new(ActixApp(test::init_service(app).await));
                Rc::new(move |request| deliver(app.clone(), request))
            }
        };
        Site {
            shop: shop.clone(),
            deeds,
            log,
            provider,
            deliver,
        }
    }

    /// Delivers one event, signed now: status and outcome of the answer.
    pub fn event(&self, id: &str) -> LocalBoxFuture<'static, String> {
        self.send(format!(r#"{{"id":"{id}","name":"transaction.approved"}}"#))
    }

    /// Delivers a batch.
    pub fn batch(&self, ids: &[&str]) -> LocalBoxFuture<'static, String> {
        let members: Vec<String> = ids
            .iter()
            .map(|id| format!(r#"{{"eventId":"{id}","notificationType":"Reversed"}}"#))
            .collect();
        self.send(format!(r#"{{"notifications":[{}]}}"#, members.join(",")))
    }

    /// The key of an event of a batch.
    pub fn batch_key(&self, id: &str) -> Key {
        let body =
            format!(r#"{{"notifications":[{{"eventId":"{id}","notificationType":"Reversed"}}]}}"#);
        let request = self.signed(body).into_request();
        let secret = Secret::new(SECRET).unwrap();
        let verifier = Verifier::new(&self.provider, &[secret]).unwrap();
        let now = SystemTime::now().into();
        let verified = verifier.verify(&request, request.body().clone(), now);
        verifier.identify(&verified.unwrap())[0].key("shop")
    }

    fn send(&self, body: String) -> LocalBoxFuture<'static, String> {
        (self.deliver)(self.signed(body).to("/"))
    }

    fn signed(&self, body: String) -> Signed {
        let secret = Secret::new(SECRET).unwrap();
        let signer = Signer::new(&self.provider, &secret).unwrap();
        signer.sign(body, SystemTime::now().into()).unwrap()
    }
}

fn deliver(
    target: impl Deref<Target = impl Target> + 'static,
    request: Request<Bytes>,
) -> LocalBoxFuture<'static, String> {
    Box::pin(async move {
        let answer = (*target).deliver(request).await.unwrap();
        let outcome = answer.headers().get("webhook-outcome");
        let outcome = outcome.map_or("", |outcome| outcome.to_str().unwrap());
        format!("{} {outcome}", answer.status().as_u16())
            .trim()
            .to_owned()
    })
}

async fn on_axum(
    State((shop, deeds)): State<(Shop, Deeds)>,
    delivery: countersign_axum::Delivery,
) -> StatusCode {
    let status = shop.take(&delivery, &deeds).await.unwrap_or_else(failed);
    StatusCode::from_u16(status).unwrap()
}

async fn on_actix(
    state: Data<(Shop, Deeds)>,
    delivery: countersign_actix_web::Delivery,
) -> HttpResponse {
    let (shop, deeds) = &**state;
    let status = shop.take(&delivery, deeds).await.unwrap_or_else(failed);
    HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).finish()
}

fn failed(error: countersign::StoreError) -> u16 {
    println!(
        "the handler failed: {error}: {:?}",
        std::error::Error::source(&error)
    );
    500
}
