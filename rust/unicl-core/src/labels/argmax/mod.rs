//! Maps a phrase to the most similar label, whatever that label is.
//!
//! The score of a phrase and a name, both lower-cased, is `similarity + overlap` in double precision:
//!
//! ```text
//! similarity = 1 - (total - 2 common) / total      total: characters of both; common: of their longest common subsequence
//! overlap    = shared / (words of either)          over their sets of words between whitespace
//! ```
//!
//! The answer is the label with the highest score; of equal scores, the one with the smallest id. A loop
//! over all labels finds the same. That loop costs 400 µs a phrase at 20,000 labels. The search below
//! takes a few µs:
//!
//! ```text
//! best = (0, label 0)
//! count (histogram.rs): for all labels, bound >= common, 256 labels a step
//! 1. for labels that share a word with the phrase (an inverted index), the highest bound first:
//!        if similarity(bound) + overlap can beat best: compare
//! 2. for level = the highest similarity(bound), down in steps:
//!        for the labels with similarity(bound) >= level that were not taken yet, 256 a step:
//!            if similarity(bound) can beat best: compare
//!        stop if best >= level
//! compare (subsequence.rs): common, 64 characters of the phrase a step
//! ```
//!
//! Part 2 treats every label as one without a shared word. For labels that have one the score is then too
//! low, but part 1 has compared them already.
//!
//! Labels stand in the order of their lengths, so that one least bound serves a block of 256.
//!
//! A comparison takes time in proportion to the phrase. So of a phrase of more than 1,000 characters only the
//! last 1,000 count, where its head is.
//!
//! Every bound is computed with the formula of the score itself. The formula rounds but keeps the order:
//! `similarity` grows with `common` and falls with the length of the name. So no tolerance is needed.

mod histogram;
mod subsequence;

use foldhash::{HashMap, HashMapExt};

use self::histogram::{BLOCK, Counts, Histograms};
use self::subsequence::Pattern;
use super::{Mapping, Rule};
use crate::phrases::is_space;

/// How far the level falls in one step.
const STEP: f64 = 0.1;

/// The most characters of a phrase that count.
const MOST_CHARACTERS: usize = 1000;

/// The names of a vocabulary, prepared for the search.
#[derive(Debug)]
pub struct ArgmaxIndex {
    /// Labels in the order of their lengths; a label's index here is its *place*.
    labels: Vec<Label>,
    /// The characters of all names, by place.
    characters: Vec<u32>,
    histograms: Histograms,
    /// The number of each character that occurs in names; the most frequent has 0.
    alphabet: HashMap<char, u32>,
    /// For each word the places of the names that have it, as a run of `places`.
    places_of: HashMap<Box<str>, (u32, u32)>,
    places: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Label {
    id: u32,
    /// Where its characters begin.
    start: u32,
    len: u32,
    /// The number of different words.
    words: u32,
}

impl ArgmaxIndex {
    /// Makes an index of names. A label's id is its index.
    ///
    /// # Panics
    ///
    /// If there are 2^31 names or more, or 2^32 characters.
    #[must_use]
    pub fn new(names: &[String]) -> Self {
        let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let mut order: Vec<(usize, u32)> = names
            .iter()
            .map(|name| name.chars().count())
            .zip(0..)
            .collect();
        order.sort_unstable();
        let alphabet = alphabet(&names);
        let number = |count: usize| u32::try_from(count).expect("names are below 2^32 characters");
        let mut labels = Vec::with_capacity(names.len());
        let mut characters: Vec<u32> = Vec::new();
        let (mut words, mut occurrences) = (Vec::new(), Vec::new());
        for (place, &(len, id)) in order.iter().enumerate() {
            let name = names[id as usize].as_str();
            split_words(name, &mut words);
            let texts = words.iter().map(|&(from, to)| &name[from..to]);
            occurrences.extend(texts.map(|text| (text, number(place))));
            labels.push(Label {
                id,
                start: number(characters.len()),
                len: number(len),
                words: number(words.len()),
            });
            characters.extend(name.chars().map(|character| alphabet[&character]));
        }
        occurrences.sort_unstable();
        let mut places: Vec<u32> = Vec::with_capacity(occurrences.len());
        let mut places_of = HashMap::new();
        for same in occurrences.chunk_by(|(a, _), (b, _)| a == b) {
            let start = number(places.len());
            places.extend(same.iter().map(|&(_, place)| place));
            places_of.insert(same[0].0.into(), (start, number(places.len())));
        }
        let texts = labels.iter().map(|label| label.of(&characters));
        Self {
            histograms: Histograms::new(texts),
            labels,
            characters,
            alphabet,
            places_of,
            places,
        }
    }
}

impl Label {
    /// The label's characters, from the characters of all labels.
    fn of(self, characters: &[u32]) -> &[u32] {
        let start = self.start as usize;
        &characters[start..start + self.len as usize]
    }
}

fn alphabet(names: &[String]) -> HashMap<char, u32> {
    let mut counts: HashMap<char, u64> = HashMap::new();
    for character in names.iter().flat_map(|name| name.chars()) {
        *counts.entry(character).or_default() += 1;
    }
    let mut counts: Vec<(char, u64)> = counts.into_iter().collect();
    counts.sort_unstable_by(|(a, count_a), (b, count_b)| count_b.cmp(count_a).then(a.cmp(b)));
    let characters = counts.into_iter().map(|(character, _)| character);
    characters.zip(0..).collect()
}

/// Finds the different words of a text, as ranges of its bytes, in the order of the alphabet.
fn split_words(text: &str, words: &mut Vec<(usize, usize)>) {
    words.clear();
    let mut start = None;
    for (at, character) in text.char_indices() {
        match start {
            Some(from) if is_space(character) => {
                words.push((from, at));
                start = None;
            }
            None if !is_space(character) => start = Some(at),
            _ => {}
        }
    }
    words.extend(start.map(|from| (from, text.len())));
    words.sort_unstable_by_key(|&(from, to)| &text[from..to]);
    words.dedup_by_key(|&mut (from, to)| &text[from..to]);
}

#[allow(clippy::cast_precision_loss, reason = "no string has 2^53 characters")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// The similarity of strings with `total` characters, `common` of them in common; at most 1.
fn similarity(total: usize, common: usize) -> f64 {
    1.0 - ratio(total.saturating_sub(2 * common), total)
}

/// The smallest `common` that gives at least the similarity `level`, which is at most 1.
fn least_common(total: usize, level: f64) -> usize {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no string has 2^53 characters, and levels are positive"
    )]
    let mut least = (level * total as f64 / 2.0) as usize;
    // Rounding may be off by one; the formula itself decides.
    while least > 0 && similarity(total, least - 1) >= level {
        least -= 1;
    }
    while similarity(total, least) < level {
        least += 1;
    }
    least
}

/// Maps phrases to the most similar labels; it reuses its buffers.
///
/// # Examples
///
/// ```
/// use unicl_core::labels::{Argmax, ArgmaxIndex, Rule};
///
/// let index = ArgmaxIndex::new(&["dog".into(), "hot dog".into(), "menu".into()]);
/// let mut argmax = Argmax::new(&index);
/// let mapping = argmax.map("big hot dogs");
/// assert_eq!((mapping.id, mapping.rule), (1, Rule::Argmax));
/// assert_eq!(argmax.map("men").id, 2); // "menu"
/// ```
pub struct Argmax<'a> {
    index: &'a ArgmaxIndex,
    text: String,
    words: Vec<(usize, usize)>,
    /// The characters of the phrase that occur in names.
    known: Vec<u32>,
    pattern: Pattern,
    counts: Counts,
    /// By place, the number of words that label and phrase share; all 0 between phrases.
    shared: Vec<u32>,
    sharing: Vec<u32>,
    /// By block, the highest similarity that any of its labels can have.
    bounds: Vec<f64>,
    taken: Vec<histogram::Plane>,
}

/// The best label so far.
#[derive(Clone, Copy)]
struct Best {
    score: f64,
    id: u32,
}

impl Best {
    fn yields_to(self, score: f64, id: u32) -> bool {
        score > self.score || score >= self.score && id < self.id
    }
}

impl<'a> Argmax<'a> {
    /// A mapper with empty buffers.
    #[must_use]
    pub fn new(index: &'a ArgmaxIndex) -> Self {
        Self {
            index,
            text: String::new(),
            words: Vec::new(),
            known: Vec::new(),
            pattern: Pattern::new(index.alphabet.len()),
            counts: Counts::default(),
            shared: vec![0; index.labels.len()],
            sharing: Vec::new(),
            bounds: Vec::new(),
            taken: vec![histogram::Plane::default(); index.labels.len().div_ceil(BLOCK)],
        }
    }

    /// Gives the most similar label; only an empty vocabulary has none.
    pub fn map(&mut self, phrase: &str) -> Mapping {
        if self.index.labels.is_empty() {
            return Mapping::ABSTENTION;
        }
        let len = self.read(phrase);
        let mut best = Best { score: 0.0, id: 0 };
        self.compare_sharing(len, &mut best);
        self.compare_by_level(len, &mut best);
        #[allow(
            clippy::cast_possible_truncation,
            reason = "it is reported, not compared"
        )]
        let score = best.score as f32;
        Mapping {
            id: best.id.cast_signed(),
            score,
            rule: Rule::Argmax,
        }
    }

    /// Reads a phrase and counts the characters that labels can have in common with it; gives its length.
    fn read(&mut self, phrase: &str) -> usize {
        self.text.clear();
        let mut ends = phrase.char_indices().rev();
        let phrase = ends
            .nth(MOST_CHARACTERS - 1)
            .map_or(phrase, |(start, _)| &phrase[start..]);
        if phrase.is_ascii() {
            self.text.push_str(phrase);
            self.text.make_ascii_lowercase();
        } else {
            self.text.push_str(&phrase.to_lowercase());
        }
        split_words(&self.text, &mut self.words);
        self.known.clear();
        let mut len = 0;
        for character in self.text.chars() {
            len += 1;
            self.known.extend(self.index.alphabet.get(&character));
        }
        self.pattern.set(&self.known);
        self.counts.count(&self.index.histograms, &self.known);
        len
    }

    /// Compares the labels that share a word with the phrase.
    fn compare_sharing(&mut self, len: usize, best: &mut Best) {
        let index = self.index;
        self.sharing.clear();
        for &(from, to) in &self.words {
            let Some(&(start, end)) = index.places_of.get(&self.text[from..to]) else {
                continue;
            };
            for &place in &index.places[start as usize..end as usize] {
                let shared = &mut self.shared[place as usize];
                if *shared == 0 {
                    self.sharing.push(place);
                }
                *shared += 1;
            }
        }
        let overlap = |place: u32, shared: &[u32]| {
            let shared = shared[place as usize] as usize;
            let either = self.words.len() + index.labels[place as usize].words as usize - shared;
            ratio(shared, either)
        };
        let bound = |place: u32, shared: &[u32]| {
            let label = index.labels[place as usize];
            let common = self.counts.of(place as usize).min(label.len as usize);
            similarity(len + label.len as usize, common) + overlap(place, shared)
        };
        // The best bound first: most other labels cannot beat its score.
        let bounds = self.sharing.iter().map(|&place| bound(place, &self.shared));
        let first = bounds
            .enumerate()
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
            .map_or(0, |(at, _)| at);
        if first > 0 {
            self.sharing.swap(0, first);
        }
        for &place in &self.sharing {
            let label = index.labels[place as usize];
            if best.yields_to(bound(place, &self.shared), label.id) {
                let common = self.pattern.common(label.of(&index.characters));
                let score =
                    similarity(len + label.len as usize, common) + overlap(place, &self.shared);
                if best.yields_to(score, label.id) {
                    *best = Best {
                        score,
                        id: label.id,
                    };
                }
            }
        }
        for &place in &self.sharing {
            self.shared[place as usize] = 0;
        }
    }

    /// Compares labels as if they shared no word, the highest bounds first.
    fn compare_by_level(&mut self, len: usize, best: &mut Best) {
        let index = self.index;
        let blocks = index.labels.len().div_ceil(BLOCK);
        let shortest = |block: usize| index.labels[block * BLOCK].len as usize;
        self.bounds.clear();
        self.bounds.extend(
            (0..blocks).map(|block| {
                similarity(len + shortest(block), self.counts.highest(block).min(len))
            }),
        );
        let mut level = self.bounds.iter().copied().fold(0.0, f64::max);
        self.taken.fill(histogram::Plane::default());
        while best.score <= level {
            for block in (0..blocks).filter(|&block| self.bounds[block] >= level) {
                let least = least_common(len + shortest(block), level);
                let reached = self.counts.at_least(block, least);
                let taken = std::mem::replace(&mut self.taken[block], reached);
                for (word, (&reached, &taken)) in reached.iter().zip(&taken).enumerate() {
                    let mut left = reached & !taken;
                    while left != 0 {
                        let place = block * BLOCK + word * 64 + left.trailing_zeros() as usize;
                        left &= left - 1;
                        // The last block may have fewer labels than places.
                        let Some(&label) = index.labels.get(place) else {
                            break;
                        };
                        let total = len + label.len as usize;
                        if !best.yields_to(similarity(total, self.counts.of(place)), label.id) {
                            continue;
                        }
                        let common = self.pattern.common(label.of(&index.characters));
                        let score = similarity(total, common);
                        if best.yields_to(score, label.id) {
                            *best = Best {
                                score,
                                id: label.id,
                            };
                        }
                    }
                }
            }
            if best.score >= level {
                break; // the labels not taken have a bound below the level
            }
            level = (level - STEP).max(best.score);
        }
    }
}

/// The definition of [`Argmax::map`]: the label and its score, by a loop over all names.
#[cfg(any(test, fuzzing))]
#[must_use]
pub fn argmax_by_definition(names: &[String], phrase: &str) -> (i32, f64) {
    use std::collections::BTreeSet;

    let phrase = phrase.to_lowercase();
    let characters: Vec<char> = phrase.chars().collect();
    let words: BTreeSet<&str> = phrase.split(is_space).filter(|w| !w.is_empty()).collect();
    let mut best = (-1, -1.0);
    for (name, id) in names.iter().zip(0..) {
        let name = name.to_lowercase();
        let other: Vec<char> = name.chars().collect();
        let others: BTreeSet<&str> = name.split(is_space).filter(|w| !w.is_empty()).collect();
        let common = subsequence::common_by_definition(&characters, &other);
        let score = similarity(characters.len() + other.len(), common)
            + ratio(
                words.intersection(&others).count(),
                words.union(&others).count(),
            );
        if score > best.1 {
            best = (id, score);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn labels_equal_those_of_the_loop(
            names in vec("[abB é]{0,5}x", 1..300),
            phrases in vec("[abxXzÉ ]{0,8}", 1..8),
        ) {
            let index = ArgmaxIndex::new(&names);
            let mut argmax = Argmax::new(&index);
            for phrase in &phrases {
                let mapping = argmax.map(phrase);
                let (id, score) = argmax_by_definition(&names, phrase);
                prop_assert_eq!(mapping.id, id);
                prop_assert!((f64::from(mapping.score) - score).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn an_empty_vocabulary_has_no_answer() {
        let index = ArgmaxIndex::new(&[]);
        assert_eq!(Argmax::new(&index).map("dog"), Mapping::ABSTENTION);
    }

    #[test]
    fn of_a_long_phrase_the_end_counts() {
        let index = ArgmaxIndex::new(&["dog".into(), "cat".into(), "cat house".into()]);
        let mut argmax = Argmax::new(&index);
        let long = format!("{} dog", "cat house ".repeat(100_000));
        let end: String = long.chars().skip(long.len() - MOST_CHARACTERS).collect();
        assert_eq!(argmax.map(&long), argmax.map(&end));
        let cut = format!(
            "{}dog{}",
            "cat ".repeat(300),
            "é".repeat(MOST_CHARACTERS - 3)
        );
        assert_eq!(
            argmax.map(&cut),
            argmax.map(&cut[cut.len() - 2 * MOST_CHARACTERS + 3..])
        );
    }

    #[test]
    fn the_least_in_common_is_exact_at_every_level() {
        for total in 1..60 {
            for step in 1..=60 {
                let level = ratio(step, 60);
                let least = (0..=total).find(|&common| similarity(total, common) >= level);
                assert_eq!(Some(least_common(total, level)), least, "{total} {level}");
            }
        }
    }
}
