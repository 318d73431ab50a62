//! Finds label names in captions.

use foldhash::{HashMap, HashMapExt};

use super::phrase::PhraseWords;
use super::word_tables::{is_determiner, is_quantifier};
use crate::phrases::{Chunker, PhraseFinder, Tagger};
use crate::threads::{self, Threads};

/// Captions that a thread takes at a time.
const TASK: usize = 1024;

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

/// Counts the captions with each name, and returns the names within the limits with their counts.
///
/// The most frequent name comes first; names of the same count are in the order of the alphabet. A name
/// is a noun phrase, or the rest of one after words are removed from its left. Phrases count without
/// determiners and with their head in the singular. A phrase is no name if its head has no letter or one
/// character only, or if it begins with a determiner or with a word for a quantity ("several people").
#[must_use]
pub fn mine(
    tagger: &Tagger,
    chunker: &Chunker,
    captions: &[&str],
    limits: Limits,
    threads: Threads,
) -> Vec<(String, u64)> {
    let tasks = captions.chunks(TASK).zip((0..).step_by(TASK)).collect();
    // One map for each thread, not for each task: a name that occurs again takes no more memory.
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
                if is_determiner(first) || is_quantifier(first) {
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
