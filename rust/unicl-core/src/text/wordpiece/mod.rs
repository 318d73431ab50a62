//! BERT's `WordPiece` tokenizer. The head of encoder.rs tells where the speed comes from.

mod characters;
mod encoder;
mod normalize;
mod template;
mod tokenizer;
mod trie;
mod unicode_tables;
mod vocabulary;

pub use normalize::Normalization;
pub use template::NamedPart;
pub use tokenizer::WordPieceTokenizer;
pub use vocabulary::{ControlNames, Vocabulary, VocabularyError};
