//! Tokenizers: captions in, token ids out.

mod blocks;
mod clip;
mod rows;
mod word_cache;
mod wordpiece;

pub use clip::{Clean, Cleaned, ClipTokenizer, ControlTokens, Merges, MergesError};
pub use rows::{DecodeError, Rows, TooLong};
pub use wordpiece::{
    ControlNames, NamedPart, Normalization, Vocabulary, VocabularyError, WordPieceTokenizer,
};
