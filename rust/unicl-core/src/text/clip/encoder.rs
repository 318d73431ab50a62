//! From captions to ids on one thread: CLIP's hot loop.
//!
//! How the speed is reached
//! ```text
//! for each caption, copied with 16 spaces after it so that 16 bytes can be read at every position:
//!     block = the next 16 bytes as one u128
//!     letters? a mask of all 16 (ten integer operations) gives their number and their lower case
//!     digit, lone punctuation mark? its id is a table entry
//!     else: split as in pieces.rs, character by character
//!     up to 15 bytes? the word is a u128 key, its ids stand in one cache line of the word cache
//!     else, and on a miss: merge (byte_pairs.rs)
//!     stop as soon as the row is full
//! ```
//! 1. A caption of plain ASCII is not cleaned: whitespace falls between pieces, and letters are lowered
//!    as they are read.
//! 2. There is no regex engine, no allocation for a word or a caption, and no hash of a string: the key
//!    is the word.
//! 3. The cache has one size, 2 MiB, and outlives the call: a thread borrows one from the tokenizer.

use super::byte_pairs::merge_word;
use super::byte_symbols::{id_of_byte, id_of_last_byte};
use super::characters::{CLASS_OF_BYTE, Class};
use super::normalize::Clean;
use super::pieces::{contraction, piece};
use super::tokenizer::{CACHED_IDS, ClipTokenizer, ControlTokens};
use super::vocabulary::Merges;
use crate::text::blocks::{BLOCK, EACH_BYTE, HIGH_BITS, block_at, letters};
use crate::text::rows::PushIds;
use crate::text::word_cache::{LONGEST_WORD, Lent, word_key};

/// The buffers and the cache of one thread.
pub(super) struct Encoder<'a> {
    tokenizer: &'a ClipTokenizer,
    cache: Lent<'a, u16, CACHED_IDS>,
    /// The caption, and [`BLOCK`] spaces after it.
    padded: Vec<u8>,
    /// One word while it is merged.
    symbols: Vec<u16>,
    pub(super) ids: Vec<u16>,
    /// Bits to set in a byte that is a letter.
    lower: u128,
    folding: bool,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(tokenizer: &'a ClipTokenizer) -> Self {
        Self {
            tokenizer,
            cache: tokenizer.caches.lend(),
            padded: Vec::new(),
            symbols: Vec::new(),
            ids: Vec::new(),
            lower: if tokenizer.clean.lowers() {
                EACH_BYTE * 0x20
            } else {
                0
            },
            folding: tokenizer.clean != Clean::HuggingFace,
        }
    }

    /// The first name of a control token: its place, its id, its length.
    fn find_control(&self, caption: &str) -> Option<(usize, u16, usize)> {
        let tokens = self.control_tokens(self.tokenizer.control_tokens);
        // Every name begins with '<'. Searching for each name in turn would be quadratic if one is missing.
        caption.match_indices('<').find_map(|(at, _)| {
            let stands_here = |name: &str| !name.is_empty() && caption[at..].starts_with(name);
            let (id, name) = tokens.into_iter().find(|(_, name)| stands_here(name))?;
            Some((at, id, name.len()))
        })
    }

    fn control_tokens(&self, names: ControlTokens) -> [(u16, &'static str); 2] {
        let [start, end] = names.names();
        [
            (self.tokenizer.merges.start_id(), start),
            (self.tokenizer.merges.end_id(), end),
        ]
    }

    fn push_text(&mut self, caption: &str, enough: usize) {
        self.padded.clear();
        self.padded.extend_from_slice(caption.as_bytes());
        self.padded.extend_from_slice(&[b' '; BLOCK]);
        let mut at = 0;
        while at < caption.len() && self.ids.len() < enough {
            let block = block_at(&self.padded, at);
            let [first, second, ..] = block.to_le_bytes();
            at += match CLASS_OF_BYTE[usize::from(first)] {
                Some(Class::Space) => 1,
                Some(Class::Number) => {
                    self.ids.push(id_of_last_byte(first));
                    1
                }
                Some(Class::Letter) => {
                    let letters = letters(block);
                    let count = ((!letters & HIGH_BITS).trailing_zeros() / 8) as usize;
                    // A character that is not ASCII may continue the word.
                    if count < BLOCK && self.padded[at + count].is_ascii() {
                        self.push_short(block | (letters >> 2 & self.lower), count);
                        count
                    } else {
                        self.push_piece(caption, at)
                    }
                }
                Some(Class::Other) if ends_a_run(second) && first != b'\'' && first != b'<' => {
                    self.ids.push(id_of_last_byte(first));
                    1
                }
                Some(Class::Other)
                    if first == b'\'' && contraction(&block.to_le_bytes(), false) > 0 =>
                {
                    let count = contraction(&block.to_le_bytes(), false);
                    self.push_short(block | (letters(block) >> 2 & self.lower), count);
                    count
                }
                Some(Class::Other) if first == b'<' => {
                    let control = self.push_control(caption, at);
                    control.unwrap_or_else(|| self.push_piece(caption, at))
                }
                Some(Class::Other) | None => self.push_piece(caption, at),
            };
        }
    }

    /// Appends a control token if its name begins here, and returns the length of the name.
    fn push_control(&mut self, caption: &str, at: usize) -> Option<usize> {
        let is_hugging_face = self.tokenizer.clean == Clean::HuggingFace;
        let names = if is_hugging_face {
            ControlTokens::OpenAi
        } else {
            self.tokenizer.control_tokens
        };
        let text = &self.padded[at..];
        let stands_here = |name: &str| {
            let here = text.get(..name.len());
            !name.is_empty() && here.is_some_and(|here| here.eq_ignore_ascii_case(name.as_bytes()))
        };
        let (id, name) = self
            .control_tokens(names)
            .into_iter()
            .find(|(_, name)| stands_here(name))?;
        if is_hugging_face {
            // A name that was not cut out has capitals, or is meant as text. The pattern of transformers has
            // the names all the same, so the pieces of a name end where the name ends.
            let end = at + name.len();
            let mut at = at;
            while at < end {
                at += self.push_piece(&caption[..end], at);
            }
        } else {
            self.ids.push(id);
        }
        Some(name.len())
    }

    /// Appends the piece at `at`, or skips the whitespace there, and returns the length; for any characters.
    #[cold]
    fn push_piece(&mut self, caption: &str, at: usize) -> usize {
        let rest = &caption[at..];
        let length = piece(rest, self.folding);
        if length == 0 {
            return rest.chars().next().map_or(1, char::len_utf8);
        }
        if length <= LONGEST_WORD {
            let block = block_at(&self.padded, at);
            self.push_short(block | (letters(block) >> 2 & self.lower), length);
        } else {
            let word = &mut self.padded[at..at + length];
            if self.lower != 0 {
                word.make_ascii_lowercase();
            }
            push_word(
                &self.tokenizer.merges,
                word,
                &mut self.symbols,
                &mut self.ids,
            );
        }
        length
    }

    /// Appends the word of the first `length` bytes of `block`, through the cache.
    #[inline]
    fn push_short(&mut self, block: u128, length: usize) {
        let key = word_key(block, length);
        let (merges, symbols) = (&self.tokenizer.merges, &mut self.symbols);
        self.cache.push(key, &mut self.ids, |ids| {
            push_word(merges, &key.to_le_bytes()[..length], symbols, ids);
        });
    }
}

impl PushIds for Encoder<'_> {
    type Id = u16;

    fn push_caption(&mut self, mut caption: &str, enough: usize) {
        // transformers cuts the caption at the names before anything else. For the others a name is a
        // piece like any other.
        while self.tokenizer.clean == Clean::HuggingFace && self.ids.len() < enough {
            let Some((at, id, length)) = self.find_control(caption) else {
                break;
            };
            self.push_text(&caption[..at], enough);
            self.ids.push(id);
            caption = &caption[at + length..];
        }
        self.push_text(caption, enough);
    }

    fn ids(&mut self) -> &mut Vec<u16> {
        &mut self.ids
    }
}

/// Appends the ids of a word, which no cache has.
#[cold]
fn push_word(merges: &Merges, word: &[u8], symbols: &mut Vec<u16>, ids: &mut Vec<u16>) {
    spell(word, symbols);
    merge_word(merges, symbols);
    ids.extend_from_slice(symbols);
}

/// Whether a run of `Class::Other` ends before this byte.
#[inline]
fn ends_a_run(byte: u8) -> bool {
    matches!(
        CLASS_OF_BYTE[usize::from(byte)],
        Some(Class::Space | Class::Letter | Class::Number)
    )
}

/// The symbols of a word before any merge: its bytes, of which the last ends the word.
pub(super) fn spell(word: &[u8], symbols: &mut Vec<u16>) {
    symbols.clear();
    symbols.extend(word.iter().map(|&byte| id_of_byte(byte)));
    if let (Some(symbol), Some(&byte)) = (symbols.last_mut(), word.last()) {
        *symbol = id_of_last_byte(byte);
    }
}
