//! The slots of a cluster: a script may touch the ids of one slot alone.

use std::collections::BTreeMap;

const SLOTS: u16 = 16_384;

/// The places of ids, slot by slot in the order of the slots: claims that take them one after another
/// in this order cannot refuse each other for ever.
pub(crate) fn by_slot<'i>(ids: impl Iterator<Item = (usize, &'i [u8])>) -> Vec<Vec<usize>> {
    let mut slots: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (place, id) in ids {
        slots.entry(slot(id)).or_default().push(place);
    }
    slots.into_values().collect()
}

/// As the cluster's specification has it: of an id with `{tag}` the tag alone decides.
fn slot(id: &[u8]) -> u16 {
    let tag = |id: &[u8]| {
        let open = id.iter().position(|byte| *byte == b'{')?;
        let rest = id.get(open + 1..)?;
        let close = rest.iter().position(|byte| *byte == b'}')?;
        (close > 0).then(|| rest.get(..close).map(crc16))?
    };
    tag(id).unwrap_or_else(|| crc16(id)) % SLOTS
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            let polynomial = if crc & 0x8000 == 0 { 0 } else { 0x1021 };
            (crc << 1) ^ polynomial
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification, and from `CLUSTER KEYSLOT` of a server.
    #[test]
    fn slots_are_those_of_the_servers() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        for (id, expected) in [
            ("", 0),
            ("foo", 12_182),
            ("{foo}", 12_182),
            ("bar{foo}baz", 12_182),
            ("bar{foo}{zap}", 12_182),
            ("foo{}{bar}", 8_363),
            ("foo{{bar}}zap", 4_015),
            ("foo{bar", 15_278),
        ] {
            assert_eq!(slot(id.as_bytes()), expected, "{id}");
        }
    }

    #[test]
    fn ids_of_one_slot_go_together() {
        let parts =
            |ids: [&'static str; 4]| by_slot(ids.map(str::as_bytes).into_iter().enumerate());
        assert_eq!(
            parts(["foo", "bar", "{foo}2", "baz"]),
            [vec![3], vec![1], vec![0, 2]]
        );
        assert_eq!(parts(["{c}1", "{c}2", "{c}3", "{c}4"]), [[0, 1, 2, 3]]);
    }
}
