//! Label names from captions.

use foldhash::{HashMap, HashMapExt};

use super::phrase::{PhraseWords, is_determiner};
use crate::phrases::{Chunker, PhraseFinder, Tagger};
use crate::threads::{self, Threads};

/// How many captions a thread takes at once.
const TASK: usize = 1024;

/// Adjectives that say how many or which: no name begins with them.
const QUANTIFIERS: [&str; 15] = [
    "different",
    "few",
    "half",
    "many",
    "more",
    "most",
    "much",
    "multiple",
    "numerous",
    "other",
    "own",
    "same",
    "several",
    "such",
    "various",
];

/// Which names to keep.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Names in fewer captions are dropped.
    pub min_document_frequency: u64,
    /// Names in more captions are dropped.
    pub max_document_frequency: u64,
    /// The most frequent of the rest are kept.
    pub top_k: usize,
}

/// Counts, for every noun phrase and every phrase that remains when words are taken away from its left, the captions with it, and
/// returns the names within the limits with their counts: the most frequent first, equals in the order of the alphabet.
///
/// Phrases count without determiners and with their head in the singular. A head without a letter, or of one letter, is no name, nor is what
/// begins with a determiner or a word for a quantity ("several people").
#[must_use]
pub fn mine(
    tagger: &Tagger,
    chunker: &Chunker,
    captions: &[&str],
    limits: Limits,
    threads: Threads,
) -> Vec<(String, u64)> {
    let tasks = captions.chunks(TASK).zip((0..).step_by(TASK)).collect();
    // One map for each thread, not for each task: names that come again take no more memory.
    let parts = threads::fold(
        threads,
        tasks,
        || Counter::new(tagger, chunker),
        |counter, (captions, first): (&[&str], usize)| {
            for (caption, row) in captions.iter().zip(first..) {
                counter.count(caption, row);
            }
        },
    );
    let mut parts = parts.into_iter().map(|counter| counter.counts);
    let mut counts = parts.next().unwrap_or_default();
    for part in parts {
        for (name, (number, _)) in part {
            counts.entry(name).or_default().0 += number;
        }
    }
    let kept = limits.min_document_frequency..=limits.max_document_frequency;
    let mut names: Vec<(String, u64)> = counts
        .into_iter()
        .filter(|(_, (number, _))| kept.contains(number))
        .map(|(name, (number, _))| (name.into(), number))
        .collect();
    names
        .sort_unstable_by(|(a, count_a), (b, count_b)| count_b.cmp(count_a).then_with(|| a.cmp(b)));
    names.truncate(limits.top_k);
    names
}

struct Counter<'a> {
    finder: PhraseFinder<'a>,
    words: PhraseWords,
    /// With each name, the number of captions with it and the last of them, which tells a second phrase from a second caption.
    counts: HashMap<Box<str>, (u64, usize)>,
}

impl<'a> Counter<'a> {
    fn new(tagger: &'a Tagger, chunker: &'a Chunker) -> Self {
        Self {
            finder: PhraseFinder::new(tagger, chunker),
            words: PhraseWords::default(),
            counts: HashMap::new(),
        }
    }

    fn count(&mut self, caption: &str, row: usize) {
        let Self {
            finder,
            words,
            counts,
        } = self;
        finder.read(caption);
        for phrase in finder.phrases() {
            words.read(phrase.words());
            if words.len() == 0 || !is_name(words.last_singular(1)) {
                continue;
            }
            for length in 1..=words.len() {
                let name = words.last_singular(length);
                let first = name.split(' ').next().unwrap_or_default();
                if is_determiner(first) || QUANTIFIERS.contains(&first) {
                    continue;
                }
                if let Some((number, last)) = counts.get_mut(name) {
                    *number += u64::from(*last != row);
                    *last = row;
                } else {
                    counts.insert(name.into(), (1, row));
                }
            }
        }
    }
}

fn is_name(head: &str) -> bool {
    head.chars().nth(1).is_some() && head.chars().any(char::is_alphabetic)
}
