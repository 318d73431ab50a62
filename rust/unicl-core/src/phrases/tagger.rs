//! The averaged-perceptron tagger of NLTK, in integers.
//!
//! A word has the tag with the highest sum of weights over 14 features of it and its neighbours; the larger tag of equals.
//! Weights are thousandths, so integer sums are exact, and floats decide only between equals, as in NLTK. NLTK builds 14 strings a word and looks each up; here a word is looked up
//! once, and what it contributes as itself, as the word before, and so on stands beside it.

use foldhash::{HashMap, HashMapExt};

use super::characters::is_digit;
use super::grammar::MAX_TAGS;
use super::weights::{self, START_TAGS, Weights, WeightsError};

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
/// tagger.tag(["a", "dog", "runs"].into_iter(), &mut tags);
/// let names: Vec<&str> = tags.iter().map(|&tag| tagger.tag_name(tag)).collect();
/// assert_eq!(names, ["DT", "NN", "VBZ"]);
/// # Ok::<(), unicl_core::phrases::WeightsError>(())
/// ```
pub struct Tagger {
    tags: Vec<String>,
    /// Every row of weights, one after another; each weight packed above the number of its tag.
    cells: Vec<i32>,
    bias: Row,
    tag_before: Vec<Row>,
    tag_before_2: Vec<Row>,
    tags_before: Vec<Row>,
    words: HashMap<Box<str>, WordRows>,
    suffixes: HashMap<Box<str>, SuffixRows>,
    first_characters: HashMap<char, Row>,
    /// For words that have them, the rows of (tag before, word).
    after_tag: Vec<(u8, Row)>,
    /// The two places before a caption and the two after it.
    edges: [Context; 4],
}

/// A run of [`Tagger::cells`]; no weights at all where the feature was never seen.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    start: u32,
    len: u32,
}

impl Row {
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

/// What a word contributes to itself and to its neighbours.
#[derive(Clone, Copy, Debug, Default)]
struct WordRows {
    itself: Row,
    before: Row,
    before_2: Row,
    after: Row,
    after_2: Row,
    /// A run of [`Tagger::after_tag`].
    after_tag: Row,
    fixed_tag: Option<u8>,
}

/// What the last three characters of a word contribute.
#[derive(Clone, Copy, Debug, Default)]
struct SuffixRows {
    itself: Row,
    before: Row,
    after: Row,
}

/// A word in its place.
#[derive(Clone, Copy, Debug, Default)]
struct Context {
    word: WordRows,
    suffix: SuffixRows,
    /// Of the word as written, where `word` and `suffix` are of its normal form.
    own_suffix: Row,
    first_character: Row,
}

impl Tagger {
    /// Reads the content of a tagger file.
    ///
    /// # Errors
    ///
    /// If it is not one, is of another version, or is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        Ok(Self::new(Weights::from_bytes(bytes)?))
    }

    fn new(weights: Weights) -> Self {
        let contexts = weights.tags.len() + START_TAGS.len();
        let mut tagger = Self {
            cells: Vec::new(),
            bias: Row::default(),
            tag_before: vec![Row::default(); contexts],
            tag_before_2: vec![Row::default(); contexts],
            tags_before: vec![Row::default(); contexts * contexts],
            words: HashMap::new(),
            suffixes: HashMap::new(),
            first_characters: HashMap::new(),
            after_tag: Vec::new(),
            edges: [Context::default(); 4],
            tags: weights.tags,
        };
        for &(text, tag) in &weights.tagdict {
            tagger.word(&weights.strings[text as usize]).fixed_tag = Some(tag);
        }
        for (kind, features) in weights.features.iter().enumerate() {
            for (key, cells) in features {
                let row = tagger.push_cells(cells);
                let text = weights
                    .strings
                    .get(key.text as usize)
                    .map_or("", String::as_str);
                let [first, second] = key.tags.map(usize::from);
                match kind {
                    weights::BIAS => tagger.bias = row,
                    weights::SUFFIX => tagger.suffix(text).itself = row,
                    weights::FIRST_CHARACTER => {
                        if let Some(c) = text.chars().next() {
                            tagger.first_characters.insert(c, row);
                        }
                    }
                    weights::TAG_BEFORE => tagger.tag_before[first] = row,
                    weights::TAG_BEFORE_2 => tagger.tag_before_2[first] = row,
                    weights::TAGS_BEFORE => tagger.tags_before[first * contexts + second] = row,
                    weights::WORD => tagger.word(text).itself = row,
                    weights::TAG_BEFORE_AND_WORD => {
                        // Sorted by text, so the rows of a word are neighbours.
                        let at = offset(tagger.after_tag.len());
                        tagger.after_tag.push((key.tags[0], row));
                        let run = &mut tagger.word(text).after_tag;
                        *run = if run.len == 0 {
                            Row { start: at, len: 1 }
                        } else {
                            Row {
                                len: run.len + 1,
                                ..*run
                            }
                        };
                    }
                    weights::WORD_BEFORE => tagger.word(text).before = row,
                    weights::SUFFIX_BEFORE => tagger.suffix(text).before = row,
                    weights::WORD_BEFORE_2 => tagger.word(text).before_2 = row,
                    weights::WORD_AFTER => tagger.word(text).after = row,
                    weights::SUFFIX_AFTER => tagger.suffix(text).after = row,
                    weights::WORD_AFTER_2 => tagger.word(text).after_2 = row,
                    _ => unreachable!("there are 14 kinds of feature"),
                }
            }
        }
        tagger.edges = [START_TAGS[0], START_TAGS[1], "-END-", "-END2-"].map(|edge| Context {
            word: tagger.words.get(edge).copied().unwrap_or_default(),
            suffix: tagger
                .suffixes
                .get(last_three(edge))
                .copied()
                .unwrap_or_default(),
            ..Context::default()
        });
        tagger
    }

    fn word(&mut self, text: &str) -> &mut WordRows {
        self.words.entry(text.into()).or_default()
    }

    fn suffix(&mut self, text: &str) -> &mut SuffixRows {
        self.suffixes.entry(text.into()).or_default()
    }

    fn push_cells(&mut self, cells: &[(u8, i32)]) -> Row {
        let start = offset(self.cells.len());
        self.cells.extend(
            cells
                .iter()
                .map(|&(tag, weight)| weight << 8 | i32::from(tag)),
        );
        Row {
            start,
            len: offset(cells.len()),
        }
    }

    /// The names of the tags, in ascending order; a tag is an index into them.
    #[must_use]
    pub fn tag_names(&self) -> &[String] {
        &self.tags
    }

    /// The name of a tag.
    ///
    /// # Panics
    ///
    /// If the tag is not one of this tagger's.
    #[must_use]
    pub fn tag_name(&self, tag: u8) -> &str {
        &self.tags[usize::from(tag)]
    }

    /// Writes the tag of every word of a caption.
    pub fn tag<'a>(&self, words: impl ExactSizeIterator<Item = &'a str>, tags: &mut Vec<u8>) {
        let mut lowered = String::new();
        let mut contexts = Vec::with_capacity(words.len() + 4);
        contexts.extend_from_slice(&self.edges[..2]);
        contexts.extend(words.map(|word| self.look_up(word, &mut lowered)));
        contexts.extend_from_slice(&self.edges[2..]);

        tags.clear();
        let starts = self.tags.len();
        let (mut before, mut before_2) = (starts, starts + 1);
        for window in contexts.windows(5) {
            let tag = window[2]
                .word
                .fixed_tag
                .unwrap_or_else(|| self.best_tag(window, before, before_2));
            tags.push(tag);
            (before, before_2) = (usize::from(tag), before);
        }
    }

    /// The tag of the word in the middle of five, whose two left neighbours have the tags given.
    fn best_tag(&self, window: &[Context], before: usize, before_2: usize) -> u8 {
        let [before_word_2, before_word, here, after_word, after_word_2] = window else {
            unreachable!("a window is five words")
        };
        let after_tag = &self.after_tag[here.word.after_tag.range()];
        let after_tag = after_tag
            .iter()
            .find(|(tag, _)| usize::from(*tag) == before);
        let rows = [
            self.bias,
            here.own_suffix,
            here.first_character,
            self.tag_before[before],
            self.tag_before_2[before_2],
            self.tags_before[before * (self.tags.len() + START_TAGS.len()) + before_2],
            here.word.itself,
            after_tag.map_or(Row::default(), |&(_, row)| row),
            before_word.word.before,
            before_word.suffix.before,
            before_word_2.word.before_2,
            after_word.word.after,
            after_word.suffix.after,
            after_word_2.word.after_2,
        ];
        let mut scores = [0_i32; MAX_TAGS];
        for row in rows {
            for &cell in &self.cells[row.range()] {
                scores[usize::from(cell.to_le_bytes()[0]) % MAX_TAGS] += cell >> 8;
            }
        }
        let (mut best, mut best_score, mut is_tied) = (0, scores[0], false);
        for (tag, &score) in (1..).zip(&scores[1..self.tags.len()]) {
            if score >= best_score {
                is_tied = score == best_score;
                (best, best_score) = (tag, score);
            }
        }
        if is_tied {
            best = self.break_tie(&rows, &scores, best_score);
        }
        best
    }

    /// The tag, of those with the best score, that NLTK takes: it adds floats in the order of the features, so what is equal
    /// in thousandths may differ in the last bit; the larger tag if it does not.
    #[cold]
    fn break_tie(&self, rows: &[Row], scores: &[i32; MAX_TAGS], best_score: i32) -> u8 {
        let mut sums = [0.0_f64; MAX_TAGS];
        for row in rows {
            for &cell in &self.cells[row.range()] {
                sums[usize::from(cell.to_le_bytes()[0]) % MAX_TAGS] +=
                    f64::from(cell >> 8) / 1000.0;
            }
        }
        let tied = (0..)
            .zip(&scores[..self.tags.len()])
            .filter(|&(_, &score)| score == best_score);
        let best = tied.map(|(tag, _)| tag).max_by(|&a: &u8, &b: &u8| {
            sums[usize::from(a)]
                .total_cmp(&sums[usize::from(b)])
                .then(a.cmp(&b))
        });
        best.expect("one tag has the best score")
    }

    fn look_up(&self, word: &str, lowered: &mut String) -> Context {
        let written = self.words.get(word).copied().unwrap_or_default();
        let own_suffix = self
            .suffixes
            .get(last_three(word))
            .copied()
            .unwrap_or_default();
        let first = word.chars().next();
        let first_character = first
            .and_then(|c| self.first_characters.get(&c))
            .copied()
            .unwrap_or_default();
        let normal = normalize(word, lowered);
        let (known, suffix) = if normal == word {
            (written, own_suffix)
        } else {
            (
                self.words.get(normal).copied().unwrap_or_default(),
                self.suffixes
                    .get(last_three(normal))
                    .copied()
                    .unwrap_or_default(),
            )
        };
        Context {
            word: WordRows {
                fixed_tag: written.fixed_tag,
                ..known
            },
            suffix,
            own_suffix: own_suffix.itself,
            first_character,
        }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a tagger has less than 2^32 weights")
}

/// The form under which a word is a neighbour's feature.
fn normalize<'a>(word: &'a str, lowered: &'a mut String) -> &'a str {
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

fn last_three(word: &str) -> &str {
    let start = word.char_indices().rev().nth(2).map_or(0, |(at, _)| at);
    &word[start..]
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::phrases::convert_nltk;

    /// The definition, with strings and a map, over weights in thousandths.
    fn tag_slowly(
        weights: &HashMap<String, HashMap<String, i32>>,
        tagdict: &HashMap<String, String>,
        classes: &[&str],
        words: &[&str],
    ) -> Vec<String> {
        let mut context = vec!["-START-".to_owned(), "-START2-".to_owned()];
        context.extend(
            words
                .iter()
                .map(|word| normalize(word, &mut String::new()).to_owned()),
        );
        context.extend(["-END-".to_owned(), "-END2-".to_owned()]);
        let (mut before, mut before_2) = ("-START-".to_owned(), "-START2-".to_owned());
        let mut tags = Vec::new();
        for (i, word) in words.iter().enumerate() {
            let c = &context[i..];
            let tag = tagdict.get(*word).cloned().unwrap_or_else(|| {
                let features = [
                    "bias".to_owned(),
                    format!("i suffix {}", last_three(word)),
                    format!(
                        "i pref1 {}",
                        word.chars().next().map(String::from).unwrap_or_default()
                    ),
                    format!("i-1 tag {before}"),
                    format!("i-2 tag {before_2}"),
                    format!("i tag+i-2 tag {before} {before_2}"),
                    format!("i word {}", c[2]),
                    format!("i-1 tag+i word {before} {}", c[2]),
                    format!("i-1 word {}", c[1]),
                    format!("i-1 suffix {}", last_three(&c[1])),
                    format!("i-2 word {}", c[0]),
                    format!("i+1 word {}", c[3]),
                    format!("i+1 suffix {}", last_three(&c[3])),
                    format!("i+2 word {}", c[4]),
                ];
                let score = |class: &str| -> f64 {
                    let rows = features.iter().filter_map(|feature| weights.get(feature));
                    let found = rows.filter_map(|row| row.get(class));
                    found.fold(0.0, |sum, &weight| sum + f64::from(weight) / 1000.0)
                };
                let by_score = |a: &&&str, b: &&&str| score(a).total_cmp(&score(b)).then(a.cmp(b));
                (*classes.iter().max_by(by_score).unwrap()).to_owned()
            });
            tags.push(tag.clone());
            before_2 = std::mem::replace(&mut before, tag);
        }
        tags
    }

    fn feature() -> impl Strategy<Value = String> {
        let word = "(ab|Ab|the|cab|-x|!HYPHEN|!DIGITS|!YEAR|-END-|-END2-|-START-|-START2-)";
        let tag = "(DT|NN|VB|-START-|-START2-)";
        prop_oneof![
            Just("bias".to_owned()),
            format!("i (suffix|word) {word}").prop_map_regex(),
            "i pref1 [aAtc1-]".prop_map_regex(),
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
        #[test]
        fn tags_equal_those_of_the_definition(
            weights in prop::collection::hash_map(
                feature(),
                prop::collection::hash_map("(DT|NN|VB)", -2_i32..3, 0..3),
                0..60,
            ),
            tagdict in prop::collection::hash_map("(the|Ab|dog)", "(DT|NN|VB)", 0..2),
            words in prop::collection::vec("(ab|Ab|AB|the|The|cab|x-y|-x|1999|20|2a|é|)", 0..7),
        ) {
            let json = |value: &HashMap<String, HashMap<String, i32>>| {
                let rows: HashMap<_, HashMap<_, f64>> = value.iter().map(|(feature, row)| {
                    (feature, row.iter().map(|(tag, &w)| (tag, f64::from(w) / 1000.0)).collect())
                }).collect();
                serde_json::to_string(&rows).unwrap()
            };
            let classes = ["NN", "DT", "VB"];
            let file = convert_nltk(
                &json(&weights),
                &serde_json::to_string(&tagdict).unwrap(),
                &serde_json::to_string(&classes).unwrap(),
            ).unwrap();
            let tagger = Tagger::from_bytes(&file).unwrap();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut tags = Vec::new();
            tagger.tag(words.iter().copied(), &mut tags);
            let names: Vec<&str> = tags.iter().map(|&tag| tagger.tag_name(tag)).collect();
            prop_assert_eq!(names, tag_slowly(&weights, &tagdict, &classes, &words));
        }
    }
}
