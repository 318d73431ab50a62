//! Splits a caption into words, as NLTK's `NLTKWordTokenizer` does, with the place of each word.
//!
//! One [`scan`] splits most captions. It stops at the first sign of a rule that looks further: quotes, dashes,
//! ellipses, odd apostrophes, "cannot", any other alphabet. The literal rules of [`super::treebank`] then split
//! the caption.

mod scan;

use super::characters::is_space;
use super::sentences::sentence_end;
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
        // The last sentence may be blank.
        let end = offset(self.places.len());
        self.starts.pop_if(|start| *start == end);
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
    fn a_blank_rest_is_no_sentence() {
        let mut words = Words::default();
        words.split_sentences("\n a cat\n\n a dog\n\x0c \n");
        assert_eq!(words.sentence_starts(), [2]);
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
            let mut starts = words.sentence_starts().iter();
            prop_assert!(starts.all(|&start| (start as usize) < words.len()));
        }

        #[test]
        fn any_text_can_be_split(caption in ".{0,24}", lowercase: bool) {
            prop_assert_eq!(split(&caption, lowercase), split_by_rules(&caption, lowercase));
        }
    }
}
