//! A date and time in a payload, as the provider wrote it.

use std::fmt;

use serde::{Deserialize, Deserializer};

use crate::time::UnixTime;
use crate::window::iso8601;

/// A date and time as its own text: fractions of any length, with or without an offset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Timestamp(Box<str>);

impl Timestamp {
    /// The text, as it was received.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The moment, cut to milliseconds; `None` where there is no offset, since a time without one is
    /// no moment, and where it is no time at all.
    pub fn to_unix_time(&self) -> Option<UnixTime> {
        iso8601(&self.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer).map(Timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_needs_an_offset() {
        let moment = |text: &str| {
            let time: Timestamp = serde_json::from_value(text.into()).unwrap();
            assert_eq!(time.as_str(), text);
            time.to_unix_time().map(UnixTime::as_millis)
        };
        assert_eq!(
            moment("2023-09-23T14:53:52.8581798Z"),
            Some(1_695_480_832_858)
        );
        assert_eq!(moment("2021-09-23T00:00:00+00:00"), Some(1_632_355_200_000));
        assert_eq!(moment("2024-07-26T00:00:00"), None);
        assert_eq!(moment("soon"), None);
    }
}
