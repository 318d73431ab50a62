//! From captions to ids on one thread: `WordPiece`'s hot loop.
//!
//! How the speed is reached
//! ```text
//! for each caption, copied with 16 spaces after it so that 16 bytes can be read at every position:
//!     block = the next 16 bytes as one u128
//!     space? go on; ASCII punctuation? its id is a table entry
//!     else a chunk: all up to the next ASCII space or punctuation; a mask of all 16 bytes gives its length
//!     up to 15 bytes? the chunk is a u128 key, lowered by the same mask; its ids stand in one cache line
//!     else, and on a miss: normalize and split the chunk (normalize.rs), walk the vocabulary's tree (trie.rs)
//!     stop as soon as the row is full
//! ```
//! 1. The ids of a chunk do not depend on its neighbours: an ASCII space or punctuation mark does not
//!    combine with accents, and canonical order does not move accents across it. So the cache holds text
//!    as it came, with its accents, and a word in any script costs one lookup the second time.
//! 2. There is no regex engine, no allocation for a word or a caption, and no hash of a string.
//! 3. The cache has one size, 2 MiB, and outlives the call: a thread borrows one from the tokenizer.

use super::normalize::Scratch;
use super::tokenizer::{CACHED_IDS, WordPieceTokenizer};
use crate::text::blocks::{BLOCK, HIGH_BITS, block_at, digits, letters};
use crate::text::rows::PushIds;
use crate::text::word_cache::{LONGEST_WORD, Lent, word_key};

/// The kind of a byte at which a chunk can begin: white space. Kinds from 0 on are punctuation with this id.
pub(super) const SPACE: i32 = -1;
/// The kind of a byte that begins or continues a chunk; see [`SPACE`].
pub(super) const CHUNK: i32 = -2;

/// The buffers and the cache of one thread.
pub(super) struct Encoder<'a> {
    tokenizer: &'a WordPieceTokenizer,
    cache: Lent<'a, i32, CACHED_IDS>,
    /// The caption, and [`BLOCK`] spaces after it.
    padded: Vec<u8>,
    scratch: Scratch,
    pub(super) ids: Vec<i32>,
    /// Bits to set in a byte that is a letter.
    lower: u128,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(tokenizer: &'a WordPieceTokenizer) -> Self {
        let lowercase = tokenizer.splitter.normalization.lowercase;
        Self {
            tokenizer,
            cache: tokenizer.caches.lend(),
            padded: Vec::new(),
            scratch: Scratch::default(),
            ids: Vec::new(),
            lower: if lowercase { HIGH_BITS >> 2 } else { 0 },
        }
    }

    fn push_text(&mut self, text: &str, enough: usize) {
        self.padded.clear();
        self.padded.extend_from_slice(text.as_bytes());
        self.padded.extend_from_slice(&[b' '; BLOCK]);
        let mut at = 0;
        while at < text.len() && self.ids.len() < enough {
            let block = block_at(&self.padded, at);
            match self.tokenizer.byte_is(self.padded[at]) {
                SPACE => at += 1,
                CHUNK => {
                    let letters = letters(block);
                    let words = letters | digits(block) | block & HIGH_BITS;
                    let count = ((!words & HIGH_BITS).trailing_zeros() / 8) as usize;
                    // A control character belongs to the chunk: it is dropped, and the letters on both sides are one word.
                    if count < BLOCK && self.tokenizer.byte_is(self.padded[at + count]) != CHUNK {
                        self.push_short(text, at, block | (letters >> 2 & self.lower), count);
                        at += count;
                    } else {
                        at += self.push_long(text, at);
                    }
                }
                id => {
                    self.ids.push(id);
                    at += 1;
                }
            }
        }
    }

    /// Appends the chunk of `length` bytes at `at` through the cache; `block` holds the chunk too.
    #[inline]
    fn push_short(&mut self, text: &str, at: usize, block: u128, length: usize) {
        let key = word_key(block, length);
        let (tokenizer, scratch) = (self.tokenizer, &mut self.scratch);
        self.cache.push(key, &mut self.ids, |ids| {
            push_chunk(tokenizer, &text[at..at + length], scratch, ids);
        });
    }

    /// Appends the chunk at `at`, whatever its length, and returns its length.
    #[cold]
    fn push_long(&mut self, text: &str, at: usize) -> usize {
        let bytes = &self.padded[at..text.len()];
        let is_end = |&byte: &u8| self.tokenizer.byte_is(byte) != CHUNK;
        let length = bytes.iter().position(is_end).unwrap_or(bytes.len());
        if length <= LONGEST_WORD {
            let block = block_at(&self.padded, at);
            self.push_short(text, at, block | (letters(block) >> 2 & self.lower), length);
        } else {
            push_chunk(
                self.tokenizer,
                &text[at..at + length],
                &mut self.scratch,
                &mut self.ids,
            );
        }
        length
    }
}

impl PushIds for Encoder<'_> {
    type Id = i32;

    fn push_caption(&mut self, mut caption: &str, enough: usize) {
        // Hugging Face's tokenizers cut the text at the names before anything else.
        if self.tokenizer.finds_control_tokens {
            while let Some((at, length, id)) = self.tokenizer.find_control(caption) {
                self.push_text(&caption[..at], enough);
                if self.ids.len() >= enough {
                    return;
                }
                self.ids.push(id);
                caption = &caption[at + length..];
            }
        }
        self.push_text(caption, enough);
    }

    fn ids(&mut self) -> &mut Vec<i32> {
        &mut self.ids
    }
}

/// Appends the ids of a chunk, which no cache has.
#[cold]
fn push_chunk(
    tokenizer: &WordPieceTokenizer,
    chunk: &str,
    scratch: &mut Scratch,
    ids: &mut Vec<i32>,
) {
    tokenizer.splitter.split(chunk, scratch, |word| {
        tokenizer.push_word(word, ids);
    });
}
