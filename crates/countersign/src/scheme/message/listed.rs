//! Headers that the signature header names, signed with the body.

use http::HeaderName;

use crate::error::ErrorKind;
use crate::head::Head;
use crate::scheme::hmac::is_signed_value;
use crate::scheme::signature::only_value;

/// The values of the headers that `list` names, joined by `.`, and the id if it is one of them and no
/// other value could pass for it.
///
/// A value may hold a dot. So that the same bytes are not another list of values, and not another body:
/// no value holds what a JSON text begins with, and an id counts only at either end of the list, where
/// nothing but itself can be between it and the next thing that is known.
pub(super) fn listed<'h, H: Head + ?Sized>(
    head: &'h H,
    list: &[u8],
    id_header: Option<&HeaderName>,
) -> Result<(Vec<u8>, Option<&'h [u8]>), ErrorKind> {
    let mut joined = Vec::new();
    let mut id = None;
    let names: Vec<&[u8]> = list.split(|byte| *byte == b' ').collect();
    if names.len() > MAX_LISTED {
        return Err(ErrorKind::MalformedHeader);
    }
    let mut seen: Vec<HeaderName> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let name = HeaderName::from_bytes(name).map_err(|_| ErrorKind::MalformedHeader)?;
        let value = only_value(head, &name)?.ok_or(ErrorKind::MissingHeader)?;
        let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !b"{[\"".contains(byte);
        if seen.contains(&name) || value.len() > 256 || !value.iter().all(plain) {
            return Err(ErrorKind::MalformedHeader);
        }
        let at_an_end = at == 0 || at + 1 == names.len();
        if id_header == Some(&name) && at_an_end {
            // What its neighbour lends it would make another event of the same bytes.
            if !is_signed_value(value, Some(b'.')) {
                return Err(ErrorKind::MalformedHeader);
            }
            id = Some(value);
        }
        if at > 0 {
            joined.push(b'.');
        }
        joined.extend_from_slice(value);
        seen.push(name);
    }
    Ok((joined, id))
}

const MAX_LISTED: usize = 16;
