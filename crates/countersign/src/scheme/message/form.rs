//! Forms, as `application/x-www-form-urlencoded` writes them, and the query of a URL.

use std::borrow::Cow;

/// A name and its value.
pub(crate) type Field<'b> = (Cow<'b, [u8]>, Cow<'b, [u8]>);

/// The fields in the order received, decoded. `None` for more than 1000, or a `%` that two digits do not
/// follow: what two parsers may read differently is not verified.
pub(crate) fn fields(text: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    for field in text.split(|byte| *byte == b'&') {
        if field.is_empty() {
            continue;
        }
        if fields.len() == MAX_FIELDS {
            return None;
        }
        let mut halves = field.splitn(2, |byte| *byte == b'=');
        let name = halves.next().unwrap_or_default();
        let value = halves.next().unwrap_or_default();
        fields.push((decode(name)?, decode(value)?));
    }
    Some(fields)
}

const MAX_FIELDS: usize = 1000;

fn decode(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return Some(Cow::Owned(decoded)),
            [b'+', rest @ ..] => {
                decoded.push(b' ');
                rest
            }
            [b'%', high, low, rest @ ..] => {
                decoded.push(digit(*high)? << 4 | digit(*low)?);
                rest
            }
            [b'%', ..] => return None,
            [byte, rest @ ..] => {
                decoded.push(*byte);
                rest
            }
        };
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// The one field of that name: `Ok(None)` if there is none, an error if there are several.
pub(crate) fn only<'f, 'b>(fields: &'f [Field<'b>], name: &str) -> Result<Option<&'f [u8]>, ()> {
    let mut values = fields
        .iter()
        .filter(|(known, _)| **known == *name.as_bytes())
        .map(|(_, value)| &**value);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(()),
        (first, None) => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<(String, String)>> {
        let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let fields = fields(text.as_bytes())?;
        Some(
            fields
                .iter()
                .map(|(name, value)| (text_of(name), text_of(value)))
                .collect(),
        )
    }

    #[test]
    fn a_form_is_decoded() {
        let pairs = |pairs: &[(&str, &str)]| {
            Some(
                pairs
                    .iter()
                    .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                    .collect(),
            )
        };
        assert_eq!(
            read("a=1&b=%2B2+3&c&d="),
            pairs(&[("a", "1"), ("b", "+2 3"), ("c", ""), ("d", "")])
        );
        assert_eq!(read("a=b=c&&%61=1"), pairs(&[("a", "b=c"), ("a", "1")]));
        assert_eq!(read(""), pairs(&[]));
        for broken in ["a=%", "a=%2", "a=%zz", "%=1"] {
            assert_eq!(read(broken), None, "{broken}");
        }
        assert_eq!(read(&"a&".repeat(1001)), None);
    }

    #[test]
    fn a_field_that_is_there_twice_is_none() {
        let fields = fields(b"a=1&b=2&a=3").expect("fields");
        assert_eq!(only(&fields, "b"), Ok(Some(&b"2"[..])));
        assert_eq!(only(&fields, "c"), Ok(None));
        assert_eq!(only(&fields, "a"), Err(()));
    }
}
