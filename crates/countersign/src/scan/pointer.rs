//! Where something stands in a JSON text.

use std::fmt;

use crate::error::{ConfigError, ConfigErrorKind};

const MAX_DEPTH: usize = 8;

/// A JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)), such as `/data/id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    pub(super) tokens: Vec<Box<str>>,
}

impl Pointer {
    /// Parses a pointer.
    ///
    /// # Errors
    ///
    /// [`BadScheme`](ConfigErrorKind::BadScheme) if it does not start with `/`, has a `~` that is
    /// not `~0` or `~1`, or more than 8 steps.
    pub fn new(text: &str) -> Result<Pointer, ConfigError> {
        let bad = |why| {
            ConfigError::new(
                ConfigErrorKind::BadScheme,
                format!("{text:?} is no JSON pointer: {why}"),
            )
        };
        let steps = text
            .strip_prefix('/')
            .ok_or_else(|| bad("it must start with /"))?;
        let mut tokens = Vec::new();
        for step in steps.split('/') {
            if step.replace("~0", "").replace("~1", "").contains('~') {
                return Err(bad("~ must be written ~0"));
            }
            tokens.push(step.replace("~1", "/").replace("~0", "~").into());
        }
        if tokens.len() > MAX_DEPTH {
            return Err(bad("it has more than 8 steps"));
        }
        Ok(Pointer { tokens })
    }

    /// The same in the words of an error: `data.items[0].id`.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        for token in &self.tokens {
            if !path.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()) {
                path.push_str(&format!("[{token}]"));
            } else {
                let dot = if path.is_empty() { "" } else { "." };
                path.push_str(&format!("{dot}{token}"));
            }
        }
        path
    }

    /// The names and indices that it goes through, unescaped.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().map(|token| &**token)
    }

    /// A pointer of plain names, for the presets.
    pub(crate) fn of(tokens: &[&str]) -> Pointer {
        Pointer {
            tokens: tokens.iter().map(|token| Box::from(*token)).collect(),
        }
    }
}

/// As [RFC 6901](https://www.rfc-editor.org/rfc/rfc6901) writes it.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tokens.iter().try_for_each(|token| {
            let token = token.replace('~', "~0").replace('/', "~1");
            write!(f, "/{token}")
        })
    }
}
