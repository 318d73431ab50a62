//! Lemmas: any word has one, and a name is found in each of its plurals.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::labels::{Mapper, Vocabulary, lemma, plurals_of_text, text_key};
use unicl_fuzz::text_of;

fuzz_target!(|bytes: &[u8]| {
    let text = text_of(bytes);
    for word in text.split_whitespace() {
        let singular = lemma(word);
        assert!(
            !singular.is_empty() && singular.len() <= word.len() + 3,
            "{word}: {singular}"
        );
        assert_eq!(singular, lemma(word));
    }
    let name = text_key(&text);
    if name != text_key(&name) {
        return; // "a-frame" has the key "a frame", which is "frame" for a reader.
    }
    let Ok(vocabulary) = Vocabulary::new(vec![name.clone()], &[], &[]) else {
        return;
    };
    let mut mapper = Mapper::new(&vocabulary);
    for plural in plurals_of_text(&name).concat() {
        let mapping = mapper.map(plural.split(' '));
        assert_eq!(
            (mapping.id, mapping.score),
            (0, 1.0),
            "{plural:?} of {name:?}"
        );
    }
});
