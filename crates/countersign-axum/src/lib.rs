//! Countersign for axum: a layer that lets a webhook reach its handler once, and only if its
//! provider really sent it.
//!
//! ```no_run
//! use axum::{Router, http::StatusCode, routing::post};
//! use countersign::{Receiver, Secret, provider};
//! use countersign_axum::{Webhook, WebhookLayer};
//!
//! #[derive(serde::Deserialize)]
//! struct Event {
//!     name: String,
//! }
//!
//! async fn on_event(Webhook(event): Webhook<Event>) -> StatusCode {
//!     println!("{}", event.name);
//!     StatusCode::OK
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new(std::env::var("FEDAPAY_SECRET")?)?;
//! let receiver = Receiver::new("fedapay-live", provider::fedapay(), [secret])?;
//!
//! // `post(…).route_layer(…)`: a GET is then still answered 405, and never verified.
//! let app: Router = Router::new()
//!     .route("/webhooks/fedapay", post(on_event).route_layer(WebhookLayer::new(receiver.clone())));
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! axum::serve(listener, app).await?;
//! receiver.drain(std::time::Duration::from_secs(20)).await;
//! # Ok(())
//! # }
//! ```
//!
//! The response commits the event if it is 2xx and releases it otherwise. A handler goes on when its
//! sender hangs up, or has not been answered in time.

#![forbid(unsafe_code)]

mod body;
mod clock;
mod extract;
mod kept;
mod layer;

pub use self::extract::{Delivery, Webhook, WebhookRejection, Webhooks};
pub use self::layer::{WebhookLayer, WebhookService};
