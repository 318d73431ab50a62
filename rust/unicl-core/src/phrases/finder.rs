//! From captions to noun phrases, by the recipe of GLIP: split into sentences, lower-case, split into words,
//! tag, chunk.
//!
//! As in the recipe, all words of a caption are tagged together. A chunk lies within one sentence, and between
//! two marks such as "|", "#" and "•".

use super::pattern::Memory;
use super::sentences::is_separator;
use super::{Chunker, Tagger, Words};

/// Finds the noun phrases of captions, one after another; it reuses its buffers.
///
/// # Examples
///
/// ```
/// use unicl_core::phrases::{Chunker, DEFAULT_GRAMMAR, PhraseFinder, Tagger, convert_nltk};
///
/// let file = convert_nltk(r#"{"i word dog": {"NN": 2.0}}"#, r#"{"a": "DT"}"#, r#"["DT", "NN", "VB"]"#)?;
/// let tagger = Tagger::from_bytes(&file)?;
/// let chunker = Chunker::new(DEFAULT_GRAMMAR, tagger.tag_names())?;
/// let mut finder = PhraseFinder::new(&tagger, &chunker);
/// finder.read("Run, A  dog");
/// assert_eq!(finder.phrases().map(|phrase| phrase.span()).collect::<Vec<_>>(), [(5, 11)]);
/// let mut text = String::new();
/// finder.phrases().for_each(|phrase| phrase.write(&mut text));
/// assert_eq!(text, "a dog");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PhraseFinder<'a> {
    tagger: &'a Tagger,
    chunker: &'a Chunker,
    words: Words,
    tags: Vec<u8>,
    chunks: Vec<(u32, u32)>,
    memory: Memory,
}

impl<'a> PhraseFinder<'a> {
    /// Makes a finder with empty buffers.
    #[must_use]
    pub fn new(tagger: &'a Tagger, chunker: &'a Chunker) -> Self {
        Self {
            tagger,
            chunker,
            words: Words::default(),
            tags: Vec::new(),
            chunks: Vec::new(),
            memory: Memory::default(),
        }
    }

    /// Reads a caption; [`Self::phrases`] then has its phrases.
    pub fn read(&mut self, caption: &str) {
        self.words.split_sentences(caption);
        let words = &self.words;
        self.tagger
            .tag(words.len(), |at| words.get(at), &mut self.tags);
        self.chunks.clear();
        let mut chunk = |part| {
            let (chunks, memory) = (&mut self.chunks, &mut self.memory);
            self.chunker.chunk_part(&self.tags, part, chunks, memory);
        };
        let mut from = 0;
        let mut starts = words.sentence_starts().iter().map(|&start| start as usize);
        let mut next_start = starts.next();
        for (at, word) in words.iter().enumerate() {
            let is_start = next_start == Some(at);
            let is_separator = is_separator(word);
            if is_start || is_separator {
                chunk(from..at);
                from = at + usize::from(is_separator);
            }
            if is_start {
                next_start = starts.next();
            }
        }
        chunk(from..words.len());
    }

    /// The tagger.
    pub(crate) fn tagger(&self) -> &'a Tagger {
        self.tagger
    }

    /// The words of the caption that was read last.
    pub(crate) fn words(&self) -> &Words {
        &self.words
    }

    /// The tags of its words.
    pub(crate) fn tags(&self) -> &[u8] {
        &self.tags
    }

    /// Its phrases as the numbers of their first word and of the one after their last.
    pub(crate) fn places(&self) -> &[(u32, u32)] {
        &self.chunks
    }

    /// Some neighbouring words of it as a phrase.
    pub(crate) fn phrase(&self, from: usize, to: usize) -> Phrase<'_> {
        Phrase {
            words: &self.words,
            from,
            to,
        }
    }

    /// The phrases of the caption that was read last, in order.
    #[must_use]
    pub fn phrases(&self) -> impl ExactSizeIterator<Item = Phrase<'_>> {
        let words = &self.words;
        self.chunks.iter().map(move |&(from, to)| Phrase {
            words,
            from: from as usize,
            to: to as usize,
        })
    }
}

/// A noun phrase: neighbouring words of a caption.
#[derive(Clone, Copy)]
pub struct Phrase<'a> {
    words: &'a Words,
    from: usize,
    to: usize,
}

impl<'a> Phrase<'a> {
    /// Its words, lower-cased.
    #[must_use]
    pub fn words(self) -> impl ExactSizeIterator<Item = &'a str> {
        let words = self.words;
        (self.from..self.to).map(move |index| words.get(index))
    }

    /// Its characters in the caption: the first, and the one after the last.
    #[must_use]
    pub fn span(self) -> (u32, u32) {
        (self.words.span(self.from).0, self.words.span(self.to - 1).1)
    }

    /// Appends its words with single spaces between them.
    pub fn write(self, out: &mut String) {
        for (index, word) in self.words().enumerate() {
            if index > 0 {
                out.push(' ');
            }
            out.push_str(word);
        }
    }
}
