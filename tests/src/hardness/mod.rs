//! What must hold whatever arrives, as functions of any bytes: the properties and the fuzz targets are
//! these. Each panics where something does not hold.

mod deliveries;
mod handshakes;
mod payloads;
mod words;

pub use self::deliveries::{Kind, cuts, head, whole};
pub use self::handshakes::handshake;
pub use self::payloads::{NEARLY_JSON, envelope, typed};
pub use self::words::recipe;

/// The first byte, and the rest.
fn choice(data: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((usize::from(*first), rest))
}
