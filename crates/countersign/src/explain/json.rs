//! JSON written again in the styles of the common libraries.

use std::fmt::Write as _;

use serde::de::IgnoredAny;

/// The longest body that is rewritten: each style is a copy of it.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// How many times longer than the body a style may be, and how deep the body.
const MAX_GROWTH: usize = 8;
const MAX_DEPTH: usize = 128;

/// A body in another style.
pub(super) struct Rewritten {
    /// The style, in words.
    pub(super) how: String,
    pub(super) bytes: Vec<u8>,
}

/// What stands between the tokens.
#[derive(Clone, Copy)]
struct Spacing {
    words: &'static str,
    /// Behind a colon.
    colon: &'static str,
    /// Behind a comma.
    comma: &'static str,
    /// For each level of a line of its own; `None` for one line.
    indent: Option<&'static str>,
}

const SPACINGS: &[Spacing] = &[
    Spacing {
        words: "without white space",
        colon: "",
        comma: "",
        indent: None,
    },
    Spacing {
        words: "with a space behind each colon and comma",
        colon: " ",
        comma: " ",
        indent: None,
    },
    Spacing {
        words: "indented by two spaces",
        colon: " ",
        comma: "",
        indent: Some("  "),
    },
    Spacing {
        words: "indented by four spaces",
        colon: " ",
        comma: "",
        indent: Some("    "),
    },
    Spacing {
        words: "indented by tabs",
        colon: " ",
        comma: "",
        indent: Some("\t"),
    },
    Spacing {
        words: "with a space behind each colon",
        colon: " ",
        comma: "",
        indent: None,
    },
];

/// How texts are escaped.
#[derive(Clone, Copy)]
struct Escaping {
    words: &'static str,
    /// Other letters than ASCII as `\uXXXX`.
    ascii: bool,
    /// `/` as `\/`.
    slash: bool,
    /// `<`, `>` and `&` as `\uXXXX`.
    html: bool,
}

/// Texts as they are, and then written again.
const ESCAPINGS: &[Option<Escaping>] = &[
    None,
    Some(Escaping {
        words: "",
        ascii: false,
        slash: false,
        html: false,
    }),
    Some(Escaping {
        words: " and other letters than ASCII escaped",
        ascii: true,
        slash: false,
        html: false,
    }),
    Some(Escaping {
        words: " and slashes escaped",
        ascii: false,
        slash: true,
        html: false,
    }),
    Some(Escaping {
        words: " and slashes and other letters than ASCII escaped",
        ascii: true,
        slash: true,
        html: false,
    }),
    Some(Escaping {
        words: " and <, > and & escaped",
        ascii: false,
        slash: false,
        html: true,
    }),
];

/// The body in every style; nothing if it is no JSON, or too long.
pub(super) fn rewritten(body: &[u8]) -> Vec<Rewritten> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Ok(text) = std::str::from_utf8(body) else {
        return Vec::new();
    };
    if text.len() > MAX_BODY || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Vec::new();
    }
    let mut all = Vec::new();
    for escaping in ESCAPINGS {
        for spacing in SPACINGS {
            let escapes = escaping.map_or("", |escaping| escaping.words);
            all.extend(rewrite(text, *spacing, *escaping).map(|json| Rewritten {
                how: format!("{}{escapes}", spacing.words),
                bytes: json.into_bytes(),
            }));
        }
    }
    all
}

/// Writes valid JSON again, token by token: the order of members and the digits of numbers stay. Nothing
/// that grows out of all proportion, as indentation does with depth: no library wrote that.
fn rewrite(json: &str, spacing: Spacing, escaping: Option<Escaping>) -> Option<String> {
    let most = json.len().saturating_mul(MAX_GROWTH).saturating_add(1024);
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0usize;
    let line = |out: &mut String, depth: usize| {
        if let Some(indent) = spacing.indent {
            out.push('\n');
            (0..depth).for_each(|_| out.push_str(indent));
        }
    };
    let mut rest = json.trim_start();
    while let Some(first) = rest.chars().next() {
        if out.len() > most || depth > MAX_DEPTH {
            return None;
        }
        let mut length = 1;
        match first {
            '"' => {
                length = text_length(rest);
                let token = rest.get(..length).unwrap_or(rest);
                match escaping {
                    None => out.push_str(token),
                    Some(escaping) => write_text(&mut out, token, escaping),
                }
            }
            '{' | '[' => {
                out.push(first);
                let inner = rest.get(1..).unwrap_or_default().trim_start();
                if let Some(end @ ('}' | ']')) = inner.chars().next() {
                    out.push(end);
                    rest = inner.get(1..).unwrap_or_default().trim_start();
                    continue;
                }
                depth += 1;
                line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(first);
            }
            ',' => {
                out.push(',');
                out.push_str(spacing.comma);
                line(&mut out, depth);
            }
            ':' => {
                out.push(':');
                out.push_str(spacing.colon);
            }
            _ => {
                let ends = |c: char| c.is_ascii_whitespace() || ",:{}[]\"".contains(c);
                length = rest.find(ends).unwrap_or(rest.len());
                out.push_str(rest.get(..length).unwrap_or(rest));
            }
        }
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Some(out)
}

/// The length of the text that `json` begins with, quotes included.
fn text_length(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

fn write_text(out: &mut String, token: &str, escaping: Escaping) {
    let Ok(text) = serde_json::from_str::<String>(token) else {
        // A lone half of a pair is no text; it stays as it is.
        return out.push_str(token);
    };
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '/' if escaping.slash => out.push_str("\\/"),
            '<' | '>' | '&' if escaping.html => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c if c < ' ' || escaping.ascii && !c.is_ascii() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_styles_of_common_libraries() {
        let json = " { \"a\" :[1.50, {} ,[] ], \"b/é\\u00e9\":\"<\\n\\\"\" , \"c\":{\"d\":null}}\n";
        let all: Vec<String> = rewritten(json.as_bytes())
            .into_iter()
            .map(|rewritten| String::from_utf8(rewritten.bytes).unwrap())
            .collect();
        for expected in [
            // What was there, but for the white space.
            r#"{"a":[1.50,{},[]],"b/é\u00e9":"<\n\"","c":{"d":null}}"#,
            // JSON.stringify.
            r#"{"a":[1.50,{},[]],"b/éé":"<\n\"","c":{"d":null}}"#,
            // json.dumps.
            r#"{"a": [1.50, {}, []], "b/\u00e9\u00e9": "<\n\"", "c": {"d": null}}"#,
            // json_encode.
            r#"{"a":[1.50,{},[]],"b\/\u00e9\u00e9":"<\n\"","c":{"d":null}}"#,
            // encoding/json.
            r#"{"a":[1.50,{},[]],"b/éé":"\u003c\n\"","c":{"d":null}}"#,
            // JSON.stringify with an indent.
            "{\n  \"a\": [\n    1.50,\n    {},\n    []\n  ],\n  \"b/éé\": \"<\\n\\\"\",\n  \"c\": {\n    \
             \"d\": null\n  }\n}",
        ] {
            assert!(
                all.iter().any(|one| one == expected),
                "{expected}\n{all:#?}"
            );
        }
        for other in [&b"{"[..], b"\xff", b"", b"{} {}"] {
            assert!(rewritten(other).is_empty());
        }
        let deep = "[".repeat(20_000) + &"]".repeat(20_000);
        assert!(rewritten(deep.as_bytes()).is_empty());
        let wide = format!(
            "{}{}{}",
            "[".repeat(100),
            "1,".repeat(100_000) + "1",
            "]".repeat(100)
        );
        let longest = rewritten(wide.as_bytes())
            .iter()
            .map(|style| style.bytes.len())
            .max();
        assert!(longest < Some(10 * wide.len()), "{longest:?}");
    }
}
