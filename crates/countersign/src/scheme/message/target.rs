//! What a head says beside the signature: the headers that it names, and the URL.

use super::form;
use super::listed::listed;
use super::template::Part;
use super::url::query;
use super::verification::{MessageProof, MessageVerification};
use crate::error::ErrorKind;
use crate::head::Head;
use crate::scheme::faults::Faults;

impl MessageProof {
    /// The headers that a list in the signature header names.
    pub(super) fn read_listed<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
        begun: &mut MessageVerification<'h>,
        faults: &mut Faults,
    ) {
        let lists = self.template.parts.iter().find_map(|part| match part {
            Part::SignedHeaders(at) => Some(*at),
            _ => None,
        });
        let Some(at) = lists else {
            return;
        };
        for group in &begun.groups {
            let list = group.pairs.get(at).copied().unwrap_or_default();
            match listed(head, list, self.id_header.as_ref()) {
                Ok((values, id)) => {
                    begun.listed.push(values);
                    begun.id = begun.id.or(id);
                }
                Err(kind) => {
                    faults.add(kind, "signed header");
                    begun.listed.push(Vec::new());
                }
            }
        }
    }

    /// The URL and what its query says.
    pub(super) fn read_target<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
        begun: &mut MessageVerification<'h>,
        faults: &mut Faults,
    ) {
        if self.url.is_none() && self.template.query.is_empty() {
            return;
        }
        let target = head.target();
        if let Some(url) = &self.url {
            match url.signed(&target) {
                Some(urls) => begun.urls = urls,
                None => faults.add(ErrorKind::MalformedHeader, "URL"),
            }
        }
        if self.template.query.is_empty() && self.body_digest.is_none() {
            return;
        }
        let Some(fields) = form::fields(query(&target).as_bytes()) else {
            faults.add(ErrorKind::MalformedHeader, "query");
            return;
        };
        for parameter in &self.template.query {
            match form::only(&fields, &parameter.name) {
                Ok(Some(value)) if !parameter.parts(value) => {
                    faults.add(ErrorKind::MalformedHeader, "query");
                }
                Ok(value) => begun.query.push(value.map(|value| lower(value.to_vec()))),
                Err(()) => faults.add(ErrorKind::DuplicateHeader, "query"),
            }
        }
        if let Some(name) = &self.body_digest {
            match form::only(&fields, name) {
                Ok(Some(value)) => {
                    let mut digest = [0; 32];
                    match const_hex::decode_to_slice(value, &mut digest) {
                        Ok(()) if value.len() == 64 => begun.body_digest = Some(digest),
                        _ => faults.add(ErrorKind::MalformedHeader, "digest of the body"),
                    }
                }
                Ok(None) => faults.add(ErrorKind::MissingHeader, "digest of the body"),
                Err(()) => faults.add(ErrorKind::DuplicateHeader, "digest of the body"),
            }
        }
    }
}

/// An id in a query is signed in lower case if it has nothing but letters and digits.
fn lower(mut value: Vec<u8>) -> Vec<u8> {
    if value.iter().all(u8::is_ascii_alphanumeric) {
        value.make_ascii_lowercase();
    }
    value
}
