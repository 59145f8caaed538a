//! Handing fresh events on to the target, and what its answers mean.

use std::fmt;

use axum::http::StatusCode;
use countersign::{Identity, Receiver};
use countersign_axum::Delivery;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::http_client::{Client, client};
use crate::url::Url;

/// Hands events on, or commits them all where there is no target.
pub(super) struct Forwarder {
    target: Option<(Url, Client)>,
    provider: String,
    endpoint: String,
}

impl Forwarder {
    pub(super) fn new(target: Option<Url>, receiver: &Receiver) -> Self {
        Forwarder {
            target: target.map(|url| (url, client())),
            provider: receiver.provider().name().to_owned(),
            endpoint: receiver.endpoint().to_owned(),
        }
    }

    /// The answer to a delivery. Events go one after another, in its order, and the first that is not
    /// taken ends it: what was taken is committed, and the rest comes again.
    pub(super) async fn take(&self, delivery: Delivery) -> StatusCode {
        let Some((url, client)) = &self.target else {
            return StatusCode::OK;
        };
        for event in delivery.events() {
            let status = self.forward(url, client, event).await;
            if status != StatusCode::OK {
                return status;
            }
            if delivery.is_batch() {
                delivery.done(event.id()).await;
            }
        }
        StatusCode::OK
    }

    /// Sends one event, and says what its answer means for the sender.
    async fn forward(&self, url: &Url, client: &Client, event: &Identity) -> StatusCode {
        let mut request = Request::new(Full::new(event.raw().clone()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = url.uri();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Nothing of the sender's headers goes through: but for the signature nobody signed them. What
        // the event itself says of id and type is the provider's, and written so that no byte of it can
        // end a header.
        for (name, text) in [
            ("countersign-provider", Some(self.provider.as_str())),
            ("countersign-endpoint", Some(&*self.endpoint)),
            ("countersign-event-id", Some(event.id())),
            ("countersign-event-type", event.kind()),
        ] {
            let encoded = text.map(|text| Encoded(text).to_string());
            let value = encoded.and_then(|text| HeaderValue::try_from(text).ok());
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        match client.request(request).await {
            Ok(response) => meaning(response.status()),
            Err(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

/// A target's answer, as the sender is told: 410 would have some providers end their subscription.
fn meaning(status: StatusCode) -> StatusCode {
    match status {
        _ if status.is_success() => StatusCode::OK,
        StatusCode::GONE => StatusCode::BAD_GATEWAY,
        _ if status.is_client_error() => status,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// Text, percent-encoded but for what is harmless everywhere.
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HARMLESS: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
            .remove(b'-')
            .remove(b'_')
            .remove(b'.')
            .remove(b':')
            .remove(b'|');
        percent_encode(self.0.as_bytes(), HARMLESS).fmt(f)
    }
}
