//! Where deliveries are sent to: an absolute `http` URL.

use std::str::FromStr;

use http::Uri;

/// A URL that was given on the command line.
#[derive(Clone)]
pub(crate) struct Url {
    text: String,
    uri: Uri,
}

impl FromStr for Url {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Url, &'static str> {
        let uri: Uri = text.parse().map_err(|_| "it is no URL")?;
        if !matches!(uri.scheme_str(), Some("http" | "https"))
            || uri.host().is_none_or(str::is_empty)
        {
            return Err("it takes an http:// or https:// URL with a host");
        }
        // A port that is none is passed over by the parser.
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let port = authority
            .rsplit(['@', ']'])
            .next()
            .and_then(|rest| rest.split_once(':'));
        if port.is_some() && uri.port_u16().is_none_or(|port| port == 0) {
            return Err("its port is none");
        }
        Ok(Url {
            text: text.to_owned(),
            uri,
        })
    }
}

impl Url {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is spoken without TLS.
    pub(crate) fn is_plain(&self) -> bool {
        self.uri.scheme_str() == Some("http")
    }

    pub(crate) fn uri(&self) -> Uri {
        self.uri.clone()
    }
}
