//! Character classes of Python that differ from those of Rust.

/// Whether the character is white space for `str.split()` and `\s`: Unicode's, and four ASCII separators.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// Whether `\w` matches the character.
pub(crate) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)
}

/// Whether `\w` matches the character in Python's `re`: no marks, no circled letters.
pub(super) fn is_word_of_re(c: char) -> bool {
    c == '_'
        || c.is_ascii_alphanumeric()
        || c.is_alphanumeric()
            && !unicode_normalization::char::is_combining_mark(c)
            && !is_in(c, &CIRCLED_LETTERS)
}

/// Whether `\w` matches the character in the `regex` package: joiners and ties, but no number that is not
/// made of decimal digits or letters.
pub(super) fn is_word_of_regex(c: char) -> bool {
    c.is_alphabetic()
        || is_decimal(c)
        || unicode_normalization::char::is_combining_mark(c)
        || matches!(
            c,
            '_' | '\u{200c}' | '\u{200d}' | '\u{203f}' | '\u{2040}' | '\u{2054}'
        )
        || matches!(
            c,
            '\u{fe33}' | '\u{fe34}' | '\u{fe4d}'..='\u{fe4f}' | '\u{ff3f}'
        )
}

/// Whether `\d` matches the character: a decimal digit of any script.
pub(crate) fn is_decimal(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && is_in(c, &DECIMALS))
}

/// Whether the character is a digit for `str.isdigit()`: decimals, superscripts, circled digits and so on.
pub(crate) fn is_digit(c: char) -> bool {
    is_decimal(c) || (!c.is_ascii() && is_in(c, &OTHER_DIGITS))
}

fn is_in(c: char, ranges: &[(u32, u32)]) -> bool {
    let code = u32::from(c);
    let at = ranges.partition_point(|&(_, last)| last < code);
    ranges.get(at).is_some_and(|&(first, _)| first <= code)
}

/// Decimal digits outside ASCII (Unicode 14, as in Python 3.11): runs of ten, and one of 50 mathematical
/// digits.
const DECIMALS: [(u32, u32); 61] = {
    let firsts = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
        0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
        0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0,
        0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0,
        0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0,
        0x16b50, 0x1d7ce, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
    ];
    let mut ranges = [(0, 0); 61];
    let mut at = 0;
    while at < firsts.len() {
        let length = if firsts[at] == 0x1d7ce { 50 } else { 10 };
        ranges[at] = (firsts[at], firsts[at] + length - 1);
        at += 1;
    }
    ranges
};

/// Characters outside ASCII that are digits for `str.isdigit()` but not decimals.
const OTHER_DIGITS: [(u32, u32); 20] = [
    (0xb2, 0xb3),
    (0xb9, 0xb9),
    (0x1369, 0x1371),
    (0x19da, 0x19da),
    (0x2070, 0x2070),
    (0x2074, 0x2079),
    (0x2080, 0x2089),
    (0x2460, 0x2468),
    (0x2474, 0x247c),
    (0x2488, 0x2490),
    (0x24ea, 0x24ea),
    (0x24f5, 0x24fd),
    (0x24ff, 0x24ff),
    (0x2776, 0x277e),
    (0x2780, 0x2788),
    (0x278a, 0x2792),
    (0x10a40, 0x10a43),
    (0x10e60, 0x10e68),
    (0x11052, 0x1105a),
    (0x1f100, 0x1f10a),
];

/// Symbols that Unicode counts as alphabetic, and Python does not.
const CIRCLED_LETTERS: [(u32, u32); 4] = [
    (0x24b6, 0x24e9),
    (0x1f130, 0x1f149),
    (0x1f150, 0x1f169),
    (0x1f170, 0x1f189),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_python() {
        for (c, decimal, digit) in [
            ('7', true, true),
            ('٣', true, true),
            ('९', true, true),
            ('𝟫', true, true),
            ('²', false, true),
            ('①', false, true),
            ('½', false, false),
            ('Ⅷ', false, false),
            ('a', false, false),
        ] {
            assert_eq!((is_decimal(c), is_digit(c)), (decimal, digit), "{c}");
        }
    }
}
