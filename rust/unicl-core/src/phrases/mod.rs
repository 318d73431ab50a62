//! From a caption to its noun phrases: words, part-of-speech tags, chunks.
//!
//! [`Words`] splits a caption, a [`Tagger`] tags the words, and a [`Chunker`] finds phrases in the tags. A
//! [`PhraseFinder`] does all three, and no phrase of it runs over the end of a sentence.

mod characters;
mod columns;
mod finder;
mod grammar;
mod nltk;
mod pattern;
mod sentences;
mod sums;
mod tagger;
#[cfg(any(test, fuzzing))]
mod tagger_definition;
mod treebank;
mod weights;
mod words;

pub(crate) use characters::{is_space, is_word};
pub use columns::{Columns, find_noun_phrases, tag_captions, tag_sentences};
pub use finder::{Phrase, PhraseFinder};
pub use grammar::{Chunker, DEFAULT_GRAMMAR, GrammarError, MAX_TAGS};
pub use nltk::convert_nltk;
pub use tagger::Tagger;
#[cfg(any(test, fuzzing))]
pub use tagger_definition::tag_by_definition;
pub use weights::WeightsError;
pub use words::Words;
