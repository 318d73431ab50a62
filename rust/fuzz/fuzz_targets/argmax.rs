//! The most similar label: the one that a loop over all names finds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::labels::{Argmax, ArgmaxIndex, argmax_by_definition};
use unicl_fuzz::text_of;

fuzz_target!(|bytes: &[u8]| {
    let text = text_of(bytes);
    let (names, phrases) = text.split_once("\n\n").unwrap_or((&text, &text));
    // A vocabulary has no blank name.
    let names = names
        .lines()
        .filter(|name| name.contains(char::is_alphanumeric));
    let names: Vec<String> = names.map(str::to_owned).collect();
    let index = ArgmaxIndex::new(&names);
    let mut argmax = Argmax::new(&index);
    for phrase in phrases.lines() {
        let end: Vec<char> = phrase.chars().rev().take(1000).collect();
        let end: String = end.into_iter().rev().collect();
        let mapping = argmax.map(phrase);
        let (id, score) = argmax_by_definition(&names, &end);
        assert_eq!(mapping.id, id, "{phrase}");
        assert!(id < 0 || (f64::from(mapping.score) - score).abs() < 1e-6);
    }
});
