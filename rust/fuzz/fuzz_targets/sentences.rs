//! Sentences: any text is split as the rules split it, and every sentence has a word.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::phrases::Words;
use unicl_fuzz::{checked_words, text_of};

fuzz_target!(|bytes: &[u8]| {
    let caption = text_of(bytes);
    let (mut words, mut expected) = (Words::default(), Words::default());
    words.split_sentences(&caption);
    expected.split_sentences_by_definition(&caption);
    assert_eq!(
        checked_words(&words, &caption),
        checked_words(&expected, &caption)
    );
    let starts = words.sentence_starts();
    assert_eq!(starts, expected.sentence_starts());
    assert!(starts.is_sorted_by(|a, b| a < b));
    assert!(
        starts
            .iter()
            .all(|&start| (1..words.len()).contains(&(start as usize)))
    );
});
