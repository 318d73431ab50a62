//! A caption as the rules of context see it: words, their kinds, noun phrases, and capitals.

use std::cell::OnceCell;

use super::phrase::has_part;
use super::word_classes::Classes;
use crate::phrases::{MAX_TAGS, PhraseFinder, Tagger, Words};

/// What a part-of-speech tag of the Penn Treebank stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Noun,
    /// A noun that the tagger takes for a name.
    Name,
    Adjective,
    Determiner,
    /// "his", "their".
    Owner,
    Number,
    /// Any verb but a participle.
    Verb,
    /// "riding", "parked".
    Participle,
    Preposition,
    Conjunction,
    Pronoun,
    Adverb,
    Mark,
    Other,
}

impl Kind {
    fn of_tag(tag: &str) -> Self {
        match tag {
            "NN" | "NNS" => Self::Noun,
            "NNP" | "NNPS" => Self::Name,
            "JJ" | "JJR" | "JJS" => Self::Adjective,
            "DT" | "PDT" | "WDT" => Self::Determiner,
            "PRP$" | "WP$" => Self::Owner,
            "CD" => Self::Number,
            "VB" | "VBP" | "VBZ" | "VBD" | "MD" => Self::Verb,
            "VBG" | "VBN" => Self::Participle,
            "IN" => Self::Preposition,
            "CC" => Self::Conjunction,
            "PRP" | "WP" | "EX" => Self::Pronoun,
            "RB" | "RBR" | "RBS" | "RP" => Self::Adverb,
            _ if !tag.chars().any(char::is_alphabetic) => Self::Mark,
            _ => Self::Other,
        }
    }

    pub(super) fn is_noun(self) -> bool {
        matches!(self, Self::Noun | Self::Name)
    }

    /// Whether a noun phrase can begin with it.
    pub(super) fn begins_phrase(self) -> bool {
        self.is_noun()
            || matches!(
                self,
                Self::Adjective | Self::Determiner | Self::Owner | Self::Number
            )
    }
}

/// The kind of each tag of a tagger.
pub(super) struct Kinds([Kind; MAX_TAGS]);

impl Kinds {
    pub(super) fn new(tagger: &Tagger) -> Self {
        let mut kinds = [Kind::Other; MAX_TAGS];
        for (kind, tag) in kinds.iter_mut().zip(tagger.tag_names()) {
            *kind = Kind::of_tag(tag);
        }
        Self(kinds)
    }
}

/// How a word is written in the caption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    /// The first letter is a capital.
    Capital,
    /// It has two capitals or more, and no small letter.
    Upper,
    /// It has no letter at its beginning.
    None,
}

impl Case {
    fn of_ascii(word: &[u8]) -> Self {
        match word {
            [first, ..] if first.is_ascii_lowercase() => Self::Lower,
            [first, rest @ ..] if first.is_ascii_uppercase() => {
                let is_upper = rest.iter().any(u8::is_ascii_uppercase)
                    && !rest.iter().any(u8::is_ascii_lowercase);
                if is_upper { Self::Upper } else { Self::Capital }
            }
            _ => Self::None,
        }
    }

    fn of(word: impl Iterator<Item = char>) -> Self {
        let (mut first, mut capitals, mut has_small) = (None, 0, false);
        for c in word {
            first.get_or_insert(c);
            capitals += usize::from(c.is_uppercase());
            has_small |= c.is_lowercase();
        }
        match first {
            Some(c) if c.is_uppercase() && !has_small && capitals > 1 => Self::Upper,
            Some(c) if c.is_uppercase() => Self::Capital,
            Some(c) if c.is_alphabetic() => Self::Lower,
            _ => Self::None,
        }
    }
}

/// A caption that was read.
pub(super) struct Reading<'a> {
    caption: &'a str,
    tagger: &'a Tagger,
    words: &'a Words,
    tags: &'a [u8],
    kinds: &'a Kinds,
    /// The noun phrases, as the numbers of their first word and of the one after their last.
    pub(super) phrases: &'a [(u32, u32)],
    is_ascii: OnceCell<bool>,
    cases: OnceCell<Vec<Case>>,
    quoted: OnceCell<Vec<bool>>,
    is_title: OnceCell<bool>,
    names_medium: OnceCell<bool>,
}

impl<'a> Reading<'a> {
    /// The caption that a finder has read.
    pub(super) fn new(caption: &'a str, finder: &'a PhraseFinder<'_>, kinds: &'a Kinds) -> Self {
        Self {
            caption,
            tagger: finder.tagger(),
            words: finder.words(),
            tags: finder.tags(),
            kinds,
            phrases: finder.places(),
            is_ascii: OnceCell::new(),
            cases: OnceCell::new(),
            quoted: OnceCell::new(),
            is_title: OnceCell::new(),
            names_medium: OnceCell::new(),
        }
    }

    /// The number of words.
    pub(super) fn len(&self) -> usize {
        self.tags.len()
    }

    /// A word in lower case; "" before the first and after the last.
    pub(super) fn word(&self, at: usize) -> &'a str {
        if at < self.len() {
            self.words.get(at)
        } else {
            ""
        }
    }

    /// The classes of a word.
    pub(super) fn classes(&self, at: usize) -> Classes {
        Classes::of(self.word(at))
    }

    /// The word `back` words before a place; "" before the first.
    pub(super) fn before(&self, at: usize, back: usize) -> &'a str {
        at.checked_sub(back).map_or("", |at| self.word(at))
    }

    /// The kind of a word; a mark before the first and after the last.
    pub(super) fn kind(&self, at: usize) -> Kind {
        self.tags
            .get(at)
            .map_or(Kind::Mark, |&tag| self.kinds.0[usize::from(tag)])
    }

    /// The kind of the word before a place.
    pub(super) fn kind_before(&self, at: usize) -> Kind {
        at.checked_sub(1).map_or(Kind::Mark, |at| self.kind(at))
    }

    /// The first word of the noun phrase that ends before a word.
    pub(super) fn phrase_to(&self, at: usize) -> Option<usize> {
        let found = self
            .phrases
            .binary_search_by_key(&at, |&(_, to)| to as usize);
        found.ok().map(|index| self.phrases[index].0 as usize)
    }

    /// How many words before a place belong together: no mark and no end of a sentence stands between them.
    pub(super) fn run_before(&self, at: usize, most: usize) -> usize {
        let starts = self.words.sentence_starts();
        let sentence = starts.partition_point(|&start| (start as usize) < at);
        let begin = sentence
            .checked_sub(1)
            .map_or(0, |index| starts[index] as usize);
        let words = (begin..at).rev().take(most);
        words.take_while(|&at| has_part(self.word(at))).count()
    }

    /// Whether the tagger has seen a word.
    pub(super) fn knows(&self, at: usize) -> bool {
        self.tagger.knows(self.word(at))
    }

    /// The noun phrase that begins at a word.
    pub(super) fn phrase_from(&self, at: usize) -> Option<(usize, usize)> {
        let found = self
            .phrases
            .binary_search_by_key(&at, |&(from, _)| from as usize);
        found.ok().map(|index| (at, self.phrases[index].1 as usize))
    }

    /// Whether a word stands in a noun phrase.
    pub(super) fn is_in_phrase(&self, at: usize) -> bool {
        let next = self
            .phrases
            .partition_point(|&(from, _)| from as usize <= at);
        next > 0 && at < self.phrases[next - 1].1 as usize
    }

    /// How a word is written in the caption.
    pub(super) fn case(&self, at: usize) -> Case {
        if at >= self.len() {
            return Case::None;
        }
        if *self.is_ascii.get_or_init(|| self.caption.is_ascii()) {
            let (from, to) = self.words.span(at);
            return Case::of_ascii(&self.caption.as_bytes()[from as usize..to as usize]);
        }
        self.cases.get_or_init(|| self.read_cases())[at]
    }

    /// Whether a capital means nothing here, since most longer words have one or none has a small letter.
    pub(super) fn is_title(&self) -> bool {
        *self.is_title.get_or_init(|| {
            let (mut capitals, mut all) = (0, 0);
            for at in 1..self.len() {
                let case = self.case(at);
                if self.word(at).len() > 3 && case != Case::None {
                    all += 1;
                    capitals += usize::from(case != Case::Lower);
                }
            }
            capitals > 0 && 10 * capitals >= 7 * all
        })
    }

    /// Whether the caption asks or advises: it tells of no image.
    pub(super) fn is_advice(&self) -> bool {
        let first = usize::from(self.kind(0) == Kind::Number);
        self.classes(first).has(Classes::ASKING)
            || self.len() > 0 && self.word(self.len() - 1) == "?"
    }

    /// Whether the caption calls itself a photograph or an image.
    pub(super) fn names_medium(&self) -> bool {
        *self.names_medium.get_or_init(|| {
            (0..self.len()).any(|at| {
                self.classes(at).has(Classes::MEDIUM)
                    || matches!(self.word(at), "portrait" | "painting" | "video")
            })
        })
    }

    /// Whether the caption has the full name of a person who is not its author: "Naya Rivera".
    pub(super) fn names_person(&self) -> bool {
        (1..self.len()).any(|at| {
            self.classes(at - 1).has(Classes::FIRST_NAME)
                && self.case(at - 1) == Case::Capital
                && self.case(at) == Case::Capital
                && self.before(at - 1, 1) != "by"
        })
    }

    /// Whether a word stands between quotation marks that do not enclose the whole caption.
    pub(super) fn is_quoted(&self, at: usize) -> bool {
        let quoted = self.quoted.get_or_init(|| {
            let has_quotes =
                self.caption.as_bytes().contains(&b'"') || self.caption.contains('\u{201c}');
            if has_quotes {
                self.quoted_words()
            } else {
                Vec::new()
            }
        });
        quoted.get(at).copied().unwrap_or(false)
    }

    fn quoted_words(&self) -> Vec<bool> {
        let trimmed = self.caption.trim();
        let is_whole = |open: char, close: char| {
            trimmed.len() > 1 && trimmed.starts_with(open) && trimmed.ends_with(close)
        };
        let skipped = is_whole('"', '"') || is_whole('\u{201c}', '\u{201d}');
        let (mut open, mut before, mut passages) = (None, ' ', Vec::new());
        let last = self.caption.trim_end().chars().count().saturating_sub(1);
        let first = self
            .caption
            .chars()
            .take_while(|c| c.is_whitespace())
            .count();
        let mut characters = (0_u32..).zip(self.caption.chars()).peekable();
        while let Some((at, c)) = characters.next() {
            let is_edge = skipped && (at as usize == first || at as usize == last);
            let next = characters.peek().map_or(' ', |&(_, c)| c);
            if !is_edge && matches!(c, '"' | '\u{201c}' | '\u{201d}') {
                let opens = !before.is_alphanumeric() && next.is_alphanumeric();
                match open {
                    Some(from) if !next.is_alphanumeric() && c != '\u{201c}' => {
                        passages.push((from, at));
                        open = None;
                    }
                    None if opens && c != '\u{201d}' => open = Some(at),
                    _ => {}
                }
            }
            before = c;
        }
        let mut passages = passages.into_iter().peekable();
        let is_inside = |word| {
            let (from, to) = self.words.span(word);
            while passages.next_if(|&(_, end)| end < to).is_some() {}
            passages.peek().is_some_and(|&(start, _)| start <= from)
        };
        (0..self.len()).map(is_inside).collect()
    }

    fn read_cases(&self) -> Vec<Case> {
        // Spans count characters: one walk over the caption finds their bytes.
        let mut bytes = self.caption.char_indices().map(|(byte, _)| byte);
        let (mut next, mut start) = (0, 0);
        let case = |word| {
            let (from, to) = self.words.span(word);
            if from >= next {
                start = bytes
                    .nth((from - next) as usize)
                    .unwrap_or(self.caption.len());
                next = from + 1;
            }
            Case::of(self.caption[start..].chars().take((to - from) as usize))
        };
        (0..self.len()).map(case).collect()
    }
}
