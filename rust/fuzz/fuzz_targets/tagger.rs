//! Tags: the sums of integers choose the tags that strings, a map and floats choose.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use unicl_core::phrases::{Tagger, convert_nltk, tag_by_definition};

const KINDS: [&str; 14] = [
    "bias",
    "i suffix W",
    "i pref1 W",
    "i-1 tag T",
    "i-2 tag T",
    "i tag+i-2 tag T U",
    "i word W",
    "i-1 tag+i word T W",
    "i-1 word W",
    "i-1 suffix W",
    "i-2 word W",
    "i+1 word W",
    "i+1 suffix W",
    "i+2 word W",
];
const WORDS: [&str; 32] = [
    "ab",
    "Ab",
    "AB",
    "the",
    "The",
    "cab",
    "x-y",
    "-x",
    "1999",
    "20",
    "2a",
    "\u{e9}",
    "",
    "a",
    "b",
    "c",
    "t",
    "T",
    "-",
    "dogs",
    "ogs",
    "!HYPHEN",
    "!YEAR",
    "!DIGITS",
    "-START-",
    "-END-",
    "-END2-",
    "T2-",
    "abcdefghijklmnopq",
    "opq",
    "\u{1e9e}x",
    "\u{3a3}",
];
const TAGS: [&str; 5] = ["DT", "NN", "VB", "-START-", "-START2-"];

/// Features, fixed tags and words, by their numbers in the tables.
type Input = (Vec<(u8, u8, u8, u8, i8)>, Vec<(u8, u8)>, Vec<u8>);

fuzz_target!(|input: Input| {
    let (rows, fixed, caption) = input;
    let word = |number: u8| WORDS[usize::from(number) % WORDS.len()];
    let tag = |number: u8| TAGS[usize::from(number) % TAGS.len()];
    let class = |number: u8| TAGS[usize::from(number) % 3].to_owned();
    let mut weights: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for (kind, text, before, before_2, weight) in rows {
        let feature = KINDS[usize::from(kind) % KINDS.len()]
            .replace('T', tag(before))
            .replace('U', tag(before_2))
            .replace('W', word(text));
        let row = weights.entry(feature).or_default();
        row.insert(class(before_2 / 5), f64::from(weight) / 1000.0);
    }
    let fixed = fixed
        .into_iter()
        .map(|(text, tag)| (word(text).to_owned(), class(tag)));
    let fixed: BTreeMap<String, String> = fixed.collect();
    let classes = [0, 1, 2].map(class);
    let json = |value: serde_json::Value| value.to_string();
    let file = convert_nltk(
        &json(serde_json::json!(weights)),
        &json(serde_json::json!(fixed)),
        &json(serde_json::json!(classes)),
    );
    let tagger = Tagger::from_bytes(&file.expect("features of the tagger")).expect("just made");
    let words: Vec<&str> = caption.into_iter().map(word).collect();
    let mut tags = Vec::new();
    tagger.tag(words.len(), |at| words[at], &mut tags);
    let tags: Vec<&str> = tags.iter().map(|&tag| tagger.tag_name(tag)).collect();
    assert_eq!(tags, tag_by_definition(&weights, &fixed, &classes, &words));
});
