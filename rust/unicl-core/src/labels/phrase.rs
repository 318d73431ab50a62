//! A phrase as the words that can make up a label.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::lemma;
use super::word_tables::is_determiner;
use crate::phrases::is_word;

/// The words of one phrase, as written and with the last word in the singular.
///
/// Texts that Unicode calls equivalent are the same: words are in its form NFKC. They are lower-cased and
/// lose the marks at their edges. An underscore counts as a space, as in the class names of data sets.
/// All hyphens are the same, and so are all apostrophes. Leading determiners are dropped, unless the
/// phrase has nothing else: then its last word stays.
///
/// A candidate for a label is the phrase, or the rest of it after words are removed from the left: the
/// head stays. A compound with a hyphen is one word, so "hip-hop" does not end in "hop". The sides of a
/// slash are two: "cat/dog" ends in "dog". The buffers are reused from phrase to phrase.
#[derive(Default)]
pub(crate) struct PhraseWords {
    /// The words; leading determiners stand before the first of `starts`.
    text: String,
    /// The same text with the last word in the singular; empty if that is how it stands in `text`.
    singular: String,
    /// Where each word begins, in both texts.
    starts: Vec<usize>,
}

impl PhraseWords {
    pub(crate) fn read<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) {
        self.text.clear();
        self.starts.clear();
        let (mut joint, mut before) = (Joint::Space, "");
        for word in words {
            let before = std::mem::replace(&mut before, word);
            joint = joint.max(Joint::Space); // and a slash stays, in "tv / monitor"
            if is_simple(word) {
                self.push(word, joint);
                joint = Joint::Space;
                continue;
            }
            let trimmed = word.trim_matches(is_mark);
            if trimmed.len() == 1 && is_possessive(before, word) && !self.starts.is_empty() {
                self.text.push_str("'s"); // a tokenizer has split it off
            } else if trimmed.is_empty() {
                if word.contains('/') {
                    joint = Joint::Slash;
                }
            } else if is_plain(word) {
                self.push(trimmed, joint);
                joint = Joint::Space;
            } else if word
                .bytes()
                .all(|byte| PLAIN[usize::from(byte)] || byte == b'-')
            {
                joint = self.push_parts(word, joint);
            } else {
                joint = self.push_parts(&normal_form(word), joint);
            }
        }
        if self.starts.is_empty() && !self.text.is_empty() {
            self.starts.push(last_start(&self.text));
        }
        self.read_singular();
    }

    fn read_singular(&mut self) {
        self.singular.clear();
        let Some(&last) = self.starts.last() else {
            return;
        };
        let (before, word) = self.text.split_at(last);
        let singular = lemma(word);
        if *singular != *word {
            self.singular.push_str(before);
            self.singular.push_str(&singular);
        }
    }

    /// Appends the parts of a word between marks that join words; gives the joint after the last.
    fn push_parts(&mut self, word: &str, mut joint: Joint) -> Joint {
        for piece in word.split_inclusive(|c| Joint::of(c).is_some()) {
            let after = piece.chars().next_back().and_then(Joint::of);
            let part = piece.trim_matches(is_mark);
            if part.is_empty() {
                joint = joint.max(after.unwrap_or(Joint::Hyphen));
            } else {
                self.push(part, joint);
                joint = after.unwrap_or(Joint::Hyphen);
            }
        }
        joint
    }

    #[inline]
    fn push(&mut self, word: &str, joint: Joint) {
        if !self.text.is_empty() {
            self.text.push(joint.mark());
        }
        let start = self.text.len();
        self.text.push_str(word);
        if joint == Joint::Hyphen && start > 0 {
            // The compound began with a determiner: "a-frame".
            if self.starts.is_empty() {
                self.starts.push(last_start(&self.text));
            }
        } else if !self.starts.is_empty() || !is_determiner(word) {
            self.starts.push(start);
        }
    }

    /// Removes the last word.
    pub(crate) fn pop(&mut self) {
        let Some(end) = self.starts.pop() else { return };
        self.text.truncate(end.saturating_sub(1));
        self.read_singular();
    }

    /// The number of words.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The last `count` words, as written.
    pub(crate) fn last(&self, count: usize) -> &str {
        &self.text[self.starts[self.len() - count]..]
    }

    /// The last `count` words, with the head in the singular.
    pub(crate) fn last_singular(&self, count: usize) -> &str {
        let text = match self.singular.as_str() {
            "" => &self.text,
            singular => singular,
        };
        &text[self.starts[self.len() - count]..]
    }

    /// Whether a slash stands before the last word: then the word before the slash is a head too.
    pub(crate) fn ends_in_alternative(&self) -> bool {
        let last = self.starts.last().copied().unwrap_or_default();
        self.text[..last].ends_with('/')
    }
}

/// What stands between two words; the strongest of several counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Joint {
    Hyphen,
    Space,
    Slash,
}

impl Joint {
    #[inline]
    fn of(mark: char) -> Option<Self> {
        match mark {
            '-' => Some(Self::Hyphen),
            '/' => Some(Self::Slash),
            '_' => Some(Self::Space),
            _ if mark.is_whitespace() => Some(Self::Space),
            _ => None,
        }
    }

    fn mark(self) -> char {
        match self {
            Self::Hyphen => '-',
            Self::Space => ' ',
            Self::Slash => '/',
        }
    }
}

/// Gives a text with spaces for hyphens: the form in which texts are compared.
pub(super) fn without_hyphens(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&b'-') {
        text.replace('-', " ").into()
    } else {
        text.into()
    }
}

/// Where the last word of a text begins.
pub(super) fn last_start(text: &str) -> usize {
    let mark = text.bytes().rposition(|byte| matches!(byte, b' ' | b'/'));
    mark.map_or(0, |at| at + 1)
}

/// Whether a word has nothing but small letters and digits of ASCII, as most have.
pub(super) fn is_simple(word: &str) -> bool {
    let is_simple = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !word.is_empty() && word.bytes().all(is_simple)
}

/// Whether a word is its own normal form and has one part.
fn is_plain(word: &str) -> bool {
    word.bytes().all(|byte| PLAIN[usize::from(byte)])
}

/// The bytes of plain words, as a table: every word of every phrase is checked.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let is_joint = matches!(byte, b'_' | b'-' | b'/' | b'`');
        plain[byte as usize] = !byte.is_ascii_uppercase() && !is_joint;
        byte += 1;
    }
    plain
};

/// A word with one kind of hyphen and of apostrophe, in lower case and NFKC.
fn normal_form(word: &str) -> String {
    let marks = word.chars().map(|c| match c {
        '\u{ad}' | '\u{2010}'..='\u{2013}' | '\u{2212}' => '-',
        '`' | '\u{b4}' | '\u{2bc}' | '\u{2018}' | '\u{2019}' => '\'',
        _ => c,
    });
    if word.is_ascii() {
        return marks.map(|c| c.to_ascii_lowercase()).collect();
    }
    let text: String = marks.nfkc().collect();
    text.to_lowercase().nfkc().collect()
}

/// Whether a word is the "'s" of the word before it, which has no mark at its end.
fn is_possessive(before: &str, word: &str) -> bool {
    let has_letter = |word: &str| word.ends_with(|c| !is_mark(c));
    matches!(&*normal_form(word), "'s")
        && (has_letter(before) || !before.is_ascii() && has_letter(&normal_form(before)))
}

/// Whether a word has a part in a name: it does not consist of marks alone.
pub(super) fn has_part(word: &str) -> bool {
    word.contains(|c| !is_mark(c))
}

fn is_mark(c: char) -> bool {
    c == '_' || !is_word(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(phrase: &str) -> (String, String) {
        let mut words = PhraseWords::default();
        words.read(phrase.split_whitespace());
        match words.len() {
            0 => (String::new(), String::new()),
            count => (
                words.last(count).to_owned(),
                words.last_singular(count).to_owned(),
            ),
        }
    }

    #[test]
    fn the_last_word_can_be_removed() {
        let mut words = PhraseWords::default();
        words.read("two dogs trotting".split(' '));
        words.pop();
        assert_eq!(
            (words.last(2), words.last_singular(2)),
            ("two dogs", "two dog")
        );
        words.pop();
        words.pop();
        words.pop();
        assert_eq!(words.len(), 0);
    }

    #[test]
    fn a_phrase_loses_determiners_case_and_marks() {
        for (phrase, text, singular) in [
            ("The  Dogs", "dogs", "dog"),
            ("all the (hot) dogs.", "hot dogs", "hot dog"),
            ("the", "the", "the"),
            ("The A", "a", "a"),
            ("a a-frame", "a-frame", "a-frame"),
            ("\" ' --", "", ""),
            ("a T-Shirt", "t-shirt", "t-shirt"),
            ("The_Hot__Dogs_", "hot dogs", "hot dog"),
            ("a_(pickup)_truck", "pickup truck", "pickup truck"),
            ("Ünïs", "ünïs", "ünï"),
            ("(cafe\u{301})", "caf\u{e9}", "caf\u{e9}"),
            (
                "\u{ff26}ire\u{2011}Hydrants",
                "fire-hydrants",
                "fire-hydrant",
            ),
            ("fire\u{ad}hydrant", "fire-hydrant", "fire-hydrant"),
            ("the o\u{fb03}ce", "office", "office"),
            ("rock-'n'-roll", "rock-n-roll", "rock-n-roll"),
            ("Men\u{2019}s shoes", "men's shoes", "men's shoe"),
            ("a men 's shoe", "men's shoe", "men's shoe"),
            ("MEN `S shoe", "men's shoe", "men's shoe"),
            (
                "cafe\u{301} 's menus",
                "caf\u{e9}'s menus",
                "caf\u{e9}'s menu",
            ),
            ("dog / 's", "dog/s", "dog/s"),
            ("dog. 's cats", "dog s cats", "dog s cat"),
            ("a TV / monitors", "tv/monitors", "tv/monitor"),
            ("cats/dogs", "cats/dogs", "cats/dog"),
            ("dog the dog", "dog the dog", "dog the dog"),
        ] {
            assert_eq!(
                read(phrase),
                (text.to_owned(), singular.to_owned()),
                "{phrase}"
            );
        }
    }
}
