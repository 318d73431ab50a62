//! A phrase as the words that can make up a label.

use super::lemma;
use super::word_tables::is_determiner;
use crate::phrases::is_word;

/// The words of one phrase, as written and with the last word in the singular.
///
/// Words are lower-cased and lose the marks at their edges. Leading determiners are dropped. An
/// underscore counts as a space, as in the class names of data sets. The buffers are reused from
/// phrase to phrase.
///
/// A candidate for a label is the phrase, or the rest of it after words are removed from the left: the
/// head stays.
#[derive(Default)]
pub(crate) struct PhraseWords {
    text: String,
    /// The same text with the last word in the singular.
    singular: String,
    /// Where each word begins, in both texts.
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

    /// Removes the last word.
    pub(crate) fn pop(&mut self) {
        if let Some(last) = self.starts.pop() {
            self.text.truncate(last.saturating_sub(1));
            self.set_singular();
        }
    }

    /// The number of words.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The last `count` words, as written.
    pub(crate) fn last(&self, count: usize) -> &str {
        &self.text[self.starts[self.len() - count]..]
    }

    /// The last `count` words, with the head in the singular.
    pub(crate) fn last_singular(&self, count: usize) -> &str {
        &self.singular[self.starts[self.len() - count]..]
    }
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
    fn the_last_word_can_be_removed() {
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
