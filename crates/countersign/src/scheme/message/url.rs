//! The URL that was signed: what the provider was given, and the query of the request.

use super::Ports;
use crate::error::{ConfigError, ConfigErrorKind};

/// The URL that the provider was given, checked.
#[derive(Debug, Clone)]
pub(crate) struct PublicUrl {
    whole: Box<str>,
    ports: Ports,
    /// Whether no query is signed, neither its own nor the request's.
    is_bare: bool,
}

/// The longest one that is taken, with a query, in bytes.
const MAX_URL: usize = 8 * 1024;

impl PublicUrl {
    /// # Errors
    ///
    /// [`MissingUrl`](ConfigErrorKind::MissingUrl) if there is none, or it is no absolute URL.
    pub(crate) fn new(url: Option<&str>, ports: Ports) -> Result<PublicUrl, ConfigError> {
        let missing = |why| ConfigError::new(ConfigErrorKind::MissingUrl, why);
        let url = url.ok_or_else(|| {
            missing(
                "the provider signs the URL that it was given: set it as the public URL, since a \
                 request does not tell it",
            )
        })?;
        let (_, authority, path) = split(url)
            .ok_or_else(|| missing("the public URL does not begin with http:// or https://"))?;
        // Without one, the port of one spelling could be taken for the beginning of what follows.
        if ports == Ports::WithAndWithout && !path.starts_with('/') {
            return Err(missing(
                "the public URL has no path: the provider signs it with its port and without, \
                 so that a / has to end the port",
            ));
        }
        let plain = url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains('#');
        if authority.is_empty() || url.len() > MAX_URL || !plain {
            return Err(missing(
                "the public URL has no host, a fragment, or characters that no URL has",
            ));
        }
        Ok(PublicUrl {
            whole: url.into(),
            ports,
            is_bare: false,
        })
    }

    /// The same, and without any query for who signs none.
    pub(super) fn with_query(self, is_signed: bool) -> PublicUrl {
        if is_signed {
            return self;
        }
        let end = self.whole.find('?').unwrap_or(self.whole.len());
        PublicUrl {
            whole: self.whole.get(..end).unwrap_or_default().into(),
            is_bare: true,
            ..self
        }
    }

    /// The URL that was signed, in every spelling that the provider may have used. `target` is the
    /// request's own. `None` if it holds what no URL does: in what is signed, such a query could hold
    /// the beginning of the body.
    pub(crate) fn signed(&self, target: &str) -> Option<Vec<String>> {
        let query = target.split_once('?').map(|(_, query)| query);
        let mut url = self.whole.to_string();
        match query {
            _ if self.is_bare => {}
            Some(query) if !url.contains('?') => {
                url.push('?');
                url.push_str(query);
            }
            // The registered one has a query of its own, and the request has to have come with it.
            Some(query) if url.split_once('?').map(|(_, own)| own) != Some(query) => return None,
            _ => {}
        }
        if url.len() > MAX_URL || !url.bytes().all(is_of_url) {
            return None;
        }
        let mut spellings = vec![url];
        if self.ports == Ports::WithAndWithout
            && let Some(url) = spellings.first()
            && let Some((scheme, authority, rest)) = split(url)
        {
            let (host, port) = match authority.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                    (host, Some(port))
                }
                _ => (authority, None),
            };
            let own = if scheme == "https" { "443" } else { "80" };
            let other = match port {
                Some(_) => format!("{scheme}://{host}{rest}"),
                None => format!("{scheme}://{host}:{own}{rest}"),
            };
            spellings.push(other);
        }
        Some(spellings)
    }
}

/// The query of a request's target.
pub(super) fn query(target: &str) -> &str {
    target.split_once('?').map_or("", |(_, query)| query)
}

/// What RFC 3986 lets a URL hold, without the brackets that a JSON text may begin with.
pub(super) fn is_of_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%".contains(&byte)
}

/// Scheme, authority, and what follows it.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "http" | "https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    Some((scheme, authority, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(url: &str, ports: Ports, target: &str) -> Option<Vec<String>> {
        PublicUrl::new(Some(url), ports)
            .expect("a URL")
            .signed(target)
    }

    #[test]
    fn the_query_is_that_of_the_request() {
        let one = |url: &str, target: &str| signed(url, Ports::AsConfigured, target);
        let text = |url: &str| Some(vec![url.to_owned()]);
        assert_eq!(one("https://a/b", "/x"), text("https://a/b"));
        assert_eq!(one("https://a/b", "/x?c=1"), text("https://a/b?c=1"));
        assert_eq!(
            one("https://a/b?c=1", "https://z/x?c=1"),
            text("https://a/b?c=1")
        );
        assert_eq!(one("https://a/b?c=1", "/x"), text("https://a/b?c=1"));
        assert_eq!(one("https://a/b?c=1", "/x?c=2"), None);
        assert_eq!(one("https://a/b", "/x?c={\"id\":1}"), None);
        assert_eq!(one("https://a/b", "/x?c=[1]"), None);
    }

    #[test]
    fn a_bare_url_has_no_query() {
        for url in ["https://a/b", "https://a/b?c=1"] {
            let whole = PublicUrl::new(Some(url), Ports::AsConfigured).expect("a URL");
            let bare = whole.with_query(false);
            for target in ["/b", "/b?c=1", "/b?c=2", "/b?d={}"] {
                assert_eq!(bare.signed(target), Some(vec!["https://a/b".to_owned()]));
            }
        }
    }

    #[test]
    fn ports_come_and_go() {
        let both = |url: &str| signed(url, Ports::WithAndWithout, "/").expect("spellings");
        assert_eq!(both("https://a/b"), ["https://a/b", "https://a:443/b"]);
        assert_eq!(both("http://a/"), ["http://a/", "http://a:80/"]);
        assert_eq!(both("http://a:1234/b"), ["http://a:1234/b", "http://a/b"]);
    }

    #[test]
    fn what_is_no_absolute_url_is_refused() {
        for none in [
            "",
            "/webhooks",
            "ftp://a/b",
            "https:///b",
            "https://a/b#c",
            "https://a/ b",
        ] {
            let error = PublicUrl::new(Some(none), Ports::AsConfigured).expect_err(none);
            assert_eq!(error.kind(), ConfigErrorKind::MissingUrl, "{none}");
        }
        assert!(PublicUrl::new(None, Ports::AsConfigured).is_err());
        for without_path in ["https://a", "https://a:443", "https://a?b=1"] {
            assert!(PublicUrl::new(Some(without_path), Ports::AsConfigured).is_ok());
            let error = PublicUrl::new(Some(without_path), Ports::WithAndWithout);
            let error = error.expect_err(without_path);
            assert_eq!(error.kind(), ConfigErrorKind::MissingUrl, "{error}");
        }
    }
}
