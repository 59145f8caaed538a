//! The URL that is signed.

use countersign::scheme::MessageScheme;
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};

use super::{SignError, bad_scheme};

/// The URL with the query that belongs to this body.
pub(super) fn url(scheme: &MessageScheme, body: &[u8]) -> Result<Option<String>, SignError> {
    let Some(url) = &scheme.public_url else {
        return Ok(None);
    };
    let mut url = url.to_string();
    if let Some(name) = &scheme.body_digest {
        if url.contains('?') {
            return Err(bad_scheme(
                "the URL must not have a query where the digest goes into it",
            ));
        }
        let hash = HEXLOWER.encode(digest(&SHA256, body).as_ref());
        url.push_str(&format!("?{name}={hash}"));
    }
    Ok(Some(url))
}
