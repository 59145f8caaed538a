//! A dedupe store of a merchant's own, for a database that Countersign has no store for: five methods, and
//! one call in the tests to the suite that every store passes.
//!
//! ```sh
//! cargo run -p custom-store
//! # in another terminal: five payments, each sent three times, run five times
//! cargo run -p countersign-cli -- send --provider fedapay --secret wh_sandbox_only-to-try \
//!     --to http://127.0.0.1:8080/webhooks/fedapay --event transaction.approved --count 5 --duplicates 2
//! ```

#![forbid(unsafe_code)]

mod store;
#[cfg(test)]
mod tests;

use std::error::Error;

use countersign::provider::fedapay;
use countersign::{ConfigError, Receiver, Secret};

use crate::store::Register;

/// To try it with. A server that is reached by others has no secret in its source.
const SANDBOX: &str = "wh_sandbox_only-to-try";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let receiver = receiver()?;
    merchant::serve(merchant::fedapay_route(receiver.clone()), receiver).await
}

fn receiver() -> Result<Receiver, ConfigError> {
    let secret = Secret::new(SANDBOX)?;
    Ok(Receiver::new("fedapay", fedapay(), [secret])?.with_store(Register::default()))
}
