//! The peers, each as its documentation says to use it.

use std::str::from_utf8;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use stripe_webhook::WebhookError;
use webhook_verify::{Provider, VerifyOptions};

use crate::deliveries::{KEY, Style};

/// What says whether a delivery is genuine.
pub(crate) type Check = Box<dyn Fn(&Request<()>, &Bytes) -> bool>;

/// The peers that know this provider, by name.
pub(crate) fn of(style: Style) -> Vec<(&'static str, Check)> {
    let text = from_utf8(KEY).expect("text");
    match style {
        Style::StandardWebhooks => vec![
            ("standardwebhooks", standardwebhooks()),
            ("svix", svix()),
            (
                "webhook-verify",
                webhook_verify(Provider::StandardWebhooks, STANDARD.encode(KEY)),
            ),
        ],
        Style::Stripe => vec![
            ("async-stripe-webhook", async_stripe(text)),
            (
                "webhook-verify",
                webhook_verify(Provider::Stripe, text.to_owned()),
            ),
        ],
        Style::Github => vec![(
            "webhook-verify",
            webhook_verify(Provider::GitHub, text.to_owned()),
        )],
        Style::FedaPay => Vec::new(),
    }
}

fn standardwebhooks() -> Check {
    let webhook = standardwebhooks::Webhook::from_bytes(KEY.to_vec()).expect("a key");
    Box::new(move |request, body| webhook.verify(body, request.headers()).is_ok())
}

fn svix() -> Check {
    let webhook = svix::webhooks::Webhook::from_bytes(KEY.to_vec()).expect("a key");
    Box::new(move |request, body| webhook.verify(body, request.headers()).is_ok())
}

fn async_stripe(secret: &'static str) -> Check {
    Box::new(move |request, body| {
        let header = request.headers().get("stripe-signature");
        let (Some(Ok(header)), Ok(body)) = (header.map(|value| value.to_str()), from_utf8(body))
        else {
            return false;
        };
        let event = stripe_webhook::Webhook::construct_event(body, header, secret);
        matches!(event, Ok(_) | Err(WebhookError::BadParse(_)))
    })
}

fn webhook_verify(provider: Provider, secret: String) -> Check {
    let secret = webhook_verify::Secret::new(secret);
    Box::new(move |request, body| {
        let options = VerifyOptions::default();
        webhook_verify::verify(provider, request.headers(), body, &secret, options).is_ok()
    })
}
