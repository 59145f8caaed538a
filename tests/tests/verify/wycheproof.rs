//! Wycheproof's vectors for HMAC-SHA256 and AES-GCM, through the public face.
//!
//! Of those for AES-GCM, what a sealed delivery can carry: keys of 256 bits, nonces of 96, no associated
//! data. Few of their plaintexts are UTF-16 with a checksum beside it, so that what opens is told from what
//! does not by the verdict: a body that was decrypted is malformed, one that was not does not match.

use countersign::scheme::{KeyFormat, Scheme, SealedScheme};
use countersign::{Envelope, ErrorKind, IdSource, Provider, Secret, TypeSource};
use data_encoding::{BASE64, HEXLOWER};
use http::Request;
use serde::Deserialize;

use crate::delivery::{verdict, verifier};
use crate::rfc4231::plain;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    test_groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    key_size: usize,
    iv_size: Option<usize>,
    tag_size: usize,
    tests: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    tc_id: usize,
    key: String,
    msg: String,
    tag: String,
    #[serde(default)]
    iv: String,
    #[serde(default)]
    aad: String,
    #[serde(default)]
    ct: String,
    result: String,
}

fn groups(text: &str) -> Vec<Group> {
    let file: File = serde_json::from_str(text).expect("vectors");
    file.test_groups
}

fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).expect("digits")
}

/// Tags of 128 bits are valid there, and refused here.
#[test]
fn hmac_sha256() {
    let mut seen = [0; 3];
    for group in groups(include_str!("../../data/wycheproof/hmac_sha256_test.json")) {
        for case in &group.tests {
            let key = Secret::from_bytes(bytes(&case.key)).expect("a key");
            let provider = plain(countersign::scheme::HmacAlgorithm::Sha256);
            let request = Request::post("/")
                .header("X-Signature", &case.tag)
                .body(bytes(&case.msg).into())
                .expect("a request");
            let verdict = verdict(&verifier(&provider, &[key]), &request).err();
            let (at, expected) = match (group.tag_size, &*case.result) {
                (256, "valid") => (0, None),
                (256, "invalid") => (1, Some(ErrorKind::SignatureMismatch)),
                (128, _) => (2, Some(ErrorKind::MalformedHeader)),
                other => panic!("{other:?}"),
            };
            assert_eq!(verdict, expected, "case {}", case.tc_id);
            seen[at] += 1;
        }
    }
    assert!(seen.iter().all(|seen| *seen > 20), "{seen:?}");
}

fn sealed() -> Provider {
    let scheme = SealedScheme {
        nonce: "nonce".into(),
        tag: "tag".into(),
        checksum: "checksum".into(),
        key: KeyFormat::TEXT,
    };
    let envelope = Envelope {
        members: None,
        id: IdSource::Digest,
        kind: TypeSource::None,
        time: None,
    };
    Provider::new("wycheproof", Scheme::Sealed(scheme), envelope)
}

#[test]
fn aes_256_gcm() {
    let (mut opened, mut refused, mut malformed) = (0, 0, 0);
    for group in groups(include_str!("../../data/wycheproof/aes_gcm_test.json")) {
        for case in group.tests.iter().filter(|case| case.aad.is_empty()) {
            if group.key_size != 256 {
                continue;
            }
            let key = Secret::from_bytes(bytes(&case.key)).expect("a key");
            let checksum = ring::digest::digest(&ring::digest::SHA256, &bytes(&case.msg));
            let request = Request::post("/")
                .header("nonce", BASE64.encode(&bytes(&case.iv)))
                .header("tag", BASE64.encode(&bytes(&case.tag)))
                .header("checksum", BASE64.encode(checksum.as_ref()))
                .body(bytes(&case.ct).into())
                .expect("a request");
            let verdict = verdict(&verifier(&sealed(), &[key]), &request).map(|_| ());
            let verdict = verdict.err();
            match (group.iv_size, &*case.result) {
                (Some(96), "valid") => {
                    // Decrypted: nothing is UTF-16 text with its checksum, but the empty text.
                    let empty = case.msg.is_empty();
                    let expected = (!empty).then_some(ErrorKind::MalformedPayload);
                    assert_eq!(verdict, expected, "case {}", case.tc_id);
                    opened += 1;
                }
                (Some(96), _) => {
                    assert_eq!(
                        verdict,
                        Some(ErrorKind::SignatureMismatch),
                        "case {}",
                        case.tc_id
                    );
                    refused += 1;
                }
                _ => {
                    assert_eq!(
                        verdict,
                        Some(ErrorKind::MalformedHeader),
                        "case {}",
                        case.tc_id
                    );
                    malformed += 1;
                }
            }
        }
    }
    assert!(
        opened > 10 && refused > 10 && malformed > 10,
        "{opened} {refused} {malformed}"
    );
}
