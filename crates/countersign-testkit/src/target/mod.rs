//! Where deliveries go: a merchant's server in this process, or at an address.

#[cfg(feature = "actix-web")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "http")]
mod over_http;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::{Request, Response};

#[cfg(feature = "actix-web")]
pub use self::actix::ActixApp;
#[cfg(feature = "actix-web")]
pub(crate) use self::actix::test_request;
#[cfg(feature = "http")]
pub use self::over_http::OverHttp;

/// Something that takes deliveries: with the feature `axum` every `Router` and every other tower
/// service of axum's kind, with `actix-web` an `ActixApp`, with `http` an `OverHttp`.
///
/// Its futures need not be `Send`, since actix-web's are not.
pub trait Target {
    /// Delivers, and yields what came back. Dropped before that, it is a sender that hangs up.
    ///
    /// # Errors
    ///
    /// If nothing came back.
    fn deliver(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, NoAnswer>>;
}

/// Why no answer came back: nobody listens, or the connection broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer {
    why: Cow<'static, str>,
}

impl NoAnswer {
    /// A delivery that was not answered, and why.
    pub fn new(why: impl Into<Cow<'static, str>>) -> NoAnswer {
        NoAnswer { why: why.into() }
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer: {}", self.why)
    }
}

impl std::error::Error for NoAnswer {}
