//! One scan over a plain caption: ASCII words, commas and a final period.
//!
//! Each case names the facts about the rules of `treebank` that it relies on.

use super::Words;
use crate::interrupt;
use crate::phrases::sentences::end_after_period;

impl Words {
    /// Splits a plain caption and returns true; returns false for a caption that needs the rules.
    pub(super) fn scan(&mut self, caption: &str, lowercase: bool, sentences: bool) -> bool {
        let bytes = caption.as_bytes();
        if bytes.len() > u32::MAX as usize {
            return false;
        }
        let mut start = 0;
        let mut at = 0;
        let mut unchecked = interrupt::BLOCK;
        while at < bytes.len() {
            let byte = bytes[at];
            match CLASSES[usize::from(byte)] {
                Class::Letter => {
                    // "cannot", "gimme", "gonna", "gotta", "lemme", "wanna" are cut in two wherever a word begins.
                    if at >= 2 && byte == bytes[at - 1] && is_contraction(bytes, at) {
                        return false;
                    }
                    at += 1;
                }
                Class::Other => at += 1,
                Class::Hyphen => {
                    if bytes.get(at + 1) == Some(&b'-') {
                        return false;
                    }
                    at += 1;
                }
                Class::Space => {
                    self.push(start, at);
                    at += 1;
                    start = at;
                    if at > unchecked {
                        interrupt::check();
                        unchecked = at + interrupt::BLOCK;
                    }
                }
                // Always a word of its own.
                Class::Single => {
                    self.push(start, at);
                    self.push(at, at + 1);
                    at += 1;
                    start = at;
                }
                // A word of its own unless a digit follows. The rule also reads the character after it. This
                // matters only if that character is another such mark.
                Class::Comma => match bytes.get(at + 1) {
                    Some(b',' | b':') => return false,
                    Some(next) if next.is_ascii_digit() => at += 1,
                    _ => {
                        self.push(start, at);
                        self.push(at, at + 1);
                        at += 1;
                        start = at;
                    }
                },
                // A part of its word unless only closing marks and spaces follow.
                Class::Period => {
                    if at == 0 || bytes.get(at + 1) == Some(&b'.') {
                        return false;
                    }
                    let rest = &bytes[at + 1..];
                    if rest
                        .iter()
                        .all(|b| matches!(b, b']' | b')' | b'}' | b'>' | b' '))
                    {
                        self.push(start, at);
                        self.push(at, at + 1);
                        start = at + 1;
                    } else if sentences && let Some(end) = end_after_period(caption, at) {
                        // The marks after the period are rare, and so is "cat.Dog".
                        if bytes[at + 1] != b' ' {
                            return false;
                        }
                        debug_assert_eq!(end, at + 1);
                        self.push(start, at);
                        self.push(at, at + 1);
                        self.start_sentence();
                        start = end;
                    }
                    at += 1;
                }
                Class::Apostrophe => {
                    let Some(length) = clitic_length(bytes, at) else {
                        return false;
                    };
                    // "n't" takes the letter before the apostrophe, and needs another letter before that.
                    let cut = if bytes.get(at + 1) == Some(&b't') {
                        at - 1
                    } else {
                        at
                    };
                    if cut <= start {
                        return false;
                    }
                    self.push(start, cut);
                    at += length;
                    self.push(cut, at);
                    start = at;
                }
                Class::Reject => return false,
            }
        }
        self.push(start, at);
        self.text.push_str(caption);
        if lowercase {
            self.text.make_ascii_lowercase();
        }
        true
    }
}

/// Whether the doubled letter that ends at `at` is in the middle of a contraction.
fn is_contraction(bytes: &[u8], at: usize) -> bool {
    let follows = |from: usize, word: &[u8]| {
        let found = bytes.get(from..from + word.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(word))
    };
    match bytes[at] | 0x20 {
        b'n' if at >= 3 => {
            follows(at - 3, b"cannot") || follows(at - 3, b"gonna") || follows(at - 3, b"wanna")
        }
        b'm' if at >= 3 => follows(at - 3, b"gimme") || follows(at - 3, b"lemme"),
        b't' if at >= 3 => follows(at - 3, b"gotta"),
        _ => false,
    }
}

/// The length, from the apostrophe on, of a clitic that every rule cuts off.
///
/// Such a clitic is known, stands after a letter or digit, and is followed by a character that the rules
/// separate with a space.
fn clitic_length(bytes: &[u8], at: usize) -> Option<usize> {
    if at == 0 || !bytes[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let rest = &bytes[at + 1..];
    let letters = rest
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric())
        .count();
    let known = match &rest[..letters] {
        b"t" => bytes[at - 1] == b'n',
        clitic => matches!(
            clitic,
            b"" | b"s"
                | b"S"
                | b"m"
                | b"M"
                | b"d"
                | b"D"
                | b"ll"
                | b"LL"
                | b"re"
                | b"RE"
                | b"ve"
                | b"VE"
        ),
    };
    let is_cut = match rest.get(letters) {
        None => true,
        Some(b',' | b':') => !rest.get(letters + 1).is_some_and(u8::is_ascii_digit),
        Some(b'.') => rest[letters + 1..].iter().all(|&b| b == b' '),
        Some(&next) => matches!(CLASSES[usize::from(next)], Class::Space | Class::Single),
    };
    (known && is_cut).then_some(letters + 1)
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Letter,
    Other,
    Hyphen,
    Space,
    Single,
    Comma,
    Period,
    Apostrophe,
    Reject,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Reject; 256];
    let mut byte = 0x20_u8;
    while byte < 0x7f {
        classes[byte as usize] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b' ' => Class::Space,
            b'-' => Class::Hyphen,
            b',' | b':' => Class::Comma,
            b'.' => Class::Period,
            b'\'' => Class::Apostrophe,
            b'"' | b'`' => Class::Reject,
            b';' | b'@' | b'#' | b'$' | b'%' | b'&' | b'?' | b'!' | b'*' | b'[' | b']' | b'('
            | b')' | b'{' | b'}' | b'<' | b'>' => Class::Single,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};
