//! A phrase as the words that a label could be made of.

use super::lemma;
use crate::phrases::is_word;

/// Words that a phrase can begin with and that are no part of a label.
const DETERMINERS: [&str; 25] = [
    "a", "all", "an", "another", "any", "both", "each", "either", "every", "her", "his", "its",
    "my", "neither", "no", "our", "some", "that", "the", "their", "these", "this", "those",
    "whose", "your",
];

/// The words of one phrase, lower-cased, without leading determiners and without marks at their edges, an underscore being a
/// space as in the class names of data sets, and the same with the last one in the singular; in buffers that are reused from phrase to phrase.
///
/// A candidate is the phrase or what remains of it when words are taken away from the left: the head stays.
#[derive(Default)]
pub(crate) struct PhraseWords {
    text: String,
    /// The same, with the singular of the last word.
    singular: String,
    /// Where each word begins, in both.
    starts: Vec<usize>,
}

impl PhraseWords {
    pub(crate) fn read<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) {
        self.text.clear();
        self.starts.clear();
        for word in words {
            let word = word.trim_matches(is_mark);
            if word
                .bytes()
                .all(|b| b.is_ascii() && !b.is_ascii_uppercase() && b != b'_')
            {
                self.push(word);
            } else {
                for part in word.split('_') {
                    self.push(&part.trim_matches(is_mark).to_lowercase());
                }
            }
        }
        self.set_singular();
    }

    #[inline]
    fn push(&mut self, word: &str) {
        if word.is_empty() {
            return;
        }
        let start = self.text.len() + usize::from(!self.text.is_empty());
        if start > 0 {
            self.text.push(' ');
        }
        self.text.push_str(word);
        if start == 0 && is_determiner(&self.text) {
            self.text.clear();
        } else {
            self.starts.push(start);
        }
    }

    fn set_singular(&mut self) {
        self.singular.clear();
        if let Some(&last) = self.starts.last() {
            self.singular.push_str(&self.text[..last]);
            self.singular.push_str(&lemma(&self.text[last..]));
        }
    }

    /// Takes the last word away.
    pub(crate) fn pop(&mut self) {
        if let Some(last) = self.starts.pop() {
            self.text.truncate(last.saturating_sub(1));
            self.set_singular();
        }
    }

    /// How many words.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The last `count` words, as they stand.
    pub(crate) fn last(&self, count: usize) -> &str {
        &self.text[self.starts[self.len() - count]..]
    }

    /// The last `count` words, with the head in the singular.
    pub(crate) fn last_singular(&self, count: usize) -> &str {
        &self.singular[self.starts[self.len() - count]..]
    }
}

/// Whether a word is none of a label's when it stands first.
pub(crate) fn is_determiner(word: &str) -> bool {
    DETERMINERS.binary_search(&word).is_ok()
}

fn is_mark(c: char) -> bool {
    c == '_' || !is_word(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(phrase: &str) -> (String, String) {
        let mut words = PhraseWords::default();
        words.read(phrase.split_whitespace());
        match words.len() {
            0 => (String::new(), String::new()),
            count => (
                words.last(count).to_owned(),
                words.last_singular(count).to_owned(),
            ),
        }
    }

    #[test]
    fn the_last_word_can_be_taken_away() {
        let mut words = PhraseWords::default();
        words.read("two dogs trotting".split(' '));
        words.pop();
        assert_eq!(
            (words.last(2), words.last_singular(2)),
            ("two dogs", "two dog")
        );
        words.pop();
        words.pop();
        words.pop();
        assert_eq!((words.len(), words.text.as_str()), (0, ""));
    }

    #[test]
    fn determiners_are_sorted_for_the_search() {
        assert!(DETERMINERS.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_phrase_loses_determiners_case_and_marks() {
        for (phrase, text, singular) in [
            ("The  Dogs", "dogs", "dog"),
            ("all the (hot) dogs.", "hot dogs", "hot dog"),
            ("the", "", ""),
            ("\" ' --", "", ""),
            ("a T-Shirt", "t-shirt", "t-shirt"),
            ("The_Hot__Dogs_", "hot dogs", "hot dog"),
            ("a_(pickup)_truck", "pickup truck", "pickup truck"),
            ("Ünïs", "ünïs", "ünï"),
            ("(cafe\u{301})", "cafe\u{301}", "cafe\u{301}"),
            ("dog the dog", "dog the dog", "dog the dog"),
        ] {
            assert_eq!(
                read(phrase),
                (text.to_owned(), singular.to_owned()),
                "{phrase}"
            );
        }
    }
}
