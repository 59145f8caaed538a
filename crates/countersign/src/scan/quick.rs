//! The quick way over a JSON text: what providers send, and nothing else.
//!
//! It takes less than serde_json does, and leaves all that it does not take to it: a text that is no
//! JSON, a name with an escape in it or beyond ASCII, a wanted one that is there twice, a pointer into an array,
//! great depth.

use std::str::from_utf8;

use super::ahead::Ahead;
use super::{Found, Node, Targets, Value};

/// What stands at the targets; `None` if serde_json has to say.
pub(super) fn find<'a>(targets: &Targets, text: &'a [u8]) -> Option<Vec<Found<'a>>> {
    let mut found = vec![Found::Nothing; targets.count];
    let mut cursor = Cursor {
        text,
        at: 0,
        ahead: Ahead::new(),
    };
    (cursor.token()? == b'{').then_some(())?;
    cursor.object(&targets.root, &mut found)?;
    // Nothing but white space is left.
    cursor.token().is_none().then_some(found)
}

/// A place in a text. Each method reads on from it; `None` is not what can be read here.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    ahead: Ahead,
}

impl<'a> Cursor<'a> {
    /// The rest of an object that `node` stands for, behind its brace.
    fn object(&mut self, node: &Node, found: &mut [Found<'a>]) -> Option<()> {
        let mut seen = 0u64;
        let mut token = self.token()?;
        if token == b'}' {
            return Some(());
        }
        loop {
            let start = self.at;
            (token == b'"').then_some(())?;
            self.string()?;
            let name = self.text.get(start..self.at - 1)?;
            // An escaped name, and one that is not ASCII, are rare, or no text.
            (name.is_ascii() && !name.contains(&b'\\')).then_some(())?;
            self.expect(b':')?;
            let children = node.children.iter();
            match children
                .enumerate()
                .find(|(_, (child, _))| child.as_bytes() == name)
            {
                None => self.skip()?,
                Some((index, (_, child))) => {
                    let bit = 1u64.checked_shl(u32::try_from(index).ok()?)?;
                    (seen & bit == 0).then_some(())?;
                    seen |= bit;
                    self.wanted(child, found)?;
                }
            }
            match self.token()? {
                b',' => token = self.token()?,
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// The value that `node` stands for.
    fn wanted(&mut self, node: &Node, found: &mut [Found<'a>]) -> Option<()> {
        if node.ends.is_empty() {
            self.expect(b'{')?;
            return self.object(node, found);
        }
        node.children.is_empty().then_some(())?;
        self.space();
        let start = self.at;
        self.skip()?;
        if let Some(value) = Value::of(from_utf8(self.text.get(start..self.at)?).ok()?) {
            for end in &node.ends {
                *found.get_mut(*end)? = Found::Value(value.clone());
            }
        }
        Some(())
    }

    /// Passes over a value, with the place in registers: on a copy whose address nobody else has.
    fn skip(&mut self) -> Option<()> {
        let mut cursor = *self;
        cursor.pass()?;
        *self = cursor;
        Some(())
    }

    #[inline]
    fn pass(&mut self) -> Option<()> {
        // Behind a first 1, a bit for each container that is open: 1 for an object, 0 for an array.
        let mut open = 1u64;
        loop {
            match self.token()? {
                b'"' => self.string()?,
                b'{' => match self.token()? {
                    b'}' => {}
                    b'"' => {
                        open = open.checked_mul(2)? | 1;
                        self.string()?;
                        self.expect(b':')?;
                        continue;
                    }
                    _ => return None,
                },
                b'[' => {
                    self.space();
                    if self.text.get(self.at) != Some(&b']') {
                        open = open.checked_mul(2)?;
                        continue;
                    }
                    self.at += 1;
                }
                b't' => self.word(b"rue")?,
                b'f' => self.word(b"alse")?,
                b'n' => self.word(b"ull")?,
                first => self.number(first)?,
            }
            loop {
                if open == 1 {
                    return Some(());
                }
                match (self.token()?, open & 1) {
                    (b',', 1) => {
                        self.expect(b'"')?;
                        self.string()?;
                        self.expect(b':')?;
                        break;
                    }
                    (b',', _) => break,
                    (b'}', 1) | (b']', 0) => open >>= 1,
                    _ => return None,
                }
            }
        }
    }

    /// The next byte that is no white space.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        let byte = self.byte()?;
        if byte > b' ' {
            return Some(byte);
        }
        // Whatever it is, it is looked at again.
        self.at -= 1;
        self.space();
        self.byte()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn expect(&mut self, token: u8) -> Option<()> {
        (self.token()? == token).then_some(())
    }

    #[inline]
    fn word(&mut self, rest: &[u8]) -> Option<()> {
        let found = self.text.get(self.at..)?.starts_with(rest);
        self.at += rest.len();
        found.then_some(())
    }

    /// The rest of a string, behind its first quote.
    #[inline]
    fn string(&mut self) -> Option<()> {
        loop {
            self.at = self.ahead.seek(self.text, self.at)?;
            match self.byte()? {
                b'"' => return Some(()),
                b'\\' => self.at = behind_escape(self.text, self.at)?,
                _ => return None,
            }
        }
    }

    /// The rest of a number, behind its first byte.
    #[inline]
    fn number(&mut self, first: u8) -> Option<()> {
        let first = match first {
            b'-' => self.byte()?,
            first => first,
        };
        match first {
            b'1'..=b'9' => while self.digit() {},
            b'0' if !self.digit() => {}
            _ => return None,
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.text.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        self.digit().then_some(())?;
        while self.digit() {}
        Some(())
    }

    #[inline]
    fn digit(&mut self) -> bool {
        let is = self.text.get(self.at).is_some_and(u8::is_ascii_digit);
        self.at += usize::from(is);
        is
    }
}

/// The place behind an escape whose backslash stands before `at`.
#[cold]
fn behind_escape(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => {
            let digits = text.get(at + 1..at + 5)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 5)
        }
        _ => None,
    }
}
