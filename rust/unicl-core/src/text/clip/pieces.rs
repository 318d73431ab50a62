//! Splits a caption into pieces by CLIP's pattern, without a regex engine.
//!
//! ```text
//! 's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+        (ignoring case)
//! ```
//! Every character that is not whitespace belongs to exactly one piece. U+0345 is an exception if case is
//! ignored by folding: its folding is a letter, so the mark matches no part of the pattern. It then
//! separates pieces as whitespace does.

use super::characters::{Class, class};

/// The length in bytes of the contraction that `text` begins with, or 0: `'s 't 're 've 'm 'll 'd` in either case.
///
/// `long_s`: whether `'ſ` counts. It counts if case is ignored by folding, as in `regex`.
pub(super) fn contraction(text: &[u8], long_s: bool) -> usize {
    let lower = |at: usize| text.get(at).map_or(0, u8::to_ascii_lowercase);
    match (lower(0), lower(1), lower(2)) {
        (b'\'', b's' | b't' | b'm' | b'd', _) => 2,
        (b'\'', b'r' | b'v', b'e') | (b'\'', b'l', b'l') => 3,
        (b'\'', 0xC5, 0xBF) if long_s => 3,
        _ => 0,
    }
}

/// The length in bytes of the piece that `text` begins with, or 0 if it begins with none.
///
/// `folding`: whether case is ignored by folding, as in `regex`: `'ſ` is a contraction, and U+0345 belongs
/// to no piece.
pub(super) fn piece(text: &str, folding: bool) -> usize {
    let class = |character| match character {
        '\u{345}' if folding => Class::Space,
        _ => class(character),
    };
    let mut characters = text.chars();
    let Some(first) = characters.next() else {
        return 0;
    };
    match class(first) {
        Class::Space => 0,
        Class::Number => first.len_utf8(),
        run => match contraction(text.as_bytes(), folding) {
            0 => text
                .find(|character| class(character) != run)
                .unwrap_or(text.len()),
            length => length,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(mut text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        while let Some(first) = text.chars().next() {
            let length = piece(text, true);
            found.extend((length > 0).then(|| &text[..length]));
            text = &text[length.max(if length == 0 { first.len_utf8() } else { 0 })..];
        }
        found
    }

    #[test]
    fn captions_split_by_the_pattern() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            (" \t\u{3000} ", &[]),
            ("two dogs.", &["two", "dogs", "."]),
            (
                "don't they're we've i'm he'll she'd it's",
                &[
                    "don", "'t", "they", "'re", "we", "'ve", "i", "'m", "he", "'ll", "she", "'d",
                    "it", "'s",
                ],
            ),
            (
                "'S'RE ''s !'s 'r 'l",
                &["'S", "'RE", "''", "s", "!'", "s", "'", "r", "'", "l"],
            ),
            ("it'ſ", &["it", "'ſ"]),
            ("a\u{345}b!\u{345}?\u{345}", &["a", "b", "!", "?"]),
            ("1233 ½x", &["1", "2", "3", "3", "½", "x"]),
            ("a_b--c…\"d", &["a", "_", "b", "--", "c", "…\"", "d"]),
            ("café\u{301} 日本語", &["café", "\u{301}", "日本語"]),
        ];
        for (text, expected) in cases {
            assert_eq!(&pieces(text), expected, "{text:?}");
        }
    }
}
