//! What has no key cannot be claimed.

use countersign::provider::{self, Setting};
use countersign::{ConfigErrorKind, Pointer, Provider};

use super::on_stage;

/// Whoever changed a byte of what nobody signed would have it booked again.
#[test]
fn an_event_without_a_key_cannot_be_claimed() {
    on_stage(|stage, ledger| {
        for name in provider::token_only_names() {
            let unkeyed = provider::dangerously_token_only(name).expect(name);
            let unkeyed = match name {
                "phonepe-v2" => unkeyed
                    .with(Setting::Constant("username".into(), "shop".into()))
                    .expect("left open"),
                _ => unkeyed,
            };
            let claiming = |provider: &Provider| {
                stage
                    .receiver("shop", provider.clone())
                    .with_claim_in_transaction(ledger.clone())
            };
            let refused = claiming(&unkeyed).expect_err(name);
            assert_eq!(refused.kind(), ConfigErrorKind::NotApplicable);
            assert!(refused.to_string().contains("take for an id"), "{refused}");

            let id = Pointer::new("/id").expect("a pointer");
            let keyed = unkeyed.with(Setting::Id(id)).expect("left open");
            assert!(claiming(&keyed).is_ok(), "{name}");
        }
    });
}
