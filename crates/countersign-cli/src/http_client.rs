//! The HTTP client of `listen --forward` and of `send`: it keeps connections alive, follows no redirect
//! and knows no proxy.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

pub(crate) type Client = legacy::Client<HttpConnector, Full<Bytes>>;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

pub(crate) fn client() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT));
    legacy::Client::builder(TokioExecutor::new()).build(connector)
}
