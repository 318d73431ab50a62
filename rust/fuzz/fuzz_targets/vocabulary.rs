//! Vocabularies: any content is refused, or every name, synonym and plural means its label.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::labels::{Mapper, Rule};
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
        assert_eq!(map(synonym).id, id.cast_signed(), "{synonym}");
    }
    for blocked in &content.blocked {
        assert_eq!(map(blocked).id, -1, "{blocked}");
    }
    for form in vocabulary.shared_forms() {
        assert_eq!(map(&form.text).id, form.label.cast_signed(), "{form:?}");
        assert_ne!(form.label, form.other);
    }
    for (label, &parent) in (0_u32..).zip(vocabulary.parents()) {
        assert_ne!(parent, Some(label));
    }
});
