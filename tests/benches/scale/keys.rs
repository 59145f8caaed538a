//! Keys of events that nobody has seen.

use countersign::{Identity, Key, Secret, UnixTime, Verifier, provider};
use countersign_testkit::Signer;

/// Keys without end: of one signed event, under a name of the endpoint that no other has.
pub struct Keys {
    event: Identity,
    scope: String,
    number: u64,
}

impl Keys {
    pub fn new(scope: usize) -> Keys {
        let now = UnixTime::from_secs(1_800_000_000);
        let secret = Secret::new("0123456789abcdef").expect("a secret");
        let provider = provider::fedapay();
        let signer = Signer::new(&provider, &secret).expect("a signer");
        let signed = signer.sign(r#"{"id":"a","name":"transaction.approved"}"#, now);
        let request = signed.expect("a delivery").into_request();
        let verifier = Verifier::new(&provider, &[secret]).expect("a verifier");
        let verified = verifier
            .verify(&request, request.body().clone(), now)
            .expect("genuine");
        let event = verifier.identify(&verified).remove(0);
        let run = std::process::id();
        Keys {
            event,
            scope: format!("{run}-{scope}"),
            number: 0,
        }
    }

    pub fn next(&mut self) -> Key {
        self.number += 1;
        self.event.key(&format!("{}-{}", self.scope, self.number))
    }
}
