//! A request's body, kept while it is verified, for a receiver that observes only.

use axum_core::Error;
use axum_core::body::Body;
use bytes::Bytes;
use countersign::Refusal;
use futures_util::stream::{StreamExt, iter};

/// What has been read of a body.
#[derive(Default)]
pub(crate) struct Kept {
    read: Vec<Result<Bytes, Error>>,
}

impl Kept {
    pub(crate) fn push(&mut self, chunk: &Bytes) {
        self.read.push(Ok(chunk.clone()));
    }

    /// The body as it came: what has been read, and what is left of it in `rest`.
    pub(crate) fn with(self, rest: Body) -> Body {
        Body::from_stream(iter(self.read).chain(rest.into_data_stream()))
    }

    /// The same of a request that would have been refused. A body that broke off breaks off for the
    /// handler too.
    pub(crate) fn refused(mut self, refusal: Refusal<Error>, rest: Body) -> Body {
        if let Refusal::Broken(error) = refusal {
            self.read.push(Err(error));
        }
        self.with(rest)
    }
}
