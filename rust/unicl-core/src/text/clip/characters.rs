//! What a character is to CLIP's pattern: a letter, a number, white space, or another character.

use super::unicode_tables::{LETTERS, NUMBERS};

/// The class of a character in the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Stands between pieces.
    Space,
    /// A run is one piece.
    Letter,
    /// A piece of its own.
    Number,
    /// A run is one piece, except for contractions.
    Other,
}

/// The class of a byte; None: a part of a character that is not ASCII.
pub(super) const CLASS_OF_BYTE: [Option<Class>; 256] = {
    let mut classes = [None; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        classes[byte as usize] = Some(match byte {
            b'\t'..=b'\r' | b' ' => Class::Space,
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Number,
            _ => Class::Other,
        });
        byte += 1;
    }
    classes
};

/// The class of a character.
pub(super) fn class(character: char) -> Class {
    let code = u32::from(character);
    if let Some(Some(class)) = CLASS_OF_BYTE.get(code as usize).filter(|_| code < 128) {
        *class
    } else if contains(LETTERS, code) {
        Class::Letter
    } else if contains(NUMBERS, code) {
        Class::Number
    } else if character.is_whitespace() {
        Class::Space
    } else {
        Class::Other
    }
}

fn contains(ranges: &[(u32, u32)], code: u32) -> bool {
    let after = ranges.partition_point(|&(first, _)| first <= code);
    after > 0 && code <= ranges[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_has_the_class_of_its_character() {
        for byte in 0..=0x7F_u8 {
            let found = CLASS_OF_BYTE[usize::from(byte)];
            let character = char::from(byte);
            let expected = match character {
                _ if contains(LETTERS, character.into()) => Class::Letter,
                _ if contains(NUMBERS, character.into()) => Class::Number,
                _ if character.is_whitespace() => Class::Space,
                _ => Class::Other,
            };
            assert_eq!(found, Some(expected), "{character:?}");
        }
    }
}
