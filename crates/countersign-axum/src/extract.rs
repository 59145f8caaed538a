//! What a handler takes: the events, decoded, or the delivery as it is.

use std::fmt;

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use countersign::{DecodeError, FromEvent};
use http::StatusCode;
use http::request::Parts;

/// The verified delivery, with its raw bytes and its settlement.
#[derive(Debug, Clone)]
pub struct Delivery(countersign::Delivery);

impl Delivery {
    pub(crate) fn new(delivery: countersign::Delivery) -> Self {
        Delivery(delivery)
    }
}

impl std::ops::Deref for Delivery {
    type Target = countersign::Delivery;

    fn deref(&self) -> &countersign::Delivery {
        &self.0
    }
}

/// The one event of a delivery: an [`Event`](countersign::Event), or whatever serde decodes from its
/// JSON.
#[derive(Debug, Clone, Copy)]
pub struct Webhook<T>(pub T);

/// The events of a batch that are to be run, each decoded from its own JSON.
///
/// One that does not decode is left out and released, and the sender is told to come again with it;
/// [`Decoded`](countersign::Decoded) shows it to the handler.
#[derive(Debug, Clone)]
pub struct Webhooks<T>(pub Vec<T>);

/// Why a handler could not be given what it takes.
#[derive(Debug)]
#[non_exhaustive]
pub enum WebhookRejection {
    /// There is no [`WebhookLayer`](crate::WebhookLayer) in front of the handler: 500.
    NoLayer,
    /// The provider sends batches, and the handler takes a single event: 500. Take
    /// [`Webhooks`] instead.
    Batch,
    /// The event's JSON is not what the handler takes, or of a batch no event's is: 422, and they are
    /// released.
    Undecodable(DecodeError),
}

impl fmt::Display for WebhookRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WebhookRejection::NoLayer => {
                "no WebhookLayer in front of this handler: add `.route_layer(WebhookLayer::new(…))`"
            }
            WebhookRejection::Batch => {
                "this provider sends batches: the handler has to take `Webhooks<E>`, not `Webhook<E>`"
            }
            WebhookRejection::Undecodable(_) => "the event does not decode",
        })
    }
}

impl std::error::Error for WebhookRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            WebhookRejection::Undecodable(error) => Some(error),
            _ => None,
        }
    }
}

impl WebhookRejection {
    /// Tells the log what the sender is not told: no value of the request is in it.
    fn log(&self) {
        match self {
            WebhookRejection::Undecodable(error) => {
                tracing::error!(target: "countersign::rejection", "{self}: {error}");
            }
            _ => tracing::error!(target: "countersign::rejection", "{self}"),
        }
    }
}

impl IntoResponse for WebhookRejection {
    fn into_response(self) -> Response {
        self.log();
        match self {
            WebhookRejection::NoLayer | WebhookRejection::Batch => {
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            WebhookRejection::Undecodable(_) => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Delivery {
    type Rejection = WebhookRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebhookRejection> {
        parts
            .extensions
            .get::<Delivery>()
            .cloned()
            .ok_or(WebhookRejection::NoLayer)
    }
}

impl<T: FromEvent, S: Sync> FromRequestParts<S> for Webhook<T> {
    type Rejection = WebhookRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebhookRejection> {
        let delivery = Delivery::from_request_parts(parts, state).await?;
        if delivery.is_batch() {
            return Err(WebhookRejection::Batch);
        }
        let event = delivery.decode_one();
        event.map(Webhook).map_err(WebhookRejection::Undecodable)
    }
}

impl<T: FromEvent, S: Sync> FromRequestParts<S> for Webhooks<T> {
    type Rejection = WebhookRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebhookRejection> {
        let delivery = Delivery::from_request_parts(parts, state).await?;
        let events = delivery.decode_all();
        events.map(Webhooks).map_err(WebhookRejection::Undecodable)
    }
}
