//! Words: any text is split as the literal rules split it, and the spans lie in it one after another.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::phrases::Words;
use unicl_fuzz::{checked_words, text_of};

fuzz_target!(|bytes: &[u8]| {
    let caption = text_of(bytes);
    let (mut words, mut expected) = (Words::default(), Words::default());
    for lowercase in [true, false] {
        words.split(&caption, lowercase);
        expected.split_by_definition(&caption, lowercase);
        assert_eq!(
            checked_words(&words, &caption),
            checked_words(&expected, &caption)
        );
    }
});
