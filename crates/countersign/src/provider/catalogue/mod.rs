//! The catalogue: public schemes as one table of data, and what is known of who sends them.
//!
//! An entry is a few lines in `table.rs`, or in the file of its family, and a vector in the tests. Each becomes a
//! function of its own, so that of the table only what is called ends in a program.

mod entry;
mod in_body;
mod jwt;
mod public_key;
mod table;
mod timed;
mod tokens;
mod url;

use super::{Named, Provider};

pub use self::in_body::*;
pub use self::jwt::*;
pub use self::public_key::*;
pub use self::table::*;
pub use self::timed::*;
pub use self::url::*;

/// The entries, in the order in which they are listed.
pub(super) const LISTED: &[&[Named]] = &[TIMED, BODIES, URLS, IN_BODY, PUBLIC_KEYS, JWTS];

/// Those that prove nothing about what is sent.
pub(super) const TOKENS: &[Named] = tokens::ALL_TOKENS;

/// Makes a function of each entry, and a list of all.
macro_rules! entries {
    ($list:ident; $($(#[$doc:meta])* $function:ident = $id:literal $entry:expr;)*) => {
        $(
            $(#[$doc])*
            pub fn $function() -> crate::provider::Provider {
                const ENTRY: crate::provider::catalogue::entry::Entry = $entry;
                ENTRY.provider($id)
            }
        )*

        pub(super) const $list: &[crate::provider::Named] = &[$(($id, $function)),*];
    };
}
use entries;

/// A provider that sends the same secret with each delivery and signs nothing, by the
/// [name](Provider::name) that [`token_only_names`](super::token_only_names) lists.
///
/// **It proves nothing about the body**: whoever has seen one delivery can make any other, and change a
/// genuine one on its way. So no id in the body is a dedupe key, and a receiver runs each delivery,
/// unless [`Setting::Id`](super::Setting::Id) says what to take for one. Ask the provider's own API
/// about whatever such a delivery says.
pub fn dangerously_token_only(name: &str) -> Option<Provider> {
    let (_, provider) = TOKENS.iter().find(|(known, _)| *known == name)?;
    Some(provider())
}
