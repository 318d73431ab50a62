//! NLTK's three files: any text is refused, or becomes a tagger that tags as the definition does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::phrases::{Tagger, convert_nltk, tag_by_definition};

fuzz_target!(|text: &str| {
    let mut files = text.split('\0');
    let mut next = || files.next().unwrap_or_default();
    let (weights, tagdict, classes, caption) = (next(), next(), next(), next());
    let Ok(file) = convert_nltk(weights, tagdict, classes) else {
        return;
    };
    let tagger = Tagger::from_bytes(&file).expect("just written");
    let words: Vec<&str> = caption.split(' ').collect();
    let mut tags = Vec::new();
    tagger.tag(words.len(), |at| words[at], &mut tags);
    let tags: Vec<&str> = tags.iter().map(|&tag| tagger.tag_name(tag)).collect();
    let expected = tag_by_definition(
        &serde_json::from_str(weights).expect("it was read"),
        &serde_json::from_str(tagdict).expect("it was read"),
        &serde_json::from_str::<Vec<String>>(classes).expect("it was read"),
        &words,
    );
    assert_eq!(tags, expected);
});
