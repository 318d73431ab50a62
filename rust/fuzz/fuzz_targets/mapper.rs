//! Mapping: any phrase has one label or none, whatever was mapped before it.
//!
//! A label that is not kept gives way to its ancestor, and spelling is corrected only where nothing else is found.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::labels::{LabelWords, Mapper, Meanings, Rule, Spelling};
use unicl_fuzz::{Content, TAGGER, text_of};

fuzz_target!(|bytes: &[u8]| {
    let text = text_of(bytes);
    let (lines, phrases) = text.split_once("\n\n").unwrap_or((&text, &text));
    let Some(vocabulary) = Content::read(lines).vocabulary() else {
        return;
    };
    let is_kept: Vec<bool> = (0..vocabulary.names().len()).map(|id| id % 3 > 0).collect();
    let kept = vocabulary.nearest_kept(&is_kept);
    let words = LabelWords::new(&vocabulary);
    let spelling = Spelling {
        words: &words,
        tagger: &TAGGER,
        threshold: 0.5,
    };
    let all = Meanings::from(&vocabulary);
    let mut mapper = Mapper::new(all);
    let mut of_kept = Mapper::new(Meanings {
        kept: Some(&kept),
        ..all
    });
    let mut corrected = Mapper::new(Meanings {
        spelling: Some(spelling),
        ..all
    });
    for phrase in phrases.lines() {
        let mapping = mapper.map(phrase.split_whitespace());
        assert_eq!(mapping, Mapper::new(all).map(phrase.split_whitespace()));
        assert_eq!(mapping.id < 0, mapping.rule == Rule::Abstain);
        let expected = usize::try_from(mapping.id).map_or(-1, |id| kept[id]);
        assert_eq!(
            of_kept.map(phrase.split_whitespace()).id,
            expected,
            "{phrase}"
        );
        let fuzzy = corrected.map(phrase.split_whitespace());
        assert!(
            mapping == fuzzy || mapping.id < 0 && fuzzy.rule == Rule::Fuzzy,
            "{phrase}"
        );
        for mapping in [mapping, fuzzy] {
            assert!(
                mapping.id < 0 && mapping.score == 0.0
                    || 0.0 < mapping.score && mapping.score <= 1.0
            );
        }
    }
});
