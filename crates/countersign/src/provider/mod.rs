//! What the receiver should know of each provider, one file a provider.

pub mod banking_circle;
mod catalogue;
pub mod centralpay;
mod certainty;
pub(crate) mod definition;
pub mod fedapay;
pub mod fourpay;
mod open_enum;
mod recipe;
mod sender;
mod setting;
pub mod zibapay;

use std::time::Duration;

pub use self::catalogue::*;
pub use self::certainty::{Certainty, Source};
pub use self::definition::Retry;
pub use self::recipe::Recipe;
pub use self::sender::Sender;
pub use self::setting::{Setting, SettingName};

// Its one path for others is `countersign::Provider`.
pub(crate) use self::definition::Provider;
use self::recipe::simplest;

/// The body limit of most providers: 1 MiB.
const BODY_LIMIT: usize = 1024 * 1024;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A provider's name and what makes it.
type Named = (&'static str, fn() -> Provider);

/// The providers with typed events, in the order in which they are listed. The catalogue follows.
const NAMED: &[Named] = &[
    ("centralpay", centralpay),
    ("fedapay", fedapay),
    ("banking-circle", banking_circle),
    ("zibapay", zibapay),
    ("4pay", fourpay),
];

/// The provider of that [name](Provider::name), for a program or a configuration file that chooses
/// one by it. Those that sign nothing are asked for by [`dangerously_token_only`].
pub fn named(name: &str) -> Option<Provider> {
    let (_, provider) = all().find(|(known, _)| *known == name)?;
    Some(provider())
}

/// The names that [`named`] knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|(name, _)| *name)
}

/// The names that [`dangerously_token_only`] knows.
pub fn token_only_names() -> impl Iterator<Item = &'static str> {
    TOKENS.iter().map(|(name, _)| *name)
}

fn all() -> impl Iterator<Item = &'static Named> {
    NAMED.iter().chain(LISTED.iter().copied().flatten())
}

/// CentralPay: what is known of it, and its typed events, are in [its module](mod@centralpay).
pub fn centralpay() -> Provider {
    centralpay::preset()
}

/// FedaPay: what is known of it, and its typed events, are in [its module](mod@fedapay).
pub fn fedapay() -> Provider {
    fedapay::preset()
}

/// Banking Circle Connect: what is known of it, and its typed events, are in [its module](mod@banking_circle).
pub fn banking_circle() -> Provider {
    banking_circle::preset()
}

/// ZibaPay: what is known of it, and its typed events, are in [its module](mod@zibapay).
pub fn zibapay() -> Provider {
    zibapay::preset()
}

/// 4Pay: what is known of it, and its typed events, are in [its module](mod@fourpay).
pub fn fourpay() -> Provider {
    fourpay::preset()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_found_by_its_own_name() {
        for name in token_only_names() {
            let provider = dangerously_token_only(name).expect(name);
            assert_eq!(provider.name(), name);
            assert!(
                provider.scheme().is_token_only() && provider.is_unkeyed(),
                "{name}"
            );
        }
        for name in names() {
            assert!(!named(name).expect(name).scheme().is_token_only(), "{name}");
            assert_eq!(named(name).expect(name).name(), name);
        }
        assert_eq!(names().count(), 77);
        for other in ["", "FedaPay", "fedapay ", "feda", "gitlab-token"] {
            assert_eq!(named(other), None, "{other:?}");
        }
    }
}
