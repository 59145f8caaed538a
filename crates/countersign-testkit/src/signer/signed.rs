//! A signed delivery, and the requests that it can be sent as.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
pub(super) const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A signed delivery: the headers that prove it, and the body as it is sent.
#[derive(Debug, Clone)]
pub struct Signed {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    content_type: HeaderValue,
    /// The URL that was signed.
    pub(super) url: Option<String>,
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
            url: None,
        }
    }

    /// The URL that was signed with it, where the scheme signs one.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// The content type that the provider sends it with.
    pub fn content_type(&self) -> &HeaderValue {
        &self.content_type
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

    /// The delivery as a `POST` request to `/`, or to the URL that was signed, with the headers of the
    /// scheme only.
    pub fn into_request(self) -> Request<Bytes> {
        let mut request = Request::new(self.body);
        *request.method_mut() = Method::POST;
        // One that is none was refused when it was configured.
        if let Some(Ok(url)) = self.url.as_deref().map(str::parse) {
            *request.uri_mut() = url;
        }
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
        let query = self.url.as_deref().and_then(|url| url.split_once('?'));
        let uri = match query {
            Some((_, query)) if !uri.contains('?') => parse(&format!("{uri}?{query}")),
            _ => parse(uri),
        };
        let mut request = self.into_request();
        *request.uri_mut() = uri;
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
