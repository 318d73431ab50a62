//! Finds label names in captions.

use foldhash::{HashMap, HashMapExt};

use super::lemma::hidden_singular;
use super::phrase::{PhraseWords, without_hyphens};
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

/// The most words of a mined name; without a limit a phrase of n words would have n names of n words.
const MOST_WORDS: usize = 8;

/// A name, and the captions with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedName {
    /// The name with spaces for hyphens, in the singular if the last word can be a plural at all.
    pub key: String,
    /// The number of captions with it.
    pub captions: u64,
    /// The ways in which it is written, and in how many captions; empty if it is written as its key only.
    pub forms: Vec<(String, u64)>,
}

impl CountedName {
    /// The form to show: a singular before a plural, then the most frequent, then one with spaces.
    #[must_use]
    pub fn shown(&self) -> &str {
        let best = self.forms.iter().max_by(|(a, count_a), (b, count_b)| {
            let is_singular = |form: &str| *without_hyphens(form) == *self.key;
            let by_number = is_singular(a).cmp(&is_singular(b));
            // A space comes before a hyphen, and so on.
            by_number.then(count_a.cmp(count_b)).then_with(|| b.cmp(a))
        });
        best.map_or(&self.key, |(form, _)| form)
    }
}

/// Counts the captions with each name, and returns the names within the limits with their counts.
///
/// The most frequent name comes first; names of the same count are in the order of the alphabet. A name
/// is a noun phrase, or the rest of one after words are removed from its left, of eight words at most.
/// Phrases count without determiners and with their head in the singular. A phrase is no name if its head
/// has no letter or one character only, or if it begins with a determiner or with a word for a quantity
/// ("several people"). Names that differ in hyphens and spaces alone are one; see [`CountedName::shown`].
#[must_use]
pub fn mine(
    tagger: &Tagger,
    chunker: &Chunker,
    captions: &[&str],
    limits: Limits,
    threads: Threads,
) -> Vec<(String, u64)> {
    let kept = limits.min_document_frequency..=limits.max_document_frequency;
    let mut names: Vec<(String, u64)> = count_names(tagger, chunker, captions, threads)
        .into_iter()
        .filter(|name| kept.contains(&name.captions))
        .map(|name| (name.shown().to_owned(), name.captions))
        .collect();
    names
        .sort_unstable_by(|(a, count_a), (b, count_b)| count_b.cmp(count_a).then_with(|| a.cmp(b)));
    names.truncate(limits.top_k);
    names
}

/// Counts every name that [`mine`] considers, in no order.
#[must_use]
pub fn count_names(
    tagger: &Tagger,
    chunker: &Chunker,
    captions: &[&str],
    threads: Threads,
) -> Vec<CountedName> {
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
        for (name, count) in part {
            counts.entry(name).or_default().add(count);
        }
    }
    let names = counts.into_iter().map(|(key, count)| {
        let key: String = key.into();
        let mut forms = Vec::new();
        if let Some(others) = count.others {
            let own = (key.clone(), count.own.number);
            forms.extend((own.1 > 0).then_some(own));
            let others = others.into_iter();
            forms.extend(others.map(|(form, captions)| (form.into(), captions.number)));
        }
        CountedName {
            key,
            captions: count.all.number,
            forms,
        }
    });
    names.collect()
}

/// A number of captions.
#[derive(Default)]
struct Captions {
    number: u64,
    /// The last of them, which tells a second phrase from a second caption.
    last: usize,
}

impl Captions {
    fn meet(&mut self, row: usize) {
        self.number += u64::from(self.number == 0 || self.last != row);
        self.last = row;
    }
}

/// The captions with a name.
#[derive(Default)]
struct Count {
    all: Captions,
    /// Those in which it is written as its key.
    own: Captions,
    /// Those in which it is written otherwise; few names are.
    others: Option<Box<HashMap<Box<str>, Captions>>>,
}

impl Count {
    fn meet(&mut self, row: usize, form: &str, key: &str) {
        self.all.meet(row);
        if form == key {
            self.own.meet(row);
        } else {
            let others = self.others.get_or_insert_default();
            match others.get_mut(form) {
                Some(captions) => captions.meet(row),
                None => others.entry(form.into()).or_default().meet(row),
            }
        }
    }

    /// Adds the count of other captions.
    fn add(&mut self, other: Self) {
        self.all.number += other.all.number;
        self.own.number += other.own.number;
        for (form, captions) in other.others.into_iter().flat_map(|others| *others) {
            let others = self.others.get_or_insert_default();
            others.entry(form).or_default().number += captions.number;
        }
    }
}

struct Counter<'a> {
    finder: PhraseFinder<'a>,
    words: PhraseWords,
    counts: HashMap<Box<str>, Count>,
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
            loop {
                count_names_of(words, row, counts);
                if !words.ends_in_alternative() {
                    break;
                }
                words.pop();
            }
        }
    }
}

/// Counts the names that end in the last word.
fn count_names_of(words: &PhraseWords, row: usize, counts: &mut HashMap<Box<str>, Count>) {
    if words.len() == 0 || !is_name(words.last_singular(1)) {
        return;
    }
    for length in 1..=words.len().min(MOST_WORDS) {
        let form = words.last_singular(length);
        let first = form.split([' ', '/']).next().unwrap_or_default();
        if is_determiner(first) || is_quantifier(first) {
            continue;
        }
        let mut key = without_hyphens(form);
        if let Some(singular) = hidden_singular(&key) {
            key = singular.into();
        }
        if let Some(count) = counts.get_mut(&*key) {
            count.meet(row, form, &key);
        } else {
            let mut count = Count::default();
            count.meet(row, form, &key);
            counts.insert(key.into(), count);
        }
    }
}

fn is_name(head: &str) -> bool {
    head.chars().nth(1).is_some() && head.chars().any(char::is_alphabetic)
}
