//! The words that the label code knows, from the tables in `words/`.
//!
//! The compiler parses the tables, so a lookup is a search in a constant array. A table has one row a
//! line, with tabs between columns. Lines that begin with `#` are comments.

/// Words and their singulars, sorted by the word.
pub(super) const IRREGULAR_NOUNS: &[(&str, &str)] = {
    const TABLE: &str = include_str!("../../words/irregular_nouns.tsv");
    &pairs::<{ count_rows(TABLE) }>(TABLE)
};

/// Endings of compounds, and the endings of their singulars; the first that fits counts.
pub(super) const COMPOUND_ENDINGS: &[(&str, &str)] = {
    const TABLE: &str = include_str!("../../words/compound_endings.tsv");
    &pairs::<{ count_rows(TABLE) }>(TABLE)
};

/// Plurals that the irregular nouns do not have, and their singulars.
pub(super) const OTHER_PLURALS: &[(&str, &str)] = {
    const TABLE: &str = include_str!("../../words/other_plurals.tsv");
    &pairs::<{ count_rows(TABLE) }>(TABLE)
};

/// Words in -s that are no plurals, sorted.
const SINGULARS: &[&str] = {
    const TABLE: &str = include_str!("../../words/singulars.tsv");
    &rows::<{ count_rows(TABLE) }>(TABLE)
};

/// Verbs and adverbs that can follow a noun phrase, sorted.
const TRAILING_WORDS: &[&str] = {
    const TABLE: &str = include_str!("../../words/trailing_words.tsv");
    &rows::<{ count_rows(TABLE) }>(TABLE)
};

/// Words that can begin a phrase and are not part of a label, sorted.
const DETERMINERS: &[&str] = {
    const TABLE: &str = include_str!("../../words/determiners.tsv");
    &rows::<{ count_rows(TABLE) }>(TABLE)
};

/// Adjectives that tell how many or which, sorted.
const QUANTIFIERS: &[&str] = {
    const TABLE: &str = include_str!("../../words/quantifiers.tsv");
    &rows::<{ count_rows(TABLE) }>(TABLE)
};

/// Whether a word ends in s and is no plural.
pub(super) fn is_singular(word: &str) -> bool {
    SINGULARS.binary_search(&word).is_ok()
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
    TRAILING_WORDS.binary_search(&word).is_ok()
}

/// Whether a word is not part of a label if it stands first.
pub(super) fn is_determiner(word: &str) -> bool {
    DETERMINERS.binary_search(&word).is_ok()
}

/// Whether a word tells how many or which.
pub(super) fn is_quantifier(word: &str) -> bool {
    QUANTIFIERS.binary_search(&word).is_ok()
}

/// The first line of a table and the rest after its line feed.
const fn split_line(table: &str) -> (&str, &str) {
    split_at_byte(table, b'\n')
}

/// The text before the first `byte`, which must occur, and the text after it.
const fn split_at_byte(text: &str, byte: u8) -> (&str, &str) {
    let mut at = 0;
    while text.as_bytes()[at] != byte {
        at += 1;
    }
    let (before, rest) = text.split_at(at);
    (before, rest.split_at(1).1)
}

const fn is_comment(line: &str) -> bool {
    matches!(line.as_bytes(), [b'#', ..])
}

/// How many lines are not comments.
const fn count_rows(mut table: &str) -> usize {
    let mut count = 0;
    while !table.is_empty() {
        let (line, rest) = split_line(table);
        count += !is_comment(line) as usize;
        table = rest;
    }
    count
}

/// The lines that are not comments.
const fn rows<const ROWS: usize>(mut table: &'static str) -> [&'static str; ROWS] {
    let mut rows = [""; ROWS];
    let mut row = 0;
    while row < ROWS {
        let (line, rest) = split_line(table);
        table = rest;
        if !is_comment(line) {
            rows[row] = line;
            row += 1;
        }
    }
    rows
}

/// The two columns of every line that is not a comment.
const fn pairs<const ROWS: usize>(table: &'static str) -> [(&'static str, &'static str); ROWS] {
    let lines = rows::<ROWS>(table);
    let mut pairs = [("", ""); ROWS];
    let mut row = 0;
    while row < ROWS {
        pairs[row] = split_at_byte(lines[row], b'\t');
        row += 1;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_skipped_and_columns_are_split() {
        const TABLE: &str = "# head\nmen\tman\nmice\tmouse\n# between\ngeese\tgoose\n";
        assert_eq!(count_rows(TABLE), 3);
        assert_eq!(
            pairs::<3>(TABLE),
            [("men", "man"), ("mice", "mouse"), ("geese", "goose")]
        );
        assert_eq!((count_rows(""), count_rows("# head\n")), (0, 0));
    }

    #[test]
    fn the_words_are_sorted_for_the_search() {
        for words in [TRAILING_WORDS, DETERMINERS, QUANTIFIERS, SINGULARS] {
            assert!(words.windows(2).all(|pair| pair[0] < pair[1]));
        }
        let words = IRREGULAR_NOUNS;
        assert!(words.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_word_has_no_space_and_no_capital() {
        let words = [TRAILING_WORDS, DETERMINERS, QUANTIFIERS, SINGULARS].concat();
        let pairs = IRREGULAR_NOUNS
            .iter()
            .chain(COMPOUND_ENDINGS)
            .chain(OTHER_PLURALS);
        for word in words.into_iter().chain(pairs.flat_map(|&(a, b)| [a, b])) {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(!word.is_empty() && word.bytes().all(is_plain), "{word:?}");
        }
    }
}
