//! One scan over a JSON text that finds what stands at a few pointers.
//!
//! Nothing is built but what was asked for. A name that occurs twice is an ambiguity, since
//! parsers disagree on which of the two counts; it is reported as such and never resolved.

mod ahead;
mod pointer;
mod quick;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

pub use self::pointer::Pointer;

/// What stands at a pointer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Found<'a> {
    /// Nothing, or `null`.
    #[default]
    Nothing,
    /// A value.
    Value(Value<'a>),
    /// More than one value, by a repeated name.
    Twice,
}

/// A value found in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A text.
    Text {
        /// Unescaped.
        text: Cow<'a, str>,
        /// As it stands there, in its quotes.
        raw: &'a str,
    },
    /// A number, as its own text.
    Number(&'a str),
    /// Something else, as its own text.
    Other(&'a str),
}

impl<'a> Value<'a> {
    fn of(raw: &'a str) -> Option<Value<'a>> {
        match raw.as_bytes().first()? {
            b'n' => None,
            b'"' => Some(match raw.get(1..raw.len() - 1) {
                Some(plain) if !plain.contains('\\') => Value::Text {
                    text: Cow::Borrowed(plain),
                    raw,
                },
                _ => serde_json::from_str(raw)
                    .map_or(Value::Other(raw), |text| Value::Text { text, raw }),
            }),
            b'-' | b'0'..=b'9' => Some(Value::Number(raw)),
            _ => Some(Value::Other(raw)),
        }
    }

    /// The text of a text that is not empty, or of a number.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match self {
            Value::Text { text, .. } if text.is_empty() => None,
            Value::Text { text, .. } => Some(text),
            Value::Number(text) => Some(text),
            Value::Other(_) => None,
        }
    }

    /// The value's own JSON.
    pub(crate) fn raw(&self) -> &'a str {
        match self {
            Value::Text { raw, .. } | Value::Number(raw) | Value::Other(raw) => raw,
        }
    }
}

impl<'a> Found<'a> {
    /// The text of the one text or number that was found.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match self {
            Found::Value(value) => value.scalar(),
            _ => None,
        }
    }

    /// The same, and `true` and `false` as the texts that they are written as: a signature over fields reads
    /// both alike, and so two spellings of one event have to be one event.
    pub(crate) fn word(&self) -> Option<&str> {
        match self {
            Found::Value(Value::Other(word @ ("true" | "false"))) => Some(word),
            found => found.scalar(),
        }
    }

    /// Whether there is anything but `null`.
    pub(crate) fn is_there(&self) -> bool {
        !matches!(self, Found::Nothing)
    }
}

/// The pointers to look up, as a tree, so that the text is read once for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Targets {
    root: Node,
    count: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Node {
    /// The indices of the pointers that end here.
    ends: Vec<usize>,
    children: Vec<(Box<str>, Node)>,
}

impl Targets {
    /// Adds a pointer; the index of what it finds.
    pub(crate) fn add(&mut self, pointer: &Pointer) -> usize {
        let mut node = &mut self.root;
        for token in &pointer.tokens {
            let at = match node.children.iter().position(|(name, _)| name == token) {
                Some(at) => at,
                None => {
                    node.children.push((token.clone(), Node::default()));
                    node.children.len() - 1
                }
            };
            let Some((_, child)) = node.children.get_mut(at) else {
                break;
            };
            node = child;
        }
        node.ends.push(self.count);
        self.count += 1;
        self.count - 1
    }

    /// Looks everything up; `None` if the text is not JSON.
    pub(crate) fn find<'a>(&self, text: &'a [u8]) -> Option<Vec<Found<'a>>> {
        // What the quick way leaves is either rare or no JSON.
        quick::find(self, text).or_else(|| self.find_slowly(text))
    }

    /// The same by serde_json, which says what is JSON.
    fn find_slowly<'a>(&self, text: &'a [u8]) -> Option<Vec<Found<'a>>> {
        let mut found = vec![Found::Nothing; self.count];
        let mut parser = serde_json::Deserializer::from_slice(text);
        Walk {
            node: &self.root,
            found: &mut found,
        }
        .deserialize(&mut parser)
        .ok()?;
        parser.end().ok()?;
        Some(found)
    }
}

/// Walks the value that `node` stands for.
struct Walk<'t, 'f, 'a> {
    node: &'t Node,
    found: &'f mut [Found<'a>],
}

impl<'a> DeserializeSeed<'a> for Walk<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, parser: D) -> Result<(), D::Error> {
        if self.node.ends.is_empty() {
            return parser.deserialize_any(self);
        }
        // Something ends here, so that the value's own text is needed.
        let raw: &'a RawValue = serde::Deserialize::deserialize(parser)?;
        if let Some(value) = Value::of(raw.get()) {
            for end in &self.node.ends {
                if let Some(slot) = self.found.get_mut(*end) {
                    *slot = Found::Value(value.clone());
                }
            }
        }
        if !self.node.children.is_empty() {
            let below = Node {
                ends: Vec::new(),
                children: self.node.children.clone(),
            };
            let mut parser = serde_json::Deserializer::from_str(raw.get());
            let walk = Walk {
                node: &below,
                found: self.found,
            };
            parser
                .deserialize_any(walk)
                .map_err(serde::de::Error::custom)?;
        }
        Ok(())
    }
}

impl<'a> Visitor<'a> for Walk<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let mut seen = 0u64;
        while let Some(at) = map.next_key_seed(Name { node: self.node })? {
            let Some((at, (_, child))) = at.and_then(|at| Some((at, self.node.children.get(at)?)))
            else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let bit = 1u64.checked_shl(at as u32).unwrap_or(0);
            if seen & bit == 0 {
                seen |= bit;
                map.next_value_seed(Walk {
                    node: child,
                    found: self.found,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
                mark_twice(child, self.found);
            }
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<(), S::Error> {
        let mut index = 0usize;
        loop {
            let child = self
                .node
                .children
                .iter()
                .find(|(token, _)| token.parse() == Ok(index));
            let more = match child {
                Some((_, child)) => seq
                    .next_element_seed(Walk {
                        node: child,
                        found: self.found,
                    })?
                    .is_some(),
                None => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Everything below a repeated name is ambiguous.
fn mark_twice(node: &Node, found: &mut [Found<'_>]) {
    for end in &node.ends {
        if let Some(slot) = found.get_mut(*end) {
            *slot = Found::Twice;
        }
    }
    for (_, child) in &node.children {
        mark_twice(child, found);
    }
}

/// A member's name, compared with the wanted ones after unescaping, without a copy.
struct Name<'t> {
    node: &'t Node,
}

impl<'a> DeserializeSeed<'a> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'a>>(self, parser: D) -> Result<Option<usize>, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self
            .node
            .children
            .iter()
            .position(|(token, _)| **token == *name))
    }
}

/// The members of the array at `pointer`, each as its own text.
///
/// `None` if the text is not JSON, or if there is no such array, or more than one.
pub(crate) fn members<'a>(text: &'a [u8], pointer: &Pointer) -> Option<Vec<&'a str>> {
    let whole;
    let array = if pointer.tokens.is_empty() {
        whole = serde_json::from_slice::<&RawValue>(text).ok()?;
        whole.get()
    } else {
        let mut targets = Targets::default();
        let at = targets.add(pointer);
        let found = targets.find(text)?;
        match found.get(at)? {
            Found::Value(Value::Other(raw)) => *raw,
            _ => return None,
        }
    };
    let members: Vec<&RawValue> = serde_json::from_str(array).ok()?;
    Some(members.into_iter().map(RawValue::get).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(text: &'a str, pointers: &[&str]) -> Option<Vec<Found<'a>>> {
        let mut targets = Targets::default();
        for pointer in pointers {
            targets.add(&Pointer::new(pointer).expect(pointer));
        }
        targets.find(text.as_bytes())
    }

    /// The quick way never says anything else than serde_json.
    #[test]
    fn both_ways_agree_on_spoilt_texts() {
        let sound = r#"{"id":12,"a":{"b":"x\u00e9\n","c":[1,-2.5e3,{"d":null}],"id":0},"n":"é","t":[true,false,[]], "e":{}}"#;
        let mut targets = Targets::default();
        for pointer in ["/id", "/a/b", "/n", "/a/c"] {
            targets.add(&Pointer::new(pointer).expect(pointer));
        }
        assert!(quick::find(&targets, sound.as_bytes()).is_some());
        let spoilers = b"\"\\{}[]:,0-1.eEtfnu \n\x00\x1f\xff";
        for at in 0..sound.len() {
            for spoiler in spoilers {
                let (mut replaced, mut inserted) =
                    (sound.as_bytes().to_vec(), sound.as_bytes().to_vec());
                replaced[at] = *spoiler;
                inserted.insert(at, *spoiler);
                let mut removed = sound.as_bytes().to_vec();
                removed.remove(at);
                for text in [replaced, inserted, removed, sound.as_bytes()[..at].to_vec()] {
                    if let Some(found) = quick::find(&targets, &text) {
                        assert_eq!(
                            targets.find_slowly(&text),
                            Some(found),
                            "{}",
                            text.escape_ascii()
                        );
                    }
                }
            }
        }
    }

    /// Wherever the blocks of 64 bytes cut a text.
    #[test]
    fn a_block_may_end_anywhere() {
        let text = r#"{"id":"0123456789abcdef\\\u00e9\"","a":{"b":["\\","\"",""]},"long":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","n":7}"#;
        let mut targets = Targets::default();
        for pointer in ["/id", "/n"] {
            targets.add(&Pointer::new(pointer).expect(pointer));
        }
        for shift in 0..64 {
            let text = format!("{}{text}", " ".repeat(shift));
            let found = quick::find(&targets, text.as_bytes());
            assert!(found.is_some(), "{shift}");
            assert_eq!(found, targets.find_slowly(text.as_bytes()), "{shift}");
        }
    }

    fn scalar(text: &str, pointer: &str) -> Option<String> {
        find(text, &[pointer])?.first()?.scalar().map(str::to_owned)
    }

    #[test]
    fn values_are_found_wherever_they_stand() {
        let text = r#"{"a":{"b":[1,{"c":"deep"}]},"id":"x","n":12345678901234567890.10,"a/b":"s"}"#;
        assert_eq!(scalar(text, "/id").as_deref(), Some("x"));
        assert_eq!(scalar(text, "/a/b/1/c").as_deref(), Some("deep"));
        assert_eq!(scalar(text, "/a~1b").as_deref(), Some("s"));
        assert_eq!(
            scalar(text, "/n").as_deref(),
            Some("12345678901234567890.10"),
            "its own text"
        );
        assert_eq!(scalar(text, "/a/x"), None);
        assert_eq!(scalar(text, "/id/x"), None, "nothing stands below a text");
    }

    #[test]
    fn a_pointer_may_stand_below_another() {
        let found = find(r#"{"a":{"b":1}}"#, &["/a", "/a/b"]).expect("JSON");
        assert_eq!(found[0], Found::Value(Value::Other(r#"{"b":1}"#)));
        assert_eq!(found[1].scalar(), Some("1"));
    }

    #[test]
    fn names_compare_unescaped() {
        assert_eq!(
            scalar(r#"{"\u0069d":"x\n"}"#, "/id").as_deref(),
            Some("x\n")
        );
    }

    #[test]
    fn what_names_nothing_is_nothing() {
        for text in [
            r#"{"id":null}"#,
            r#"{"id":""}"#,
            r#"{"id":true}"#,
            r#"{"id":{}}"#,
            "[]",
            "1",
        ] {
            assert_eq!(scalar(text, "/id"), None, "{text}");
        }
        assert!(!find(r#"{"id":null}"#, &["/id"]).expect("JSON")[0].is_there());
    }

    #[test]
    fn a_repeated_name_is_ambiguous() {
        for text in [
            r#"{"id":"a","id":"b"}"#,
            r#"{"id":"a","id":"a"}"#,
            r#"{"id":"a","\u0069d":"b"}"#,
            r#"{"id":"a","id":null}"#,
            r#"{"id":null,"id":"a"}"#,
        ] {
            assert_eq!(
                find(text, &["/id"]).expect("JSON")[0],
                Found::Twice,
                "{text}"
            );
        }
        let text = r#"{"entity":{"id":1},"entity":{}}"#;
        assert_eq!(find(text, &["/entity/id"]).expect("JSON")[0], Found::Twice);
    }

    #[test]
    fn what_is_not_json_is_told() {
        for text in [
            "",
            "not json",
            "{",
            r#"{"id":"a"} x"#,
            r#"{"id":"a"}{}"#,
            "\u{feff}{}",
            r#"{"id":"\x"}"#,
        ] {
            assert_eq!(find(text, &["/id"]), None, "{text}");
        }
        assert!(Targets::default().find(b"{\"\xff\":1}").is_none());
    }

    #[test]
    fn depth_is_no_way_to_a_stack_overflow() {
        for open in ["[", "{\"id\":", "{\"a\":"] {
            let _ = find(&open.repeat(200_000), &["/id", "/a/b"]);
        }
        let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let _ = find(&format!(r#"{{"x":{nested},"id":{nested}}}"#), &["/id/0/0"]);
        let _ = members(
            format!(r#"{{"n":[{nested}]}}"#).as_bytes(),
            &Pointer::of(&["n"]),
        );
    }

    #[test]
    fn members_keep_their_own_text() {
        let text = br#"{"n":[ {"a": 1} , 2]}"#;
        assert_eq!(
            members(text, &Pointer::of(&["n"])),
            Some(vec![r#"{"a": 1}"#, "2"])
        );
        assert_eq!(members(b"[1]", &Pointer::of(&[])), Some(vec!["1"]));
        for none in [
            &b"{}"[..],
            b"{\"n\":1}",
            b"{\"n\":[],\"n\":[]}",
            b"{\"n\":[}",
        ] {
            assert_eq!(members(none, &Pointer::of(&["n"])), None);
        }
    }

    #[test]
    fn pointers_are_checked() {
        for text in ["", "id", "/a~", "/a~2", "/1/2/3/4/5/6/7/8/9"] {
            assert!(Pointer::new(text).is_err(), "{text}");
        }
    }
}
