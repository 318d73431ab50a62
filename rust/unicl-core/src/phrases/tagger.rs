//! The averaged-perceptron tagger of NLTK, in integers.
//!
//! A word gets the tag with the highest sum of weights over 14 features of the word and its neighbours; of
//! equal sums, the larger tag. NLTK builds 14 strings a word, looks each up, and adds floats. Here:
//!
//! 1. Weights are thousandths, so integer sums are exact in every order. Floats decide only between equal
//!    sums.
//! 2. So features that always occur together are added up when the tagger is loaded ([`super::sums`]):
//!    14 rows become 7.
//! 3. A word is looked up once. All its rows stand together: for itself, as the word before, and so on.

use super::characters::is_digit;
use super::grammar::MAX_TAGS;
use super::sums::{Scores, Sums, Word};
use super::weights::{self, Cell, START_TAGS, Weights, WeightsError};
use crate::interrupt;

/// Words that are looked up at a time: a few, so that a long caption needs little memory.
const BLOCK: usize = 1024;

/// The names of the places around a caption: two before it and two after it.
const EDGES: [&str; 4] = [START_TAGS[0], START_TAGS[1], "-END-", "-END2-"];

/// A part-of-speech tagger.
///
/// # Examples
///
/// ```
/// use unicl_core::phrases::{Tagger, convert_nltk};
///
/// let weights = r#"{"i word dog": {"NN": 2.0}, "i-1 tag NN": {"VBZ": 1.5}}"#;
/// let file = convert_nltk(weights, r#"{"a": "DT"}"#, r#"["DT", "NN", "VBZ"]"#)?;
/// let tagger = Tagger::from_bytes(&file)?;
/// let mut tags = Vec::new();
/// tagger.tag(3, |at| ["a", "dog", "runs"][at], &mut tags);
/// let names: Vec<&str> = tags.iter().map(|&tag| tagger.tag_name(tag)).collect();
/// assert_eq!(names, ["DT", "NN", "VBZ"]);
/// # Ok::<(), unicl_core::phrases::WeightsError>(())
/// ```
pub struct Tagger {
    weights: Weights,
    sums: Sums,
    edges: [Word; 4],
}

impl Tagger {
    /// Reads the content of a tagger file.
    ///
    /// # Errors
    ///
    /// If it is not a tagger file, has another version, or is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        let weights = Weights::from_bytes(bytes)?;
        let sums = Sums::new(&weights);
        Ok(Self {
            edges: EDGES.map(|edge| sums.edge(edge)),
            sums,
            weights,
        })
    }

    /// The names of the tags, in ascending order; a tag is an index into them.
    #[must_use]
    pub fn tag_names(&self) -> &[String] {
        &self.weights.tags
    }

    /// The name of a tag.
    ///
    /// # Panics
    ///
    /// If the tag is not one of this tagger's.
    #[must_use]
    pub fn tag_name(&self, tag: u8) -> &str {
        &self.weights.tags[usize::from(tag)]
    }

    /// Whether the tagger has seen a lower-case word.
    #[must_use]
    pub fn knows(&self, word: &str) -> bool {
        self.sums.has(word)
    }

    /// Writes the tags of the `count` words of a caption; `word` gives each word by its number.
    pub fn tag<'a>(&self, count: usize, word: impl Fn(usize) -> &'a str, tags: &mut Vec<u8>) {
        let mut lowered = String::new();
        let mut places = Vec::with_capacity(count.min(BLOCK) + EDGES.len());
        places.extend_from_slice(&self.edges[..2]);
        tags.clear();
        let starts = self.weights.tags.len();
        let (mut before, mut before_2) = (starts, starts + 1);
        let mut looked_up = 0;
        while tags.len() < count {
            let end = count.min(looked_up + BLOCK);
            places.extend((looked_up..end).map(|at| self.sums.look_up(word(at), &mut lowered)));
            looked_up = end;
            if end == count {
                places.extend_from_slice(&self.edges[2..]);
            } else {
                interrupt::check();
            }
            for window in places.windows(5) {
                let at = tags.len();
                let tag = window[2].fixed_tag.unwrap_or_else(|| {
                    let scores = self.sums.scores(window, before, before_2);
                    let best_score = scores[..starts].iter().copied().max().unwrap_or_default();
                    let mut best = (0..)
                        .zip(&scores[..starts])
                        .filter(|&(_, &score)| score == best_score);
                    if let (Some((tag, _)), None) = (best.next(), best.next()) {
                        return tag;
                    }
                    let features = self.features(count, &word, at, before, before_2);
                    self.break_tie(&scores, best_score, features)
                });
                tags.push(tag);
                (before, before_2) = (usize::from(tag), before);
            }
            places.drain(..places.len() - 4);
        }
    }

    /// The features of one word of a caption, in NLTK's order.
    #[cold]
    fn features<'a>(
        &self,
        count: usize,
        word: impl Fn(usize) -> &'a str,
        at: usize,
        before: usize,
        before_2: usize,
    ) -> [&[Cell]; 14] {
        let normal = |at: usize| normalize(word(at), &mut String::new()).to_owned();
        let [left_2, left, here, right, right_2] =
            [0, 1, 2, 3, 4].map(|offset| match at + offset {
                edge @ (0 | 1) => EDGES[edge].to_owned(),
                place if place < count + 2 => normal(place - 2),
                place => EDGES[place - count].to_owned(),
            });
        let word = word(at);
        let of = |kind, text: &str| self.weights.of_text(kind, text);
        let [bias, one_before, two_before, both_before] = self
            .weights
            .of_tags(weights::narrow(before), weights::narrow(before_2));
        let after_tag = self
            .weights
            .after_tag(&here)
            .iter()
            .find(|(key, _)| usize::from(key.tags[0]) == before);
        [
            bias,
            of(weights::SUFFIX, last_three(word)),
            of(
                weights::FIRST_CHARACTER,
                &word[..word.chars().next().map_or(0, char::len_utf8)],
            ),
            one_before,
            two_before,
            both_before,
            of(weights::WORD, &here),
            after_tag.map_or(&[], |(_, cells)| cells),
            of(weights::WORD_BEFORE, &left),
            of(weights::SUFFIX_BEFORE, last_three(&left)),
            of(weights::WORD_BEFORE_2, &left_2),
            of(weights::WORD_AFTER, &right),
            of(weights::SUFFIX_AFTER, last_three(&right)),
            of(weights::WORD_AFTER_2, &right_2),
        ]
    }

    /// Gives the tag that NLTK chooses among those with the best score.
    ///
    /// NLTK adds floats in the order of the features, so sums that are equal in thousandths may differ in the
    /// last bit. If they do not differ, the larger tag is chosen.
    #[cold]
    fn break_tie(&self, scores: &Scores, best_score: i32, features: [&[Cell]; 14]) -> u8 {
        let mut sums = [0.0_f64; MAX_TAGS];
        for &(tag, weight) in features.into_iter().flatten() {
            sums[usize::from(tag)] += f64::from(weight) / 1000.0;
        }
        let tied = (0..)
            .zip(&scores[..self.weights.tags.len()])
            .filter(|&(_, &score)| score == best_score);
        let best = tied.map(|(tag, _)| tag).max_by(|&a: &u8, &b: &u8| {
            sums[usize::from(a)]
                .total_cmp(&sums[usize::from(b)])
                .then(a.cmp(&b))
        });
        best.expect("one tag has the best score")
    }
}

/// The form under which a word is a neighbour's feature.
pub(super) fn normalize<'a>(word: &'a str, lowered: &'a mut String) -> &'a str {
    let Some(first) = word.chars().next() else {
        return word;
    };
    if first != '-' && word.contains('-') {
        return "!HYPHEN";
    }
    if is_digit(first) {
        let is_year = word.chars().all(is_digit) && word.chars().count() == 4;
        return if is_year { "!YEAR" } else { "!DIGITS" };
    }
    if word
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_uppercase())
    {
        return word;
    }
    *lowered = word.to_lowercase();
    lowered
}

pub(super) fn last_three(word: &str) -> &str {
    let start = word.char_indices().rev().nth(2).map_or(0, |(at, _)| at);
    &word[start..]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::phrases::{convert_nltk, tag_by_definition};

    fn feature() -> impl Strategy<Value = String> {
        let word = "(ab|Ab|the|cab|-x|!HYPHEN|!DIGITS|!YEAR|-END-|-END2-|-START-|-START2-)";
        let tag = "(DT|NN|VB|-START-|-START2-)";
        prop_oneof![
            Just("bias".to_owned()),
            format!("i (suffix|word) {word}").prop_map_regex(),
            "i pref1 ([aAtc1-]|ab)".prop_map_regex(),
            format!("i-[12] tag {tag}").prop_map_regex(),
            format!("i tag\\+i-2 tag {tag} {tag}").prop_map_regex(),
            format!("i-1 tag\\+i word {tag} {word}").prop_map_regex(),
            format!("i(-1|\\+1) (word|suffix) {word}").prop_map_regex(),
            format!("i(-2|\\+2) word {word}").prop_map_regex(),
            "i([+-]1)? suffix (T2-|RT-|D2-|HEN|hen|the|cab)".prop_map_regex(),
        ]
    }

    trait Regex {
        fn prop_map_regex(self) -> BoxedStrategy<String>;
    }

    impl<S: AsRef<str>> Regex for S {
        fn prop_map_regex(self) -> BoxedStrategy<String> {
            proptest::string::string_regex(self.as_ref())
                .unwrap()
                .boxed()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn tags_equal_those_of_the_definition(
            weights in prop::collection::btree_map(
                feature(),
                prop::collection::btree_map("(DT|NN|VB)", -2_i32..3, 0..3),
                0..60,
            ),
            tagdict in prop::collection::btree_map("(the|Ab|dog)", "(DT|NN|VB)", 0..2),
            words in prop::collection::vec("(ab|Ab|AB|the|The|cab|x-y|-x|1999|20|2a|é|)", 0..7),
        ) {
            let weights: BTreeMap<String, BTreeMap<String, f64>> = weights
                .into_iter()
                .map(|(feature, row)| {
                    let row = row.into_iter().map(|(tag, weight)| (tag, f64::from(weight) / 1000.0));
                    (feature, row.collect())
                })
                .collect();
            let classes = ["DT", "NN", "VB"].map(str::to_owned);
            let file = convert_nltk(
                &serde_json::to_string(&weights).unwrap(),
                &serde_json::to_string(&tagdict).unwrap(),
                &serde_json::to_string(&classes).unwrap(),
            ).unwrap();
            let tagger = Tagger::from_bytes(&file).unwrap();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut tags = Vec::new();
            tagger.tag(words.len(), |at| words[at], &mut tags);
            let names: Vec<&str> = tags.iter().map(|&tag| tagger.tag_name(tag)).collect();
            prop_assert_eq!(names, tag_by_definition(&weights, &tagdict, &classes, &words));
        }
    }
}
