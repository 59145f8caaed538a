//! What a handler takes: the events, decoded, or the delivery as it is.

use std::fmt;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use countersign::{DecodeError, FromEvent};

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
    /// There is no [`WebhookMiddleware`](crate::WebhookMiddleware) in front of the handler: 500.
    NoMiddleware,
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
            WebhookRejection::NoMiddleware => {
                "no WebhookMiddleware in front of this handler: add `.wrap(WebhookMiddleware::new(…))`"
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

impl ResponseError for WebhookRejection {
    fn status_code(&self) -> StatusCode {
        match self {
            WebhookRejection::NoMiddleware | WebhookRejection::Batch => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            WebhookRejection::Undecodable(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// Without a body: what is wrong is for the log, not for the sender.
    fn error_response(&self) -> HttpResponse {
        self.log();
        HttpResponse::new(self.status_code())
    }
}

impl FromRequest for Delivery {
    type Error = WebhookRejection;
    type Future = Ready<Result<Self, WebhookRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(delivery(request))
    }
}

impl<T: FromEvent> FromRequest for Webhook<T> {
    type Error = WebhookRejection;
    type Future = Ready<Result<Self, WebhookRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(delivery(request).and_then(|delivery| {
            if delivery.is_batch() {
                return Err(WebhookRejection::Batch);
            }
            let event = delivery.decode_one();
            event.map(Webhook).map_err(WebhookRejection::Undecodable)
        }))
    }
}

impl<T: FromEvent> FromRequest for Webhooks<T> {
    type Error = WebhookRejection;
    type Future = Ready<Result<Self, WebhookRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(delivery(request).and_then(|delivery| {
            let events = delivery.decode_all();
            events.map(Webhooks).map_err(WebhookRejection::Undecodable)
        }))
    }
}

fn delivery(request: &HttpRequest) -> Result<Delivery, WebhookRejection> {
    let delivery = request.extensions().get::<Delivery>().cloned();
    delivery.ok_or(WebhookRejection::NoMiddleware)
}
