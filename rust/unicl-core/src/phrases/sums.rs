//! A tagger's weights, added up as far as possible before there is a caption.
//!
//! Some of a word's 14 features always occur together: the bias and the three features of the tags before; a
//! word, its ending and its first letter; a neighbour word and its ending. Each of these sums is one row here.

use foldhash::{HashMap, HashMapExt};

use super::grammar::MAX_TAGS;
use super::tagger::{last_three, normalize};
use super::weights::{self, Cell, Key, START_TAGS, Weights};
use crate::short_word;

/// One number for each tag.
pub(super) type Scores = [i32; MAX_TAGS];

/// As many numbers as a line of the cache holds, in one line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([i32; LANES]);

const LANES: usize = 16;

/// A row with more cells than this is kept as one number for each tag; such rows are added several numbers
/// at a time.
const MOST_CELLS: usize = 10;

/// A run of [`Sums::cells`], which is empty if no feature was ever seen; or the number of a full row.
///
/// The last four bits are the length of the run, or [`FULL`]: a word has eight rows, and the words that captions
/// have should stay in the caches.
#[derive(Clone, Copy, Debug, Default)]
struct Row(u32);

const FULL: u32 = 15;

/// The rows that a word adds to its own scores and to those of its neighbours.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word {
    /// To its own: the row of the word. The rows of its ending and its first letter follow if the first row
    /// does not include them.
    here: [Row; 3],
    /// To the scores of the next word, and of the word after that.
    before: Row,
    before_2: Row,
    /// To the scores of the word before, and of the word before that.
    after: Row,
    after_2: Row,
    /// A run of [`Sums::after_tag`]: where it begins, and its length.
    after_tag: u32,
    after_tags: u8,
    pub(super) fixed_tag: Option<u8>,
}

/// A word that the tagger has seen.
#[derive(Clone, Copy, Debug, Default)]
struct KnownWord {
    word: Word,
    /// Its own row without ending and first letter, for words that have it as their normal form.
    alone: Row,
    /// Whether it is its own normal form, as most are.
    is_normal: bool,
}

/// The table of sums.
pub(super) struct Sums {
    /// Short rows, one after another: each cell is a weight above the six bits of its tag.
    cells: Vec<i32>,
    /// Full rows, one after another, of `width` lines each.
    full_rows: Vec<Line>,
    width: usize,
    /// The bias and the features of the tags before, for each pair of them: `[before * contexts + before_2]`.
    tags_before: Vec<Scores>,
    contexts: usize,
    /// The rows of (tag before, word), for the words that have any.
    after_tag: Vec<(u8, Row)>,
    /// The words that the tagger has seen; short ones by their number from [`short_word::pack`].
    short_words: HashMap<u128, KnownWord>,
    long_words: HashMap<Box<str>, KnownWord>,
    /// For words that the tagger has not seen: the rows of an ending.
    suffixes: HashMap<Box<str>, Word>,
    first_characters: HashMap<char, Row>,
}

impl Sums {
    pub(super) fn new(weights: &Weights) -> Self {
        let contexts = weights.tags.len() + START_TAGS.len();
        let mut sums = Self {
            cells: Vec::new(),
            full_rows: Vec::new(),
            width: weights.tags.len().div_ceil(LANES),
            tags_before: Vec::with_capacity(contexts * contexts),
            contexts,
            after_tag: Vec::new(),
            short_words: HashMap::new(),
            long_words: HashMap::new(),
            suffixes: HashMap::new(),
            first_characters: HashMap::new(),
        };
        for before in 0..contexts {
            for before_2 in 0..contexts {
                let rows = weights.of_tags(weights::narrow(before), weights::narrow(before_2));
                sums.tags_before.push(total(&rows));
            }
        }
        let text = |key: &Key| weights.strings[key.text as usize].as_str();
        for (key, cells) in &weights.features[weights::FIRST_CHARACTER] {
            let mut characters = text(key).chars();
            // No word has a first character of two.
            if let (Some(c), None) = (characters.next(), characters.next()) {
                let row = sums.push(&[cells]);
                sums.first_characters.insert(c, row);
            }
        }
        for kind in [
            weights::SUFFIX,
            weights::SUFFIX_BEFORE,
            weights::SUFFIX_AFTER,
        ] {
            for (key, _) in &weights.features[kind] {
                sums.add_suffix(weights, text(key));
            }
        }
        for &(text, tag) in &weights.tagdict {
            sums.add_word(weights, &weights.strings[text as usize])
                .fixed_tag = Some(tag);
        }
        for kind in weights::WORD_KINDS {
            for (key, _) in &weights.features[kind] {
                sums.add_word(weights, text(key));
            }
        }
        sums
    }

    fn add_suffix(&mut self, weights: &Weights, suffix: &str) {
        if self.suffixes.contains_key(suffix) {
            return;
        }
        let row = |sums: &mut Self, kind| sums.push(&[weights.of_text(kind, suffix)]);
        let word = Word {
            here: [Row::default(), row(self, weights::SUFFIX), Row::default()],
            before: row(self, weights::SUFFIX_BEFORE),
            after: row(self, weights::SUFFIX_AFTER),
            ..Word::default()
        };
        self.suffixes.insert(suffix.into(), word);
    }

    fn add_word(&mut self, weights: &Weights, word: &str) -> &mut Word {
        let packed = short_word::pack(word);
        if !self.has(word) {
            let known = self.read_word(weights, word);
            match packed {
                Some(packed) => self.short_words.insert(packed, known),
                None => self.long_words.insert(word.into(), known),
            };
        }
        let known = match packed {
            Some(packed) => self.short_words.get_mut(&packed),
            None => self.long_words.get_mut(word),
        };
        &mut known.expect("it was added").word
    }

    fn read_word(&mut self, weights: &Weights, word: &str) -> KnownWord {
        let suffix = last_three(word);
        let first = &word[..word.chars().next().map_or(0, char::len_utf8)];
        let of = |kind, text| weights.of_text(kind, text);
        let alone = of(weights::WORD, word);
        let here = [
            alone,
            of(weights::SUFFIX, suffix),
            of(weights::FIRST_CHARACTER, first),
        ];
        let before = [
            of(weights::WORD_BEFORE, word),
            of(weights::SUFFIX_BEFORE, suffix),
        ];
        let after = [
            of(weights::WORD_AFTER, word),
            of(weights::SUFFIX_AFTER, suffix),
        ];
        let (after_tag, pairs) = (offset(self.after_tag.len()), weights.after_tag(word));
        for (key, cells) in pairs {
            let row = self.push(&[cells]);
            self.after_tag.push((key.tags[0], row));
        }
        KnownWord {
            word: Word {
                here: [self.push(&here), Row::default(), Row::default()],
                before: self.push(&before),
                before_2: self.push(&[of(weights::WORD_BEFORE_2, word)]),
                after: self.push(&after),
                after_2: self.push(&[of(weights::WORD_AFTER_2, word)]),
                after_tag,
                after_tags: weights::narrow(pairs.len()),
                fixed_tag: None,
            },
            alone: self.push(&[alone]),
            is_normal: normalize(word, &mut String::new()) == word,
        }
    }

    #[inline]
    fn known(&self, word: &str) -> Option<&KnownWord> {
        match short_word::pack(word) {
            Some(packed) => self.short_words.get(&packed),
            None => self.long_words.get(word),
        }
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.known(word).is_some()
    }

    /// Adds features up and stores the sum as a row.
    fn push(&mut self, features: &[&[Cell]]) -> Row {
        let scores = total(features);
        if scores.iter().filter(|&&score| score != 0).count() > MOST_CELLS {
            let (lines, _) = scores.as_chunks();
            let start = self.full_rows.len();
            self.full_rows
                .extend(lines[..self.width].iter().copied().map(Line));
            return Row::new(start, FULL);
        }
        let start = self.cells.len();
        let cells = (0_i32..).zip(&scores).filter(|&(_, &score)| score != 0);
        self.cells
            .extend(cells.map(|(tag, &score)| score << 6 | tag));
        Row::new(start, offset(self.cells.len() - start))
    }

    /// The rows of a word of a caption. `lowered` is a buffer for its normal form.
    pub(super) fn look_up(&self, word: &str, lowered: &mut String) -> Word {
        let written = self.known(word);
        if let Some(known) = written.filter(|known| known.is_normal) {
            return known.word;
        }
        let normal = normalize(word, lowered);
        let is_normal = normal == word;
        let fixed_tag = written.and_then(|known| known.word.fixed_tag);
        let suffix = self
            .suffixes
            .get(last_three(word))
            .copied()
            .unwrap_or_default();
        let first = word
            .chars()
            .next()
            .and_then(|c| self.first_characters.get(&c));
        let known = if is_normal { None } else { self.known(normal) };
        let (neighbour, alone) = match known {
            Some(known) => (known.word, known.alone),
            None if is_normal => (suffix, Row::default()),
            None => (
                self.suffixes
                    .get(last_three(normal))
                    .copied()
                    .unwrap_or_default(),
                Row::default(),
            ),
        };
        Word {
            here: [alone, suffix.here[1], first.copied().unwrap_or_default()],
            fixed_tag,
            ..neighbour
        }
    }

    /// The rows of a place before or after a caption, by the name of the place in the features.
    pub(super) fn edge(&self, name: &str) -> Word {
        let suffix = || self.suffixes.get(last_three(name)).copied();
        let word = self.known(name).map(|known| known.word);
        word.or_else(suffix).unwrap_or_default()
    }

    /// The scores of every tag for the word in the middle of five, whose two left neighbours have the tags given.
    pub(super) fn scores(&self, window: &[Word], before: usize, before_2: usize) -> Scores {
        let [two_before, one_before, here, one_after, two_after] = window else {
            unreachable!("a window is five words")
        };
        let mut scores = self.tags_before[before * self.contexts + before_2];
        let after_tag = &self.after_tag[here.after_tag as usize..][..usize::from(here.after_tags)];
        let after_tag = after_tag
            .iter()
            .find(|(tag, _)| usize::from(*tag) == before);
        let rows = [
            here.here[0],
            here.here[1],
            here.here[2],
            one_before.before,
            two_before.before_2,
            one_after.after,
            two_after.after_2,
            after_tag.map_or(Row::default(), |&(_, row)| row),
        ];
        for row in rows {
            if row.length() == FULL {
                let lines = &self.full_rows[row.start()..][..self.width];
                for (scores, line) in scores.as_chunks_mut().0.iter_mut().zip(lines) {
                    add(scores, line);
                }
            } else {
                for &cell in &self.cells[row.start()..][..row.length() as usize] {
                    scores[usize::from(cell.to_le_bytes()[0]) % MAX_TAGS] += cell >> 6;
                }
            }
        }
        scores
    }
}

impl Row {
    fn new(start: usize, length: u32) -> Self {
        assert!(start < 1 << 28, "a tagger has less than 2^28 weights");
        Self(offset(start) << 4 | length)
    }

    fn start(self) -> usize {
        (self.0 >> 4) as usize
    }

    fn length(self) -> u32 {
        self.0 & 15
    }
}

#[inline]
fn add(scores: &mut [i32; LANES], line: &Line) {
    for (score, weight) in scores.iter_mut().zip(&line.0) {
        *score += weight;
    }
}

fn total(features: &[&[Cell]]) -> Scores {
    let mut scores = [0; MAX_TAGS];
    for &(tag, weight) in features.iter().copied().flatten() {
        scores[usize::from(tag)] += weight;
    }
    scores
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a tagger has less than 2^32 weights")
}
