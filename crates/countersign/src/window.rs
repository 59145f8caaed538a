//! The time window: how a timestamp is read, and whether it is near enough to now.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::time::UnixTime;

/// In what form a provider writes its timestamps. Fixed by the scheme and never guessed: a
/// receiver that takes both seconds and milliseconds has two spellings for one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub enum TimeUnit {
    /// Whole seconds since the Unix epoch, in ASCII digits.
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds since the Unix epoch, in ASCII digits.
    #[serde(rename = "ms")]
    Milliseconds,
    /// A date and time with an offset, such as `2026-03-25T10:00:00Z`. Without one it is UTC, and
    /// taken only where what is signed right behind it tells that it has ended.
    #[serde(rename = "iso8601")]
    Iso8601,
}

/// What is signed right beside a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// Nothing: it is the first of all, or the last.
    Edge,
    /// This byte.
    Text(u8),
    /// A value, which may begin or end with any byte.
    Value,
}

/// How a scheme's timestamps are read: their unit, and how it is known where one ends in what is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeForm {
    unit: TimeUnit,
    /// How many digits a number has, if its neighbour may have some too: else one could move to the
    /// neighbour or back, and the same signed bytes would be another time and another body.
    digits: Option<usize>,
    /// A date without an offset could be cut short by a digit, `29.551` to `29.55`, if what is signed
    /// behind it could then begin with that digit.
    may_lack_offset: bool,
}

impl TimeForm {
    /// `beside` is what is signed before and behind the timestamp, wherever it is; nothing if it is
    /// signed as a part of the body.
    pub(crate) fn new(unit: TimeUnit, beside: &[(Beside, Beside)]) -> TimeForm {
        let is_of_date = |byte: u8| byte.is_ascii_digit() || b".,+-Zz".contains(&byte);
        let ends_date = |beside: Beside| match beside {
            Beside::Edge => true,
            Beside::Text(byte) => !is_of_date(byte),
            Beside::Value => false,
        };
        let ends_number = |beside: Beside| match beside {
            Beside::Edge => true,
            Beside::Text(byte) => !byte.is_ascii_digit(),
            Beside::Value => false,
        };
        let both = |(before, behind): &(_, _)| ends_number(*before) && ends_number(*behind);
        let is_free = !beside.is_empty() && beside.iter().all(both);
        TimeForm {
            unit,
            digits: match unit {
                _ if is_free => None,
                // From 2001 to 2286.
                TimeUnit::Seconds => Some(10),
                TimeUnit::Milliseconds => Some(13),
                TimeUnit::Iso8601 => None,
            },
            may_lack_offset: !beside.is_empty()
                && beside.iter().all(|(_, behind)| ends_date(*behind)),
        }
    }

    /// Whether a number has a value on either side: for all its digits, it could be moved as a whole, and
    /// only a window tells that it was.
    pub(crate) fn slides(unit: TimeUnit, beside: &[(Beside, Beside)]) -> bool {
        unit != TimeUnit::Iso8601 && beside.contains(&(Beside::Value, Beside::Value))
    }

    /// Reads a timestamp. Digits only, no sign, no leading zero; anything else is `None`, and so
    /// is a number beyond `i64`.
    pub(crate) fn parse(self, text: &[u8]) -> Option<UnixTime> {
        match self.unit {
            _ if self.digits.is_some_and(|digits| text.len() != digits) => None,
            TimeUnit::Seconds => digits(text).map(UnixTime::from_secs),
            TimeUnit::Milliseconds => digits(text).map(UnixTime::from_millis),
            TimeUnit::Iso8601 => date(text, self.may_lack_offset),
        }
    }
}

/// Not in line: a date is rare, and its parser is large.
#[inline(never)]
fn date(text: &[u8], may_lack_offset: bool) -> Option<UnixTime> {
    let utf8 = std::str::from_utf8(text).ok()?;
    if has_two_ends(text) {
        return iso8601(utf8);
    }
    if !may_lack_offset || text.len() > 40 {
        return None;
    }
    let zoned = format!("{utf8}Z");
    if has_two_ends(zoned.as_bytes()) {
        iso8601(&zoned)
    } else {
        None
    }
}

fn digits(text: &[u8]) -> Option<i64> {
    // As many digits as `i64::MAX` has always fit in a `u64`.
    if !matches!(text, [b'0'] | [b'1'..=b'9', ..]) || text.len() > 19 {
        return None;
    }
    let mut number = 0u64;
    let mut only_digits = true;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        only_digits &= digit <= 9;
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    i64::try_from(number).ok().filter(|_| only_digits)
}

/// Whether it is `YYYY-MM-DDTHH:MM:SS`, perhaps a fraction, and `Z` or an offset with minutes. No
/// shorter part of such a text is one too, so that what is signed beside it cannot be cut
/// elsewhere: to the parser `10:00:00+02` is as good as `10:00:00+02:00`, and the rest of it would
/// fall to the body.
fn has_two_ends(text: &[u8]) -> bool {
    let fits = |text: &[u8], form: &[u8]| {
        let same = |(byte, form): (&u8, &u8)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == form,
        };
        text.len() == form.len() && text.iter().zip(form).all(same)
    };
    const DATE: &[u8] = b"0000-00-00T00:00:00";
    let Some((date, rest)) = text.split_at_checked(DATE.len()) else {
        return false;
    };
    let offset = match rest {
        [b'.', fraction @ ..] => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit());
            fraction.get(digits.count()..).unwrap_or_default()
        }
        _ => rest,
    };
    fits(date, DATE) && (offset == b"Z" || fits(offset, b"+00:00") || fits(offset, b"-00:00"))
}

/// Reads a date and time with an offset, with a fraction of any length up to nine digits.
pub(crate) fn iso8601(text: &str) -> Option<UnixTime> {
    // Providers' timestamps have 20 to 35 characters; the cap bounds the parser's work.
    if text.len() > 40 {
        return None;
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(UnixTime::from_millis(time.as_millisecond()))
}

/// How far a signed timestamp may be from now, each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// How old a timestamp may be. A value exactly at the bound passes; zero is exact, not "off".
    pub past: Duration,
    /// How far in the future it may be, for a sender whose clock is ahead.
    pub future: Duration,
}

impl Tolerance {
    /// The same tolerance both ways.
    pub const fn both(tolerance: Duration) -> Self {
        Tolerance {
            past: tolerance,
            future: tolerance,
        }
    }

    /// Passes a timestamp within the window, bounds included.
    pub(crate) fn check(self, timestamp: UnixTime, now: UnixTime) -> Result<(), Error> {
        let age = now.millis_since(timestamp);
        if age > millis(self.past) {
            return Err(Error::new(ErrorKind::TimestampStale));
        }
        if age < -millis(self.future) {
            return Err(Error::new(ErrorKind::TimestampFuture));
        }
        Ok(())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a value right behind it.
    const ISO: TimeForm = TimeForm {
        unit: TimeUnit::Iso8601,
        digits: None,
        may_lack_offset: false,
    };

    /// With nothing else signed.
    const ALONE: [(Beside, Beside); 1] = [(Beside::Edge, Beside::Edge)];

    fn seconds(text: &str) -> Option<i64> {
        TimeForm::new(TimeUnit::Seconds, &ALONE)
            .parse(text.as_bytes())
            .map(UnixTime::as_secs)
    }

    #[test]
    fn timestamps_are_digits_only() {
        assert_eq!(seconds("0"), Some(0));
        assert_eq!(seconds("1700000000"), Some(1_700_000_000));
        for text in [
            "", "+17", "-17", "017", "00", "1e3", "1.5", " 17", "17 ", "1_7", "0x17", "１７", "١٧",
            "17s",
        ] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
        assert_eq!(
            seconds("9223372036854775808"),
            None,
            "one more than i64 holds"
        );
        assert_eq!(
            seconds("18446744075409551616"),
            None,
            "must not wrap to a plausible time"
        );
        assert!(seconds("9223372036854775807").is_some(), "saturates");
    }

    #[test]
    fn units_are_not_guessed() {
        let millis = TimeForm::new(TimeUnit::Milliseconds, &ALONE)
            .parse(b"1700000000123")
            .expect("parsed");
        assert_eq!(
            (millis.as_millis(), millis.as_secs()),
            (1_700_000_000_123, 1_700_000_000)
        );
        let iso = ISO.parse(b"2023-09-23T14:53:52.8581798Z").expect("parsed");
        assert_eq!(iso.as_millis(), 1_695_480_832_858);
        assert_eq!(ISO.parse(b"1700000000"), None);
        assert_eq!(
            ISO.parse(b"2023-09-23T14:53:52"),
            None,
            "an offset is required"
        );
    }

    #[test]
    fn no_part_of_a_date_is_a_date() {
        let parses = |text: &str| ISO.parse(text.as_bytes()).is_some();
        for whole in [
            "2026-03-25T10:00:00Z",
            "2026-03-25T10:00:00.5Z",
            "2026-03-25T10:00:00.123456+02:00",
            "2026-03-25T10:00:00-07:00",
        ] {
            assert!(parses(whole), "{whole}");
            for at in 1..whole.len() {
                assert!(!parses(&whole[..at]), "{}", &whole[..at]);
                assert!(!parses(&whole[at..]), "{}", &whole[at..]);
            }
        }
        for odd in [
            "2026-03-25T10:00:00Z[UTC]",
            "+002026-03-25T10:00:00Z",
            "2026-03-25 10:00:00Z",
            "20260325T100000Z",
            "2026-03-25T10:00:00.Z",
            "2026-03-25T10:00:00+02:00:30",
        ] {
            assert!(!parses(odd), "{odd}");
        }
    }

    #[test]
    fn a_date_may_lack_its_offset_where_its_end_is_known() {
        let parse = |behind, text: &str| {
            let beside = [(Beside::Value, behind)];
            TimeForm::new(TimeUnit::Iso8601, &beside).parse(text.as_bytes())
        };
        let bare = "2024-03-27T15:42:29.551";
        let utc = parse(Beside::Value, "2024-03-27T15:42:29.551Z");
        assert!(utc.is_some());
        for end in [Beside::Text(b':'), Beside::Text(b'|'), Beside::Edge] {
            assert_eq!(parse(end, bare), utc);
            // What comes before the next such byte is no date of its own, nor is more than it.
            for odd in [
                "2024-03-27T15",
                "2024-03-27T15:42",
                "2024-03-27T15:42:29.",
                "2024-03-27",
            ] {
                assert_eq!(parse(end, odd), None, "{odd}");
            }
        }
        for byte in b"1.+-Z" {
            assert_eq!(parse(Beside::Text(*byte), bare), None, "{byte}");
        }
        assert_eq!(parse(Beside::Value, bare), None);
        let within = TimeForm::new(TimeUnit::Iso8601, &[]);
        assert_eq!(within.parse(bare.as_bytes()), None);
    }

    #[test]
    fn a_number_beside_a_value_has_all_its_digits() {
        let parses = |unit, beside: &[(Beside, Beside)], text: &str| {
            TimeForm::new(unit, beside).parse(text.as_bytes()).is_some()
        };
        let dot = Beside::Text(b'.');
        for (unit, exact) in [
            (TimeUnit::Seconds, "1700000000"),
            (TimeUnit::Milliseconds, "1700000000000"),
        ] {
            let (shorter, longer) = (&exact[1..], format!("{exact}0"));
            for free in [[(Beside::Edge, dot)], [(dot, Beside::Edge)], ALONE] {
                for text in [exact, shorter.trim_start_matches('0'), &longer] {
                    assert!(parses(unit, &free, text), "{free:?} {text}");
                }
            }
            let touched: [&[_]; 6] = [
                &[(Beside::Edge, Beside::Value)],
                &[(Beside::Value, Beside::Edge)],
                &[(dot, Beside::Text(b'0'))],
                &[(Beside::Text(b'9'), dot)],
                &[(Beside::Edge, dot), (dot, Beside::Value)],
                &[],
            ];
            for beside in touched {
                assert!(parses(unit, beside, exact), "{beside:?}");
                for text in [&exact[..exact.len() - 1], &longer] {
                    assert!(!parses(unit, beside, text), "{beside:?} {text}");
                }
            }
        }
    }

    #[test]
    fn only_a_number_between_two_values_slides() {
        let between = [(Beside::Value, Beside::Value)];
        assert!(TimeForm::slides(TimeUnit::Seconds, &between));
        assert!(!TimeForm::slides(TimeUnit::Iso8601, &between));
        for beside in [
            [(Beside::Edge, Beside::Value)],
            [(Beside::Value, Beside::Edge)],
        ] {
            assert!(!TimeForm::slides(TimeUnit::Seconds, &beside));
        }
    }

    #[test]
    fn the_window_has_two_sides_and_includes_its_bounds() {
        let window = Tolerance {
            past: Duration::from_secs(300),
            future: Duration::from_secs(60),
        };
        let now = UnixTime::from_secs(1_700_000_000);
        let at = |offset: i64| {
            window
                .check(UnixTime::from_millis(now.as_millis() + offset), now)
                .map_err(|e| e.kind())
        };
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(-300_000), Ok(()));
        assert_eq!(at(-300_001), Err(ErrorKind::TimestampStale));
        assert_eq!(at(60_000), Ok(()));
        assert_eq!(at(60_001), Err(ErrorKind::TimestampFuture));
    }

    #[test]
    fn zero_is_exact() {
        let now = UnixTime::from_secs(1_700_000_000);
        let window = Tolerance::both(Duration::ZERO);
        assert!(window.check(now, now).is_ok());
        assert!(
            window
                .check(UnixTime::from_secs(1_699_999_999), now)
                .is_err()
        );
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let ends = [
            UnixTime::from_secs(i64::MIN),
            UnixTime::from_millis(i64::MIN),
            UnixTime::from_secs(i64::MAX),
        ];
        for timestamp in ends {
            for now in ends {
                for tolerance in [Duration::ZERO, Duration::MAX] {
                    let _ = Tolerance::both(tolerance).check(timestamp, now);
                }
            }
        }
    }
}
