//! Merges files and packed merges: whatever the bytes, an error or a vocabulary that survives packing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::text::Merges;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(merges) = Merges::parse(bytes) {
        let again = Merges::from_bytes(&merges.to_bytes()).expect("just packed");
        assert_eq!(again.symbols(), merges.symbols());
        assert_eq!(merges.vocabulary_size(), merges.symbols().len() + 2);
    }
    if let Ok(merges) = Merges::from_bytes(bytes) {
        assert_eq!(merges.to_bytes(), bytes);
    }
});
