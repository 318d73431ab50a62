//! BERT's `WordPiece` tokenizer. Where the speed comes from stands at the head of encoder.rs.

mod characters;
mod encoder;
mod normalize;
mod tokenizer;
mod trie;
mod unicode_tables;
mod vocabulary;

pub use normalize::Normalization;
pub use tokenizer::{BertRows, WordPieceTokenizer};
pub use vocabulary::{ControlNames, Vocabulary, VocabularyError};
