//! The delivery to look at: one file, or its parts as options.

use std::borrow::Cow;
use std::ffi::OsString;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::ArgGroup;
use countersign::Head;
use countersign::explain::Captured;
use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;

use crate::failure::{Failure, Reason};
use crate::input::Input;

/// The longest request file: room for a body of twice the largest limit there is, in Base64.
const MAX_REQUEST: usize = 128 * 1024 * 1024;

#[derive(clap::Args)]
#[command(group(ArgGroup::new("delivery").required(true).args(["request", "body"])))]
pub(crate) struct RequestArgs {
    /// The whole delivery as JSON: {"method","url","headers":[["Name","value"],...],"body_b64"}.
    /// Only "headers" must be there; others are POST, none and an empty body
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["method", "url", "header"])]
    request: Option<Input>,

    /// The method, POST if not given
    #[arg(long, value_name = "M")]
    method: Option<String>,

    /// The URL the delivery was sent to
    #[arg(long, value_name = "U")]
    url: Option<String>,

    /// A header, repeatable
    #[arg(long, value_name = "NAME: VALUE", allow_hyphen_values = true)]
    header: Vec<OsString>,

    /// The body's bytes exactly as they were received
    #[arg(long, value_name = "FILE|-")]
    body: Option<Input>,
}

/// A delivery as it came, or as it is said to have come: nothing in it has been looked at.
pub(crate) struct Request {
    pub(crate) head: RequestHead,
    pub(crate) body: Bytes,
}

/// The head of a [`Request`]. Other than a server's it may hold what HTTP cannot carry.
pub(crate) struct RequestHead {
    method: String,
    url: Option<String>,
    headers: Vec<Header>,
}

struct Header {
    /// `None` for what is no header name.
    name: Option<HeaderName>,
    value: Vec<u8>,
}

/// A request file. Unknown keys are passed over: captures may hold more.
#[derive(Deserialize)]
struct RequestFile {
    method: Option<String>,
    url: Option<String>,
    headers: Vec<(String, String)>,
    body_b64: Option<String>,
}

impl RequestArgs {
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.request.iter().chain(&self.body)
    }

    /// Reads the delivery. Of a body no more is read than shows that it is over `limit`.
    pub(crate) fn read(self, limit: usize) -> Result<Request, Failure> {
        match (self.request, self.body) {
            (Some(file), _) => RequestFile::read(&file)?.into_request(),
            (None, Some(body)) => {
                let head = RequestHead {
                    method: method(self.method, Reason::Usage)?,
                    url: self.url,
                    headers: self
                        .header
                        .into_iter()
                        .map(header_line)
                        .collect::<Result<_, _>>()?,
                };
                let body = body.read(limit.saturating_add(1))?.into();
                Ok(Request { head, body })
            }
            (None, None) => Err(Failure::new(Reason::Usage, "--request or --body is needed")),
        }
    }
}

impl RequestFile {
    fn read(file: &Input) -> Result<RequestFile, Failure> {
        let bytes = file.read(MAX_REQUEST + 1)?;
        if bytes.len() > MAX_REQUEST {
            return Err(bad("it is over 128 MiB".to_owned()));
        }
        // The parser's own text may quote what it read.
        serde_json::from_slice(&bytes).map_err(|error| {
            let what = match error.classify() {
                serde_json::error::Category::Data => {
                    "is not of the form {\"method\",\"url\",\"headers\":[[\"Name\",\"value\"]],\
                     \"body_b64\"}"
                }
                _ => "is not JSON",
            };
            let (line, column) = (error.line(), error.column());
            bad(format!("it {what} (line {line}, column {column})"))
        })
    }

    fn into_request(self) -> Result<Request, Failure> {
        let headers = self
            .headers
            .into_iter()
            .map(|(name, value)| Header::new(name.as_bytes(), value.into_bytes()))
            .collect();
        let head = RequestHead {
            method: method(self.method, Reason::BadRequest)?,
            url: self.url,
            headers,
        };
        let body = STANDARD
            .decode(self.body_b64.unwrap_or_default())
            .map_err(|_| bad("\"body_b64\" is not Base64".to_owned()))?;
        Ok(Request {
            head,
            body: body.into(),
        })
    }
}

fn bad(why: String) -> Failure {
    Failure::new(Reason::BadRequest, format!("the request file: {why}"))
}

fn method(given: Option<String>, reason: Reason) -> Result<String, Failure> {
    let method = given.unwrap_or_else(|| "POST".to_owned());
    if Method::from_bytes(method.as_bytes()).is_err() {
        return Err(Failure::new(reason, "the method is none of HTTP's"));
    }
    Ok(method)
}

/// Splits `Name: value`, and trims the value as HTTP does. White space around the name is not
/// HTTP's and stays.
fn header_line(line: OsString) -> Result<Header, Failure> {
    let line = line.into_encoded_bytes();
    let mut halves = line.splitn(2, |byte| *byte == b':');
    let (Some(name), Some(mut value)) = (halves.next(), halves.next()) else {
        return Err(Failure::new(
            Reason::Usage,
            "--header takes 'Name: value', with a colon",
        ));
    };
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    Ok(Header::new(name, value.to_vec()))
}

impl Header {
    fn new(name: &[u8], value: Vec<u8>) -> Header {
        Header {
            name: HeaderName::from_bytes(name).ok(),
            value,
        }
    }
}

impl Request {
    /// The delivery as far as HTTP could have carried it.
    pub(crate) fn captured(self) -> Captured {
        let named = self.head.headers.into_iter();
        Captured {
            method: self.head.method,
            target: self.head.url.unwrap_or_default(),
            headers: named
                .filter_map(|header| Some((header.name?, header.value)))
                .collect(),
            body: self.body,
        }
    }
}

impl RequestHead {
    /// The URL, if the delivery tells it.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref().filter(|url| !url.is_empty())
    }

    /// Whether HTTP could have carried all the headers: a server would never have seen the others.
    pub(crate) fn is_http(&self) -> bool {
        self.headers
            .iter()
            .all(|header| header.name.is_some() && HeaderValue::from_bytes(&header.value).is_ok())
    }
}

impl Head for RequestHead {
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
        self.headers
            .iter()
            .filter(move |header| header.name.as_ref() == Some(name))
            .map(|header| header.value.as_slice())
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn target(&self) -> Cow<'_, str> {
        self.url.as_deref().unwrap_or_default().into()
    }
}
