#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    countersign_tests::hardness::head(countersign_tests::hardness::Kind::InBody, data);
});
