//! The part of ftfy's `fix_text` that needs no decision whether a text was decoded wrongly.
//!
//! ftfy repairs a text that matches one of its patterns of wrong decoding ("schÃ¶n"). Then it makes the
//! changes that need no decision, until nothing changes: straight quotes, wide characters to ASCII, NFC,
//! and so on. Every pattern asks for one of a few characters, or for *neighbours* that are both symbols or
//! letters of the one-byte encodings (Latin, Greek, Cyrillic, punctuation, box drawing). So a text without
//! those characters and without such neighbours matches no pattern. This is how such a text is found:
//!
//! 1. A text with a character that no proof covers goes to ftfy: `&`, controls, ligatures, rare blocks
//!    ([`Kind::Unproven`]).
//! 2. A text with neighbours that a pattern could ask for goes to ftfy too ([`suspicious`]). This test is
//!    too strict on purpose.
//! 3. After a change the text is examined again.
//!
//! tests/parity compares the result with ftfy: on every character alone and between letters, on pairs and
//! on random text.

use super::normalize::composed;

/// ftfy cuts longer texts after this many characters, even inside a word.
const LONGEST_TEXT: usize = 1_000_000;

/// What ftfy can do with a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing, whatever its neighbours are.
    Safe,
    /// A letter of the one-byte encodings, Latin.
    LowerLatin,
    UpperLatin,
    /// A letter of the one-byte encodings, Greek or Cyrillic.
    Greek,
    /// Punctuation that is an ordinary neighbour of a letter: no-break space, dashes, the ellipsis, the apostrophe.
    Common,
    /// A mark that opens a quotation or a sentence.
    Opening,
    /// Any other character of the one-byte encodings.
    Symbol,
    /// Not known here.
    Unproven,
}

/// Gives the text as ftfy repairs it, or None if that needs ftfy.
pub(super) fn repair(text: &str) -> Option<String> {
    if text.len() > LONGEST_TEXT {
        return None;
    }
    let mut text = text.to_owned();
    loop {
        let changes = examine(&text)?;
        let next = composed(if changes {
            text.chars().map(straight).collect()
        } else {
            text.clone()
        });
        if next == text {
            return Some(text);
        }
        text = next;
    }
}

/// Whether [`straight`] changes the text; None if the text may need ftfy.
fn examine(text: &str) -> Option<bool> {
    let mut changes = false;
    let mut previous = Kind::Safe;
    for character in text.chars() {
        let kind = kind(character);
        if kind == Kind::Unproven || suspicious(previous, character, kind) {
            return None;
        }
        changes |= straight(character) != character;
        previous = kind;
    }
    Some(changes)
}

/// Whether a pattern of wrong decoding could ask for these neighbours.
#[expect(clippy::match_same_arms, reason = "one reason in each")]
fn suspicious(previous: Kind, character: char, kind: Kind) -> bool {
    match (previous, kind) {
        (Kind::Safe | Kind::Common, _) | (_, Kind::Safe) => false,
        // "Ø…Ø…", "Î–": capitals before common punctuation.
        (previous, Kind::Common) => previous == Kind::UpperLatin,
        (Kind::LowerLatin | Kind::UpperLatin | Kind::Greek | Kind::Opening, Kind::LowerLatin) => {
            matches!(character, 'š' | 'ž')
        }
        (Kind::Opening, Kind::UpperLatin | Kind::Greek) | (Kind::Greek, Kind::Greek) => false,
        _ => true,
    }
}

/// The character that ftfy puts in the place of this one.
fn straight(character: char) -> char {
    match character {
        '\u{2018}'..='\u{201B}' => '\'',
        '\u{201C}'..='\u{201F}' => '"',
        // Full width.
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(character) - 0xFEE0).expect("ASCII"),
        '\u{3000}' => ' ',
        _ => character,
    }
}

#[expect(clippy::match_same_arms, reason = "one reason in each")]
fn kind(character: char) -> Kind {
    match character {
        ' '..='%' | '\''..='~' | '\t' | '\n' | '\x0C' | '\r' => Kind::Safe,
        // Characters that have patterns of their own, and letters that ftfy decomposes.
        'Â'
        | 'Ã'
        | 'ƒ'
        | 'Œ'
        | 'œ'
        | 'Ђ'
        | 'Ґ'
        | 'ґ'
        | 'Ĳ'
        | 'ĳ'
        | 'ŉ'
        | '\u{1C4}'..='\u{1CC}'
        | '\u{1F1}'..='\u{1F3}' => Kind::Unproven,
        '\u{A0}' | '–' | '—' | '…' | '’' => Kind::Common,
        '¡' | '¿' | '«' | '‘' | '“' => Kind::Opening,
        '×' | '÷' | '\u{A1}'..='\u{BF}' => Kind::Symbol,
        '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' => {
            if character.is_lowercase() {
                Kind::LowerLatin
            } else {
                Kind::UpperLatin
            }
        }
        '\u{370}'..='\u{52F}' if character.is_alphabetic() => Kind::Greek,
        '\u{370}'..='\u{52F}' => Kind::Symbol,
        // Controls for the direction of text, which ftfy removes.
        '\u{206A}'..='\u{206F}' => Kind::Unproven,
        '\u{2000}'..='\u{25FF}' => Kind::Symbol,
        // A full-width `&` can begin an entity.
        '\u{FF06}' => Kind::Unproven,
        // Combining marks, Hebrew, Arabic, Devanagari, Thai. Unicode 14 (Python 3.11) assigns all of them.
        '\u{300}'..='\u{36F}'
        | '\u{591}'..='\u{5C7}'
        | '\u{5D0}'..='\u{5EA}'
        | '\u{600}'..='\u{6FF}'
        | '\u{900}'..='\u{97F}'
        | '\u{E01}'..='\u{E3A}'
        | '\u{E40}'..='\u{E5B}' => Kind::Safe,
        // Pictographs and their variation selector.
        '\u{2600}'..='\u{2BFF}' | '\u{FE0F}' | '\u{1F000}'..='\u{1FAFF}' => Kind::Safe,
        // Chinese, Japanese, Korean; full width.
        '\u{3000}'..='\u{30FF}'
        | '\u{3400}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{FF01}'..='\u{FF5E}' => Kind::Safe,
        _ => Kind::Unproven,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_of_many_scripts_is_repaired_here() {
        let cases = [
            (
                "café, naïve, señor, über, Ångström",
                "café, naïve, señor, über, Ångström",
            ),
            ("“quoted” l’été ‘so’", "\"quoted\" l'été 'so'"),
            ("cafe\u{301}", "café"),
            ("příliš žluťoučký", "příliš žluťoučký"),
            ("Большой дом – Ελλάδα…", "Большой дом – Ελλάδα…"),
            ("Ｆｕｌｌ　ｗｉｄｔｈ！", "Full width!"),
            (
                "日本語 한국어 ไทย हिन्दी עברית العربية",
                "日本語 한국어 ไทย हिन्दी עברית العربية",
            ),
            ("❤️ 😀👍🏽 🇩🇪", "❤️ 😀👍🏽 🇩🇪"),
        ];
        for (text, expected) in cases {
            assert_eq!(repair(text).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn text_that_may_have_been_decoded_wrongly_goes_to_ftfy() {
        for text in [
            "schÃ¶n",
            "â€œquoteâ€",
            "Ð¿Ñ€Ð¸",
            "ÉCOLE É°",
            "naÃ¯ve",
            "β€™",
            "вЂ",
            "\u{FB01}sh",
            "e\u{301}É\u{301}É",
            "½½",
        ] {
            assert_eq!(repair(text), None, "{text:?}");
        }
    }

    #[test]
    fn neighbours_that_composing_makes_are_examined() {
        // "É" beside "e" and an accent is harmless, beside "é" it is a pattern.
        assert_eq!(repair("ée\u{301}É"), None);
        assert_eq!(repair("e\u{301}É"), None);
    }
}
