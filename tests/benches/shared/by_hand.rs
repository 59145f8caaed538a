//! The same check as a careful merchant would write it into the handler.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::deliveries::now;

/// Whether the delivery is FedaPay's, and not five minutes old.
pub(crate) fn is_genuine(key: &Hmac<Sha256>, header: &str, body: &[u8]) -> bool {
    let (mut at, mut signature) = ("", "");
    for pair in header.split(',') {
        match pair.split_once('=') {
            Some(("t", value)) => at = value,
            Some(("s", value)) => signature = value,
            _ => {}
        }
    }
    match at.parse::<i64>() {
        Ok(seconds) if now().abs_diff(seconds) <= 300 => {}
        _ => return false,
    }
    let mut tag = [0; 32];
    if hex::decode_to_slice(signature, &mut tag).is_err() {
        return false;
    }
    let mut mac = key.clone();
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(&tag).is_ok()
}

/// What every handler does with the event, so that it is not nothing.
pub(crate) fn is_handled(body: &[u8]) -> bool {
    body.len() > 2 && body.last() == Some(&b'}')
}
