//! Slips of the pen in phrases, and the words of labels that were meant.
//!
//! Likeness makes menus of men, clogs of dogs, couches of crouches and bakers of bikers. So only slips are corrected that seldom
//! make one word of another: two neighbouring letters swapped ("moutnain"), a letter doubled or a double one single ("girafe"); in
//! words of five letters or more that begin with the right one and that nobody knows, neither the labels nor the tagger, which has
//! met the usual words of English.

use foldhash::{HashSet, HashSetExt};

use super::vocabulary::Vocabulary;
use crate::phrases::Tagger;

/// Shorter words are neighbours of too many others.
const LEAST_LETTERS: usize = 5;

/// The words of all texts that mean a label.
#[derive(Debug)]
pub struct LabelWords(HashSet<Box<str>>);

impl LabelWords {
    /// The words of a vocabulary's names and synonyms.
    #[must_use]
    pub fn new(vocabulary: &Vocabulary) -> Self {
        let mut words: HashSet<Box<str>> = HashSet::new();
        for word in vocabulary.texts().flat_map(|text| text.split(' ')) {
            if !words.contains(word) {
                words.insert(word.into());
            }
        }
        Self(words)
    }
}

/// What is taken for a slip of the pen.
#[derive(Clone, Copy)]
pub struct Spelling<'a> {
    /// What words may be meant.
    pub words: &'a LabelWords,
    /// What words are known to be right.
    pub tagger: &'a Tagger,
    /// The least similarity, in [0, 1]: 1 - 1 / (letters of the longer word).
    pub threshold: f64,
}

impl<'a> Spelling<'a> {
    /// The word that was meant by one with a slip, and their similarity: the longest, the first in the alphabet of equals.
    pub(super) fn correct(self, word: &str) -> Option<(&'a str, f64)> {
        let letters: Vec<char> = word.chars().collect();
        if letters.len() < LEAST_LETTERS
            || !letters.iter().all(|letter| letter.is_alphabetic())
            || self.words.0.contains(word)
            || self.tagger.knows(word)
        {
            return None;
        }
        let meant = slips(&letters).filter_map(|text| self.words.0.get(text.as_str()));
        let sized = meant.map(|word| (word.chars().count(), &**word));
        let (len, meant) = sized
            .filter(|&(len, _)| len >= LEAST_LETTERS)
            .max_by(|(len, word), (other_len, other)| len.cmp(other_len).then(other.cmp(word)))?;
        #[allow(clippy::cast_precision_loss, reason = "no word has 2^53 letters")]
        let similarity = 1.0 - 1.0 / len.max(letters.len()) as f64;
        (similarity >= self.threshold).then_some((meant, similarity))
    }
}

/// What is one slip away from a word.
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
