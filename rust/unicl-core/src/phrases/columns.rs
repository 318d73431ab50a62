//! From batches of captions to columns of tags and of noun phrases, over threads.

use super::{Chunker, PhraseFinder, Tagger, Words};
use crate::interrupt;
use crate::threads::{self, Threads};

/// Captions that a thread takes at a time.
const TASK: usize = 1024;

/// Rows of pieces of text: the pieces of row `i` are `offsets[i]..offsets[i + 1]`.
#[derive(Debug, PartialEq)]
pub struct Columns {
    /// Where each row's pieces begin, and the end.
    pub offsets: Vec<i64>,
    /// For each piece its characters in the caption: the first, and the one after the last.
    pub spans: Vec<[i32; 2]>,
    /// The text of the pieces, one after another.
    pub text: String,
    /// Where in `text` each piece begins, in bytes, and the end.
    pub text_offsets: Vec<i64>,
    /// For each piece its tag; phrases have none.
    pub tags: Vec<u8>,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            offsets: vec![0],
            spans: Vec::new(),
            text: String::new(),
            text_offsets: vec![0],
            tags: Vec::new(),
        }
    }
}

impl Columns {
    fn end_piece(&mut self, span: (u32, u32)) {
        let narrow = |at| i32::try_from(at).expect("a caption has less than 2^31 characters");
        self.spans.push([narrow(span.0), narrow(span.1)]);
        self.text_offsets.push(wide(self.text.len()));
    }

    fn end_row(&mut self) {
        self.offsets.push(wide(self.spans.len()));
    }

    fn append(mut self, next: &Self) -> Self {
        let (pieces, bytes) = (wide(self.spans.len()), wide(self.text.len()));
        self.offsets
            .extend(next.offsets[1..].iter().map(|offset| offset + pieces));
        self.text_offsets
            .extend(next.text_offsets[1..].iter().map(|offset| offset + bytes));
        self.spans.extend_from_slice(&next.spans);
        self.text.push_str(&next.text);
        self.tags.extend_from_slice(&next.tags);
        self
    }
}

fn wide(count: usize) -> i64 {
    i64::try_from(count).expect("memory has less than 2^63 bytes")
}

/// Gives the words of captions, as written, and their tags.
#[must_use]
pub fn tag_captions(tagger: &Tagger, captions: &[&str], threads: Threads) -> Columns {
    let parts = threads::run(
        threads,
        captions.chunks(TASK).collect(),
        <(Words, Vec<u8>)>::default,
        |(words, tags), captions: &[&str]| {
            let mut columns = Columns::default();
            for caption in captions {
                words.split(caption, false);
                tagger.tag(words.len(), |at| words.get(at), tags);
                columns.tags.extend_from_slice(tags);
                for (index, word) in words.iter().enumerate() {
                    interrupt::check_at(index);
                    columns.text.push_str(word);
                    columns.end_piece(words.span(index));
                }
                columns.end_row();
            }
            columns
        },
    );
    parts.iter().fold(Columns::default(), Columns::append)
}

/// Gives the tags of sentences whose words are already split.
#[must_use]
pub fn tag_sentences(tagger: &Tagger, sentences: &[Vec<&str>], threads: Threads) -> Vec<Vec<u8>> {
    let tag = |(): &mut (), sentences: &[Vec<&str>]| -> Vec<Vec<u8>> {
        let tag = |words: &Vec<&str>| {
            let mut tags = Vec::with_capacity(words.len());
            tagger.tag(words.len(), |at| words[at], &mut tags);
            tags
        };
        sentences.iter().map(tag).collect()
    };
    threads::run(threads, sentences.chunks(TASK).collect(), || (), tag).concat()
}

/// Gives the noun phrases of captions.
#[must_use]
pub fn find_noun_phrases(
    tagger: &Tagger,
    chunker: &Chunker,
    captions: &[&str],
    threads: Threads,
) -> Columns {
    let finder = || PhraseFinder::new(tagger, chunker);
    let parts = threads::run(
        threads,
        captions.chunks(TASK).collect(),
        finder,
        |finder, captions: &[&str]| {
            let mut columns = Columns::default();
            for caption in captions {
                finder.read(caption);
                for (index, phrase) in finder.phrases().enumerate() {
                    interrupt::check_at(index);
                    phrase.write(&mut columns.text);
                    columns.end_piece(phrase.span());
                }
                columns.end_row();
            }
            columns
        },
    );
    parts.iter().fold(Columns::default(), Columns::append)
}
