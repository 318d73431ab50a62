//! What happens to a caption before it is split.
//!
//! Whitespace needs no cleaning here: no piece contains any, so stripping and collapsing it cannot change the ids. ASCII
//! letters are lowered where they are split.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// How a caption is cleaned before it is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clean {
    /// As `OpenAI` and `open_clip`: ftfy, HTML entities, lower case. Captions for which [`Clean::needs_repair`] holds must
    /// have been through exactly that before they come to the tokenizer.
    OpenAi,
    /// As `transformers` and `tokenizers`: NFC, then lower case character by character.
    HuggingFace,
    /// Not at all: case and everything else stays.
    Nothing,
}

impl Clean {
    /// Whether the caption is one that ftfy or unescaping might change, so that it must be repaired first.
    ///
    /// ASCII without `&` and without control characters other than tab, line feed, form feed and carriage return passes both unchanged,
    /// but for line ends, which split words either way.
    #[must_use]
    pub fn needs_repair(self, caption: &str) -> bool {
        // No early exit: the whole caption in a few vector instructions.
        let found = caption.bytes().fold(0, |found, byte| {
            let harmless =
                matches!(byte, b' '..=b'%' | b'\''..=b'~' | b'\t' | b'\n' | 0x0C | b'\r');
            found | u8::from(!harmless)
        });
        self == Self::OpenAi && found != 0
    }

    /// Whether letters are lowered.
    pub(super) fn lowers(self) -> bool {
        self != Self::Nothing
    }

    /// The caption as it is split, but for ASCII letters, which are lowered there.
    pub(super) fn apply(self, caption: &str) -> Cow<'_, str> {
        if self == Self::HuggingFace && !caption.is_ascii() {
            // Character by character: `str::to_lowercase` would give a final sigma, transformers does not.
            Cow::Owned(caption.nfc().flat_map(char::to_lowercase).collect())
        } else {
            Cow::Borrowed(caption)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_ascii_needs_no_repair_and_the_rest_does() {
        for caption in [
            "",
            "A dog's 2 toys.",
            " a\tb\r\nc\x0Cd ",
            "<|endoftext|> <start_of_text>",
            "~!@#$%^*()",
        ] {
            assert!(!Clean::OpenAi.needs_repair(caption), "{caption:?}");
        }
        for caption in [
            "a & b",
            "&amp;",
            "a\0",
            "a\x0Bb",
            "\x1B[31mred",
            "a\x7F",
            "café",
            "\u{FEFF}a",
            "“a”",
        ] {
            assert!(Clean::OpenAi.needs_repair(caption), "{caption:?}");
            assert!(
                !Clean::HuggingFace.needs_repair(caption) && !Clean::Nothing.needs_repair(caption)
            );
        }
    }

    #[test]
    fn hugging_face_composes_and_lowers_each_character() {
        assert_eq!(Clean::HuggingFace.apply("CAFE\u{301} ΣΑΣ"), "café σασ");
        assert_eq!(Clean::Nothing.apply("CAFE\u{301}"), "CAFE\u{301}");
    }
}
