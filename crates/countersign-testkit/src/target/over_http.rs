//! A server at an address.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::Sleep;

use super::{NoAnswer, Target};

/// A server that is delivered to over HTTP: wherever it runs and whatever it is made of.
///
/// Needs a tokio runtime. Each delivery has a connection of its own, redirects are not followed, and
/// proxies of the environment are ignored.
#[derive(Debug, Clone)]
pub struct OverHttp {
    client: Client<HttpConnector, Upload>,
    base: String,
}

impl OverHttp {
    /// The server at `base`, such as `http://127.0.0.1:8080`; a delivery's path goes behind it.
    pub fn new(base: impl Into<String>) -> OverHttp {
        let base: String = base.into();
        OverHttp {
            // One that is kept may be closed just as the next delivery is written to it: a server
            // closes it after some refusals.
            client: Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build_http(),
            base: base.trim_end_matches('/').to_owned(),
        }
    }
}

impl Target for OverHttp {
    async fn deliver(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let (mut parts, body) = request.into_parts();
        let path = parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        parts.uri = match format!("{}{path}", self.base).parse::<Uri>() {
            Ok(uri) => uri,
            Err(error) => return Err(NoAnswer::new(format!("{}: {error}", self.base))),
        };
        let request = Request::from_parts(parts, Upload::new(body));
        let response = self.client.request(request).await;
        let (parts, body) = response.map_err(|error| why(&error))?.into_parts();
        let body = body.collect().await.map_err(|error| why(&error))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

/// The error and all that it came from: the outermost says little.
fn why(error: &dyn Error) -> NoAnswer {
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        why = format!("{why}: {error}");
        source = error.source();
    }
    NoAnswer::new(why)
}

/// How much is sent before a sender looks whether it was refused already: a byte more than the adapters
/// read of what they refuse, so that they wait for no more.
const FIRST: usize = 64 * 1024 + 1;

/// For how long it looks: longer than a server may wait for more.
const LOOK: Duration = Duration::from_secs(2);

/// A body that pauses once for an early answer, as curl does. A server that refuses a long body from
/// its head closes the connection, and who still writes then never sees the answer.
struct Upload {
    left: Bytes,
    pause: Option<Pin<Box<Sleep>>>,
    paused: bool,
}

impl Upload {
    fn new(body: Bytes) -> Upload {
        Upload {
            paused: body.len() <= FIRST,
            left: body,
            pause: None,
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.pause = None;
            self.paused = true;
        }
        let chunk = if self.paused {
            std::mem::take(&mut self.left)
        } else {
            self.pause = Some(Box::pin(tokio::time::sleep(LOOK)));
            self.left.split_to(FIRST)
        };
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
