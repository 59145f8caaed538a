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
use bytes::Bytes;
use http::StatusCode;
use http::header::HOST;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::failure::{Failure, Reason};
use crate::output::Printable;

/// How many requests are kept.
const NEWEST: usize = 1000;

/// How many refused bodies are read to their ends at once.
const PLACES: usize = 8;

/// How long the rest of a refused body may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A folder of captured requests.
pub(super) struct Captures {
    folder: PathBuf,
    kept: Mutex<Kept>,
    /// For the bodies of what was refused by its head.
    places: Semaphore,
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
            places: Semaphore::new(PLACES),
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

/// Hands a request on as it came, and keeps what was read of it. A body is kept to one byte over `limit`.
pub(super) async fn keep(
    captures: Arc<Captures>,
    limit: usize,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let announced = body.size_hint().exact();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let host = parts.headers.get(HOST).map(|host| text(host.as_bytes()));
    let mut captured = Captured {
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
        body_b64: String::new(),
    };
    let seen = Arc::new(Mutex::new(Seen::default()));
    let tee = Tee {
        body: Some(body),
        most: limit.saturating_add(1),
        seen: seen.clone(),
    };
    let response = next.run(Request::from_parts(parts, Body::new(tee))).await;

    let Seen {
        mut bytes,
        broken,
        rest,
    } = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    // What is refused by its head is not read to its end; but a signature can be looked for in it only
    // if it is. These bodies are outside the receiver's budget: a few at a time, and no longer than it
    // would take.
    let mut whole = true;
    if let Some(rest) = rest
        && response.status() == StatusCode::UNAUTHORIZED
    {
        let fits = announced.is_none_or(|length| length <= limit as u64);
        whole = match captures.places.try_acquire() {
            Ok(_place) if fits => read_on(rest, &mut bytes, limit.saturating_add(1)).await,
            _ => false,
        };
    }
    // What broke off is no delivery, and neither is a part of one.
    if whole && !broken {
        captured.body_b64 = STANDARD.encode(&bytes);
        // A file is written in a moment, but not in none.
        let _ = tokio::task::spawn_blocking(move || captures.write(&captured)).await;
    }
    response
}

/// Reads a body to its end, or to where `bytes` holds `most`; whether it came so far.
async fn read_on(mut body: Body, bytes: &mut Vec<u8>, most: usize) -> bool {
    let reading = async {
        while bytes.len() < most {
            match body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        let room = most.saturating_sub(bytes.len());
                        bytes.extend_from_slice(data.get(..room).unwrap_or(data));
                    }
                }
                Some(Err(_)) => return false,
                None => return true,
            }
        }
        true
    };
    let ended = tokio::time::timeout(PATIENCE, reading).await;
    ended.unwrap_or(false)
}

/// What has been read of a body.
#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    broken: bool,
    /// What was left when nobody read on.
    rest: Option<Body>,
}

/// A body that remembers what is read of it.
struct Tee {
    body: Option<Body>,
    most: usize,
    seen: Arc<Mutex<Seen>>,
}

impl http_body::Body for Tee {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        let most = self.most;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    let room = most.saturating_sub(seen.bytes.len());
                    seen.bytes
                        .extend_from_slice(data.get(..room).unwrap_or(data));
                }
            }
            Some(Err(_)) => seen.broken = true,
            None => {}
        }
        drop(seen);
        if frame.is_none() {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body
            .as_ref()
            .is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or(SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.rest = self.body.take();
    }
}
