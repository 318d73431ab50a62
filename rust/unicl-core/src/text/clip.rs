//! CLIP's byte-pair tokenizer.
//!
//! How the speed is reached
//! ```text
//! for each caption, copied in front of 16 spaces so that 16 bytes can be read from everywhere:
//!     block = the next 16 bytes as one u128
//!     letters? their number from a mask of all 16 (ten integer operations), the lower case from the same mask
//!     digit, lone punctuation mark? its id is a table entry
//!     else: split as pieces.rs says, character by character
//!     up to 15 bytes? the word is a u128 key, its ids stand in one cache line of the word cache
//!     else, and on a miss: merge (byte_pairs.rs)
//!     stop as soon as the row is full
//! ```
//! 1. A caption of plain ASCII is not cleaned: whitespace falls between pieces, and letters are lowered as they are read.
//! 2. No regex engine, no allocation for a word or a caption, no hash of a string: the key is the word.
//! 3. The cache has one size, 2 MiB, and outlives the call: a thread takes one from the tokenizer and gives it back.

use std::sync::Mutex;

use super::byte_pairs::merge_word;
use super::clean::{Clean, Cleaned};
use super::merges::{Merges, id_of_byte, id_of_last_byte};
use super::pieces::{CLASS_OF_BYTE, Class, contraction, piece};
use super::word_cache::{LONGEST_WORD, WordCache};
use crate::Error;
use crate::threads::{Threads, run};

/// Rows that a thread takes at a time: about 100 µs of work, a few times what starting a thread costs.
const ROWS_AT_A_TIME: usize = 256;
/// Caches that a tokenizer keeps between calls, at most.
const MOST_CACHES: usize = 64;
/// Bytes that can be read from every position of a caption.
const BLOCK: usize = 16;

/// What the names of the control tokens mean where a caption contains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlTokens {
    /// Text like any other: a caption cannot forge the start or the end.
    Text,
    /// `<start_of_text>` and `<end_of_text>` are the tokens, as in `open_clip`.
    OpenClip,
    /// `<|startoftext|>` and `<|endoftext|>` are the tokens, as in `OpenAI`'s tokenizer.
    OpenAi,
}

impl ControlTokens {
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Text => ["", ""],
            Self::OpenClip => ["<start_of_text>", "<end_of_text>"],
            Self::OpenAi => ["<|startoftext|>", "<|endoftext|>"],
        }
    }
}

/// Captions to ids and back.
pub struct ClipTokenizer {
    merges: Merges,
    clean: Clean,
    control_tokens: ControlTokens,
    /// Warm caches of earlier calls. A fork can leave the lock held for ever in the child, so nobody waits for it.
    caches: Mutex<Vec<WordCache>>,
}

/// An id that no caption has.
#[derive(Debug, thiserror::Error)]
#[error("id {id} at position {position} is not in the vocabulary; wanted 0 to {}", vocabulary_size - 1)]
pub struct DecodeError {
    id: i64,
    position: usize,
    vocabulary_size: usize,
}

impl Error for DecodeError {}

impl ClipTokenizer {
    /// A tokenizer with an empty cache.
    #[must_use]
    pub fn new(merges: Merges, clean: Clean, control_tokens: ControlTokens) -> Self {
        Self {
            merges,
            clean,
            control_tokens,
            caches: Mutex::default(),
        }
    }

    /// The vocabulary.
    #[must_use]
    pub fn merges(&self) -> &Merges {
        &self.merges
    }

    /// The rows that cleaning changes, and what it makes of them: put that in their place before encoding.
    #[must_use]
    pub fn clean(&self, captions: &[&str], threads: Threads) -> Vec<(usize, Cleaned)> {
        let tasks = captions
            .chunks(ROWS_AT_A_TIME)
            .zip((0..).step_by(ROWS_AT_A_TIME))
            .collect();
        let parts = run(
            threads,
            tasks,
            || (),
            |(), (captions, first): (&[&str], usize)| {
                let cleaned = captions.iter().map(|caption| self.clean.clean(caption));
                (first..)
                    .zip(cleaned)
                    .filter(|(_, cleaned)| *cleaned != Cleaned::Same)
                    .collect::<Vec<_>>()
            },
        );
        parts.into_iter().flatten().collect()
    }

    /// Writes one row of `length` ids for each caption, cleaned if it needs it, into `rows`: start, text, end, and `padding` up to the end of the row.
    ///
    /// Text that does not fit is cut; the end token stays.
    ///
    /// # Panics
    ///
    /// If `length` is below 2 or `rows` does not have `captions.len() * length` places.
    ///
    /// # Examples
    ///
    /// ```
    /// use unicl_core::text::{Clean, ClipTokenizer, ControlTokens, Merges};
    /// use unicl_core::threads::Threads;
    ///
    /// let merges = Merges::parse(b"d o\ndo g</w>\n")?;
    /// let tokenizer = ClipTokenizer::new(merges, Clean::OpenAi, ControlTokens::Text);
    /// let mut row = [0; 5];
    /// tokenizer.encode_padded(&["Dog dog"], 5, 0, &mut row, Threads::ONE);
    /// assert_eq!(row, [514, 513, 513, 515, 0]);
    /// # Ok::<(), unicl_core::text::MergesError>(())
    /// ```
    pub fn encode_padded<Id: Copy + Send + Sync + From<u16>>(
        &self,
        captions: &[&str],
        length: usize,
        padding: Id,
        rows: &mut [Id],
        threads: Threads,
    ) {
        assert!(
            length >= 2 && rows.len() == captions.len() * length,
            "rows of {length} ids for every caption"
        );
        let (start, end) = (
            Id::from(self.merges.start_id()),
            Id::from(self.merges.end_id()),
        );
        let places = rows.chunks_mut(ROWS_AT_A_TIME * length);
        let tasks = captions.chunks(ROWS_AT_A_TIME).zip(places).collect();
        run(
            threads,
            tasks,
            || Encoder::new(self),
            |encoder, (captions, rows): (&[&str], &mut [Id])| {
                for (caption, row) in captions.iter().zip(rows.chunks_exact_mut(length)) {
                    encoder.ids.clear();
                    encoder.push_caption(caption, length - 2);
                    encoder.ids.truncate(length - 2);
                    let count = encoder.ids.len();
                    row[0] = start;
                    for (place, &id) in row[1..].iter_mut().zip(&encoder.ids) {
                        *place = Id::from(id);
                    }
                    row[count + 1] = end;
                    row[count + 2..].fill(padding);
                }
            },
        );
    }

    /// The ids of every caption, cleaned if it needs it, without start, end and padding, one after another, and where each begins and the last ends.
    #[must_use]
    #[expect(
        clippy::cast_possible_wrap,
        reason = "a vector has fewer than 2^63 ids"
    )]
    pub fn encode_ragged<Id: Copy + Send + From<u16>>(
        &self,
        captions: &[&str],
        threads: Threads,
    ) -> (Vec<Id>, Vec<i64>) {
        let tasks = captions.chunks(ROWS_AT_A_TIME).collect();
        let parts = run(
            threads,
            tasks,
            || Encoder::new(self),
            |encoder, captions: &[&str]| {
                encoder.ids.clear();
                let ends = captions.iter().map(|caption| {
                    encoder.push_caption(caption, usize::MAX);
                    encoder.ids.len()
                });
                let ends: Vec<usize> = ends.collect();
                (
                    encoder
                        .ids
                        .iter()
                        .map(|&id| Id::from(id))
                        .collect::<Vec<Id>>(),
                    ends,
                )
            },
        );
        let mut ids = Vec::with_capacity(parts.iter().map(|(ids, _)| ids.len()).sum());
        let mut offsets = Vec::with_capacity(captions.len() + 1);
        offsets.push(0);
        for (part, ends) in parts {
            let base = ids.len();
            offsets.extend(ends.iter().map(|end| (base + end) as i64));
            ids.extend(part);
        }
        (ids, offsets)
    }

    /// The text of one row of ids: what stands before the first end token, without start tokens.
    ///
    /// Words come back lowered and separated by spaces, as the ids have them; bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    ///
    /// If an id before the end token is not in the vocabulary.
    pub fn decode(&self, ids: &[i64]) -> Result<String, DecodeError> {
        let mut bytes = Vec::new();
        for (position, &id) in ids.iter().enumerate() {
            let vocabulary_size = self.merges.vocabulary_size();
            let known = u16::try_from(id)
                .ok()
                .filter(|&id| usize::from(id) < vocabulary_size);
            let known = known.ok_or(DecodeError {
                id,
                position,
                vocabulary_size,
            })?;
            if known == self.merges.end_id() {
                break;
            }
            self.merges.push_bytes(known, &mut bytes);
        }
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        text.truncate(text.trim_end_matches(' ').len());
        Ok(text)
    }
}

/// What a thread works with.
struct Encoder<'a> {
    tokenizer: &'a ClipTokenizer,
    cache: WordCache,
    /// The caption and [`BLOCK`] spaces.
    padded: Vec<u8>,
    /// One word as it is merged.
    symbols: Vec<u16>,
    ids: Vec<u16>,
    /// Bits to set in a byte that is a letter.
    lower: u128,
    long_s: bool,
}

impl<'a> Encoder<'a> {
    fn new(tokenizer: &'a ClipTokenizer) -> Self {
        let warm = tokenizer
            .caches
            .try_lock()
            .ok()
            .and_then(|mut caches| caches.pop());
        Self {
            tokenizer,
            cache: warm.unwrap_or_else(WordCache::new),
            padded: Vec::new(),
            symbols: Vec::new(),
            ids: Vec::new(),
            lower: if tokenizer.clean.lowers() {
                EACH_BYTE * 0x20
            } else {
                0
            },
            long_s: tokenizer.clean != Clean::HuggingFace,
        }
    }

    /// Appends the ids of a caption, and stops once there are `enough` in all.
    fn push_caption(&mut self, mut caption: &str, enough: usize) {
        // transformers cuts the caption at the names before anything else; in the others a name is a piece like any other.
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

    /// The first name of a control token: where, its id, its length.
    fn find_control(&self, caption: &str) -> Option<(usize, u16, usize)> {
        let tokens = self.control_tokens(self.tokenizer.control_tokens);
        // Every name begins with '<'; to look for each in turn would be quadratic where one is missing.
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

    /// Appends a control token, if its name is the piece that begins here, and returns the length of the name.
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
            // A name that was not cut out is in capitals, or meant as text. The pattern of transformers has the names
            // all the same, so its pieces do not run on into what follows.
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

    /// Appends the piece at `at` or skips the whitespace there, whatever the characters, and returns its length.
    #[cold]
    fn push_piece(&mut self, caption: &str, at: usize) -> usize {
        let rest = &caption[at..];
        let length = piece(rest, self.long_s);
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
            spell(word, &mut self.symbols);
            merge_word(&self.tokenizer.merges, &mut self.symbols);
            self.ids.extend_from_slice(&self.symbols);
        }
        length
    }

    /// Appends the word of the first `length` bytes of `block`, through the cache.
    #[inline]
    fn push_short(&mut self, block: u128, length: usize) {
        let key = WordCache::key(block, length);
        match self.cache.get(key) {
            // Most words have one id; copying more calls memcpy.
            Some(&[id]) => self.ids.push(id),
            Some(ids) => self.ids.extend_from_slice(ids),
            None => self.push_unknown(key, length),
        }
    }

    #[cold]
    fn push_unknown(&mut self, key: u128, length: usize) {
        spell(&key.to_le_bytes()[..length], &mut self.symbols);
        merge_word(&self.tokenizer.merges, &mut self.symbols);
        self.cache.insert(key, &self.symbols);
        self.ids.extend_from_slice(&self.symbols);
    }
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        if let Ok(mut caches) = self.tokenizer.caches.try_lock()
            && caches.len() < MOST_CACHES
        {
            caches.push(self.cache.take());
        }
    }
}

const EACH_BYTE: u128 = u128::MAX / 0xFF;
const HIGH_BITS: u128 = EACH_BYTE * 0x80;

/// The high bit of every byte that is an ASCII letter.
#[inline]
fn letters(block: u128) -> u128 {
    // 'a' + 0x1F and 'z' + 1 + 0x05 are 0x80. Without its high bit a byte is below 0x80, so adding at most 0x1F does not reach the next byte.
    let lowered = (block & !HIGH_BITS) | (EACH_BYTE * 0x20);
    let from_a = lowered + EACH_BYTE * 0x1F;
    let past_z = lowered + EACH_BYTE * 0x05;
    from_a & !past_z & !block & HIGH_BITS
}

#[inline]
fn block_at(padded: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(padded[at..at + BLOCK].try_into().expect("BLOCK bytes"))
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
fn spell(word: &[u8], symbols: &mut Vec<u16>) {
    symbols.clear();
    symbols.extend(word.iter().map(|&byte| id_of_byte(byte)));
    if let (Some(symbol), Some(&byte)) = (symbols.last_mut(), word.last()) {
        *symbol = id_of_last_byte(byte);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use proptest::prelude::*;

    use super::*;

    const MERGES: &[u8] = b"d o\ndo g</w>\nc a\nca t</w>\n' s</w>\n";

    fn tokenizer(clean: Clean, control_tokens: ControlTokens) -> ClipTokenizer {
        ClipTokenizer::new(Merges::parse(MERGES).unwrap(), clean, control_tokens)
    }

    /// The ids of a caption by the definition: split, lower, merge, no cache.
    fn naive(tokenizer: &ClipTokenizer, caption: &str) -> Vec<i64> {
        let (mut rest, mut ids, mut symbols) = (caption, Vec::new(), Vec::new());
        while let Some(first) = rest.chars().next() {
            let length = piece(rest, tokenizer.clean != Clean::HuggingFace);
            let (word, after) =
                rest.split_at(length.max(if length == 0 { first.len_utf8() } else { 0 }));
            if length > 0 {
                let lowered = if tokenizer.clean.lowers() {
                    word.to_ascii_lowercase()
                } else {
                    word.to_owned()
                };
                spell(lowered.as_bytes(), &mut symbols);
                merge_word(&tokenizer.merges, &mut symbols);
                ids.extend(symbols.iter().map(|&id| i64::from(id)));
            }
            rest = after;
        }
        ids
    }

    fn caption() -> impl Strategy<Value = String> {
        const WORDS: &[&str] = &[
            "dog", "Dogs", "CAT's", "cat", "'re", "'LL", "'", "<", "3", "12", ".", "--", "é", "ſ",
            "日本", "\u{a0}",
        ];
        let part = prop_oneof![
            prop::sample::select(WORDS).prop_map(str::to_owned),
            "[ -~]{0,20}",
            "[a-zA-Z]{13,18}",
            "\\PC{0,5}",
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn ids_equal_split_lower_merge(captions in prop::collection::vec(caption(), 0..5)) {
            let captions: Vec<&str> = captions.iter().map(String::as_str).collect();
            for clean in [Clean::OpenAi, Clean::HuggingFace, Clean::Nothing] {
                let tokenizer = tokenizer(clean, ControlTokens::Text);
                for _cold_then_warm in 0..2 {
                    let (ids, offsets) = tokenizer.encode_ragged::<i64>(&captions, Threads::ONE);
                    prop_assert_eq!(offsets.len(), captions.len() + 1);
                    for (caption, row) in captions.iter().zip(offsets.windows(2)) {
                        let row = usize::try_from(row[0]).unwrap()..usize::try_from(row[1]).unwrap();
                        prop_assert_eq!(&ids[row], naive(&tokenizer, caption));
                    }
                }
            }
        }

        #[test]
        fn a_row_is_start_text_end_padding_and_the_end_survives_a_cut(caption in caption(), length in 2..40_usize) {
            let tokenizer = tokenizer(Clean::OpenAi, ControlTokens::Text);
            let text = naive(&tokenizer, &caption);
            let mut expected = vec![i64::from(tokenizer.merges.start_id())];
            expected.extend(text.iter().take(length - 2));
            expected.push(i64::from(tokenizer.merges.end_id()));
            expected.resize(length, 7);
            let mut row = vec![-1_i64; length];
            tokenizer.encode_padded(&[&caption], length, 7, &mut row, Threads::ONE);
            prop_assert_eq!(row, expected);
        }
    }

    #[test]
    fn every_thread_count_gives_the_same_ids() {
        let tokenizer = tokenizer(Clean::OpenAi, ControlTokens::Text);
        let captions: Vec<String> = (0..2_000)
            .map(|row| format!("dog {row} cats' dogs {}", row * row))
            .collect();
        let captions: Vec<&str> = captions.iter().map(String::as_str).collect();
        let all = [1, 2, 3, 8].map(|count| {
            let threads = Threads::exactly(NonZeroUsize::new(count).unwrap());
            let mut rows = vec![0_i32; captions.len() * 9];
            tokenizer.encode_padded(&captions, 9, 0, &mut rows, threads);
            (rows, tokenizer.encode_ragged::<i32>(&captions, threads))
        });
        assert!(all.iter().all(|one| *one == all[0]));
    }

    #[test]
    fn control_tokens_are_text_unless_asked() {
        let caption = ["<|endoftext|> <END_OF_TEXT>"];
        let ids = |control| {
            tokenizer(Clean::OpenAi, control)
                .encode_ragged::<i64>(&caption, Threads::ONE)
                .0
        };
        let end = i64::from(
            tokenizer(Clean::OpenAi, ControlTokens::Text)
                .merges
                .end_id(),
        );
        assert!(!ids(ControlTokens::Text).contains(&end));
        assert_eq!(ids(ControlTokens::OpenAi)[0], end);
        assert_eq!(ids(ControlTokens::OpenClip).last(), Some(&end));
    }

    #[test]
    fn decoding_gives_the_text_before_the_end() {
        let tokenizer = tokenizer(Clean::OpenAi, ControlTokens::Text);
        let (start, end) = (
            i64::from(tokenizer.merges.start_id()),
            i64::from(tokenizer.merges.end_id()),
        );
        let ids = tokenizer
            .encode_ragged::<i64>(&["Dog's  café"], Threads::ONE)
            .0;
        let row = [&[start], ids.as_slice(), &[end, 0, 0, 99_999]].concat();
        assert_eq!(tokenizer.decode(&row).unwrap(), "dog 's café");
        assert_eq!(tokenizer.decode(&[]).unwrap(), "");
        let message = tokenizer.decode(&[start, -1]).unwrap_err().to_string();
        assert_eq!(
            message,
            "id -1 at position 1 is not in the vocabulary; wanted 0 to 518"
        );
    }

    #[test]
    fn the_mask_of_letters_is_that_of_ascii() {
        for byte in 0..=u8::MAX {
            let expected = if byte.is_ascii_alphabetic() {
                HIGH_BITS
            } else {
                0
            };
            assert_eq!(letters(u128::from(byte) * EACH_BYTE), expected, "{byte}");
        }
    }
}
