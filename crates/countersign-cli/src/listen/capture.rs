//! `--capture`: each request as a file that `verify --request` and `explain --request` read.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http_body::Frame;
use http_body_util::BodyExt as _;
use serde::Serialize;

use crate::failure::{Failure, Reason};
use crate::output::Printable;

/// How many requests are kept.
const NEWEST: usize = 1000;

/// How long a body may take before the rest of the way is left to the receiver, which has a limit of
/// its own.
const PATIENCE: Duration = Duration::from_secs(10);

/// A folder of captured requests.
pub(super) struct Captures {
    folder: PathBuf,
    kept: Mutex<Kept>,
}

struct Kept {
    files: VecDeque<PathBuf>,
    number: u64,
}

impl Captures {
    /// Opens a folder, and makes it if there is none. The captures that are in it count.
    pub(super) fn open(folder: PathBuf) -> Result<Captures, Failure> {
        let unusable = |error: io::Error| {
            let name = folder.to_string_lossy();
            let message = format!("cannot write to --capture {}: {error}", Printable(&name));
            Failure::new(Reason::UnreadableFile, message)
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder).map_err(unusable)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).map_err(unusable)? {
            let path = entry.map_err(unusable)?.path();
            if is_capture(&path) {
                files.push(path);
            }
        }
        files.sort();
        Ok(Captures {
            kept: Mutex::new(Kept {
                files: files.into(),
                number: 0,
            }),
            folder,
        })
    }

    /// Writes one request, and removes the oldest if there are too many. A disk that is full stops no
    /// delivery.
    fn write(&self, request: &Captured) {
        let Ok(json) = serde_json::to_vec(request) else {
            return;
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = now.map_or(0, |since| since.as_millis());
        kept.number += 1;
        let path = self
            .folder
            .join(format!("{PREFIX}{millis:014}-{:06}.json", kept.number));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options
            .open(&path)
            .and_then(|mut file| file.write_all(&json));
        if written.is_ok() {
            kept.files.push_back(path);
        }
        while kept.files.len() > NEWEST {
            if let Some(oldest) = kept.files.pop_front() {
                let _ = fs::remove_file(oldest);
            }
        }
    }
}

const PREFIX: &str = "delivery-";

fn is_capture(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(".json"))
}

/// The form that `verify --request` reads.
#[derive(Serialize)]
struct Captured {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body_b64: String,
}

/// Keeps a request, and hands it on as it came. A body is kept to one byte over `limit`.
pub(super) async fn keep(
    captures: Arc<Captures>,
    limit: usize,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let (first, rest) = prefetch(body, limit.saturating_add(1)).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let host = parts.headers.get(HOST).map(|host| text(host.as_bytes()));
    let captured = Captured {
        method: parts.method.to_string(),
        url: match parts.uri.authority() {
            Some(_) => parts.uri.to_string(),
            None => format!("http://{}{}", host.unwrap_or_default(), parts.uri),
        },
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        body_b64: STANDARD.encode(first.get(..limit.saturating_add(1)).unwrap_or(&first)),
    };
    // A file is written in a moment, but not in none.
    let _ = tokio::task::spawn_blocking(move || captures.write(&captured)).await;
    let body = Body::new(Prefetched {
        first: (!first.is_empty()).then_some(first),
        rest,
    });
    next.run(Request::from_parts(parts, body)).await
}

/// Reads a body to its end, to `most` bytes or to the end of patience; what was read, and the rest.
async fn prefetch(mut body: Body, most: usize) -> (Bytes, Body) {
    let mut read = BytesMut::new();
    let reading = async {
        while read.len() < most {
            match body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        read.extend_from_slice(data);
                    }
                }
                Some(Err(_)) | None => return,
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, reading).await;
    (read.freeze(), body)
}

/// A body of which the beginning was read already.
struct Prefetched {
    first: Option<Bytes>,
    rest: Body,
}

impl http_body::Body for Prefetched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }
}
