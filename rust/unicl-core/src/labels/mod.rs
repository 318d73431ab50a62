//! From noun phrases to labels: a vocabulary, its mining from captions, the mapping, and whole captions to label sets.

mod irregular;
mod labeler;
mod lemma;
mod mapper;
mod miner;
mod phrase;
mod vocabulary;

pub use labeler::{Explanation, explain, label_captions, map_phrases};
pub use lemma::lemma;
pub use mapper::{Mapper, Mapping, Rule};
pub use miner::{Limits, mine};
pub use vocabulary::{Vocabulary, VocabularyError, text_key};
