//! Tokenizers: captions in, token ids out.

mod blocks;
mod byte_pairs;
mod byte_symbols;
mod clean;
mod clip;
mod encoder;
mod merges;
mod pieces;
mod repair;
mod rows;
mod tokenizer_json;
mod unicode_tables;
mod word_cache;
mod wordpiece;

pub use clean::{Clean, Cleaned};
pub use clip::{ClipTokenizer, ControlTokens, DecodeError, Rows};
pub use merges::{Merges, MergesError};
pub use rows::TooLong;
pub use wordpiece::{
    BertRows, ControlNames, Normalization, Vocabulary, VocabularyError, WordPieceTokenizer,
};
