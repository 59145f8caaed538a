//! What the tests of all crates share: attacks, vectors and example payloads, what must hold of any bytes,
//! real servers, a tap on the line to one, and stores with something around their calls.

#![forbid(unsafe_code)]

pub mod around;
pub mod attacks;
pub mod families;
pub mod hardness;
pub mod servers;
pub mod tap;
pub mod vectors;

use data_encoding::BASE64;

fn base64(text: &str) -> Vec<u8> {
    BASE64.decode(text.as_bytes()).expect("canonical Base64")
}

/// The example payload of this name, as its provider sends it (or seals it).
pub fn payload(name: &str) -> bytes::Bytes {
    let path = format!("{}/data/payloads/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).expect(&path).into()
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../docs/typed-events.md")]
struct TypedEvents;

/// The chapters of the guide, whose examples need the adapters and the stores.
#[cfg(doctest)]
mod guide {
    macro_rules! chapters {
        ($($name:ident)*) => {
            $(
                #[doc = include_str!(concat!("../../crates/countersign/src/guide/", stringify!($name), ".md"))]
                mod $name {}
            )*
        };
    }

    chapters! {
        defaults attacks stores deploying secrets tenants rollout watching testing migrating order slow_work
        reconciliation scope
    }
}
