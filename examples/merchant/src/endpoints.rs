//! The five endpoints, each with a secret of its own.

use std::env::{self, VarError};

use countersign::provider::Setting;
use countersign::{
    ConfigErrorKind, Provider, Receiver, Secret, TracingObserver, TypeSource, provider,
};

/// CentralPay's documentation does not say in which header its signature stands. A captured
/// delivery does.
const CENTRALPAY_HEADER: &str = "CENTRALPAY_SIGNATURE_HEADER";

/// One endpoint: where it is, and what stands in front of its handler.
#[derive(Debug)]
pub struct Endpoint {
    /// Its path on the server.
    pub path: &'static str,
    /// What verifies and dedupes its deliveries.
    pub receiver: Receiver,
    /// Kept for the lines to try it with, and for tests. A server without lines has no use for it.
    pub secret: Secret,
}

/// The endpoints of all five providers.
#[derive(Debug)]
#[expect(missing_docs, reason = "each is named after its provider")]
pub struct Endpoints {
    pub centralpay: Endpoint,
    pub fedapay: Endpoint,
    pub banking_circle: Endpoint,
    pub zibapay: Endpoint,
    pub fourpay: Endpoint,
}

impl Endpoints {
    /// Reads the secrets from the environment.
    ///
    /// # Errors
    ///
    /// One line that names every variable that is missing or unusable, so that they are set right in
    /// one go. No variable's value is in it.
    pub fn from_env() -> Result<Endpoints, String> {
        Endpoints::read(|name| env::var(name))
    }

    /// Reads the secrets from wherever variables are kept.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn read(get: impl Fn(&str) -> Result<String, VarError>) -> Result<Endpoints, String> {
        let variable = |name: &str| variable(name, get(name));
        let mut faults = Vec::new();
        let centralpay = match variable(CENTRALPAY_HEADER) {
            Ok(header) => provider::centralpay().with(Setting::SignatureHeader(header)),
            Err(fault) => {
                faults.push(fault);
                // Any name will do for now: its secret may be missing too.
                provider::centralpay().with(Setting::SignatureHeader("x-signature".into()))
            }
        };
        // Nor where the type stands: this is what a captured delivery is taken to show.
        let kind = TypeSource::parse("/type").map(Setting::Type);
        let centralpay = centralpay.and_then(|provider| provider.with(kind?));
        let centralpay = centralpay.map_err(|error| error.to_string())?;

        let mut endpoint = |path, provider, variable| {
            let endpoint = Endpoint::new(path, provider, variable, &get);
            endpoint.map_err(|fault| faults.push(fault)).ok()
        };
        let endpoints = (
            endpoint("/webhooks/centralpay", centralpay, "CENTRALPAY_SECRET"),
            endpoint("/webhooks/fedapay", provider::fedapay(), "FEDAPAY_SECRET"),
            endpoint(
                "/webhooks/banking-circle",
                provider::banking_circle(),
                "BANKING_CIRCLE_SECRET",
            ),
            endpoint("/webhooks/zibapay", provider::zibapay(), "ZIBAPAY_SECRET"),
            endpoint("/webhooks/4pay", provider::fourpay(), "FOURPAY_SECRET"),
        );
        match endpoints {
            (
                Some(centralpay),
                Some(fedapay),
                Some(banking_circle),
                Some(zibapay),
                Some(fourpay),
            ) if faults.is_empty() => Ok(Endpoints {
                centralpay,
                fedapay,
                banking_circle,
                zibapay,
                fourpay,
            }),
            _ => Err(faults.join("; ")),
        }
    }

    /// All five.
    pub fn all(&self) -> [&Endpoint; 5] {
        [
            &self.centralpay,
            &self.fedapay,
            &self.banking_circle,
            &self.zibapay,
            &self.fourpay,
        ]
    }

    /// All of their receivers.
    pub fn receivers(&self) -> impl Iterator<Item = &Receiver> {
        self.all().map(|endpoint| &endpoint.receiver).into_iter()
    }
}

impl Endpoint {
    fn new(
        path: &'static str,
        provider: Provider,
        name: &str,
        get: impl Fn(&str) -> Result<String, VarError>,
    ) -> Result<Endpoint, String> {
        let text = variable(name, get(name))?;
        let secret = Secret::new(text).map_err(|error| format!("{name}: {error}"))?;
        // The name is the scope of dedupe. A live and a test endpoint are two names.
        let endpoint = provider.name().to_owned();
        let receiver = Receiver::new(endpoint, provider, [secret.clone()]).map_err(|error| {
            let name = match error.kind() {
                // The secret is not asked before the header has a usable name.
                ConfigErrorKind::BadScheme => CENTRALPAY_HEADER,
                _ => name,
            };
            format!("{name}: {error}")
        })?;
        // The store is in memory: it forgets with the process, and is no other worker's. What becomes of each
        // delivery is logged: the sender is told nothing of why it was refused.
        Ok(Endpoint {
            path,
            receiver: receiver.with_observer(TracingObserver),
            secret,
        })
    }
}

fn variable(name: &str, value: Result<String, VarError>) -> Result<String, String> {
    match value {
        Ok(text) if text.trim().is_empty() => Err(format!("{name} is blank")),
        Ok(text) => Ok(text),
        Err(VarError::NotPresent) => Err(format!("{name} is not set")),
        // The error would show what the variable holds.
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8 text")),
    }
}
