//! An axum `Router`, or another tower service of its kind, in this process.

use std::fmt::Display;
use std::future::poll_fn;

use axum_core::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use tower_service::Service;

use super::{NoAnswer, Target};

impl<S> Target for S
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone,
    S::Error: Display,
{
    async fn deliver(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let no_answer = |error: S::Error| NoAnswer::new(error.to_string());
        let mut service = self.clone();
        poll_fn(|cx| service.poll_ready(cx))
            .await
            .map_err(no_answer)?;
        let response = service.call(request.map(Body::from)).await;
        let (parts, body) = response.map_err(no_answer)?.into_parts();
        match body.collect().await {
            Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
            Err(error) => Err(NoAnswer::new(error.to_string())),
        }
    }
}
