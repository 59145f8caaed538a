//! Vectors that others made, whole and in every cut.

use countersign_tests::vectors::{Event, five_providers};

use crate::delivery::{verdict_in_chunks, verifier};

#[test]
fn every_vector_whole_and_in_chunks_of_1_to_64_bytes() {
    let vectors = five_providers();
    assert_eq!(vectors.len(), 26);
    for vector in &vectors {
        let name = format!("{} ({})", vector.scheme, vector.reason);
        let verifier = verifier(&vector.provider(), &vector.secrets());
        let request = vector.request();
        let whole = verifier
            .verify(&request, request.body().clone(), vector.now())
            .map_err(|error| error.kind());
        assert_eq!(whole.is_ok(), vector.is_valid(), "{name}: {whole:?}");

        for size in 1..=64 {
            let cut = verdict_in_chunks(&verifier, &request, size, vector.now());
            match (&whole, &cut) {
                (Ok(whole), Ok(cut)) => {
                    assert_eq!(whole.payload(), cut.payload(), "{name}: {size}");
                    assert_eq!(whole.key_index(), cut.key_index(), "{name}: {size}");
                    assert_eq!(whole.timestamp(), cut.timestamp(), "{name}: {size}");
                    assert_eq!(
                        verifier.identify(whole),
                        verifier.identify(cut),
                        "{name}: {size}"
                    );
                }
                (Err(whole), Err(cut)) => assert_eq!(whole, cut, "{name}: {size}"),
                _ => panic!("{name}: whole {whole:?}, in chunks of {size} {cut:?}"),
            }
        }
    }
}

#[test]
fn events_are_identified_as_expected() {
    let mut checked = 0;
    for vector in five_providers() {
        let Some(expected) = &vector.events else {
            continue;
        };
        let verifier = verifier(&vector.provider(), &vector.secrets());
        let request = vector.request();
        let verified = verifier
            .verify(&request, request.body().clone(), vector.now())
            .expect("valid");
        let found: Vec<Event> = verifier
            .identify(&verified)
            .iter()
            .map(|event| Event {
                id: Some(event.id().to_owned()),
                kind: event.kind().map(str::to_owned),
            })
            .collect();
        assert_eq!(&found, expected, "{}", vector.scheme);
        checked += 1;
    }
    assert_eq!(checked, 5);
}
