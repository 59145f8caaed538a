//! What verifying costs: against the bare MAC, against hand-written code, in allocations, and when
//! it refuses.

use std::hint::black_box;

use bytes::Bytes;
use countersign::{ErrorKind, Verifier};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Request};
use sha2::Sha256;

use crate::allocations::counted;
use crate::callgrind;
use crate::deliveries::{Delivery, KEY, NOW, STYLES, Style, body, mac, now, request, tag};
use crate::measure::{Contestant, contestant, race};
use crate::report::{budget, ratio};

pub(crate) fn against_the_bare_mac() {
    for style in STYLES {
        for length in [256, 1024, 4096] {
            let delivery = style.delivery(body(length));
            let times = race(beside_the_bare_mac(&delivery));
            let name = format!("verify.{}.{length}", style.name());
            ratio(&name, times);
        }
    }
}

fn beside_the_bare_mac(delivery: &Delivery) -> [Contestant<'_>; 2] {
    assert!(one_shot(delivery));
    let keyed = mac(KEY);
    [
        contestant(|| one_shot(delivery)),
        contestant(move || {
            let mut mac = keyed.clone();
            mac.update(black_box(&delivery.signed));
            mac.finalize().into_bytes()
        }),
    ]
}

/// The instructions of `verify.*` at 1 KiB.
pub(crate) fn instructions() {
    for style in STYLES {
        let name = format!("verify.{}.1024", style.name());
        callgrind::report(&name, &[style.name()]);
    }
}

/// Makes as many calls as `count STYLE ours|theirs CALLS` says.
pub(crate) fn count(words: &[String]) {
    let [_, style, who, calls, ..] = words else {
        panic!("{words:?}");
    };
    let style = STYLES.into_iter().find(|known| known.name() == style);
    let delivery = style.expect("a style").delivery(body(1024));
    let [mut ours, mut theirs] = beside_the_bare_mac(&delivery);
    let calls = calls.parse().expect("a number");
    match who.as_str() {
        "ours" => ours(calls),
        _ => theirs(calls),
    }
}

/// Verifies in one call, and looks at the verdict where it lies.
fn one_shot(delivery: &Delivery) -> bool {
    let verdict = black_box(&delivery.verifier).verify(
        black_box(&delivery.request),
        black_box(&delivery.body).clone(),
        black_box(now()),
    );
    black_box(&verdict).is_ok()
}

pub(crate) fn against_hand_written_code() {
    for (style, by_hand) in [
        (Style::Github, github as fn(&HeaderMap, &[u8]) -> bool),
        (Style::Stripe, stripe),
    ] {
        let delivery = style.delivery(body(1024));
        assert!(by_hand(delivery.request.headers(), &delivery.body));
        let times = race([
            contestant(|| one_shot(&delivery)),
            contestant(|| {
                let body = black_box(&delivery.body).clone();
                by_hand(black_box(delivery.request.headers()), &body)
            }),
        ]);
        let name = format!("handwritten.{}.1024", style.name());
        ratio(&name, times);
    }
}

/// GitHub as a careful merchant would write it.
fn github(headers: &HeaderMap, body: &[u8]) -> bool {
    let Some(signature) = headers
        .get("x-hub-signature-256")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("sha256="))
        .and_then(|digits| hex::decode(digits).ok())
    else {
        return false;
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(black_box(KEY)).expect("any length");
    mac.update(body);
    mac.verify_slice(&signature).is_ok()
}

/// Stripe as a careful merchant would write it.
fn stripe(headers: &HeaderMap, body: &[u8]) -> bool {
    let Some(header) = headers
        .get("stripe-signature")
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let mut at = "";
    let mut signatures = Vec::new();
    for pair in header.split(',') {
        match pair.split_once('=') {
            Some(("t", value)) => at = value,
            Some(("v1", value)) => signatures.extend(hex::decode(value)),
            _ => {}
        }
    }
    match at.parse::<i64>() {
        Ok(seconds) if black_box(NOW).abs_diff(seconds) <= 300 => {}
        _ => return false,
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(black_box(KEY)).expect("any length");
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    signatures
        .iter()
        .any(|signature| mac.clone().verify_slice(signature).is_ok())
}

/// The allocations of verifying, summed over every verdict, one and several secrets, one and
/// sixteen signatures, and every scheme.
pub(crate) fn allocations() {
    let mut total = 0;
    let mut count = |verifier: &Verifier, request: &Request<()>, body: &Bytes, expected| {
        let body = body.clone();
        let at = now();
        let (verdict, asked) = counted(|| verifier.verify(request, body, at));
        assert_eq!(verdict.err().map(|error| error.kind()), expected);
        total += asked.calls;
    };
    let body = body(1024);
    let old = [7; 24];
    let rotation: [&[u8]; 3] = [&old, KEY, &[8; 24]];
    for style in STYLES {
        for keys in [&[KEY][..], &rotation] {
            let verifier = style.verifier(keys);
            let tag_at = |at| tag(KEY, &style.signed(at, &body));
            let genuine = style.headers(NOW, &[tag_at(NOW)]);

            let mut among_others = [[3; 32]; 16];
            among_others[15] = tag_at(NOW);
            for tags in [&[tag_at(NOW)][..], &among_others] {
                let request = request(&style.headers(NOW, tags));
                count(&verifier, &request, &body, None);
            }
            for tags in [&[[3; 32]][..], &[[3; 32]; 16]] {
                let request = request(&style.headers(NOW, tags));
                let mismatch = Some(ErrorKind::SignatureMismatch);
                count(&verifier, &request, &body, mismatch);
            }
            if style != Style::Github {
                let late = Some(ErrorKind::TimestampStale);
                let early = Some(ErrorKind::TimestampFuture);
                for (at, expected) in [(NOW - 301, late), (NOW + 301, early)] {
                    let request = request(&style.headers(at, &[tag_at(at)]));
                    count(&verifier, &request, &body, expected);
                }
            }
            let small = verifier.clone().with_body_limit(1023);
            let too_large = Some(ErrorKind::BodyTooLarge);
            count(&small, &request(&genuine), &body, too_large);

            let missing = Some(ErrorKind::MissingHeader);
            let nothing: [(&str, &str); 0] = [];
            count(&verifier, &request(&nothing), &body, missing);

            let malformed = Some(ErrorKind::MalformedHeader);
            count(
                &verifier,
                &malformed_request(style, &genuine),
                &body,
                malformed,
            );

            let twice = Some(ErrorKind::DuplicateHeader);
            let doubled = [&genuine[..], &genuine].concat();
            count(&verifier, &request(&doubled), &body, twice);
        }
    }
    budget("alloc.verify", total as f64);
}

/// The request with the last character of its last signature spoilt.
fn malformed_request(style: Style, genuine: &[(&str, String)]) -> Request<()> {
    let mut headers = genuine.to_vec();
    if let Some((_, value)) = headers.last_mut() {
        value.pop();
        value.push('!');
    }
    debug_assert!(style.headers(NOW, &[]).len() == headers.len());
    request(&headers)
}

/// The slowest of all schemes, and of an empty and a large body.
pub(crate) fn refusals() {
    let mut slowest = [0f64; 2];
    for style in STYLES {
        for length in [0, 1 << 20] {
            let delivery = style.delivery(body(length));
            let genuine = style.headers(NOW, &[tag(KEY, &delivery.signed)]);
            let nothing: [(&str, &str); 0] = [];
            let missing = request(&nothing);
            let malformed = malformed_request(style, &genuine);
            let refuse = |request: &Request<()>| {
                let (request, body) = (black_box(request), black_box(&delivery.body).clone());
                let verdict = black_box(&delivery.verifier).verify(request, body, now());
                black_box(&verdict).is_err()
            };
            let times = race([
                contestant(|| refuse(&missing)),
                contestant(|| refuse(&malformed)),
            ]);
            for (slowest, time) in slowest.iter_mut().zip(times) {
                *slowest = slowest.max(time);
            }
        }
    }
    let [missing, malformed] = slowest;
    budget("refuse.missing", missing);
    budget("refuse.malformed", malformed);
}
