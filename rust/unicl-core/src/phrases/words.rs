//! Splits a caption into words, as NLTK's `NLTKWordTokenizer` does, with the place of each word.
//!
//! Most captions are ASCII words, commas and a final period. One scan splits those. It stops at the first
//! sign of a rule that looks further: quotes, dashes, ellipses, odd apostrophes, "cannot", any other
//! alphabet. The literal rules of [`super::treebank`] then split the caption. Each case of the scan names
//! the facts that it relies on.

use super::characters::is_space;
use super::sentences::{end_after_period, sentence_end};
use super::treebank::{self, Unit};
use crate::interrupt;

/// The words of one caption, in buffers that are reused from caption to caption.
///
/// # Examples
///
/// ```
/// let mut words = unicl_core::phrases::Words::default();
/// words.split("The dog's ball, can't roll.", true);
/// let found: Vec<&str> = words.iter().collect();
/// assert_eq!(found, ["the", "dog", "'s", "ball", ",", "ca", "n't", "roll", "."]);
/// assert_eq!(words.span(2), (7, 9));
/// ```
#[derive(Default)]
pub struct Words {
    text: String,
    places: Vec<Place>,
    units: Vec<Unit>,
    starts: Vec<u32>,
}

/// A word: its bytes in [`Words::text`], and its characters in the caption.
struct Place {
    bytes: (u32, u32),
    span: (u32, u32),
}

impl Words {
    /// Splits a caption, which is lower-cased first if `lowercase`. It replaces the last caption.
    ///
    /// The caption counts as one sentence, so a period inside it is a part of its word.
    ///
    /// # Panics
    ///
    /// If the caption has 2^32 or more characters.
    pub fn split(&mut self, caption: &str, lowercase: bool) {
        self.clear();
        if !self.scan(caption, lowercase, false) {
            self.clear();
            self.split_by_rules(caption, lowercase, 0);
        }
    }

    /// Splits a caption into sentences, and each sentence into words, which are lower-cased first.
    ///
    /// # Panics
    ///
    /// If the caption has 2^32 or more characters.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut words = unicl_core::phrases::Words::default();
    /// words.split_sentences("Dr. Smith and a dog. Cats sleep.");
    /// let found: Vec<&str> = words.iter().collect();
    /// assert_eq!(found, ["dr.", "smith", "and", "a", "dog", ".", "cats", "sleep", "."]);
    /// assert_eq!(words.sentence_starts(), [6]);
    /// ```
    pub fn split_sentences(&mut self, caption: &str) {
        self.clear();
        if !self.scan(caption, true, true) {
            self.clear();
            self.split_sentences_by_rules(caption);
        }
    }

    /// The definition of [`Self::split`]: the literal rules alone.
    #[cfg(any(test, fuzzing))]
    pub fn split_by_definition(&mut self, caption: &str, lowercase: bool) {
        self.clear();
        self.split_by_rules(caption, lowercase, 0);
    }

    /// The definition of [`Self::split_sentences`].
    #[cfg(any(test, fuzzing))]
    pub fn split_sentences_by_definition(&mut self, caption: &str) {
        self.clear();
        self.split_sentences_by_rules(caption);
    }

    fn split_sentences_by_rules(&mut self, caption: &str) {
        let (mut from, mut characters) = (0, 0);
        while from < caption.len() {
            let end = sentence_end(caption, from);
            self.start_sentence();
            characters = self.split_by_rules(&caption[from..end], true, characters);
            from = end;
        }
    }

    fn start_sentence(&mut self) {
        let word = offset(self.places.len());
        if word > 0 && self.starts.last() != Some(&word) {
            self.starts.push(word);
        }
    }

    /// The words with which the second and later sentences begin, if [`Self::split_sentences`] split them.
    #[must_use]
    pub fn sentence_starts(&self) -> &[u32] {
        &self.starts
    }

    fn clear(&mut self) {
        self.text.clear();
        self.places.clear();
        self.starts.clear();
    }

    /// The number of words.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no word.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The words in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.places.iter().map(|place| self.slice(place))
    }

    /// One word.
    ///
    /// # Panics
    ///
    /// If `index >= len()`.
    #[must_use]
    pub fn get(&self, index: usize) -> &str {
        self.slice(&self.places[index])
    }

    /// The characters of a word in the caption: the first, and the one after the last.
    ///
    /// # Panics
    ///
    /// If `index >= len()`.
    #[must_use]
    pub fn span(&self, index: usize) -> (u32, u32) {
        self.places[index].span
    }

    fn slice(&self, place: &Place) -> &str {
        &self.text[place.bytes.0 as usize..place.bytes.1 as usize]
    }

    /// Splits a sentence that begins at a character of the caption; returns the number of the character after it.
    fn split_by_rules(&mut self, caption: &str, lowercase: bool, first: u32) -> u32 {
        self.units.clear();
        let mut next = first;
        for c in caption.chars() {
            interrupt::check_at(next as usize);
            if lowercase {
                self.units
                    .extend(c.to_lowercase().map(|c| Unit { c, at: Some(next) }));
            } else {
                self.units.push(Unit { c, at: Some(next) });
            }
            next = next
                .checked_add(1)
                .expect("a caption has less than 2^32 characters");
        }
        if lowercase && caption.contains('Σ') {
            // A capital sigma at the end of a word has another small form; only the whole text shows it.
            let lowered = caption.to_lowercase();
            for (unit, c) in self.units.iter_mut().zip(lowered.chars()) {
                unit.c = c;
            }
        }
        treebank::apply(&mut self.units);
        for word in self
            .units
            .split(|unit| is_space(unit.c))
            .filter(|word| !word.is_empty())
        {
            interrupt::check_at(self.places.len());
            let start = self.text.len();
            self.text.extend(word.iter().map(|unit| unit.c));
            let places = || word.iter().filter_map(|unit| unit.at);
            self.places.push(Place {
                bytes: (offset(start), offset(self.text.len())),
                span: (
                    places().min().unwrap_or_default(),
                    places().max().map_or(0, |last| last + 1),
                ),
            });
        }
        next
    }

    /// Splits a plain caption and returns true; returns false for a caption that needs the rules.
    fn scan(&mut self, caption: &str, lowercase: bool, sentences: bool) -> bool {
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

    fn push(&mut self, start: usize, end: usize) {
        if start < end {
            let range = (offset(start), offset(end));
            self.places.push(Place {
                bytes: range,
                span: range,
            });
        }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a caption has less than 2^32 bytes")
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Split = Vec<(String, (u32, u32))>;

    fn take(words: &Words) -> Split {
        (0..words.len())
            .map(|i| (words.get(i).to_owned(), words.span(i)))
            .collect()
    }

    fn split(caption: &str, lowercase: bool) -> Split {
        let mut words = Words::default();
        words.split(caption, lowercase);
        take(&words)
    }

    fn split_by_rules(caption: &str, lowercase: bool) -> Split {
        let mut words = Words::default();
        words.split_by_definition(caption, lowercase);
        take(&words)
    }

    /// The words of a caption, with strokes between its sentences.
    fn sentences(caption: &str) -> String {
        let mut words = Words::default();
        words.split_sentences(caption);
        let mut parts = Vec::new();
        for (index, word) in words.iter().enumerate() {
            if words.sentence_starts().contains(&offset(index)) {
                parts.push("|");
            }
            parts.push(word);
        }
        parts.join(" ")
    }

    fn texts(caption: &str) -> Vec<String> {
        split(caption, false)
            .into_iter()
            .map(|(word, _)| word)
            .collect()
    }

    #[test]
    fn words_are_those_of_nltk() {
        // Answers of nltk.tokenize.NLTKWordTokenizer 3.10.
        for (caption, expected) in [
            ("A dog.", "A|dog|."),
            ("flag: Germany", "flag|:|Germany"),
            (
                "3,36 euros at 10:30, he said",
                "3,36|euros|at|10:30|,|he|said",
            ),
            ("She said \"hi\" to 'em", "She|said|``|hi|''|to|'|em"),
            ("(a dog.)", "(|a|dog|.|)"),
            ("Wait... what?!", "Wait|...|what|?|!"),
            ("I cannot; gonna wanna", "I|can|not|;|gon|na|wan|na"),
            ("dogs' bowls, can't", "dogs|'|bowls|,|ca|n't"),
            ("a--b, c", "a|--|b|,|c"),
            ("x,,y", "x|,|,y"),
            ("A man. A dog.", "A|man.|A|dog|."),
            ("'tis $5 & 'quoted'", "'|tis|$|5|&|'|quoted|'"),
        ] {
            assert_eq!(texts(caption).join("|"), expected, "{caption}");
        }
    }

    #[test]
    fn captions_are_split_into_sentences() {
        for (caption, expected) in [
            ("a cat. a dog.", "a cat . | a dog ."),
            ("A cat.\nA dog\r\n\r\nA cow", "a cat . | a dog | a cow"),
            ("cat. dog. cow", "cat . | dog . | cow"),
            (
                "cat.Dog visit a.com, Amazon.Com",
                "cat . | dog visit a.com , amazon.com",
            ),
            (
                "(a cat.) \"a dog.\" a cow",
                "( a cat . ) | `` a dog . '' | a cow",
            ),
            ("wait… what。no", "wait | … | what | 。 | no"),
            (
                "a st. bernard. the u.s. flag",
                "a st. bernard . | the u.s. flag",
            ),
            ("in the u.s. a dog runs", "in the u.s . | a dog runs"),
            (
                "dr. j. smith, ph.d. e.g. a dog",
                "dr. j. smith , ph.d. e.g. a dog",
            ),
            ("Ph.D and Mr.Brown", "ph.d and mr.brown"),
            ("no. 7 is no. dogs bark", "no. 7 is no . | dogs bark"),
            ("cups etc. and etc. Dogs", "cups etc. and etc . | dogs"),
            ("3.5 m. in 1990. v1.2", "3.5 m. in 1990 . | v1.2"),
            ("a dog . , x", "a dog . , x"),
            ("..ab. c", ".. ab . | c"),
            ("e.g. . >", "e.g. . >"),
        ] {
            assert_eq!(sentences(caption), expected, "{caption}");
        }
    }

    #[test]
    fn spans_count_characters_of_the_caption() {
        assert_eq!(
            split("🐶 İ \"café\" dog", true),
            [
                ("🐶", (0, 1)),
                ("i\u{307}", (2, 3)),
                ("``", (4, 5)),
                ("café", (5, 9)),
                ("''", (9, 10)),
                ("dog", (11, 14)),
            ]
            .map(|(word, span)| (word.to_owned(), span))
        );
    }

    #[test]
    fn blank_captions_have_no_word() {
        for caption in ["", " ", "\n\t", "\u{a0}\x1f"] {
            assert!(texts(caption).is_empty(), "{caption:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn the_scan_equals_the_rules(caption in "([a-zA-Z0-9 ,.:;'()?!*&$<>\\[\\]/+-]|n't|'s|'ll|cannot|gonna|gotta| d'ye|more'n|\\.\\)|, ){0,14}", lowercase: bool) {
            prop_assert_eq!(split(&caption, lowercase), split_by_rules(&caption, lowercase));
        }

        #[test]
        fn the_scan_of_sentences_equals_the_rules(
            caption in "([a-zA-Z0-9 ,.:'()?!>-]|\\. | [uU]\\.[sS]\\.|st\\. |\\. a |e\\.g\\. |no\\. |etc\\. |og\\.Ca|x\\.Com|\\.\\)|'s\\. ){0,14}",
        ) {
            let (mut words, mut by_rules) = (Words::default(), Words::default());
            words.split_sentences(&caption);
            by_rules.split_sentences_by_definition(&caption);
            prop_assert_eq!(take(&words), take(&by_rules));
            prop_assert_eq!(words.sentence_starts(), by_rules.sentence_starts());
        }

        #[test]
        fn any_text_can_be_split(caption in ".{0,24}", lowercase: bool) {
            prop_assert_eq!(split(&caption, lowercase), split_by_rules(&caption, lowercase));
        }
    }
}
