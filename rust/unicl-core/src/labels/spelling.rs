//! Corrects spelling slips: from a misspelt word to the word of a label.
//!
//! Similarity alone would turn "men" into "menus", "dogs" into "clogs", "crouches" into "couches" and
//! "bikers" into "bakers". So only slips are corrected that seldom turn one word into another:
//!
//! - two neighbouring letters are swapped: "moutnain";
//! - a letter is doubled, or a double letter is single: "girafe".
//!
//! The word must have five letters or more, and its first letter must be right. Neither the labels nor
//! the tagger may know it; the tagger knows the usual words of English. A word that is longer than the
//! longest word of the labels by two letters or more is no slip, so a long word costs no more than that.

use foldhash::{HashSet, HashSetExt};

use super::vocabulary::Vocabulary;
use crate::phrases::Tagger;

/// Shorter words have too many similar words.
const LEAST_LETTERS: usize = 5;

/// The words of every text that means a label.
#[derive(Debug)]
pub struct LabelWords {
    words: HashSet<Box<str>>,
    /// The most letters of a word.
    longest: usize,
}

impl LabelWords {
    /// Collects the words of a vocabulary's names and synonyms.
    #[must_use]
    pub fn new(vocabulary: &Vocabulary) -> Self {
        let mut words: HashSet<Box<str>> = HashSet::new();
        for word in vocabulary.texts().flat_map(|text| text.split([' ', '/'])) {
            if !words.contains(word) {
                words.insert(word.into());
            }
        }
        let letters = words.iter().map(|word| word.chars().count());
        let longest = letters.max().unwrap_or_default();
        Self { words, longest }
    }
}

/// Which words count as slips, and how they are corrected.
#[derive(Clone, Copy)]
pub struct Spelling<'a> {
    /// Words that a slip may stand for.
    pub words: &'a LabelWords,
    /// Knows words that are spelt right.
    pub tagger: &'a Tagger,
    /// The least similarity, in [0, 1]: 1 - 1 / (letters of the longer word).
    pub threshold: f64,
}

impl<'a> Spelling<'a> {
    /// Gives the word that a misspelt word stands for, and their similarity.
    ///
    /// Of several words the longest counts; of equally long words the first in the alphabet.
    #[must_use]
    pub fn correct(self, word: &str) -> Option<(&'a str, f64)> {
        // One slip adds a letter at most.
        if word.chars().nth(self.words.longest + 1).is_some() {
            return None;
        }
        let letters: Vec<char> = word.chars().collect();
        if letters.len() < LEAST_LETTERS
            || !letters.iter().all(|letter| letter.is_alphabetic())
            || self.words.words.contains(word)
            || self.tagger.knows(word)
        {
            return None;
        }
        let meant = slips(&letters).filter_map(|text| self.words.words.get(text.as_str()));
        let sized = meant.map(|word| (word.chars().count(), &**word));
        let (len, meant) = sized
            .filter(|&(len, _)| len >= LEAST_LETTERS)
            .max_by(|(len, word), (other_len, other)| len.cmp(other_len).then(other.cmp(word)))?;
        #[allow(clippy::cast_precision_loss, reason = "no word has 2^53 letters")]
        let similarity = 1.0 - 1.0 / len.max(letters.len()) as f64;
        (similarity >= self.threshold).then_some((meant, similarity))
    }

    /// The definition of [`Self::correct`]: every word of the labels is compared.
    #[cfg(any(test, fuzzing))]
    #[must_use]
    pub fn correct_by_definition(self, word: &str) -> Option<(&'a str, f64)> {
        let letters: Vec<char> = word.chars().collect();
        let is_right = self.words.words.contains(word) || self.tagger.knows(word);
        if is_right || !letters.iter().all(|letter| letter.is_alphabetic()) {
            return None;
        }
        let is_long = |word: &[char]| word.len() >= LEAST_LETTERS;
        let is_doubled = |long: &[char], short: &[char]| {
            (1..long.len()).any(|at| {
                let without = [&long[..at], &long[at + 1..]].concat();
                long[at] == long[at - 1] && without == short
            })
        };
        let is_swapped = |meant: &[char]| {
            meant.len() == letters.len()
                && (1..meant.len() - 1).any(|at| {
                    let mut swapped = letters.clone();
                    swapped.swap(at, at + 1);
                    swapped == meant
                })
        };
        let words = self.words.words.iter();
        let mut meant: Vec<(usize, &str)> = words
            .map(|word| (word.chars().collect::<Vec<_>>(), &**word))
            .filter(|(meant, _)| is_long(meant) && is_long(&letters))
            .filter(|(meant, _)| {
                is_doubled(meant, &letters) || is_doubled(&letters, meant) || is_swapped(meant)
            })
            .map(|(meant, word)| (meant.len(), word))
            .collect();
        meant.sort_unstable_by_key(|&(len, word)| (std::cmp::Reverse(len), word));
        let &(len, word) = meant.first()?;
        #[allow(clippy::cast_precision_loss, reason = "no word has 2^53 letters")]
        let similarity = 1.0 - 1.0 / len.max(letters.len()) as f64;
        (similarity >= self.threshold).then_some((word, similarity))
    }
}

/// Every text that is one slip away from a word.
fn slips(letters: &[char]) -> impl Iterator<Item = String> {
    let (first, last) = (1..letters.len() - 1, 0..letters.len());
    let swapped = first.map(|at| {
        let mut swapped = letters.to_vec();
        swapped.swap(at, at + 1);
        String::from_iter(swapped)
    });
    let doubled = last.clone().map(|at| {
        let (before, after) = letters.split_at(at);
        before.iter().chain(&after[..1]).chain(after).collect()
    });
    let single = last
        .filter(|&at| at > 0 && letters[at] == letters[at - 1])
        .map(|at| letters[..at].iter().chain(&letters[at + 1..]).collect());
    swapped.chain(doubled).chain(single)
}
