//! A server written by hand: right, or wrong in one way.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Request, Response, StatusCode, request::Parts};
use axum::{Router, routing::any};
use countersign::{Provider, Secret, UnixTime, Verifier, provider};
use countersign_testkit::Signer;
use serde_json::Value;

use crate::stage::{ROUTE, secret_of};

/// What it does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misdeed {
    Nothing,
    /// It parses the body before it verifies it, and says so.
    ParsesFirst,
    /// It verifies what it has parsed and written again.
    WritesAgain,
    ForgetsEvents,
    /// It looks whether the event is known, runs it, and only then notes it.
    NotesTooLate,
    /// It knows a delivery by its signature, and not by its event.
    KnowsBySignature,
    /// It knows a delivery by a header that nobody has signed.
    KnowsByLabel,
    IgnoresTime,
    TakesTheFirstHeader,
    TakesTheLastHeader,
    TakesUnsigned,
    /// It compares as many digits as it was sent.
    ComparesPrefixes,
    TakesAnyLength,
    TakesAnySecret,
    TakesTheSandbox,
    TakesTheBodyAlone,
    WantsLowerCase,
    TellsTheReason,
}

const HEADER: &str = "x-fedapay-signature";

#[derive(Clone)]
struct Server {
    misdeed: Misdeed,
    provider: Provider,
    secret: Secret,
    known: Arc<Mutex<HashSet<String>>>,
}

/// A FedaPay endpoint.
pub(crate) fn server(misdeed: Misdeed) -> Router {
    let provider = provider::fedapay();
    let server = Server {
        misdeed,
        secret: secret_of(&provider),
        provider,
        known: Arc::default(),
    };
    Router::new().route(ROUTE, any(move |request| server.take(request)))
}

fn answer(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

impl Server {
    async fn take(self, request: Request<Body>) -> Response<Body> {
        let limit = match self.misdeed {
            Misdeed::TakesAnyLength => usize::MAX,
            _ => self.provider.body_limit(),
        };
        let (mut parts, body) = request.into_parts();
        let Ok(mut body) = to_bytes(body, limit).await else {
            return answer(413);
        };
        let json = serde_json::from_slice::<Value>(&body);
        match (self.misdeed, &json) {
            (Misdeed::ParsesFirst, Err(_)) => return answer(400),
            (Misdeed::WritesAgain, Ok(json)) => body = Bytes::from(json.to_string()),
            _ => {}
        }
        let mut sent = parts.headers.get_all(HEADER).iter().cloned();
        let kept = match self.misdeed {
            Misdeed::TakesTheFirstHeader => sent.next(),
            Misdeed::TakesTheLastHeader => sent.next_back(),
            _ => None,
        };
        if let Some(kept) = kept {
            parts.headers.insert(HEADER, kept);
        }
        if let Err(reason) = self.verify(&parts, &body) {
            let mut refusal = answer(401);
            if self.misdeed == Misdeed::TellsTheReason {
                *refusal.body_mut() = Body::from(reason);
            }
            return refusal;
        }
        let id = json.unwrap_or_default()["id"].to_string();
        let label = |name| String::from_utf8_lossy(parts.headers[name].as_bytes()).into_owned();
        let id = match self.misdeed {
            Misdeed::KnowsBySignature => label(HEADER),
            Misdeed::KnowsByLabel if parts.headers.contains_key("x-delivery-id") => {
                label("x-delivery-id") + &id
            }
            _ => id,
        };
        match self.misdeed {
            Misdeed::ForgetsEvents => {}
            Misdeed::NotesTooLate => {
                let known = self.known.lock().unwrap().contains(&id);
                tokio::task::yield_now().await;
                self.known.lock().unwrap().insert(id);
                if known {
                    return duplicate();
                }
            }
            _ => {
                if !self.known.lock().unwrap().insert(id) {
                    return duplicate();
                }
            }
        }
        answer(200)
    }

    fn verify(&self, parts: &Parts, body: &Bytes) -> Result<(), String> {
        let text = parts.headers.get(HEADER);
        let text = text.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let mut now: UnixTime = SystemTime::now().into();
        let signed_at = text.as_deref().and_then(|text| {
            let time = text.strip_prefix("t=")?.split(',').next()?;
            time.parse().ok().map(UnixTime::from_secs)
        });
        match self.misdeed {
            Misdeed::TakesUnsigned if text.is_none() => return Ok(()),
            Misdeed::TakesAnySecret if text.as_deref().is_some_and(is_well_formed) => {
                return Ok(());
            }
            Misdeed::IgnoresTime => now = signed_at.unwrap_or(now),
            Misdeed::WantsLowerCase if text.as_deref().is_some_and(has_capitals) => {
                return Err("capitals".to_owned());
            }
            Misdeed::ComparesPrefixes => {
                let signer = Signer::new(&self.provider, &self.secret).unwrap();
                let signed = signer.sign(body.clone(), signed_at.unwrap_or(now)).unwrap();
                let right = signed.headers()[0].1.to_str().unwrap().to_owned();
                if text.is_some_and(|text| {
                    text.len() > 20 && text.len() < right.len() && right.starts_with(&text)
                }) {
                    return Ok(());
                }
            }
            Misdeed::TakesTheBodyAlone => {
                let signer = Signer::new(&provider::fourpay(), &self.secret).unwrap();
                let signed = signer.sign(body.clone(), now).unwrap();
                let right = signed.headers()[0].1.to_str().unwrap().to_owned();
                if text.is_some_and(|text| text.ends_with(&right)) {
                    return Ok(());
                }
            }
            _ => {}
        }
        let mut secrets = vec![self.secret.clone()];
        if self.misdeed == Misdeed::TakesTheSandbox {
            secrets.push(Secret::new("wh_sandbox_0123456789abcdef").unwrap());
        }
        let verdicts = secrets.into_iter().map(|secret| {
            let verifier = Verifier::new(&self.provider, &[secret]).unwrap();
            verifier.verify(parts, body.clone(), now)
        });
        let mut reason = String::new();
        for verdict in verdicts {
            match verdict {
                Ok(_) => return Ok(()),
                Err(error) => reason = error.to_string(),
            }
        }
        Err(reason)
    }
}

fn has_capitals(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_well_formed(text: &str) -> bool {
    text.len() == "t=1800000000,s=".len() + 64
}

fn duplicate() -> Response<Body> {
    let mut response = answer(200);
    let outcome = HeaderValue::from_static("duplicate");
    response.headers_mut().insert("webhook-outcome", outcome);
    response
}
