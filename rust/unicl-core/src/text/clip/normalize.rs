//! Cleans a caption before it is split.
//!
//! Whitespace needs no cleaning: no piece contains any, so stripping and collapsing it cannot change the
//! ids. ASCII letters are lowered when they are split. So plain ASCII passes unchanged.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::repair::repair;
use crate::text::blocks::{BLOCK, not_plain};

/// How a caption is cleaned before it is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clean {
    /// As `OpenAI` and `open_clip` do: ftfy, HTML entities, lower case.
    OpenAi,
    /// As `transformers` and `tokenizers` do: NFC, then lower case character by character.
    HuggingFace,
    /// Not at all: case and everything else stay.
    Nothing,
}

/// The result of cleaning a caption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cleaned {
    /// The caption itself; ASCII letters are lowered later.
    Same,
    /// A new text.
    Text(String),
    /// The result of Python's `html.unescape(html.unescape(ftfy.fix_text(caption))).lower()`.
    ///
    /// The caption has an `&`, a control character or a rare character, or it looks like text that was
    /// decoded wrongly.
    NeedsFtfy,
}

impl Clean {
    /// Cleans a caption.
    ///
    /// # Examples
    ///
    /// ```
    /// use unicl_core::text::{Clean, Cleaned};
    ///
    /// assert_eq!(Clean::OpenAi.clean("A dog"), Cleaned::Same);
    /// assert_eq!(Clean::OpenAi.clean("“Café Noir”"), Cleaned::Text("\"café noir\"".to_owned()));
    /// assert_eq!(Clean::OpenAi.clean("salt &amp; pepper"), Cleaned::NeedsFtfy);
    /// ```
    #[must_use]
    pub fn clean(self, caption: &str) -> Cleaned {
        match self {
            Self::OpenAi if !is_plain(caption) => repair(caption)
                .map_or(Cleaned::NeedsFtfy, |text| {
                    Cleaned::Text(text.to_lowercase())
                }),
            // Character by character: `str::to_lowercase` would give a final sigma; transformers does not.
            // ASCII stays, so that the name of a control token still differs from one in capitals.
            Self::HuggingFace if !caption.is_ascii() => {
                let mut text = String::with_capacity(caption.len());
                for character in composed(caption.to_owned()).chars() {
                    if character.is_ascii() {
                        text.push(character);
                    } else {
                        text.extend(character.to_lowercase());
                    }
                }
                Cleaned::Text(text)
            }
            _ => Cleaned::Same,
        }
    }

    /// Whether letters are lowered.
    pub(super) fn lowers(self) -> bool {
        self != Self::Nothing
    }
}

/// Whether ftfy and unescaping leave the caption unchanged, except for line ends, which split words anyway.
///
/// Such a caption is ASCII without `&` and without control characters other than tab, line feed, form feed
/// and carriage return.
fn is_plain(caption: &str) -> bool {
    // There is no early exit, and the rest is one more block that overlaps. Tabs and line ends are rare, so
    // a second look at such captions costs little.
    let (blocks, rest) = caption.as_bytes().as_chunks::<BLOCK>();
    let is_suspect = |block: &[u8; BLOCK]| not_plain(u128::from_le_bytes(*block));
    let found = blocks
        .iter()
        .fold(0, |found, block| found | is_suspect(block));
    let last = caption
        .as_bytes()
        .last_chunk()
        .map_or(u128::from(!rest.is_empty()), is_suspect);
    found | last == 0
        || caption
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'%' | b'\''..=b'~' | b'\t' | b'\n' | 0x0C | b'\r'))
}

/// The text in NFC.
pub(super) fn composed(text: String) -> String {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        _ => text.nfc().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_ascii_stays() {
        for caption in [
            "",
            "A dog's 2 toys.",
            " a\tb\r\nc\x0Cd ",
            "<|endoftext|> <start_of_text>",
            "~!@#$%^*()",
        ] {
            assert_eq!(Clean::OpenAi.clean(caption), Cleaned::Same, "{caption:?}");
        }
    }

    #[test]
    fn text_that_needs_ftfy_is_left_to_it() {
        for caption in [
            "a & b",
            "&amp;",
            "a\0",
            "a\x0Bb",
            "\x1B[31mred",
            "a\x7F",
            "\u{FEFF}a",
            "schÃ¶n",
            "\u{85}",
            "a\u{206A}",
        ] {
            assert_eq!(
                Clean::OpenAi.clean(caption),
                Cleaned::NeedsFtfy,
                "{caption:?}"
            );
            assert_ne!(
                Clean::HuggingFace.clean(caption),
                Cleaned::NeedsFtfy,
                "{caption:?}"
            );
            assert_eq!(Clean::Nothing.clean(caption), Cleaned::Same, "{caption:?}");
        }
    }

    #[test]
    fn hugging_face_composes_and_lowers_each_character_but_ascii() {
        assert_eq!(
            Clean::HuggingFace.clean("CAFE\u{301} ΣΑΣ"),
            Cleaned::Text("CAFé σασ".to_owned())
        );
        assert_eq!(
            Clean::OpenAi.clean("CAFE\u{301} ΣΑΣ"),
            Cleaned::Text("café σας".to_owned())
        );
    }
}
