//! Forms written again by what parsed them.

use serde_json::{Map, Value};

use crate::scheme::form;

/// The longest body that is rewritten: each style is a copy of it.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// The letters that each style leaves as they are, beside letters and digits.
const PLAIN: &[&[u8]] = &[b"*-._", b"-._~", b"-_.!~*'()"];

/// The body in every style, and how, in words; nothing if it is no form, nor JSON made of one.
pub(super) fn rewritten(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = Vec::new();
    if body.len() > MAX_BODY {
        return all;
    }
    if let Ok(Value::Object(members)) = serde_json::from_slice(body) {
        all.extend(of_json(&members).map(|form| ("which is here as JSON", form)));
        return all;
    }
    let Some(fields) = form::fields(body).filter(|_| body.contains(&b'=')) else {
        return all;
    };
    let replaced = |from: &[u8], to: &[u8]| -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len());
        let mut rest = body;
        while let Some(at) = memchr::memmem::find(rest, from) {
            out.extend_from_slice(rest.get(..at).unwrap_or_default());
            out.extend_from_slice(to);
            rest = rest.get(at + from.len()..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        out
    };
    all.push((
        "whose plus signs are here no longer escaped",
        replaced(b"+", b"%2B"),
    ));
    all.push(("which is here escaped twice", replaced(b"%25", b"%")));
    let mut sorted = fields.clone();
    sorted.sort();
    for (order, how) in [
        (&fields, "with other escapes"),
        (&sorted, "with its fields by name"),
    ] {
        for plain in PLAIN {
            for space in [&b"+"[..], b"%20"] {
                for upper in [true, false] {
                    let written = order.iter().map(|(name, value)| {
                        let escape = |text: &[u8]| escaped(text, plain, space, upper);
                        [&escape(name)[..], b"=", &escape(value)].concat()
                    });
                    let fields: Vec<Vec<u8>> = written.collect();
                    all.push((how, fields.join(&b'&')));
                }
            }
        }
    }
    all
}

/// The form whose fields are the members; `None` if one of them is no field.
fn of_json(members: &Map<String, Value>) -> Option<Vec<u8>> {
    let fields: Option<Vec<Vec<u8>>> = members
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            let escape = |text: &str| escaped(text.as_bytes(), b"*-._", b"+", true);
            Some([&escape(name)[..], b"=", &escape(&value)].concat())
        })
        .collect();
    Some(fields?.join(&b'&'))
}

fn escaped(text: &[u8], plain: &[u8], space: &[u8], upper: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' => out.extend_from_slice(space),
            byte if byte.is_ascii_alphanumeric() || plain.contains(byte) => out.push(*byte),
            byte if upper => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            byte => out.extend_from_slice(format!("%{byte:02x}").as_bytes()),
        }
    }
    out
}
