//! Keys as the text of a statement. They are written into it instead of being bound: a statement
//! without parameters need not be prepared, and goes to the server in one message. What is written is
//! digits and hexadecimal digits, whatever a sender made of its ids.

use std::fmt::Write as _;
use std::time::Duration;

use countersign::{Delivery, Key, StoreError, ToClaim, Token};

/// How a database writes bytes: what stands before and behind their hexadecimal digits.
pub(crate) struct Dialect {
    pub(crate) before: &'static str,
    pub(crate) behind: &'static str,
}

impl Dialect {
    pub(crate) fn token(&self, token: Token) -> String {
        self.bytes(token.as_bytes())
    }

    pub(crate) fn bytes(&self, bytes: &[u8]) -> String {
        format!("{}{}{}", self.before, hex::encode(bytes), self.behind)
    }

    /// `KEY, KEY, …`
    pub(crate) fn keys(&self, keys: &[Key]) -> String {
        joined(keys, |text, key| text.push_str(&self.bytes(key.as_bytes())))
    }

    /// `(KEY, HASH), (KEY, HASH), …`
    pub(crate) fn rows(&self, keys: &[Key]) -> String {
        joined(keys, |text, key| {
            let _ = write!(text, "({}, {})", self.bytes(key.as_bytes()), hash(key));
        })
    }
}

fn joined(keys: &[Key], mut put: impl FnMut(&mut String, &Key)) -> String {
    let mut text = String::with_capacity(keys.len() * 104);
    for key in keys {
        if !text.is_empty() {
            text.push_str(", ");
        }
        put(&mut text, key);
    }
    text
}

/// A database's integers have a sign.
pub(crate) fn hash(key: &Key) -> i64 {
    key.payload_hash().cast_signed()
}

/// A duration in milliseconds, rounded up so that none is nothing, and bounded so that what is added to a moment stays one: a thousand years.
pub(crate) fn millis(duration: Duration) -> i64 {
    const LONGEST: i64 = 1000 * 366 * 24 * 3600 * 1000;
    i64::try_from(duration.as_nanos().div_ceil(1_000_000))
        .map_or(LONGEST, |millis| millis.min(LONGEST))
}

/// Those of `keys` that a database named by their bytes, in the order of `keys`.
pub(crate) fn named(keys: &[Key], named: impl Fn(&[u8; 32]) -> bool) -> Vec<Key> {
    let named = keys.iter().filter(|key| named(key.as_bytes()));
    named.copied().collect()
}

/// What a delivery has to have written.
pub(crate) fn to_claim(delivery: &Delivery) -> Result<ToClaim, StoreError> {
    delivery.to_claim().ok_or_else(|| {
        StoreError::unavailable(
            "claim_in needs a receiver built with `with_claim_in_transaction`: nobody would ask \
             whether the transaction was committed",
        )
    })
}

/// An event is held by a run under a lease: by a receiver that is not one with claims in transactions.
pub(crate) fn leased() -> StoreError {
    StoreError::unavailable("an event is in progress under a lease of another receiver")
}
