//! Finding id and type in a payload, against the MAC of the same bytes.

use std::hint::black_box;

use bytes::Bytes;
use hmac::Mac;

use crate::deliveries::{KEY, Style, mac, now};
use crate::measure::{contestant, race};
use crate::report::ratio;

/// FedaPay's own example, with the line breaks it is documented with.
const PAYLOAD: &[u8] =
    include_bytes!("../../../../tests/data/payloads/fedapay-transaction.canceled.json");

pub(crate) fn against_the_mac() {
    let delivery = Style::FedaPay.delivery(Bytes::from_static(PAYLOAD));
    let verified = delivery
        .verifier
        .verify(&delivery.request, delivery.body.clone(), now())
        .expect("genuine");
    let keyed = mac(KEY);
    let times = race([
        contestant(|| black_box(&delivery.verifier).identify(black_box(&verified))),
        contestant(|| {
            let mut mac = keyed.clone();
            mac.update(black_box(PAYLOAD));
            mac.finalize().into_bytes()
        }),
    ]);
    ratio("identify", times);
}
