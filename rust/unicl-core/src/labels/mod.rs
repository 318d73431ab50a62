//! From noun phrases and captions to the labels of a vocabulary.
//!
//! A [`Vocabulary`] holds the label names, and [`mine`] finds names in captions. A [`Mapper`] maps one phrase to a label,
//! and [`label_captions`] maps whole captions to sets of labels.

mod argmax;
mod context;
mod labeler;
mod lemma;
mod lexicon;
mod mapper;
mod mentions;
mod miner;
mod phrase;
mod reading;
mod spelling;
mod vocabulary;
mod word_classes;
mod word_tables;

#[cfg(any(test, fuzzing))]
pub use argmax::argmax_by_definition;
pub use argmax::{Argmax, ArgmaxIndex};
pub use labeler::{LabelColumns, Mode, PhraseDetail, Texts, label_captions, map_phrases};
pub use lemma::lemma;
#[cfg(fuzzing)]
pub use lemma::plurals_of_text;
pub use lexicon::NameEnds;
pub use mapper::{Mapper, Mapping, Meanings, Rule};
pub use miner::{CountedName, Limits, count_names, mine};
pub use spelling::{LabelWords, Spelling};
pub use vocabulary::{SharedForm, Vocabulary, VocabularyError, text_key};
