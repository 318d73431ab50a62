//! Caption tokenization, noun phrases and labels for `UniCL` training, without Python.
//!
//! The crate reads captions and gives the numbers that training needs. It has four modules:
//!
//! - [`text`] turns captions into token ids, as CLIP's byte-pair tokenizer and BERT's `WordPiece` do.
//! - [`phrases`] finds noun phrases: it splits a caption into words, tags the words, and chunks the tags.
//! - [`labels`] maps noun phrases to the labels of a vocabulary, and mines vocabularies from captions.
//! - [`archive`] finds the samples of tar shards: where each image lies, its caption and its label.
//!
//! Every function that takes a batch takes [`Threads`](threads::Threads). Threads live for one call, so the
//! functions are safe after `fork`. A program can stop long work through [`interrupt`].
//!
//! # Tokenize captions
//!
//! ```
//! use unicl_core::text::{Clean, ClipTokenizer, ControlTokens, Merges, Rows};
//! use unicl_core::threads::Threads;
//!
//! // Merges::read(path) reads CLIP's own file; this vocabulary knows the word "dog" and single bytes.
//! let merges = Merges::parse(b"d o\ndo g</w>\n")?;
//! let tokenizer = ClipTokenizer::new(merges, Clean::OpenAi, ControlTokens::Text);
//!
//! // 514 starts a row, 515 ends it, and 0 is the padding.
//! let mut ids = [0; 5];
//! let rows = Rows { length: 5, ids: &mut ids, mask: None, types: None };
//! tokenizer.encode_padded(&["Dog dog"], rows, 0, Threads::ALL);
//! assert_eq!(ids, [514, 513, 513, 515, 0]);
//! assert_eq!(tokenizer.decode(&ids.map(i64::from))?, "dog dog");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Find noun phrases
//!
//! A [`Tagger`](phrases::Tagger) needs weights. This one has three of them; the Python package ships a file
//! with the weights for English.
//!
//! ```
//! use unicl_core::phrases::{Chunker, DEFAULT_GRAMMAR, Tagger, convert_nltk, find_noun_phrases};
//! use unicl_core::threads::Threads;
//!
//! let weights = r#"{"i word dog": {"NN": 2.0}, "i word ball": {"NN": 2.0}, "i-1 tag NN": {"VBZ": 1.0}}"#;
//! let content = convert_nltk(weights, r#"{"a": "DT", "the": "DT"}"#, r#"["DT", "NN", "VBZ"]"#)?;
//! let tagger = Tagger::from_bytes(&content)?;
//! let chunker = Chunker::new(DEFAULT_GRAMMAR, tagger.tag_names())?;
//!
//! let phrases = find_noun_phrases(&tagger, &chunker, &["A dog chases the ball"], Threads::ALL);
//! assert_eq!(phrases.text, "a dogthe ball");
//! assert_eq!(phrases.spans, [[0, 5], [13, 21]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Map phrases to labels
//!
//! ```
//! use unicl_core::labels::{Meanings, Mode, Vocabulary, map_phrases};
//! use unicl_core::threads::Threads;
//!
//! let names = vec!["dog".to_owned(), "hot dog".to_owned()];
//! let vocabulary = Vocabulary::new(names, &[("dog".to_owned(), "puppy".to_owned())], &[])?;
//! let mode = Mode::Canonical(Meanings::from(&vocabulary));
//!
//! let phrases = ["two hot dogs", "a small puppy", "the cat"];
//! let ids: Vec<i32> = map_phrases(mode, &phrases, Threads::ALL)
//!     .iter()
//!     .map(|mapping| mapping.id)
//!     .collect();
//! assert_eq!(ids, [1, 0, -1]);
//! # Ok::<(), unicl_core::labels::VocabularyError>(())
//! ```

pub mod archive;
mod error;
pub mod interrupt;
pub mod labels;
pub mod phrases;
mod short_word;
pub mod text;
pub mod threads;

pub use error::{Error, ErrorKind, io_kind};
