//! Finds the names of labels in the words of a caption, where the tagger saw no noun phrase.
//!
//! A tagger does not know the vocabulary: in "suit and tie" it takes the tie for a verb, and in "a frying pan"
//! the phrase is the pan alone. So the words of a caption are looked up as well. A name counts if its neighbours
//! let it be a noun phrase, or the end of one: "a tie" and "a knife and fork", but not "they tie a knot".

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt};

use super::lemma::plurals;
use super::mapper::{Mapper, Mapping};
use super::phrase::{PhraseWords, is_simple, last_start};
use super::reading::{Kind, Reading};
use super::vocabulary::Vocabulary;
use super::word_tables::{is_quantifier, is_trailing};

/// What the search in captions knows of a vocabulary.
#[derive(Debug)]
pub struct NameEnds {
    /// The last words of every text that means a label, with the most words that such a text has in a caption.
    longest: HashMap<Box<str>, u8>,
    /// The labels of human beings.
    persons: Vec<i32>,
}

impl NameEnds {
    /// Collects the last words of a vocabulary's names and synonyms.
    #[must_use]
    pub fn new(vocabulary: &Vocabulary) -> Self {
        // Many texts of a large vocabulary end in the same word.
        let mut written: HashMap<&str, u8> = HashMap::new();
        for text in vocabulary.all_texts() {
            // In a caption the "'s" of "lady's slipper" is a word.
            let count = u8::try_from(text.split([' ', '/', '\'']).count()).unwrap_or(u8::MAX);
            let last = &text[last_start(text)..];
            let possessive = last.ends_with("'s").then_some("s");
            for end in possessive.into_iter().chain([last]) {
                let longest = written.entry(end).or_default();
                *longest = count.max(*longest);
            }
        }
        let mut ends: HashMap<Box<str>, u8> = HashMap::with_capacity(2 * written.len());
        let mut add = |end: &str, count: u8| match ends.get_mut(end) {
            Some(longest) => *longest = count.max(*longest),
            None => _ = ends.insert(end.into(), count),
        };
        for (end, count) in written {
            add(end, count);
            // The vocabulary finds the plurals that have this singular without an entry of their own.
            let (regular, others) = plurals(end);
            regular
                .iter()
                .chain(&others)
                .for_each(|plural| add(plural, count));
        }
        let person = |word: &&str| {
            vocabulary
                .resolve(word, word)
                .map(|(id, _)| id.cast_signed())
        };
        Self {
            longest: ends,
            persons: ["person", "man", "woman", "child", "boy", "girl"]
                .iter()
                .filter_map(person)
                .collect(),
        }
    }

    /// The definition: a name of any length may end in any of these words.
    #[cfg(any(test, fuzzing))]
    #[must_use]
    pub fn by_definition<'a>(
        vocabulary: &Vocabulary,
        words: impl Iterator<Item = &'a str>,
    ) -> Self {
        let ends = words.map(|word| (end_of(word).into(), u8::MAX));
        Self {
            longest: ends.collect(),
            ..Self::new(vocabulary)
        }
    }

    /// Whether a label means human beings.
    pub(super) fn is_person(&self, id: i32) -> bool {
        self.persons.contains(&id)
    }

    /// The number of words of the longest text that ends in a word; 0 if there is none.
    fn longest(&self, word: &str) -> usize {
        let longest = self.longest.get(&*end_of(word)).copied();
        longest.map_or(0, usize::from)
    }
}

/// The part of a word of a caption with which a text can end: "hop" of "hip-hop", "dog" of "~dog~".
fn end_of(word: &str) -> Cow<'_, str> {
    if is_simple(word) {
        return word.into();
    }
    let mut words = PhraseWords::default();
    words.read([word]);
    let text = if words.len() > 0 { words.last(1) } else { "" };
    let mark = text.bytes().rposition(|byte| matches!(byte, b'-' | b'/'));
    text[mark.map_or(0, |at| at + 1)..].to_owned().into()
}

/// A name among the words of a caption.
pub(super) struct Name {
    /// The number of its first word.
    pub(super) from: usize,
    pub(super) mapping: Mapping,
}

/// The longest name that ends with the word before `to` and has more than `least` words.
pub(super) fn name_before(
    reading: &Reading<'_>,
    ends: &NameEnds,
    mapper: &mut Mapper<'_>,
    to: usize,
    least: usize,
) -> Option<Name> {
    let longest = ends.longest(reading.word(to - 1));
    if longest <= least {
        return None;
    }
    let longest = reading.run_before(to, longest);
    (least + 1..=longest).rev().find_map(|count| {
        let mut from = to - count;
        let mapping = mapper.map_whole((from..to).map(|at| reading.word(at)))?;
        // "the" of "the pan" is no part of the name.
        let mut length = |from: usize| mapper.whole_length((from..to).map(|at| reading.word(at)));
        let whole = length(from);
        while to - from > 1 && length(from + 1) == whole {
            from += 1;
        }
        (to - from > least).then_some(Name { from, mapping })
    })
}

/// Whether the tagger can be wrong about a word that it takes for no noun.
pub(super) fn can_be_noun(reading: &Reading<'_>, at: usize) -> bool {
    match reading.kind(at) {
        Kind::Determiner | Kind::Owner | Kind::Pronoun | Kind::Conjunction | Kind::Mark => false,
        // Every short one is a preposition.
        Kind::Preposition => reading.word(at).len() > 5,
        Kind::Adjective => !is_quantifier(reading.word(at)),
        _ => true,
    }
}

/// Whether words outside the noun phrases of the tagger can be one, or the end of one.
pub(super) fn can_be_phrase(reading: &Reading<'_>, from: usize, to: usize) -> bool {
    let next = reading.kind(to);
    let is_part = next.is_noun() && !is_trailing(reading.word(to));
    if is_part {
        // "oven door": the thing is the door.
        return false;
    }
    if to - from > 1 {
        // "a pickup", but not "they pick up"
        let is_verb = matches!(
            reading.kind(to - 1),
            Kind::Preposition | Kind::Adverb | Kind::Other
        );
        return !is_verb || reading.kind_before(from) == Kind::Determiner;
    }
    let (before, word_before) = (reading.kind_before(from), reading.before(from, 1));
    let has_object = matches!(next, Kind::Determiner | Kind::Owner | Kind::Pronoun)
        || matches!(reading.word(to), "to" | "up" | "down" | "off" | "out");
    match (before, reading.kind(from)) {
        // "an orange and white cat": an adjective stays one before another.
        (_, Kind::Adjective)
            if next == Kind::Adjective
                || next == Kind::Conjunction && reading.kind(to + 1) == Kind::Adjective =>
        {
            false
        }
        // "getting injured": only a determiner makes a noun of it.
        (before, Kind::Participle)
            if !matches!(
                before,
                Kind::Determiner | Kind::Owner | Kind::Number | Kind::Adjective
            ) =>
        {
            false
        }
        (Kind::Participle, Kind::Adjective) => false,
        // "a funny American inspired bag"
        (Kind::Adjective, Kind::Adjective) if next == Kind::Participle => false,
        // "Official, licensed" is none; "oven, sink and fridge" is.
        (Kind::Mark, Kind::Adjective) if reading.word(to) != "," => false,
        (Kind::Determiner | Kind::Owner | Kind::Number | Kind::Adjective, _) => {
            !matches!(word_before, "that" | "which" | "who" | "this" if has_object)
        }
        _ if word_before == "'s" => true,
        _ if has_object => false,
        // "a suit and tie", "oven, sink, and fridge".
        (Kind::Conjunction | Kind::Mark, _) if matches!(word_before, "and" | "or" | "&" | ",") => {
            let listed = if from >= 2 && reading.word(from - 2) == "," {
                3
            } else {
                2
            };
            from >= listed && reading.kind(from - listed).is_noun()
        }
        // "with broccoli", "holding umbrella".
        (Kind::Preposition, _) => !matches!(
            word_before,
            "that" | "while" | "as" | "because" | "if" | "since" | "when" | "to" | "so"
        ),
        (Kind::Participle, _) => !matches!(word_before, "going" | "helping" | "trying" | "been"),
        // At the beginning, and between marks.
        (Kind::Mark, _) => matches!(next, Kind::Mark | Kind::Participle | Kind::Conjunction),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_in_a_word_with_marks_and_in_a_possessive() {
        let names = ["tie", "mcdonald's", "hip-hop"].map(str::to_owned).to_vec();
        let ends = NameEnds::new(&Vocabulary::new(names, &[], &[]).unwrap());
        for (word, longest) in [
            ("tie", 1),
            ("ties", 1),
            ("~tie~", 1),
            ("\0tie", 1),
            ("bow-tie", 1),
            ("'s", 2),
            ("hip-hop", 2),
            ("dog", 0),
            ("--", 0),
        ] {
            assert_eq!(ends.longest(word), longest, "{word}");
        }
    }
}
