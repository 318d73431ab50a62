//! Cleans text, strips accents, lowers it and splits it, before it is matched with the vocabulary.
//!
//! ```text
//! control characters are removed, whitespace becomes a space   (clean_text)
//! every Chinese character gets a space on both sides           (handle_chinese_chars)
//! NFD, then characters of category Mn are removed              (strip_accents)
//! each character is lowered by itself: no final sigma          (lowercase)
//! split at whitespace; every punctuation character is a word of its own
//! ```

use std::mem;

use unicode_normalization::char::{canonical_combining_class, decompose_canonical};

use super::characters::{Characters, Kinds};

/// The steps that are taken; their names are those of Hugging Face's `BertNormalizer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each switches one step")]
pub struct Normalization {
    /// Whether control characters are removed.
    pub clean_text: bool,
    /// Whether every Chinese character is a word.
    pub handle_chinese_chars: bool,
    /// Whether accents are removed.
    pub strip_accents: bool,
    /// Whether letters are lowered.
    pub lowercase: bool,
}

/// Splits text into normalized words.
pub(super) struct Splitter {
    pub(super) normalization: Normalization,
    characters: Characters,
}

/// The state that is carried from character to character.
#[derive(Default)]
pub(super) struct Scratch {
    /// Decomposed characters whose order is not known yet, each with its combining class.
    unordered: Vec<(u8, char)>,
    word: String,
}

impl Splitter {
    pub(super) fn new(normalization: Normalization) -> Self {
        Self {
            normalization,
            characters: Characters::new(),
        }
    }

    /// Passes every word of `text` to `word`: normalized, and never empty.
    pub(super) fn split(&self, text: &str, scratch: &mut Scratch, mut word: impl FnMut(&str)) {
        for character in text.chars() {
            let kinds = self.characters.kinds(character);
            if self.normalization.clean_text && kinds.contain(Kinds::REMOVED) {
                continue;
            }
            let chinese = self.normalization.handle_chinese_chars && kinds.contain(Kinds::CHINESE);
            if chinese {
                self.push_decomposed(' ', Kinds::SPACE, scratch, &mut word);
            }
            self.push_decomposed(character, kinds, scratch, &mut word);
            if chinese {
                self.push_decomposed(' ', Kinds::SPACE, scratch, &mut word);
            }
        }
        self.settle(scratch, &mut word);
        end_word(&mut scratch.word, &mut word);
    }

    /// Takes a character before decomposition.
    fn push_decomposed(
        &self,
        character: char,
        kinds: Kinds,
        scratch: &mut Scratch,
        word: &mut impl FnMut(&str),
    ) {
        if !self.normalization.strip_accents {
            self.push(character, kinds, &mut scratch.word, word);
        } else if kinds.contain(Kinds::DECOMPOSED) {
            decompose_canonical(character, |part| {
                self.push_unordered(part, self.characters.kinds(part), scratch, word);
            });
        } else {
            self.push_unordered(character, kinds, scratch, word);
        }
    }

    /// Takes a character whose place in the canonical order is not known yet.
    #[inline]
    fn push_unordered(
        &self,
        character: char,
        kinds: Kinds,
        scratch: &mut Scratch,
        word: &mut impl FnMut(&str),
    ) {
        // The tables decide which characters combine, so characters that are newer than the tables do not.
        if kinds.contain(Kinds::COMBINING) {
            let class = canonical_combining_class(character);
            scratch.unordered.push((class, character));
        } else {
            self.settle(scratch, word);
            if !kinds.contain(Kinds::NONSPACING) {
                self.push(character, kinds, &mut scratch.word, word);
            }
        }
    }

    /// Sorts the waiting characters, and passes on those that are not accents.
    #[inline]
    fn settle(&self, scratch: &mut Scratch, word: &mut impl FnMut(&str)) {
        if scratch.unordered.is_empty() {
            return;
        }
        let mut unordered = mem::take(&mut scratch.unordered);
        // A stable sort: characters of one class keep their order.
        unordered.sort_by_key(|&(class, _)| class);
        for (_, character) in unordered.drain(..) {
            let kinds = self.characters.kinds(character);
            if !kinds.contain(Kinds::NONSPACING) {
                self.push(character, kinds, &mut scratch.word, word);
            }
        }
        scratch.unordered = unordered;
    }

    /// Takes a character that still has to be lowered.
    #[inline]
    fn push(&self, character: char, kinds: Kinds, text: &mut String, word: &mut impl FnMut(&str)) {
        if !self.normalization.lowercase || character.is_ascii_lowercase() {
            push_lowered(character, kinds, text, word);
        } else {
            for lowered in character.to_lowercase() {
                let kinds = if lowered == character {
                    kinds
                } else {
                    self.characters.kinds(lowered)
                };
                push_lowered(lowered, kinds, text, word);
            }
        }
    }
}

/// Takes a character in its final form.
#[inline]
fn push_lowered(character: char, kinds: Kinds, text: &mut String, word: &mut impl FnMut(&str)) {
    if kinds.contain(Kinds::SPACE) {
        end_word(text, word);
    } else if kinds.contain(Kinds::PUNCTUATION) {
        end_word(text, word);
        word(character.encode_utf8(&mut [0; 4]));
    } else {
        text.push(character);
    }
}

#[inline]
fn end_word(text: &mut String, word: &mut impl FnMut(&str)) {
    if !text.is_empty() {
        word(text);
        text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNCASED: Normalization = Normalization {
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: true,
        lowercase: true,
    };

    fn words(normalization: Normalization, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        let splitter = Splitter::new(normalization);
        splitter.split(text, &mut Scratch::default(), |word| {
            words.push(word.to_owned());
        });
        words
    }

    #[test]
    fn text_is_split_as_bert_does() {
        let with_case = Normalization {
            strip_accents: false,
            lowercase: false,
            ..UNCASED
        };
        let cases: &[(Normalization, &str, &[&str])] = &[
            (UNCASED, "", &[]),
            (
                UNCASED,
                "Héllo, ÅNGSTRÖM's",
                &["hello", ",", "angstrom", "'", "s"],
            ),
            (with_case, "Héllo, A", &["Héllo", ",", "A"]),
            (UNCASED, "a\u{0}b\u{1}c\u{FFFD}d\u{200D}e", &["abcde"]),
            (UNCASED, "a\tb\u{A0}c\u{3000}d", &["a", "b", "c", "d"]),
            (UNCASED, "在x京", &["在", "x", "京"]),
            (UNCASED, "ΣΑΣ İ ß", &["σασ", "i", "ß"]),
            (
                UNCASED,
                "한글",
                &["\u{1112}\u{1161}\u{11AB}\u{1100}\u{1173}\u{11AF}"],
            ),
            (
                Normalization {
                    clean_text: false,
                    ..UNCASED
                },
                "a\u{1}b\u{B}c",
                &["a\u{1}b", "c"],
            ),
            (
                Normalization {
                    handle_chinese_chars: false,
                    ..UNCASED
                },
                "在x京",
                &["在x京"],
            ),
        ];
        for &(normalization, text, expected) in cases {
            assert_eq!(words(normalization, text), expected, "{text:?}");
        }
    }

    #[test]
    fn characters_that_combine_and_stay_come_in_canonical_order() {
        // Classes 224 and 9, neither of them an accent: they change places, unless an accent of class 0 is between them.
        assert_eq!(words(UNCASED, "a\u{302E}\u{1B44}"), ["a\u{1B44}\u{302E}"]);
        assert_eq!(
            words(UNCASED, "a\u{302E}\u{34F}\u{1B44}"),
            ["a\u{302E}\u{1B44}"]
        );
    }
}
