//! The test cases of RFC 4231, through the public face: a plain signature of the body alone.

use std::borrow::Cow;

use countersign::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyFormat, Prefix, Scheme, SignatureEncoding,
    SignatureFormat,
};
use countersign::{Envelope, ErrorKind, IdSource, Provider, Secret, TypeSource};
use http::Request;

use crate::delivery::{signed, verdict, verifier};

struct Case {
    key: Vec<u8>,
    data: Vec<u8>,
    sha256: &'static str,
    sha512: &'static str,
}

fn cases() -> Vec<Case> {
    let case = |key: Vec<u8>, data: Vec<u8>, sha256, sha512| Case {
        key,
        data,
        sha256,
        sha512,
    };
    vec![
        case(
            vec![0x0b; 20],
            b"Hi There".to_vec(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ),
        case(
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        case(
            vec![0xaa; 20],
            vec![0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
        ),
        case(
            (1..=25).collect(),
            vec![0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
        ),
        case(
            vec![0x0c; 20],
            b"Test With Truncation".to_vec(),
            "a3b6167473100ee06e0c796c2955552bfa6f7c0a6a8aef8b93f860aab0cd20c5",
            "415fad6271580a531d4179bc891d87a650188707922a4fbb36663a1eb16da008711c5b50ddd0fc235084eb9d3364a1454fb2ef67cd1d29fe6773068ea266e96b",
        ),
        case(
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        ),
        case(
            vec![0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size data. \
              The key needs to be hashed before being used by the HMAC algorithm."
            .to_vec(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
        ),
    ]
}

pub fn plain(algorithm: HmacAlgorithm) -> Provider {
    let scheme = HmacScheme {
        algorithm,
        key: KeyFormat::TEXT,
        signature: SignatureFormat {
            headers: Cow::Borrowed(&[Cow::Borrowed("x-signature")]),
            grammar: Grammar::Plain {
                prefix: Prefix::None,
            },
            encoding: SignatureEncoding::Hex,
        },
        timestamp: None,
        template: Cow::Borrowed("{body}"),
    };
    let envelope = Envelope {
        members: None,
        id: IdSource::Digest,
        kind: TypeSource::None,
        time: None,
    };
    Provider::new("rfc-4231", Scheme::Hmac(scheme), envelope)
}

#[test]
fn every_case_verifies_and_is_what_the_signer_makes() {
    for (number, case) in (1..).zip(cases()) {
        for (algorithm, tag) in [
            (HmacAlgorithm::Sha256, case.sha256),
            (HmacAlgorithm::Sha512, case.sha512),
        ] {
            let secret = Secret::from_bytes(case.key.clone()).expect("a key");
            let provider = plain(algorithm);
            let verifier = verifier(&provider, std::slice::from_ref(&secret));
            let request = Request::post("/")
                .header("X-Signature", tag)
                .body(case.data.clone().into())
                .expect("a request");
            assert!(verdict(&verifier, &request).is_ok(), "case {number}");
            let ours = signed(&provider, &secret, case.data.clone());
            assert_eq!(ours.headers()["x-signature"], tag, "case {number}");
        }
    }
}

/// RFC 4231 truncates the tags of its case 5 to 128 bits, and Wycheproof calls such tags valid.
/// No provider sends them, and each bit less is a forger's gain.
#[test]
fn tags_of_128_bits_are_refused() {
    for (number, case) in (1..).zip(cases()) {
        for (algorithm, tag) in [
            (HmacAlgorithm::Sha256, case.sha256),
            (HmacAlgorithm::Sha512, case.sha512),
        ] {
            let secret = Secret::from_bytes(case.key.clone()).expect("a key");
            let verifier = verifier(&plain(algorithm), &[secret]);
            let request = Request::post("/")
                .header("X-Signature", &tag[..32])
                .body(case.data.clone().into())
                .expect("a request");
            assert_eq!(
                verdict(&verifier, &request).err(),
                Some(ErrorKind::MalformedHeader),
                "case {number}"
            );
        }
    }
}
