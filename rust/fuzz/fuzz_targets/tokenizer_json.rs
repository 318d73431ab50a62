//! `tokenizer.json`: whatever the bytes, an error or a vocabulary.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::text::Merges;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(merges) = Merges::parse_tokenizer_json(bytes) {
        assert_eq!(merges.vocabulary_size(), merges.symbols().len() + 2);
    }
});
