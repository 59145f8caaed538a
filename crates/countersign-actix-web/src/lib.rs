//! Countersign for actix-web: a middleware that lets a webhook reach its handler once, and only if
//! its provider really sent it.
//!
//! ```no_run
//! use actix_web::{App, HttpResponse, HttpServer, rt, web};
//! use countersign::{Receiver, Secret, provider};
//! use countersign_actix_web::{Webhook, WebhookMiddleware};
//!
//! #[derive(serde::Deserialize)]
//! struct Event {
//!     name: String,
//! }
//!
//! async fn on_event(Webhook(event): Webhook<Event>) -> HttpResponse {
//!     println!("{}", event.name);
//!     HttpResponse::Ok().finish()
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new(std::env::var("FEDAPAY_SECRET")?)?;
//! let receiver = Receiver::new("fedapay-live", provider::fedapay(), [secret])?;
//! let webhooks = WebhookMiddleware::new(receiver.clone());
//!
//! let server = HttpServer::new(move || {
//!     // `post().to(…).wrap(…)`: a GET is then still answered 405, and never verified.
//!     let route = web::post().to(on_event).wrap(webhooks.clone());
//!     App::new().service(web::resource("/webhooks/fedapay").route(route))
//! });
//! let server = server.bind(("127.0.0.1", 8080))?.disable_signals().run();
//!
//! let handle = server.handle();
//! rt::spawn(server);
//! rt::signal::ctrl_c().await?;
//! handle.pause().await;
//! receiver.drain(std::time::Duration::from_secs(20)).await;
//! handle.stop(true).await;
//! # Ok(())
//! # }
//! ```
//!
//! The response commits the event if it is 2xx and releases it otherwise. A handler goes on when its
//! sender hangs up, or has not been answered in time.
//!
//! # Build the receiver outside `HttpServer::new`
//!
//! **`HttpServer::new` calls its closure once for each worker.** A receiver that is built inside it
//! is another one in each worker, with another memory store, and **a duplicate that reaches another
//! worker runs again**. Build the receiver, and best the middleware too, before the closure, and
//! clone it inside: clones are one receiver.
//!
//! # Shut down in this order
//!
//! actix-web waits for connections, not for handlers that go on without theirs. So take the signals
//! from it, as above: stop accepting, drain the receiver, and only then stop the server.
//!
//! # Where the middleware stands
//!
//! On the route, and after its handler: `web::post().to(handler).wrap(middleware)`; the other way round
//! panics at the start. `web::resource(path).route(…)` answers a GET 405, `App::route(path, …)` 404,
//! neither of them by way of the middleware. Around a resource, a scope or the app it works as well,
//! but there it is asked first, and whatever is not a delivery is answered 401.
//!
//! A handler that reads the body itself is given the very bytes that were verified, whatever limit
//! `PayloadConfig` sets, but a copy of them; [`Delivery`] lends them. `web::Json` keeps a limit of its
//! own, of 2 MB by default.

#![forbid(unsafe_code)]

mod body;
mod clock;
mod extract;
mod kept;
mod middleware;

pub use self::extract::{Delivery, Webhook, WebhookRejection, Webhooks};
pub use self::middleware::{WebhookMiddleware, WebhookService};
