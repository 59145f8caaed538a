//! The head of a request, as little of it as verification needs.

use std::borrow::Cow;
use std::net::IpAddr;

use http::HeaderName;

/// The head of an HTTP request.
///
/// Frameworks disagree on the version of the `http` crate and on header maps, so the core asks for
/// three things only, and a fourth where addresses are checked. It is implemented for [`http::Request`] and [`http::request::Parts`].
pub trait Head {
    /// Every value of the header `name`, in the order received, as bytes. Names compare without
    /// regard to case; `-` and `_` differ.
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]>;

    /// The request method.
    fn method(&self) -> &str;

    /// The request target as received: a path and query, or an absolute URI.
    fn target(&self) -> Cow<'_, str>;

    /// The address of the connection's other end, where the server says it: the last proxy's, if there is
    /// one.
    fn peer(&self) -> Option<IpAddr> {
        None
    }
}

impl Head for http::request::Parts {
    #[inline]
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
        self.headers
            .get_all(name)
            .iter()
            .map(|value| value.as_bytes())
    }

    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn target(&self) -> Cow<'_, str> {
        target(&self.uri)
    }
}

impl<B> Head for http::Request<B> {
    #[inline]
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
        self.headers()
            .get_all(name)
            .iter()
            .map(|value| value.as_bytes())
    }

    fn method(&self) -> &str {
        self.method().as_str()
    }

    fn target(&self) -> Cow<'_, str> {
        target(self.uri())
    }
}

fn target(uri: &http::Uri) -> Cow<'_, str> {
    match (uri.scheme(), uri.path_and_query()) {
        (None, Some(path)) => Cow::Borrowed(path.as_str()),
        _ => Cow::Owned(uri.to_string()),
    }
}
