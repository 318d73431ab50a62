//! Maps phrases to labels.
//!
//! 1. The whole phrase is looked up: as a name, by the singular of its head, as a synonym.
//! 2. Then words are removed from the left, one at a time, down to the head noun alone. "big hot dogs"
//!    is "hot dog" before it is "dog", and never "big".
//! 3. If nothing is found and the last word is a verb that a tagger can mistake for a noun, the phrase is
//!    read without that word: "a dog trots". So is a phrase whose last word follows a slash: "cat/dog".
//! 4. If nothing is found then, spelling slips can be corrected.
//!
//! A label that is not kept is replaced by its nearest ancestor that is kept. A phrase that matches no
//! label has none. A phrase that ends in a blocked text has none either: "a red toy car".

use super::lexicon::NameEnds;
use super::phrase::PhraseWords;
use super::spelling::Spelling;
use super::vocabulary::{Meaning, NO_LABEL, Vocabulary};
use super::word_tables::is_trailing;

/// How a phrase got its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Rule {
    /// It has no label.
    Abstain = 0,
    /// It is the name of the label.
    Exact = 1,
    /// It is the name, except for the number of its head.
    Lemma = 2,
    /// It is a synonym, in either number.
    Synonym = 3,
    /// Its last words, two or more, are one of these.
    SubPhrase = 4,
    /// Its last word is one of these.
    HeadNoun = 5,
    /// It means a label that is not kept; the label given is the nearest ancestor that is kept.
    Parent = 6,
    /// It means the label after an unknown word is replaced by the most similar word of the labels.
    Fuzzy = 7,
    /// The label is the most similar of all; see [`Argmax`](super::Argmax).
    Argmax = 8,
    /// The caption has the name or synonym, in words that are no noun phrase for the tagger.
    Caption = 9,
    /// The label of its noun before a proper name: "director Ruben Fleischer".
    NamedHead = 10,
    /// No label: the thing is not there ("no dogs").
    Absent = 11,
    /// No label: the thing only has or wears what is there ("women's shoes").
    Possessor = 12,
    /// No label: it tells how many there are ("a couple of zebras").
    Measure = 13,
    /// No label: a likeness of the thing ("a statue of a horse").
    Likeness = 14,
    /// No label: whom or what goods are for ("shoes for women").
    Purpose = 15,
    /// No label: the thing that an accessory is for ("iPhone 5 case").
    Accessory = 16,
    /// No label: a proper name ("Jeanette Baker", "the Bulldogs").
    ProperName = 17,
    /// No label: who made what is shown ("by Various Artists").
    Credit = 18,
    /// No label: words in quotation marks, such as a title.
    Quoted = 19,
    /// No label: a person in a title, of whom nothing more is told ("Certified Instructor").
    Title = 20,
    /// No label: a colour ("a man in orange").
    Colour = 21,
}

/// A phrase's label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mapping {
    /// The id of the label; -1 if there is none.
    pub id: i32,
    /// The share of the phrase's words (without determiners) that the label accounts for.
    ///
    /// [`Rule::Fuzzy`]: that share times the least similarity of a corrected word. [`Rule::Argmax`]: the
    /// similarity of phrase and name, in [0, 2]. 0 if there is no label.
    pub score: f32,
    /// How it was found.
    pub rule: Rule,
}

impl Mapping {
    /// No label.
    pub const ABSTENTION: Self = Self::refused(Rule::Abstain);

    /// No label, by a rule.
    pub(super) const fn refused(rule: Rule) -> Self {
        Self {
            id: -1,
            score: 0.0,
            rule,
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "exact for phrases of up to 2^24 words"
)]
fn share(count: usize, whole: usize) -> f32 {
    count as f32 / whole as f32
}

/// What phrases can mean.
#[derive(Clone, Copy)]
pub struct Meanings<'a> {
    /// The labels.
    pub vocabulary: &'a Vocabulary,
    /// For each label the label that replaces it, or -1 for none: [`Vocabulary::nearest_kept`]. If None,
    /// every label is kept.
    pub kept: Option<&'a [i32]>,
    /// How spelling slips are corrected. If None, they are not.
    pub spelling: Option<Spelling<'a>>,
    /// The names to look up among the words of a caption. If None, only noun phrases are looked up.
    pub ends: Option<&'a NameEnds>,
}

impl<'a> From<&'a Vocabulary> for Meanings<'a> {
    fn from(vocabulary: &'a Vocabulary) -> Self {
        Self {
            vocabulary,
            kept: None,
            spelling: None,
            ends: None,
        }
    }
}

/// Maps phrases to the labels of a vocabulary; it reuses its buffers.
///
/// # Examples
///
/// ```
/// use unicl_core::labels::{Mapper, Rule, Vocabulary};
///
/// let vocabulary = Vocabulary::new(vec!["dog".into(), "hot dog".into()], &[("dog".into(), "puppy".into())], &[])?;
/// let mut mapper = Mapper::new(&vocabulary);
/// let mut rule = |phrase: &str| {
///     let mapping = mapper.map(phrase.split_whitespace());
///     (mapping.id, mapping.rule)
/// };
/// assert_eq!(rule("the dogs"), (0, Rule::Lemma));
/// assert_eq!(rule("two big hot dogs"), (1, Rule::SubPhrase));
/// assert_eq!(rule("a white puppy"), (0, Rule::HeadNoun));
/// assert_eq!(rule("clogs"), (-1, Rule::Abstain));
/// # Ok::<(), unicl_core::labels::VocabularyError>(())
/// ```
pub struct Mapper<'a> {
    meanings: Meanings<'a>,
    words: PhraseWords,
    corrected: PhraseWords,
}

impl<'a> Mapper<'a> {
    /// The names to look up among the words of a caption.
    pub(super) fn ends(&self) -> Option<&'a NameEnds> {
        self.meanings.ends
    }

    /// A mapper with empty buffers.
    #[must_use]
    pub fn new(meanings: impl Into<Meanings<'a>>) -> Self {
        Self {
            meanings: meanings.into(),
            words: PhraseWords::default(),
            corrected: PhraseWords::default(),
        }
    }

    /// Gives the label of a phrase, which is given as its words.
    pub fn map<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) -> Mapping {
        self.words.read(words);
        let whole = self.words.len();
        loop {
            if let Some((id, score, rule)) = self.find(&self.words, whole) {
                return self.settle(id, score, rule);
            }
            let has_head =
                |words: &PhraseWords| words.ends_in_alternative() || is_trailing(words.last(1));
            if self.words.len() < 2 || !has_head(&self.words) {
                break;
            }
            self.words.pop();
        }
        let found = self.meanings.spelling.and_then(|spelling| {
            let similarity = self.correct(spelling)?;
            let (id, score, _) = self.find(&self.corrected, whole)?;
            Some((id, score * similarity))
        });
        found.map_or(Mapping::ABSTENTION, |(id, score)| {
            self.settle(id, score, Rule::Fuzzy)
        })
    }

    /// Gives the label of words that are a name or a synonym as a whole, or blocked.
    pub(super) fn map_whole<'w>(
        &mut self,
        words: impl IntoIterator<Item = &'w str>,
    ) -> Option<Mapping> {
        self.words.read(words);
        let whole = self.words.len();
        let (id, rule) = (whole > 0).then(|| self.meaning(&self.words, whole))??;
        Some(self.settle(id, 1.0, rule))
    }

    /// The number of words that `words` have in a name: a determiner before others does not count.
    pub(super) fn whole_length<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) -> usize {
        self.words.read(words);
        self.words.len()
    }

    /// The label of the longest end of `words` that has one; the phrase had `whole` words.
    fn find(&self, words: &PhraseWords, whole: usize) -> Option<(u32, f32, Rule)> {
        let most = words.len().min(self.meanings.vocabulary.most_words());
        (1..=most).rev().find_map(|count| {
            let (id, rule) = self.meaning(words, count)?;
            let rule = match count {
                _ if count == whole => rule,
                1 => Rule::HeadNoun,
                _ => Rule::SubPhrase,
            };
            Some((id, share(count, whole), rule))
        })
    }

    /// The mapping for a label that was found: the label or an ancestor, or none.
    fn settle(&self, id: u32, score: f32, rule: Rule) -> Mapping {
        if id == NO_LABEL {
            return Mapping::ABSTENTION;
        }
        let found = id.cast_signed();
        let kept = self.meanings.kept.map_or(found, |kept| kept[id as usize]);
        match kept {
            -1 => Mapping::ABSTENTION,
            _ => Mapping {
                id: kept,
                score,
                rule: if kept == found { rule } else { Rule::Parent },
            },
        }
    }

    /// Corrects the words of the phrase and gives the least similarity; None if no word changed.
    fn correct(&mut self, spelling: Spelling<'_>) -> Option<f32> {
        let whole = self.words.len();
        if whole == 0 {
            return None;
        }
        let mut least = None;
        let words = self.words.last_singular(whole).split(' ').map(|word| {
            let Some((meant, similarity)) = spelling.correct(word) else {
                return word;
            };
            least = Some(least.map_or(similarity, |least: f64| least.min(similarity)));
            meant
        });
        self.corrected.read(words);
        #[allow(clippy::cast_possible_truncation, reason = "it is in [0, 1]")]
        least.map(|similarity| similarity as f32)
    }

    fn meaning(&self, words: &PhraseWords, count: usize) -> Option<(u32, Rule)> {
        let (written, singular) = (words.last(count), words.last_singular(count));
        let (id, meaning) = self.meanings.vocabulary.resolve(written, singular)?;
        let rule = match meaning {
            Meaning::Name => Rule::Exact,
            Meaning::FormOfName => Rule::Lemma,
            Meaning::Synonym | Meaning::FormOfSynonym => Rule::Synonym,
        };
        Some((id, rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(names: &[&str], synonyms: &[(&str, &str)]) -> Vocabulary {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let synonyms: Vec<_> = synonyms
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        Vocabulary::new(names, &synonyms, &[]).unwrap()
    }

    #[test]
    fn each_rule_in_its_turn() {
        let vocabulary = vocabulary(
            &[
                "person",
                "hot dog",
                "dog",
                "pair of skis",
                "leaf",
                "bookcase",
            ],
            &[
                ("person", "man"),
                ("dog", "puppy"),
                ("bookcase", "bookshelves"),
            ],
        );
        let mut mapper = Mapper::new(&vocabulary);
        for (phrase, id, rule, score) in [
            ("Dog", 2, Rule::Exact, 1.0),
            ("the people", 0, Rule::Lemma, 1.0),
            ("a pair of ski", 3, Rule::Lemma, 1.0),
            ("puppies", 2, Rule::Synonym, 1.0),
            ("a bookshelf", 5, Rule::Synonym, 1.0),
            ("men", 0, Rule::Synonym, 1.0),
            ("two big hot dogs", 1, Rule::SubPhrase, 0.5),
            ("an old man", 0, Rule::HeadNoun, 0.5),
            ("autumn leaves", 4, Rule::HeadNoun, 0.5),
            ("dog house", -1, Rule::Abstain, 0.0),
            ("a dog trots", 2, Rule::HeadNoun, 0.5),
            ("two hot dogs lying outside", 1, Rule::SubPhrase, 0.4),
            ("trots", -1, Rule::Abstain, 0.0),
            ("dog houses sit", -1, Rule::Abstain, 0.0),
            ("clogs", -1, Rule::Abstain, 0.0),
            ("the", -1, Rule::Abstain, 0.0),
            ("", -1, Rule::Abstain, 0.0),
        ] {
            assert_eq!(
                mapper.map(phrase.split_whitespace()),
                Mapping { id, score, rule },
                "{phrase}"
            );
        }
    }

    #[test]
    fn what_ends_in_a_blocked_text_has_no_label() {
        let mut vocabulary = vocabulary(&["car", "dog", "toy car carrier"], &[]);
        vocabulary
            .block(&["toy car".to_owned(), "toy dogs".to_owned()])
            .unwrap();
        let mut mapper = Mapper::new(&vocabulary);
        let mut id = |phrase: &str| mapper.map(phrase.split_whitespace()).id;
        assert_eq!(id("a red toy car"), -1);
        assert_eq!(id("toy cars"), -1);
        assert_eq!(id("toy dog"), -1);
        assert_eq!(id("red car"), 0);
        assert_eq!(id("toy car carriers"), 2);
        assert_eq!(id("a toy car stands"), -1);
    }

    #[test]
    fn a_blocked_plural_leaves_the_singular_its_label() {
        let mut vocabulary = vocabulary(&["fly", "dog"], &[]);
        vocabulary.block(&["flies".to_owned()]).unwrap();
        let mut mapper = Mapper::new(&vocabulary);
        assert_eq!([mapper.map(["flies"]).id, mapper.map(["fly"]).id], [-1, 0]);
    }

    #[test]
    fn a_name_in_the_plural_is_found_in_both_numbers_and_yields_to_a_name_in_the_singular() {
        let plural = vocabulary(&["skis", "dogs", "dog"], &[]);
        let mut mapper = Mapper::new(&plural);
        let mut id = |phrase: &str| mapper.map([phrase]).id;
        assert_eq!([id("ski"), id("skis"), id("dog"), id("dogs")], [0, 0, 2, 1]);
    }
}
