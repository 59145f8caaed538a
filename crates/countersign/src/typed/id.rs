//! An id in a payload, which some providers write as a number and some as a text.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The id of a resource, number or text: opaque, and compared as text.
///
/// A number is kept as its own digits, whatever their count. It is read through serde_json's
/// `RawValue`, and hence from JSON only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Box<str>);

impl Id {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for Id {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Id {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: Box<RawValue> = Deserialize::deserialize(deserializer)?;
        text_or_number(raw.get())
            .map(|text| Id(text.into()))
            .ok_or_else(|| {
                serde::de::Error::invalid_type(serde::de::Unexpected::Other("a value"), &"an id")
            })
    }
}

/// The text of a JSON text or number.
pub(super) fn text_or_number(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'-' | b'0'..=b'9' => Some(json.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_ids() {
        let id = |json: &str| serde_json::from_str::<Id>(json).map(|id| id.to_string());
        assert_eq!(id("98446301").unwrap(), "98446301");
        assert_eq!(id("123456789012345678901234567890").unwrap().len(), 30);
        assert_eq!(id(r#""evt_\u0031""#).unwrap(), "evt_1");
        for other in ["true", "{}", "[1]", "null"] {
            let error = id(other).unwrap_err().to_string();
            assert!(error.contains("expected an id"), "{error}");
        }
    }
}
