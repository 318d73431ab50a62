//! What a character is for BERT's tokenizer: seven answers, found with two reads.

use std::collections::HashMap;

use super::unicode_tables::{CHINESE, COMBINING, DECOMPOSED, NONSPACING, PUNCTUATION, REMOVED};

/// Code points in a block of the table; equal blocks are stored once.
const BLOCK: usize = 128;
const CODE_POINTS: usize = 0x11_0000;

/// The answers about one character, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    /// Cleaning removes it.
    pub(super) const REMOVED: Self = Self(1);
    /// Ends a word, and is not part of one.
    pub(super) const SPACE: Self = Self(2);
    /// A word of its own before accents are stripped.
    pub(super) const CHINESE: Self = Self(4);
    /// A word of its own in the end.
    pub(super) const PUNCTUATION: Self = Self(8);
    /// An accent.
    pub(super) const NONSPACING: Self = Self(16);
    /// Canonical decomposition changes it.
    pub(super) const DECOMPOSED: Self = Self(32);
    /// Canonical ordering may move it.
    pub(super) const COMBINING: Self = Self(64);

    #[inline]
    pub(super) fn contain(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The kinds of every character, in about 60 kB.
pub(super) struct Characters {
    block_of: Box<[u8]>,
    blocks: Vec<[Kinds; BLOCK]>,
}

impl Characters {
    pub(super) fn new() -> Self {
        let mut kinds = vec![Kinds::default(); CODE_POINTS];
        let tables = [
            (REMOVED, Kinds::REMOVED),
            (CHINESE, Kinds::CHINESE),
            (PUNCTUATION, Kinds::PUNCTUATION),
            (NONSPACING, Kinds::NONSPACING),
            (DECOMPOSED, Kinds::DECOMPOSED),
            (COMBINING, Kinds::COMBINING),
        ];
        for (ranges, kind) in tables {
            for &(first, last) in ranges {
                for place in &mut kinds[first as usize..=last as usize] {
                    place.0 |= kind.0;
                }
            }
        }
        for (place, code) in kinds.iter_mut().zip(0..=u32::from(char::MAX)) {
            if char::from_u32(code).is_some_and(char::is_whitespace) {
                place.0 |= Kinds::SPACE.0;
            }
        }
        let (all, _) = kinds.as_chunks::<BLOCK>();
        let mut blocks = Vec::new();
        let mut numbers = HashMap::new();
        let block_of = all.iter().map(|block| {
            let bytes = block.map(|kinds| kinds.0);
            *numbers.entry(bytes).or_insert_with(|| {
                blocks.push(*block);
                u8::try_from(blocks.len() - 1)
                    .expect("the tables have fewer than 256 different blocks")
            })
        });
        Self {
            block_of: block_of.collect(),
            blocks,
        }
    }

    #[inline]
    pub(super) fn kinds(&self, character: char) -> Kinds {
        let code = character as usize;
        self.blocks[usize::from(self.block_of[code / BLOCK])][code % BLOCK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_has_the_kinds_of_the_tables() {
        let characters = Characters::new();
        let within = |ranges: &[(u32, u32)], code| {
            ranges
                .iter()
                .any(|&(first, last)| (first..=last).contains(&code))
        };
        for code in (0..=u32::from(char::MAX))
            .filter_map(char::from_u32)
            .step_by(7)
        {
            let kinds = characters.kinds(code);
            let expected = [
                (Kinds::REMOVED, within(REMOVED, code.into())),
                (Kinds::SPACE, code.is_whitespace()),
                (Kinds::CHINESE, within(CHINESE, code.into())),
                (Kinds::PUNCTUATION, within(PUNCTUATION, code.into())),
                (Kinds::NONSPACING, within(NONSPACING, code.into())),
                (Kinds::DECOMPOSED, within(DECOMPOSED, code.into())),
                (Kinds::COMBINING, within(COMBINING, code.into())),
            ];
            for (kind, holds) in expected {
                assert_eq!(kinds.contain(kind), holds, "{code:?} {kind:?}");
            }
        }
    }
}
