//! Maps captions to sets of labels, and to the noun phrases that mean them.

use super::argmax::{Argmax, ArgmaxIndex};
use super::context::Mention;
use super::mapper::{Mapper, Mapping, Meanings};
use super::mentions::MentionFinder;
use super::phrase::PhraseWords;
use super::reading::{Kinds, Reading};
use crate::phrases::{Chunker, Phrase, PhraseFinder, Tagger};
use crate::threads::{self, Threads};

/// Captions that a thread takes at a time.
const TASK: usize = 1024;

/// How phrases are mapped.
#[derive(Clone, Copy)]
pub enum Mode<'a> {
    /// By their meaning; see [`Mapper`].
    Canonical(Meanings<'a>),
    /// By their spelling; see [`Argmax`].
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

/// How much a call gives for each noun phrase. Each value includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhraseDetail {
    /// How many phrases each caption has.
    Count,
    /// The label of each phrase, its score and its rule.
    Label,
    /// The text of each phrase, and where it stands in the caption.
    Text,
    /// The phrase without determiners, its head in the singular.
    Lemma,
}

/// Strings one after another in one buffer.
#[derive(Debug, PartialEq)]
pub struct Texts {
    /// The text of all.
    pub text: String,
    /// Where in `text` each begins, in bytes, and the end.
    pub offsets: Vec<i64>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            text: String::new(),
            offsets: vec![0],
        }
    }
}

impl Texts {
    /// Ends the string that was written to `text` last.
    fn end(&mut self) {
        self.offsets.push(wide(self.text.len()));
    }

    fn append(&mut self, next: &Self) {
        append_offsets(&mut self.offsets, &next.offsets);
        self.text.push_str(&next.text);
    }
}

/// The labels of a batch of captions, as columns.
#[derive(Debug, PartialEq)]
pub struct LabelColumns {
    /// The labels of all captions: ascending within a caption, each once.
    pub labels: Vec<i32>,
    /// Where in `labels` each caption begins, and the end.
    pub label_offsets: Vec<i64>,
    /// Which phrases each caption has: the first one, and the end.
    pub phrase_offsets: Vec<i64>,
    /// The label of each phrase; empty below [`PhraseDetail::Label`].
    pub mappings: Vec<Mapping>,
    /// The characters of the caption, from and to, that each phrase came from; empty below [`PhraseDetail::Text`].
    pub spans: Vec<[i32; 2]>,
    /// The phrases, lower-cased; empty below [`PhraseDetail::Text`].
    pub texts: Texts,
    /// The phrases without determiners, their heads in the singular; empty below [`PhraseDetail::Lemma`].
    pub lemmas: Texts,
}

impl Default for LabelColumns {
    fn default() -> Self {
        Self {
            labels: Vec::new(),
            label_offsets: vec![0],
            phrase_offsets: vec![0],
            mappings: Vec::new(),
            spans: Vec::new(),
            texts: Texts::default(),
            lemmas: Texts::default(),
        }
    }
}

impl LabelColumns {
    /// Appends what `detail` asks for. It is not inlined, so that the loop that only counts phrases stays small.
    #[inline(never)]
    fn push_phrase(
        &mut self,
        phrase: Phrase<'_>,
        mapping: Mapping,
        detail: PhraseDetail,
        words: &mut PhraseWords,
    ) {
        self.mappings.push(mapping);
        if detail >= PhraseDetail::Text {
            let (from, to) = phrase.span();
            let narrow = |at| i32::try_from(at).expect("a caption has less than 2^31 characters");
            self.spans.push([narrow(from), narrow(to)]);
            phrase.write(&mut self.texts.text);
            self.texts.end();
        }
        if detail >= PhraseDetail::Lemma {
            words.read(phrase.words());
            if words.len() > 0 {
                self.lemmas.text.push_str(words.last_singular(words.len()));
            }
            self.lemmas.end();
        }
    }

    fn append(mut self, next: &Self) -> Self {
        self.labels.extend_from_slice(&next.labels);
        append_offsets(&mut self.label_offsets, &next.label_offsets);
        append_offsets(&mut self.phrase_offsets, &next.phrase_offsets);
        self.mappings.extend_from_slice(&next.mappings);
        self.spans.extend_from_slice(&next.spans);
        self.texts.append(&next.texts);
        self.lemmas.append(&next.lemmas);
        self
    }
}

/// Appends the offsets of a second part to those of a first.
fn append_offsets(offsets: &mut Vec<i64>, next: &[i64]) {
    let end = *offsets.last().expect("offsets begin with 0");
    offsets.extend(next[1..].iter().map(|offset| offset + end));
}

fn wide(count: usize) -> i64 {
    i64::try_from(count).expect("memory has less than 2^63 bytes")
}

/// Finds the labels of captions, and as much of their phrases as `detail` asks for.
#[must_use]
pub fn label_captions(
    tagger: &Tagger,
    chunker: &Chunker,
    mode: Mode<'_>,
    captions: &[&str],
    detail: PhraseDetail,
    threads: Threads,
) -> LabelColumns {
    let parts = threads::run(
        threads,
        captions.chunks(TASK).collect(),
        || Labeler {
            finder: PhraseFinder::new(tagger, chunker),
            mapper: PhraseMapper::new(mode),
            kinds: Kinds::new(tagger),
            mentions: MentionFinder::default(),
            words: PhraseWords::default(),
            row: Vec::new(),
            detail,
        },
        |labeler, captions: &[&str]| {
            let mut columns = LabelColumns::default();
            for caption in captions {
                labeler.label(caption, &mut columns);
            }
            columns
        },
    );
    parts
        .iter()
        .fold(LabelColumns::default(), LabelColumns::append)
}

/// Labels captions one after another, in buffers that it keeps.
struct Labeler<'a> {
    finder: PhraseFinder<'a>,
    mapper: PhraseMapper<'a>,
    kinds: Kinds,
    mentions: MentionFinder,
    words: PhraseWords,
    row: Vec<i32>,
    detail: PhraseDetail,
}

impl Labeler<'_> {
    /// Appends a caption to the columns.
    fn label(&mut self, caption: &str, columns: &mut LabelColumns) {
        let Self {
            finder,
            mapper,
            kinds,
            mentions,
            words,
            row,
            detail,
        } = self;
        finder.read(caption);
        let mentions = match mapper {
            PhraseMapper::Canonical(mapper) => {
                mentions.find(&Reading::new(caption, finder, kinds), mapper)
            }
            PhraseMapper::Argmax(argmax, text) => mentions.all(finder.places(), |from, to| {
                text.clear();
                finder.phrase(from, to).write(text);
                argmax.map(text)
            }),
        };
        let end = columns.phrase_offsets.last().copied().unwrap_or_default() + wide(mentions.len());
        columns.phrase_offsets.push(end);
        row.clear();
        for &Mention { from, to, mapping } in mentions {
            if mapping.id >= 0 {
                row.push(mapping.id);
            }
            if *detail > PhraseDetail::Count {
                columns.push_phrase(finder.phrase(from, to), mapping, *detail, words);
            }
        }
        row.sort_unstable();
        row.dedup();
        columns.labels.extend_from_slice(row);
        columns.label_offsets.push(wide(columns.labels.len()));
    }
}
