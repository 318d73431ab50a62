//! Spelling: a slip means the word that a comparison with every word of the labels finds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::labels::{LabelWords, Spelling};
use unicl_fuzz::{Content, TAGGER, text_of};

fuzz_target!(|bytes: &[u8]| {
    let text = text_of(bytes);
    let (lines, phrase) = text.split_once("\n\n").unwrap_or((&text, &text));
    let Some(vocabulary) = Content::read(lines).vocabulary() else {
        return;
    };
    let words = LabelWords::new(&vocabulary);
    for threshold in [0.0, 0.8, 1.0] {
        let spelling = Spelling {
            words: &words,
            tagger: &TAGGER,
            threshold,
        };
        for word in phrase.split_whitespace() {
            assert_eq!(
                spelling.correct(word),
                spelling.correct_by_definition(word),
                "{word}"
            );
        }
    }
});
