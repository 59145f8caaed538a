//! What a merchant's tests need: a provider that signs, comes again, hangs up and forges, a clock that is
//! wound by hand, and a witness.
//!
//! A delivery that is signed as the provider would sign it, and the handler's answer, in three lines. With
//! axum, by tower's `oneshot`:
//!
//! ```
//! use std::time::SystemTime;
//! use axum::{Router, body::Body, http::StatusCode, routing::post};
//! use countersign::{Receiver, Secret, provider::{self, fedapay::Event}};
//! use countersign_axum::{Webhook, WebhookLayer};
//! use countersign_testkit::{Sample, Signer};
//! use tower::ServiceExt as _;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = Secret::new("wh_live_0123456789")?;
//! # let receiver = Receiver::new("shop", provider::fedapay(), [secret.clone()])?;
//! # let on_event = |_: Webhook<Event>| async { StatusCode::OK };
//! # let route = post(on_event).route_layer(WebhookLayer::new(receiver));
//! # let app: Router = Router::new().route("/webhooks/fedapay", route);
//! let event = Sample::of(&provider::fedapay(), "transaction.approved")?;
//! let signed = Signer::new(&provider::fedapay(), &secret)?.sign(&event, SystemTime::now().into())?;
//! assert_eq!(app.oneshot(signed.to("/webhooks/fedapay").map(Body::from)).await?.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! and with actix-web:
//!
//! ```
//! use std::time::SystemTime;
//! use actix_web::{App, HttpResponse, test, web};
//! use countersign::{Receiver, Secret, provider::{self, fedapay::Event}};
//! use countersign_actix_web::{Webhook, WebhookMiddleware};
//! use countersign_testkit::{Sample, Signer};
//!
//! # #[actix_web::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = Secret::new("wh_live_0123456789")?;
//! # let receiver = Receiver::new("shop", provider::fedapay(), [secret.clone()])?;
//! # let on_event = |_: Webhook<Event>| async { HttpResponse::Ok().finish() };
//! # let route = web::post().to(on_event).wrap(WebhookMiddleware::new(receiver));
//! # let app = test::init_service(App::new().route("/webhooks/fedapay", route)).await;
//! let event = Sample::of(&provider::fedapay(), "transaction.approved")?;
//! let signed = Signer::new(&provider::fedapay(), &secret)?.sign(&event, SystemTime::now().into())?;
//! assert_eq!(signed.to_actix("/webhooks/fedapay").send_request(&app).await.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! # A whole attack, in one call
//!
//! [`attack`] plays everything that a forger, a thief of one delivery, or a careless sender does at a
//! merchant's own route, and reports what each deserved and what came back:
//!
//! ```
//! # use actix_web::{App, HttpResponse, test, web};
//! # use countersign::{Receiver, Secret, provider::{self, fedapay::Event}};
//! # use countersign_actix_web::{Webhook, WebhookMiddleware};
//! use countersign_testkit::{ActixApp, attack};
//!
//! # #[actix_web::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = Secret::new("wh_live_0123456789")?;
//! # let receiver = Receiver::new("shop", provider::fedapay(), [secret.clone()])?;
//! # let on_event = |_: Webhook<Event>| async { HttpResponse::Ok().finish() };
//! # let route = web::post().to(on_event).wrap(WebhookMiddleware::new(receiver));
//! # let app = test::init_service(App::new().route("/webhooks/fedapay", route)).await;
//! let app = ActixApp(app); // an axum `Router` is a target as it is
//! attack(&app, "/webhooks/fedapay", &provider::fedapay(), &secret).await?.assert_all_held();
//! # Ok(())
//! # }
//! ```
//!
//! # What there is
//!
//! | to | take |
//! |---|---|
//! | sign a delivery | [`Signer`], and [`Signed`] as a request of either framework |
//! | have an event to sign | [`Sample`], one of every typed event |
//! | spoil a delivery in one way | [`Fault`] |
//! | have a provider come again, for days and in no time | [`Simulator`] on a [`ManualClock`] |
//! | say what must have run | [`Witness`] |
//! | attack a route with all of it | [`attack`], [`Attack`] |
//! | have a store fail | [`CueStore`] |
//! | try a store of one's own | [`conformance`], [`transaction_conformance`], and [`Contest`] for several processes |
//!
//! # Features
//!
//! Each adds something, and changes nothing else: `axum` makes a [`Target`] of every `Router` and tower service,
//! `actix-web` adds [`ActixApp`] and [`Signed::to_actix`], `http` adds [`OverHttp`], for a server at an
//! address, and `conformance` adds the suite for stores, which needs tokio. None is on by default.

#![forbid(unsafe_code)]

mod attack;
mod clock;
#[cfg(feature = "conformance")]
mod conformance;
mod fault;
mod sample;
mod signer;
mod simulator;
mod store;
mod target;
mod witness;

pub use self::attack::{Attack, Report, Row, attack};
pub use self::clock::ManualClock;
#[cfg(feature = "conformance")]
pub use self::conformance::{
    Conformance, Contest, Rule, Tally, Transactions, Verdict, conformance, transaction_conformance,
};
pub use self::fault::{Deserved, Fault, Shot};
pub use self::sample::Sample;
pub use self::signer::{SignError, SignErrorKind, Signed, Signer};
pub use self::simulator::{Attempt, Course, Ending, Heard, Schedule, Simulator};
pub use self::store::{Cue, CueStore, EntryState, Operation};
#[cfg(feature = "actix-web")]
pub use self::target::ActixApp;
#[cfg(feature = "http")]
pub use self::target::OverHttp;
pub use self::target::{NoAnswer, Target};
pub use self::witness::Witness;
