//! JSON that is kept as it is, for payloads whose form is not public.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::error::{self, DecodeError};
use crate::scan::{Found, Pointer, Targets};

/// A JSON value as its own text, and whatever is wanted of it by pointer.
///
/// ```
/// use countersign::{Amount, Pointer, RawJson};
///
/// let json: RawJson = serde_json::from_str(r#"{"payment":{"amount":"100.00"},"tags":["a"]}"#)?;
/// let amount: Option<Amount> = json.get(&Pointer::new("/payment/amount")?)?;
/// assert_eq!(amount.unwrap().as_str(), "100.00");
/// assert_eq!(json.get::<String>(&Pointer::new("/payment/currency")?)?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Equality is that of the texts. It is read through serde_json's `RawValue`, and hence from JSON
/// only.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Arc<str>);

impl RawJson {
    /// The text, as it was received.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands at `pointer`; `None` if nothing or `null` does.
    ///
    /// # Errors
    ///
    /// If it is not what `T` takes, or stands there twice by a repeated name, or if a name in the JSON
    /// is no text, half a pair of surrogates say.
    pub fn get<T: DeserializeOwned>(&self, pointer: &Pointer) -> Result<Option<T>, DecodeError> {
        let mut targets = Targets::default();
        let at = targets.add(pointer);
        let Some(found) = targets.find(self.0.as_bytes()) else {
            // It is JSON, but for a name that is no text.
            return Err(DecodeError::unreadable());
        };
        match found.get(at) {
            Some(Found::Value(value)) => error::decode(None, value.raw().as_bytes())
                .map(Some)
                .map_err(|error| error.below(pointer)),
            Some(Found::Twice) => Err(DecodeError::repeated(pointer)),
            Some(Found::Nothing) | None => Ok(None),
        }
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: Box<RawValue> = Deserialize::deserialize(deserializer)?;
        Ok(RawJson(raw.get().into()))
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawJson").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_finds_one_thing_or_fails_loudly() {
        let json: RawJson =
            serde_json::from_str(r#"{"a":{"b":["x",{"c":1}]},"d":1,"d":2,"e":null}"#).unwrap();
        let at = |pointer: &str| json.get::<u8>(&Pointer::new(pointer).unwrap());
        assert_eq!(at("/a/b/1/c"), Ok(Some(1)));
        assert_eq!(at("/e"), Ok(None));
        assert_eq!(at("/a/z"), Ok(None));
        let error = at("/a/b/0").unwrap_err();
        assert_eq!((error.path(), error.wanted()), ("a.b[0]", "expected u8"));
        let error = json
            .get::<Vec<u8>>(&Pointer::new("/a/b").unwrap())
            .unwrap_err();
        assert_eq!(error.path(), "a.b[0]");
        let odd: RawJson = serde_json::from_str(r#"{"\ud800":1,"a":5}"#).unwrap();
        assert!(
            odd.get::<u8>(&Pointer::new("/a").unwrap()).is_err(),
            "not nothing"
        );
        let error = at("/d").unwrap_err();
        assert_eq!(
            (error.path(), error.wanted()),
            ("d", "a name that stands there once")
        );
    }
}
