#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| countersign_tests::hardness::envelope(data));
