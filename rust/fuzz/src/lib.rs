//! What fuzz targets share: text in which rules meet, the tagger that the package ships, and a notation of vocabularies.

use std::sync::LazyLock;

use unicl_core::labels::Vocabulary;
use unicl_core::phrases::{Tagger, Words};

/// The tagger for English.
pub static TAGGER: LazyLock<Tagger> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../python/unicl/phrases/english_tagger.bin");
    Tagger::from_bytes(bytes).expect("the package ships it")
});

/// Words and marks that the rules know, for the bytes 128 and up.
#[rustfmt::skip]
const PARTS: [&str; 128] = [
    "dog", " dogs", " cat", " man", " woman", " women", " people", " child", " horse", " car", " hot dog", " toy",
    " person", " zebra", " shoes", " case", " iPhone", " orange", " tie", " suit", " frying pan", " pair", " skis",
    " glass", " glasses", " boy", " girl", " bulldogs", " mask", " cover", " house", " tv", " ball", " beach",
    " the", " a", " an", " his", " two", " 7", " 2a", " 1999", " big", " black", " red", " striped", " stuffed",
    " no", " not", " without", " neither", " nor", " n't", " never", " missing", " allowed", " prohibited",
    " couple of", " herd of", " statue of", " painting of", " photo of", " portrait", " dressed as", " shaped like",
    " resembling", " for", " by", " of", " in", " on", " with", " and", " or", " &", " / ", " - ", " | ", " # ",
    " wearing", " riding", " holding", " trots", " is", " are", " that", " why", " how", " your", " Artist",
    " Edwin", " Naya Rivera", " director", " Dr.", " Mr.Brown", " e.g.", " u.s.", " no. ", " st. ", " etc.", " Ph.D",
    ".com", ". ", ".", "..", "...", "\u{2026}", "\u{3002}", "'s", " 's", "n't", "'", "\u{2019}", "\u{201c}", "\u{201d}",
    "\"", "``", "''", "--", "\u{2013}", "\u{a0}", "\u{ad}", "\u{fb03}", "e\u{301}", "\u{3a3}", "\u{130}", "\u{df}", "\u{1f436}",
];

/// Text is itself. In other input a byte of ASCII is itself, and any other byte is one of [`PARTS`].
pub fn text_of(bytes: &[u8]) -> String {
    let part = |&byte: &u8| match byte.checked_sub(128) {
        None => char::from(byte).to_string(),
        Some(part) => PARTS[usize::from(part)].to_owned(),
    };
    let text = str::from_utf8(bytes).map(str::to_owned);
    text.unwrap_or_else(|_| bytes.iter().map(part).collect())
}

/// A vocabulary before it is checked.
#[derive(Debug, Default)]
pub struct Content {
    pub names: Vec<String>,
    pub synonyms: Vec<(String, String)>,
    pub parents: Vec<(String, String)>,
    pub blocked: Vec<String>,
}

impl Content {
    /// Reads lines: "name", "name=synonym", "name<parent" or "!blocked".
    pub fn read(lines: &str) -> Self {
        let mut content = Self::default();
        let pair = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
        for line in lines.lines() {
            if let Some(blocked) = line.strip_prefix('!') {
                content.blocked.push(blocked.to_owned());
            } else if let Some(synonym) = line.split_once('=') {
                content.synonyms.push(pair(synonym));
            } else if let Some(parent) = line.split_once('<') {
                content.parents.push(pair(parent));
            } else {
                content.names.push(line.to_owned());
            }
        }
        content
    }

    /// The vocabulary, if nothing in it contradicts.
    pub fn vocabulary(&self) -> Option<Vocabulary> {
        let names = self.names.clone();
        let mut vocabulary = Vocabulary::new(names, &self.synonyms, &self.parents).ok()?;
        vocabulary.block(&self.blocked).ok()?;
        Some(vocabulary)
    }
}

/// The words and their spans, which lie in the caption, one after another.
pub fn checked_words(words: &Words, caption: &str) -> Vec<(String, (u32, u32))> {
    let mut end = 0;
    let one = |at| (words.get(at).to_owned(), words.span(at));
    let all: Vec<_> = (0..words.len()).map(one).collect();
    for (word, span) in &all {
        assert!(
            !word.is_empty() && end <= span.0 && span.0 < span.1,
            "{all:?}"
        );
        end = span.1;
    }
    assert!(end as usize <= caption.chars().count(), "{all:?}");
    all
}
