//! CLIP's tokenizer: from captions to rows of ids, and back.

use std::ops::Range;

use super::encoder::Encoder;
use super::normalize::{Clean, Cleaned};
use super::vocabulary::Merges;
use crate::text::rows::{self, DecodeError, Filling, PushIds, Rows, TooLong, mark};
use crate::text::word_cache::Caches;
use crate::threads::{Threads, run};

/// The most ids that are cached for a word: as many as fit an entry of 32 bytes.
pub(super) const CACHED_IDS: usize = 7;

/// The meaning of the control tokens' names in a caption.
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
    pub(super) fn names(self) -> [&'static str; 2] {
        match self {
            Self::Text => ["", ""],
            Self::OpenClip => ["<start_of_text>", "<end_of_text>"],
            Self::OpenAi => ["<|startoftext|>", "<|endoftext|>"],
        }
    }
}

/// CLIP's byte-pair tokenizer: from captions to ids, and back.
pub struct ClipTokenizer {
    pub(super) merges: Merges,
    pub(super) clean: Clean,
    pub(super) control_tokens: ControlTokens,
    pub(super) caches: Caches<u16, CACHED_IDS>,
}

impl ClipTokenizer {
    /// Makes a tokenizer with an empty cache.
    #[must_use]
    pub fn new(merges: Merges, clean: Clean, control_tokens: ControlTokens) -> Self {
        Self {
            merges,
            clean,
            control_tokens,
            caches: Caches::new(),
        }
    }

    /// The vocabulary.
    #[must_use]
    pub fn merges(&self) -> &Merges {
        &self.merges
    }

    /// Cleans captions, and returns the rows that change with their new text.
    ///
    /// Put the new texts in the places of the old ones before encoding.
    #[must_use]
    pub fn clean(&self, captions: &[&str], threads: Threads) -> Vec<(usize, Cleaned)> {
        let parts = run(
            threads,
            rows::tasks(captions.len()).collect(),
            || (),
            |(), rows: Range<usize>| {
                rows.map(|row| (row, self.clean.clean(captions[row])))
                    .filter(|(_, cleaned)| *cleaned != Cleaned::Same)
                    .collect::<Vec<_>>()
            },
        );
        parts.into_iter().flatten().collect()
    }

    /// Writes one row for each caption: start, text, end, and padding up to the end of the row.
    ///
    /// The captions must be clean; see [`Self::clean`]. Text that does not fit is cut; the end token stays.
    ///
    /// # Panics
    ///
    /// If the length of `rows` is below 2, or if they do not have a place for every id.
    ///
    /// # Examples
    ///
    /// ```
    /// use unicl_core::text::{Clean, ClipTokenizer, ControlTokens, Merges, Rows};
    /// use unicl_core::threads::Threads;
    ///
    /// let merges = Merges::parse(b"d o\ndo g</w>\n")?;
    /// let tokenizer = ClipTokenizer::new(merges, Clean::OpenAi, ControlTokens::Text);
    /// let (mut ids, mut mask) = ([0; 5], [0; 5]);
    /// let rows = Rows { length: 5, ids: &mut ids, mask: Some(&mut mask), types: None };
    /// tokenizer.encode_padded(&["Dog dog"], rows, 515, Threads::ONE);
    /// assert_eq!((ids, mask), ([514, 513, 513, 515, 515], [1, 1, 1, 1, 0]));
    /// # Ok::<(), unicl_core::text::MergesError>(())
    /// ```
    pub fn encode_padded<Id: Copy + Send + Sync + From<u16>>(
        &self,
        captions: &[&str],
        rows: Rows<'_, Id>,
        padding: Id,
        threads: Threads,
    ) {
        let Rows {
            length,
            ids,
            mask,
            types,
        } = rows;
        assert!(
            length >= 2,
            "rows of {length} ids have no place for control tokens"
        );
        let start = Id::from(self.merges.start_id());
        let end = Id::from(self.merges.end_id());
        let zero_one = [0, 1].map(Id::from);
        if let Some(types) = types {
            // A caption is one text: there is no second.
            types.fill(zero_one[0]);
        }
        rows::for_each_row(
            captions.len(),
            length,
            [Some(ids), mask],
            threads,
            || Encoder::new(self),
            |encoder, row, [ids, mask]| {
                encoder.ids.clear();
                encoder.push_caption(captions[row], length - 2);
                encoder.ids.truncate(length - 2);
                let mut filling = Filling::new(ids);
                filling.push(start);
                filling.extend(&encoder.ids);
                filling.push(end);
                mark(mask, 0..filling.pad(padding), zero_one);
            },
        );
    }

    /// Checks that every caption, already clean, fits a row of `length` ids with its start and end.
    ///
    /// # Errors
    ///
    /// If a caption does not fit. The error names the first such row and its number of tokens.
    pub fn check_fit(
        &self,
        captions: &[&str],
        length: usize,
        threads: Threads,
    ) -> Result<(), TooLong> {
        rows::check_fit(captions, None, 2, length, threads, || Encoder::new(self))
    }

    /// Gives the ids of captions, already clean, without start, end and padding: all ids one after
    /// another, and where each caption begins and the last ends.
    #[must_use]
    pub fn encode_ragged<Id: Copy + Send + From<u16>>(
        &self,
        captions: &[&str],
        threads: Threads,
    ) -> (Vec<Id>, Vec<i64>) {
        rows::encode_ragged(captions, threads, || Encoder::new(self))
    }

    /// Gives the text of one row of ids: the text before the first end token, without start tokens.
    ///
    /// Words come back lowered and separated by spaces, as the ids have them. Bytes that are not UTF-8
    /// become U+FFFD.
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

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use proptest::prelude::*;

    use super::super::byte_pairs::merge_word;
    use super::super::encoder::spell;
    use super::super::pieces::piece;
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
            let mut mask = vec![-1_i64; length];
            let mut types = vec![-1_i64; length];
            let rows = Rows { length, ids: &mut row, mask: Some(&mut mask), types: Some(&mut types) };
            tokenizer.encode_padded(&[&caption], rows, 7, Threads::ONE);
            prop_assert!(types.iter().all(|&kind| kind == 0));
            prop_assert_eq!(row, expected);
            let tokens = text.len().min(length - 2) + 2;
            let expected: Vec<i64> = (0..length).map(|place| (place < tokens).into()).collect();
            prop_assert_eq!(mask, expected);
            let fits = tokenizer.check_fit(&["", &caption], length, Threads::ONE).map_err(|error| error.to_string());
            prop_assert_eq!(fits.is_ok(), text.len() + 2 <= length);
            if let Err(message) = fits {
                let named = format!("expected at most {length} tokens with start and end (context_length); row 1 has {}:", text.len() + 2);
                prop_assert!(message.starts_with(&named), "{}", message);
            }
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
            let (mut ids, mut mask) =
                (vec![0_i32; captions.len() * 9], vec![0; captions.len() * 9]);
            let rows = Rows {
                length: 9,
                ids: &mut ids,
                mask: Some(&mut mask),
                types: None,
            };
            tokenizer.encode_padded(&captions, rows, 0, threads);
            (
                ids,
                mask,
                tokenizer.encode_ragged::<i32>(&captions, threads),
            )
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
        assert_eq!(message, "expected ids from 0 to 518; got -1 at position 1");
    }
}
