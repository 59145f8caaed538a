//! What stands under an id: a letter that tells which of the two it is, and what has to be known of
//! it. The scripts compare entries as they are, and read the letter alone.

use std::time::Duration;

use countersign::{Key, Token};

/// For how long a claim is kept once its lease has expired.
///
/// An expired entry is free to whoever claims it. It is kept so that the run it belongs to can still
/// renew it, as the contract of a store has it, and so that a commit over another run's expired claim
/// is known for what it is. A day is longer than any run, and the entry of a crashed one is a small
/// thing beside the committed ones.
///
/// What Redis counts down is lease and grace together. What is left of a lease is what is left of both
/// without the grace, so the scripts need no clock and a change of this constant must change the
/// letter of the entry too.
pub(crate) const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// The most milliseconds that Redis and its Lua can count without losing any: 142 000 years.
const MOST_MILLIS: u128 = 1 << 52;

/// The entry of an id in progress: whose run it is.
pub(crate) fn running(token: Token) -> [u8; 17] {
    let mut entry = [b'r'; 17];
    if let Some((_, rest)) = entry.split_first_mut() {
        rest.copy_from_slice(token.as_bytes());
    }
    entry
}

/// The entry of a committed id: a hash of its payload.
pub(crate) fn committed(key: &Key) -> [u8; 9] {
    let mut entry = [b'c'; 9];
    if let Some((_, rest)) = entry.split_first_mut() {
        rest.copy_from_slice(&key.payload_hash().to_be_bytes());
    }
    entry
}

/// Whole milliseconds, at least one: what is shorter is rounded up, since a lease that ends too early
/// is worse than one that ends late.
pub(crate) fn millis(time: Duration) -> u64 {
    let millis = time.as_nanos().div_ceil(1_000_000).clamp(1, MOST_MILLIS);
    u64::try_from(millis).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_cannot_count_is_rounded_up() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_millis(1)), 1);
        assert_eq!(millis(Duration::from_micros(1001)), 2);
        assert_eq!(millis(Duration::from_secs(30)), 30_000);
        assert_eq!(millis(Duration::MAX), 1 << 52);
    }
}
