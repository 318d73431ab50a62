//! Vocabularies: any content is refused, or every name and synonym means its label.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::labels::{Mapper, Rule, text_key};
use unicl_fuzz::{Content, text_of};

fuzz_target!(|bytes: &[u8]| {
    let content = Content::read(&text_of(bytes));
    let Some(vocabulary) = content.vocabulary() else {
        return;
    };
    let mut mapper = Mapper::new(&vocabulary);
    let mut map = |text: &str| mapper.map(text.split_whitespace());
    for (name, id) in content.names.iter().zip(0..) {
        assert_eq!(vocabulary.id(name), Some(id));
        let mapping = map(name);
        assert_eq!(
            (mapping.id, mapping.rule),
            (id.cast_signed(), Rule::Exact),
            "{name}"
        );
    }
    for (name, synonym) in &content.synonyms {
        let id = vocabulary.id(name).expect("it was checked");
        let mapping = map(synonym);
        // The other number of a name comes before a synonym.
        let is_given_way = mapping.rule == Rule::Lemma;
        assert!(mapping.id == id.cast_signed() || is_given_way, "{synonym}");
    }
    for blocked in &content.blocked {
        assert_eq!(map(blocked).id, -1, "{blocked}");
    }
    for form in vocabulary.shared_forms() {
        assert_ne!(form.label, form.other);
        if text_key(&form.text) == form.text {
            let id = map(&form.text).id;
            assert!(
                id == form.label.cast_signed() || id == form.other.cast_signed(),
                "{form:?}"
            );
        }
    }
    for (label, &parent) in (0_u32..).zip(vocabulary.parents()) {
        assert_ne!(parent, Some(label));
    }
});
