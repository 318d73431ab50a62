//! The words that the label code knows, from the tables in `words/`.
//!
//! A table has one row a line, with a tab between columns. Lines that begin with `#` are comments. The words are
//! hashed when they are first asked for: the search in a sorted table took a tenth of the time of a caption.

use std::sync::LazyLock;

use foldhash::{HashMap, HashSet};

/// The lines of a table that are not comments.
pub(super) fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.starts_with('#'))
}

/// The two columns of each such line.
pub(super) fn pairs(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    rows(table).map(|row| row.split_once('\t').expect("a row has two columns"))
}

pub(super) const IRREGULAR_NOUNS: &str = include_str!("../../words/irregular_nouns.tsv");
pub(super) const COMPOUND_ENDINGS: &str = include_str!("../../words/compound_endings.tsv");
const OTHER_PLURALS: &str = include_str!("../../words/other_plurals.tsv");
const SINGULARS: &str = include_str!("../../words/singulars.tsv");
const TRAILING_WORDS: &str = include_str!("../../words/trailing_words.tsv");
const DETERMINERS: &str = include_str!("../../words/determiners.tsv");
const QUANTIFIERS: &str = include_str!("../../words/quantifiers.tsv");

/// The singular of an irregular noun.
pub(super) fn irregular_singular(word: &str) -> Option<&'static str> {
    static WORDS: LazyLock<HashMap<&str, &str>> =
        LazyLock::new(|| pairs(IRREGULAR_NOUNS).collect());
    WORDS.get(word).copied()
}

/// The plurals that the tables have for a singular: irregular nouns, then those that also mean something by
/// themselves.
pub(super) fn irregular_plurals(word: &str) -> &'static [&'static str] {
    static WORDS: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
        let mut words: HashMap<_, Vec<_>> = HashMap::default();
        for (plural, singular) in pairs(IRREGULAR_NOUNS).chain(pairs(OTHER_PLURALS)) {
            words.entry(singular).or_default().push(plural);
        }
        words
    });
    WORDS.get(word).map_or(&[], Vec::as_slice)
}

/// The endings of compounds that have the same last two letters as a word, and the endings of their singulars; the
/// first that fits counts.
pub(super) fn compound_endings(word: &str) -> &'static [(&'static str, &'static str)] {
    static ENDINGS: LazyLock<HashMap<u16, Vec<(&str, &str)>>> = LazyLock::new(|| {
        let mut endings: HashMap<_, Vec<_>> = HashMap::default();
        for (plural, singular) in pairs(COMPOUND_ENDINGS) {
            let last = last_two(plural).expect("an ending has two letters");
            endings.entry(last).or_default().push((plural, singular));
        }
        endings
    });
    let found = last_two(word).and_then(|last| ENDINGS.get(&last));
    found.map_or(&[], Vec::as_slice)
}

fn last_two(word: &str) -> Option<u16> {
    word.as_bytes()
        .last_chunk()
        .copied()
        .map(u16::from_le_bytes)
}

/// Whether a word ends in s and is no plural.
pub(super) fn is_singular(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| rows(SINGULARS).collect());
    WORDS.contains(word)
}

/// Whether a word joins a head before it to the words after it: "mother in law", "cup of tea".
pub(super) fn is_link(word: &str) -> bool {
    matches!(
        word,
        "of" | "in" | "at" | "by" | "on" | "up" | "to" | "de" | "du" | "with" | "for" | "from"
    )
}

/// Whether a word can follow a noun phrase and is rarely a noun itself.
pub(super) fn is_trailing(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| rows(TRAILING_WORDS).collect());
    WORDS.contains(word)
}

/// Whether a word is not part of a label if it stands first.
pub(super) fn is_determiner(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| rows(DETERMINERS).collect());
    WORDS.contains(word)
}

/// Whether a word tells how many or which.
pub(super) fn is_quantifier(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| rows(QUANTIFIERS).collect());
    WORDS.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_skipped_and_columns_are_split() {
        let table = "# head\nmen\tman\nmice\tmouse\n# between\ngeese\tgoose\n";
        let split: Vec<_> = pairs(table).collect();
        assert_eq!(
            split,
            [("men", "man"), ("mice", "mouse"), ("geese", "goose")]
        );
    }

    #[test]
    fn a_word_stands_once_in_the_order_of_the_alphabet() {
        for table in [
            IRREGULAR_NOUNS,
            OTHER_PLURALS,
            SINGULARS,
            TRAILING_WORDS,
            DETERMINERS,
            QUANTIFIERS,
        ] {
            let word = |row: &'static str| row.split('\t').next();
            let words: Vec<_> = rows(table).map(word).collect();
            assert!(words.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn a_word_has_no_space_and_no_capital() {
        let words = [SINGULARS, TRAILING_WORDS, DETERMINERS, QUANTIFIERS].map(rows);
        let pairs = [IRREGULAR_NOUNS, COMPOUND_ENDINGS, OTHER_PLURALS].map(pairs);
        let pairs = pairs.into_iter().flatten().flat_map(|(a, b)| [a, b]);
        for word in words.into_iter().flatten().chain(pairs) {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(!word.is_empty() && word.bytes().all(is_plain), "{word:?}");
        }
    }
}
