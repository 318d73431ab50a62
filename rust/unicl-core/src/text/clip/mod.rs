//! CLIP's byte-pair tokenizer. The head of encoder.rs tells where the speed comes from.

mod byte_pairs;
mod byte_symbols;
mod characters;
mod encoder;
mod normalize;
mod pieces;
mod repair;
mod tokenizer;
mod tokenizer_json;
mod unicode_tables;
mod vocabulary;

pub use normalize::{Clean, Cleaned};
pub use tokenizer::{ClipTokenizer, ControlTokens};
pub use vocabulary::{Merges, MergesError};
