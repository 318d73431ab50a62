//! From noun phrases to labels: a vocabulary, its mining from captions, the mapping, and whole captions to label sets.

mod argmax;
mod irregular;
mod labeler;
mod lemma;
mod mapper;
mod miner;
mod phrase;
mod spelling;
mod trailing;
mod vocabulary;

pub use argmax::{Argmax, ArgmaxIndex};
pub use labeler::{LabelColumns, Mode, PhraseDetail, Texts, label_captions, map_phrases};
pub use lemma::lemma;
pub use mapper::{Mapper, Mapping, Meanings, Rule};
pub use miner::{Limits, mine};
pub use spelling::{LabelWords, Spelling};
pub use vocabulary::{Vocabulary, VocabularyError, text_key};
