//! A signed delivery, and the requests that it can be sent as.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A signed delivery: the headers that prove it, and the body as it is sent.
#[derive(Debug, Clone)]
pub struct Signed {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    content_type: HeaderValue,
}

impl Signed {
    pub(super) fn new(
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
        content_type: HeaderValue,
    ) -> Signed {
        Signed {
            headers,
            body,
            content_type,
        }
    }

    /// The headers of the scheme, the signature's first; a content type is not among them. Every
    /// value is visible ASCII.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The body as it is sent: what was signed, or its ciphertext where it is sealed.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The delivery as a `POST` request to `/`, with the headers of the scheme only.
    pub fn into_request(self) -> Request<Bytes> {
        let mut request = Request::new(self.body);
        *request.method_mut() = Method::POST;
        for (name, value) in self.headers {
            request.headers_mut().append(name, value);
        }
        request
    }

    /// The delivery as a `POST` request to a route, with the content type that a provider sends.
    /// `.map(Body::from)` makes it axum's, for tower's `oneshot`.
    ///
    /// # Panics
    ///
    /// If `uri` is none.
    #[track_caller]
    pub fn to(self, uri: &str) -> Request<Bytes> {
        let content_type = self.content_type.clone();
        let mut request = self.into_request();
        *request.uri_mut() = parse(uri);
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        request
    }

    /// The same for an actix-web service: `.send_request(&app)` delivers it.
    ///
    /// # Panics
    ///
    /// If `uri` is none.
    #[cfg(feature = "actix-web")]
    #[track_caller]
    pub fn to_actix(self, uri: &str) -> actix_web::test::TestRequest {
        crate::target::test_request(self.to(uri))
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "a test names its own route")]
fn parse(uri: &str) -> Uri {
    match uri.parse() {
        Ok(uri) => uri,
        Err(error) => panic!("{uri:?} is no URI: {error}"),
    }
}
