//! A request's body, kept while it is verified, for a receiver that observes only.

use axum_core::Error;
use axum_core::body::Body;
use bytes::{Bytes, BytesMut};
use countersign::Refusal;
use futures_util::stream::{StreamExt, iter};

/// What has been read of a body: in one piece, since chunks may be as small as a byte.
#[derive(Default)]
pub(crate) struct Kept {
    read: BytesMut,
    broken: Option<Error>,
}

impl Kept {
    pub(crate) fn push(&mut self, chunk: &Bytes) {
        self.read.extend_from_slice(chunk);
    }

    /// The body as it came: what has been read, and what is left of it in `rest`.
    pub(crate) fn with(self, rest: Body) -> Body {
        let read = (!self.read.is_empty()).then(|| Ok(self.read.freeze()));
        let read = iter(read.into_iter().chain(self.broken.map(Err)));
        Body::from_stream(read.chain(rest.into_data_stream()))
    }

    /// The same of a request that would have been refused. A body that broke off breaks off for the
    /// handler too.
    pub(crate) fn refused(mut self, refusal: Refusal<Error>, rest: Body) -> Body {
        if let Refusal::Broken(_, error) = refusal {
            self.broken = Some(error);
        }
        self.with(rest)
    }
}
