//! An amount of money, exact to the last digit.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::id::text_or_number;

/// An amount as the text in which it was written, number or text: `100`, `0.018`, `-125.0`.
///
/// It is never a floating-point number, which has no exact tenth. Take the text to the decimal type
/// of your choice, or count in the currency's smallest unit with
/// [`minor_units`](Amount::minor_units). Equality is that of the texts: `1.0` is not `1.00`.
///
/// ```
/// use countersign::Amount;
///
/// let amount: Amount = serde_json::from_str(r#""145.25""#)?;
/// assert_eq!(amount.as_str(), "145.25");
/// assert_eq!(amount.minor_units(2), Some(14525));
/// assert_eq!(amount.minor_units(1), None, "there are hundredths");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// It is read through serde_json's `RawValue`, and hence from JSON only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Amount(Box<str>);

/// The most characters of an amount: more money than there is, to more digits than any currency has.
const MAX_LENGTH: usize = 64;

impl Amount {
    /// The amount, as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The amount in units of 10<sup>-`digits`</sup>: for euros and cents, `digits` is 2. `None` if
    /// there are smaller parts, or more than an `i128` holds: nothing is rounded.
    pub fn minor_units(&self, digits: u8) -> Option<i128> {
        let (mantissa, exponent) = match self.0.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (&*self.0, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let all: String = [whole, fraction].concat();
        // Zeros at the end are tens, and may be more than a number holds.
        let tens = all.len() - all.trim_end_matches('0').len();
        let (digits_of, tens) = match all.trim_end_matches('0') {
            "" | "-" => return Some(0),
            significant => (significant, i32::try_from(tens).ok()?),
        };
        let number: i128 = digits_of.parse().ok()?;
        let places = i32::try_from(fraction.len()).ok()? - tens;
        let shift = exponent
            .checked_add(i32::from(digits))?
            .checked_sub(places)?;
        let power = 10i128.checked_pow(shift.unsigned_abs())?;
        if shift >= 0 {
            number.checked_mul(power)
        } else {
            (number % power == 0).then_some(number / power)
        }
    }
}

/// A text that is no decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnAmount;

impl fmt::Display for NotAnAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a decimal number")
    }
}

impl std::error::Error for NotAnAmount {}

impl FromStr for Amount {
    type Err = NotAnAmount;

    /// Reads what JSON takes for a number.
    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        // JSON's grammar of a number is the one of an amount: no plus, no `.5`, no `1.`, no `0x`,
        // no white space, and leading zeros only in texts that are none.
        let is_number = text.len() <= MAX_LENGTH
            && text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
            && text.ends_with(|c: char| c.is_ascii_digit())
            && serde_json::from_str::<&RawValue>(text).is_ok();
        is_number.then(|| Amount(text.into())).ok_or(NotAnAmount)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: Box<RawValue> = Deserialize::deserialize(deserializer)?;
        text_or_number(raw.get())
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| D::Error::invalid_value(Unexpected::Other("a value"), &"an amount"))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Amount").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<String> {
        let amount: Option<Amount> = serde_json::from_str(json).ok();
        amount.map(|amount| amount.to_string())
    }

    #[test]
    fn numbers_and_texts_stay_as_they_were_written() {
        for number in ["100", "145.25", "125.0", "-125.00", "0.018", "1e2", "0"] {
            assert_eq!(read(number).as_deref(), Some(number));
            assert_eq!(read(&format!("{number:?}")).as_deref(), Some(number));
        }
        let long = "12345678901234567890123456789.123456789";
        assert_eq!(read(long).as_deref(), Some(long), "exact");
    }

    #[test]
    fn anything_else_is_no_amount() {
        for other in [
            "true",
            "{}",
            "[]",
            r#""""#,
            r#"" 1""#,
            r#""1 ""#,
            r#""+1""#,
            r#""1.""#,
            r#"".5""#,
            r#""01""#,
            r#""1,5""#,
            r#""NaN""#,
            r#""0x1""#,
            r#""1_0""#,
            r#""\u0661""#,
            r#""-""#,
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(read(&format!("1{}", "0".repeat(64))), None, "too long");
    }

    #[test]
    fn minor_units_are_exact_or_nothing() {
        let units = |text: &str, digits| text.parse::<Amount>().unwrap().minor_units(digits);
        assert_eq!(units("100", 2), Some(10_000));
        assert_eq!(units("145.25", 2), Some(14_525));
        assert_eq!(units("-125.0", 2), Some(-12_500));
        assert_eq!(units("-0.5", 2), Some(-50));
        assert_eq!(units("0.018", 2), None);
        assert_eq!(units("0.018", 3), Some(18));
        assert_eq!(units("1.5e1", 0), Some(15));
        assert_eq!(units("15e-1", 0), None);
        assert_eq!(units("150e-1", 0), Some(15));
        assert_eq!(units("0e999999999", 255), Some(0));
        assert_eq!(units("-0.00", 2), Some(0));
        assert_eq!(units(&format!("1{}e-40", "0".repeat(40)), 0), Some(1));
        assert_eq!(units("1000", 0), Some(1000));
        assert_eq!(units("1e999999999", 2), None);
        assert_eq!(units("1e-999999999", 2), None);
        assert_eq!(units("1e99999999999999", 2), None);
        assert_eq!(units(&"9".repeat(64), 0), None, "more than an i128");
    }
}
