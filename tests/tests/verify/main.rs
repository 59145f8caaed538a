//! What the core must hold, from its public face only, against deliveries that other code signed.

#![forbid(unsafe_code)]

mod altered;
mod attacks;
mod banking_circle;
mod catalogue;
mod cut_times;
mod cuts;
mod delivery;
mod families;
mod grammars;
mod identity;
mod key_forms;
mod keys;
mod messages;
mod properties;
mod recipes;
mod resources;
mod rfc4231;
mod rules;
mod signer;
mod tokens;
mod vectors;
mod wycheproof;
