//! An actix-web service in this process.

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use actix_web::{Error, HttpResponse};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};

use super::{NoAnswer, Target};

/// An actix-web service, as `actix_web::test::init_service` makes it, to be delivered to.
#[derive(Debug, Clone)]
pub struct ActixApp<S>(pub S);

impl<S, B> Target for ActixApp<S>
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    async fn deliver(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let request = test_request(request).to_request();
        match self.0.call(request).await {
            Ok(response) => answer(response.into_parts().1).await,
            // As its dispatcher does.
            Err(error) => answer(HttpResponse::from_error(error)).await,
        }
    }
}

/// The same request in actix-web's types, which are those of an older `http`.
pub(crate) fn test_request(request: Request<Bytes>) -> TestRequest {
    let (parts, body) = request.into_parts();
    let mut test = TestRequest::post().uri(&parts.uri.to_string());
    if let Ok(method) = actix_web::http::Method::from_bytes(parts.method.as_str().as_bytes()) {
        test = test.method(method);
    }
    for (name, value) in &parts.headers {
        test = test.append_header((name.as_str(), value.as_bytes()));
    }
    if !parts.headers.contains_key(CONTENT_LENGTH) {
        test = test.append_header((CONTENT_LENGTH.as_str(), body.len()));
    }
    test.set_payload(body)
}

async fn answer<B: MessageBody>(response: HttpResponse<B>) -> Result<Response<Bytes>, NoAnswer> {
    let mut answer = Response::builder().status(response.status().as_u16());
    for (name, value) in response.headers() {
        answer = answer.header(name.as_str(), value.as_bytes());
    }
    let body = to_bytes(response.into_body()).await;
    let body = body.map_err(|_| NoAnswer::new("the body of the response broke off"))?;
    answer
        .body(body)
        .map_err(|error| NoAnswer::new(error.to_string()))
}
