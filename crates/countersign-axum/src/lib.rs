#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod body;
mod clock;
mod extract;
mod kept;
mod layer;

pub use self::extract::{Delivery, Webhook, WebhookRejection, Webhooks};
pub use self::layer::{WebhookLayer, WebhookService};
