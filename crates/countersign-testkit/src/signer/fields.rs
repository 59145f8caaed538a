//! The body of a delivery that is being signed, where the proof is about its fields.

use bytes::Bytes;
use percent_encoding::percent_decode;
use serde_json::Value;

use super::{SignError, SignErrorKind};

/// A body: as it came, until a field of it is set.
pub(super) enum Body {
    Bytes(Bytes),
    Json(Value),
}

impl Body {
    pub(super) fn new(bytes: Bytes) -> Body {
        Body::Bytes(bytes)
    }

    /// The text of a field; `None` if it is not there.
    pub(super) fn get(&self, pointer: &str) -> Result<Option<String>, SignError> {
        let read;
        let json = match self {
            Body::Json(json) => json,
            Body::Bytes(bytes) => {
                read = parse(bytes)?;
                &read
            }
        };
        Ok(match json.pointer(pointer) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
        })
    }

    /// Sets a field, and what is above it where that is missing. The JSON is written anew.
    pub(super) fn set(&mut self, pointer: &str, value: Value) -> Result<(), SignError> {
        if let Body::Bytes(bytes) = self {
            *self = Body::Json(parse(bytes)?);
        }
        let Body::Json(json) = self else {
            return Ok(());
        };
        let mut at = json;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            if at.is_null() {
                *at = match step.parse::<usize>() {
                    Ok(0) => Value::Array(vec![Value::Null]),
                    _ => Value::Object(serde_json::Map::new()),
                };
            }
            at = match at {
                Value::Object(members) => members.entry(step).or_insert(Value::Null),
                Value::Array(members) => step
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| members.get_mut(index))
                    .ok_or_else(no_place)?,
                _ => return Err(no_place()),
            };
        }
        *at = value;
        Ok(())
    }

    pub(super) fn bytes(&self) -> Result<Bytes, SignError> {
        match self {
            Body::Bytes(bytes) => Ok(bytes.clone()),
            Body::Json(json) => serde_json::to_vec(json)
                .map(Bytes::from)
                .map_err(|_| no_place()),
        }
    }

    pub(super) fn into_bytes(self) -> Result<Bytes, SignError> {
        self.bytes()
    }
}

fn parse(bytes: &[u8]) -> Result<Value, SignError> {
    serde_json::from_slice(bytes).map_err(|_| {
        SignError::new(
            SignErrorKind::NotText,
            "the body must be JSON, for the provider signs fields of it",
        )
    })
}

fn no_place() -> SignError {
    SignError::new(
        SignErrorKind::NotText,
        "the body has no place for a field that the provider signs",
    )
}

/// A whole number of JSON.
pub(super) fn number(text: &str) -> Result<Value, SignError> {
    serde_json::from_str(text).map_err(|_| no_place())
}

/// A name and its value.
type Field = (Vec<u8>, Vec<u8>);

/// The fields of a form.
pub(super) fn form(text: &[u8]) -> Result<Vec<Field>, SignError> {
    if text.first().is_some_and(|byte| matches!(byte, b'{' | b'[')) {
        return Err(SignError::new(
            SignErrorKind::NotText,
            "the body must be a form, for the provider signs its fields",
        ));
    }
    let decode =
        |text: &str| percent_decode(text.replace('+', " ").as_bytes()).collect::<Vec<u8>>();
    let text = std::str::from_utf8(text).map_err(|_| no_place())?;
    let fields = text.split('&').filter(|field| !field.is_empty());
    Ok(fields
        .map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            (decode(name), decode(value))
        })
        .collect())
}

/// CRC-32, a bit at a time.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let odd = sum & 1 == 1;
            sum >>= 1;
            if odd {
                sum ^= 0xedb8_8320;
            }
        }
    }
    !sum
}
