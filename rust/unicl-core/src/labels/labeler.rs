//! Maps captions to sets of labels.

use super::argmax::{Argmax, ArgmaxIndex};
use super::mapper::{Mapper, Mapping, Meanings};
use super::phrase::PhraseWords;
use crate::phrases::{Chunker, Phrase, PhraseFinder, Tagger};
use crate::threads::{self, Threads};

/// Captions that a thread takes at a time.
const TASK: usize = 1024;

/// How phrases are mapped.
#[derive(Clone, Copy)]
pub enum Mode<'a> {
    /// By meaning; see [`Mapper`].
    Canonical(Meanings<'a>),
    /// By likeness; see [`Argmax`].
    Argmax(&'a ArgmaxIndex),
}

/// A mapper of either mode.
enum PhraseMapper<'a> {
    Canonical(Mapper<'a>),
    /// With a buffer for the text of a phrase.
    Argmax(Box<Argmax<'a>>, String),
}

impl<'a> PhraseMapper<'a> {
    fn new(mode: Mode<'a>) -> Self {
        match mode {
            Mode::Canonical(meanings) => Self::Canonical(Mapper::new(meanings)),
            Mode::Argmax(index) => Self::Argmax(Box::new(Argmax::new(index)), String::new()),
        }
    }

    fn map(&mut self, phrase: &str) -> Mapping {
        match self {
            Self::Canonical(mapper) => mapper.map(phrase.split_whitespace()),
            Self::Argmax(argmax, _) => argmax.map(phrase),
        }
    }

    fn map_found(&mut self, phrase: Phrase<'_>) -> Mapping {
        match self {
            Self::Canonical(mapper) => mapper.map(phrase.words()),
            Self::Argmax(argmax, text) => {
                text.clear();
                phrase.write(text);
                argmax.map(text)
            }
        }
    }
}

/// Maps phrases to labels, in order.
#[must_use]
pub fn map_phrases(mode: Mode<'_>, phrases: &[&str], threads: Threads) -> Vec<Mapping> {
    let parts = threads::run(
        threads,
        phrases.chunks(TASK).collect(),
        || PhraseMapper::new(mode),
        |mapper, phrases: &[&str]| -> Vec<Mapping> {
            phrases.iter().map(|phrase| mapper.map(phrase)).collect()
        },
    );
    parts.concat()
}

/// Gives the labels of captions as `(indices, offsets)`.
///
/// The labels of caption `i` are `indices[offsets[i]..offsets[i + 1]]`: ascending, each once.
#[must_use]
pub fn label_captions(
    tagger: &Tagger,
    chunker: &Chunker,
    mode: Mode<'_>,
    captions: &[&str],
    threads: Threads,
) -> (Vec<i32>, Vec<i64>) {
    let state = || {
        (
            PhraseFinder::new(tagger, chunker),
            PhraseMapper::new(mode),
            Vec::new(),
        )
    };
    let parts = threads::run(
        threads,
        captions.chunks(TASK).collect(),
        state,
        |(finder, mapper, row), captions: &[&str]| {
            let (mut indices, mut lengths) = (Vec::new(), Vec::with_capacity(captions.len()));
            for caption in captions {
                finder.read(caption);
                row.clear();
                row.extend(
                    finder
                        .phrases()
                        .map(|phrase| mapper.map_found(phrase).id)
                        .filter(|&id| id >= 0),
                );
                row.sort_unstable();
                row.dedup();
                indices.extend_from_slice(row);
                lengths.push(i32::try_from(row.len()).unwrap_or(i32::MAX));
            }
            (indices, lengths)
        },
    );
    let (mut indices, mut offsets) = (Vec::new(), vec![0]);
    let mut end = 0_i64;
    for (part, lengths) in parts {
        indices.extend(part);
        offsets.extend(lengths.into_iter().map(|length| {
            end += i64::from(length);
            end
        }));
    }
    (indices, offsets)
}

/// A phrase of a caption and its label.
pub struct Explanation {
    /// The characters of the caption: the first, and the one after the last.
    pub span: (u32, u32),
    /// The phrase, lower-cased.
    pub phrase: String,
    /// The phrase without determiners, its head in the singular.
    pub lemma: String,
    /// Its label.
    pub mapping: Mapping,
}

/// Gives the phrases of one caption and their labels.
#[must_use]
pub fn explain(
    tagger: &Tagger,
    chunker: &Chunker,
    mode: Mode<'_>,
    caption: &str,
) -> Vec<Explanation> {
    let mut finder = PhraseFinder::new(tagger, chunker);
    let mut mapper = PhraseMapper::new(mode);
    let mut words = PhraseWords::default();
    finder.read(caption);
    let rows = finder.phrases().map(|found| {
        let mut phrase = String::new();
        found.write(&mut phrase);
        words.read(found.words());
        let lemma = match words.len() {
            0 => "",
            count => words.last_singular(count),
        };
        Explanation {
            span: found.span(),
            phrase,
            lemma: lemma.to_owned(),
            mapping: mapper.map_found(found),
        }
    });
    rows.collect()
}
