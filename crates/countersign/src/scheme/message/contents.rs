//! What is signed of a body's own contents: fields, forms, a signature and a time within.

use std::borrow::Cow;

use bytes::Bytes;

use super::form;
use super::template::Part;
use super::verification::{Clock, MessageProof, Signature};
use crate::error::{Error, ErrorKind};
use crate::scan::{Found, Value};
use crate::time::UnixTime;

/// What the body of one delivery says.
pub(super) struct Contents<'b> {
    pub(super) json: Vec<Cow<'b, [u8]>>,
    pub(super) form: Vec<Vec<u8>>,
    pub(super) sorted_form: Vec<u8>,
    pub(super) crc32: String,
}

impl MessageProof {
    /// What is signed of the body's own contents.
    pub(super) fn contents<'b>(&self, body: &'b Bytes) -> Result<Contents<'b>, Error> {
        let malformed = |part| Error::of(ErrorKind::MalformedPayload, part);
        let mut contents = Contents {
            json: Vec::new(),
            form: Vec::new(),
            sorted_form: Vec::new(),
            crc32: String::new(),
        };
        if !self.template.json.is_empty() {
            let found = self.template.json_targets.find(body);
            let found = found.ok_or(malformed("not JSON"))?;
            for (found, value) in found.into_iter().zip(&self.template.json) {
                let text = text_of(found)
                    .ok_or(malformed("a signed field is there twice, or is no text"))?;
                match text {
                    Some(text) if value.parts(&text) => {
                        contents.json.push(text);
                    }
                    Some(_) => return Err(malformed("a signed field holds what parts the fields")),
                    None if self.missing_json_as_empty => contents.json.push(Cow::Borrowed(b"")),
                    None => return Err(malformed("a signed field is missing")),
                }
            }
        }
        if self.template.has(&Part::SortedForm) || !self.template.form.is_empty() {
            let mut fields = form::fields(body).ok_or(malformed("not a form"))?;
            let mut any = false;
            for field in &self.template.form {
                let value = form::only(&fields, &field.name)
                    .map_err(|()| malformed("a field is there twice"))?;
                if !value.is_none_or(|value| field.parts(value)) {
                    return Err(malformed("a signed field holds what parts the fields"));
                }
                any |= value.is_some();
                contents.form.push(value.unwrap_or_default().to_vec());
            }
            if !self.template.form.is_empty() && !any {
                return Err(malformed("none of the signed fields is there"));
            }
            if self.template.has(&Part::SortedForm) {
                fields.sort();
                // As the provider's own library does it: a set of values for each name.
                fields.dedup();
                let texts = fields.iter().flat_map(|(name, value)| [name, value]);
                contents.sorted_form = texts.flat_map(|text| text.iter().copied()).collect();
            }
        }
        if self.template.has(&Part::BodyCrc32) {
            contents.crc32 = crc32(body).to_string();
        }
        Ok(contents)
    }

    /// The signature, where it is in the body.
    pub(super) fn in_body(&self, body: &Bytes) -> Result<Option<Vec<u8>>, Error> {
        let Signature::Json(targets) = &self.signature else {
            return Ok(None);
        };
        let fault = |kind| Error::of(kind, "signature in the body");
        match targets
            .find(body)
            .and_then(|found| found.into_iter().next())
        {
            None | Some(Found::Nothing) => Err(fault(ErrorKind::MissingHeader)),
            Some(Found::Twice) => Err(fault(ErrorKind::DuplicateHeader)),
            Some(Found::Value(Value::Text { text, .. })) => {
                let signature = self.spelling.read(text.as_bytes());
                signature.map(Some).ok_or(fault(ErrorKind::MalformedHeader))
            }
            Some(Found::Value(_)) => Err(fault(ErrorKind::MalformedHeader)),
        }
    }

    /// The timestamp, where it is in the body: looked for once the signature is known to be right, unless
    /// its text is signed by itself. Whether it is readable counts only then.
    pub(super) fn json_time(&self, body: &Bytes) -> Option<Result<(String, UnixTime), Error>> {
        let Some((Clock::Json(targets), form)) = &self.timestamp else {
            return None;
        };
        let found = targets
            .find(body)
            .and_then(|found| found.into_iter().next());
        let text = found.as_ref().and_then(Found::scalar);
        let read = text.and_then(|text| Some((text.to_owned(), form.parse(text.as_bytes())?)));
        Some(read.ok_or(Error::of(
            ErrorKind::MalformedPayload,
            "timestamp in the body",
        )))
    }
}

/// The text that stands for a signed field: `Some(None)` if it is missing, `None` if it has none.
#[expect(clippy::option_option, reason = "missing and unusable are two things")]
fn text_of(found: Found<'_>) -> Option<Option<Cow<'_, [u8]>>> {
    match found {
        Found::Nothing => Some(None),
        Found::Twice => None,
        Found::Value(Value::Text { text, .. }) => Some(Some(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })),
        Found::Value(Value::Number(text)) => Some(Some(Cow::Borrowed(text.as_bytes()))),
        Found::Value(Value::Other(text @ ("true" | "false"))) => {
            Some(Some(Cow::Borrowed(text.as_bytes())))
        }
        Found::Value(Value::Other(_)) => None,
    }
}

/// CRC-32 as in zip and PNG.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let mut rest = at as u32;
            let mut bit = 0;
            while bit < 8 {
                rest = if rest & 1 == 1 {
                    rest >> 1 ^ 0xedb8_8320
                } else {
                    rest >> 1
                };
                bit += 1;
            }
            #[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
            {
                table[at] = rest;
            }
            at += 1;
        }
        table
    };
    let step = |sum: u32, byte: &u8| {
        let at = usize::from(sum.to_le_bytes()[0] ^ byte);
        TABLE.get(at).copied().unwrap_or_default() ^ sum >> 8
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_crc32() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
