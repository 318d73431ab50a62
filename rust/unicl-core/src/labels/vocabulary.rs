//! The label vocabulary: names with ids, their synonyms and parents.

use foldhash::{HashMap, HashMapExt};
use thiserror::Error;

use super::phrase::PhraseWords;

/// Why names, synonyms and parents do not make a vocabulary.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum VocabularyError {
    /// A name without a letter or digit.
    #[error("expected a letter or digit in every name and synonym; label {0} has {1:?}")]
    Blank(usize, String),
    /// Two names that no phrase can tell apart.
    #[error(
        "expected names that differ in more than case, articles and marks; got {1:?} (label {0}) and {3:?} (label {2}): \
         keep one, or add a word that tells them apart"
    )]
    Duplicate(usize, String, usize, String),
    /// A synonym or a parent names a label that the vocabulary does not have.
    #[error("expected labels of the vocabulary in {what}; got {name:?}")]
    Unknown {
        /// "synonyms" or "parents".
        what: &'static str,
        /// The missing name.
        name: String,
    },
    /// A synonym of two labels, or a synonym that is another label's name.
    #[error(
        "expected a synonym to mean one label; got {synonym:?} for {label:?}, but it already means {other:?}"
    )]
    Clash {
        /// The synonym.
        synonym: String,
        /// The label it was given for.
        label: String,
        /// The label that has it already.
        other: String,
    },
    /// A blocked text that means a label.
    #[error("expected blocked texts to mean no label; got {0:?}, but it already means {1:?}")]
    Blocked(String, String),
    /// A label that is its own ancestor.
    #[error("expected parents without a cycle; the parents of {0:?} lead back to itself")]
    Cycle(String),
}

impl crate::Error for VocabularyError {}

/// The id for a text that is known to mean no label.
pub(super) const NO_LABEL: u32 = u32::MAX;

/// The way in which a text means a label; the smaller wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    Name,
    SingularOfName,
    Synonym,
    SingularOfSynonym,
}

/// Gives a text in the form in which vocabularies compare texts.
///
/// The form is in lower case, without leading determiners, without marks at the edges of words, and with
/// spaces in place of underscores. It is empty if nothing remains.
///
/// # Examples
///
/// ```
/// use unicl_core::labels::text_key;
///
/// assert_eq!(text_key("The Hot  Dogs!"), "hot dogs");
/// ```
#[must_use]
pub fn text_key(text: &str) -> String {
    let mut words = PhraseWords::default();
    words.read(text.split_whitespace());
    match words.len() {
        0 => String::new(),
        count => words.last(count).to_owned(),
    }
}

/// Label names with ids from 0, and every text that means one of them.
#[derive(Debug)]
pub struct Vocabulary {
    names: Vec<String>,
    parents: Vec<Option<u32>>,
    index: HashMap<Box<str>, (u32, Meaning)>,
}

impl Vocabulary {
    /// Makes a vocabulary of names, (label, synonym) pairs and (label, parent) pairs.
    ///
    /// # Errors
    ///
    /// If a name is blank, if two names differ in nothing but case, articles and marks, if a pair names an
    /// unknown label, if a synonym means two labels, or if parents form a cycle.
    ///
    /// # Panics
    ///
    /// If there are 2^31 names or more.
    pub fn new(
        names: Vec<String>,
        synonyms: &[(String, String)],
        parents: &[(String, String)],
    ) -> Result<Self, VocabularyError> {
        let mut vocabulary = Self {
            parents: vec![None; names.len()],
            index: HashMap::with_capacity(2 * names.len()),
            names: Vec::new(),
        };
        let mut words = PhraseWords::default();
        for (number, name) in names.iter().enumerate() {
            words.read(name.split_whitespace());
            if words.len() == 0 {
                return Err(VocabularyError::Blank(number, name.clone()));
            }
            let id = i32::try_from(number)
                .expect("there are less than 2^31 labels")
                .cast_unsigned();
            let key = words.last(words.len());
            if let Some((first, _)) = vocabulary.index.insert(key.into(), (id, Meaning::Name)) {
                let first = first as usize;
                return Err(VocabularyError::Duplicate(
                    first,
                    names[first].clone(),
                    number,
                    name.clone(),
                ));
            }
        }
        // A name's singular means the label unless it is the name of another label.
        for (name, id) in names.iter().zip(0..) {
            words.read(name.split_whitespace());
            let key = words.last_singular(words.len());
            vocabulary
                .index
                .entry(key.into())
                .or_insert((id, Meaning::SingularOfName));
        }
        vocabulary.names = names;
        for (label, synonym) in synonyms {
            vocabulary.add_synonym(label, synonym, &mut words)?;
        }
        for (label, synonym) in synonyms {
            let id = vocabulary.known("synonyms", label)?;
            words.read(synonym.split_whitespace());
            let key = words.last_singular(words.len());
            vocabulary
                .index
                .entry(key.into())
                .or_insert((id, Meaning::SingularOfSynonym));
        }
        for (label, parent) in parents {
            let id = vocabulary.known("parents", label)?;
            vocabulary.parents[id as usize] = Some(vocabulary.known("parents", parent)?);
        }
        vocabulary.check_parents()?;
        Ok(vocabulary)
    }

    fn add_synonym(
        &mut self,
        label: &str,
        synonym: &str,
        words: &mut PhraseWords,
    ) -> Result<(), VocabularyError> {
        let id = self.known("synonyms", label)?;
        words.read(synonym.split_whitespace());
        if words.len() == 0 {
            return Err(VocabularyError::Blank(id as usize, synonym.to_owned()));
        }
        let key = words.last(words.len());
        match self.index.get(key) {
            Some(&(other, _)) if other == id => Ok(()),
            // A synonym outranks a derived meaning: the singular of another name.
            None | Some((_, Meaning::SingularOfName)) => {
                self.index.insert(key.into(), (id, Meaning::Synonym));
                Ok(())
            }
            Some(&(other, _)) => Err(VocabularyError::Clash {
                synonym: synonym.to_owned(),
                label: label.to_owned(),
                other: self.names[other as usize].clone(),
            }),
        }
    }

    /// Makes texts mean no label.
    ///
    /// A phrase that ends in such a text gets no label, whatever its last words alone would mean.
    ///
    /// # Errors
    ///
    /// If a text has no letter or digit, or is a label's name or synonym.
    pub fn block(&mut self, texts: &[String]) -> Result<(), VocabularyError> {
        let mut words = PhraseWords::default();
        for text in texts {
            words.read(text.split_whitespace());
            if words.len() == 0 {
                return Err(VocabularyError::Blank(self.names.len(), text.clone()));
            }
            let key = words.last(words.len());
            match self.index.get(key) {
                Some(&(id, Meaning::Name | Meaning::Synonym)) if id != NO_LABEL => {
                    let name = self.names[id as usize].clone();
                    return Err(VocabularyError::Blocked(text.clone(), name));
                }
                _ => self.index.insert(key.into(), (NO_LABEL, Meaning::Synonym)),
            };
        }
        for text in texts {
            words.read(text.split_whitespace());
            let key = words.last_singular(words.len());
            self.index
                .entry(key.into())
                .or_insert((NO_LABEL, Meaning::SingularOfSynonym));
        }
        Ok(())
    }

    fn known(&self, what: &'static str, name: &str) -> Result<u32, VocabularyError> {
        self.id(name).ok_or_else(|| VocabularyError::Unknown {
            what,
            name: name.to_owned(),
        })
    }

    fn check_parents(&self) -> Result<(), VocabularyError> {
        // A label that is known to lead to a root is not walked again.
        let mut is_rooted = vec![false; self.names.len()];
        for start in 0..self.names.len() {
            let mut path = Vec::new();
            let mut at = Some(start);
            while let Some(label) = at.filter(|&label| !is_rooted[label]) {
                if path.len() > self.names.len() {
                    return Err(VocabularyError::Cycle(self.names[label].clone()));
                }
                path.push(label);
                at = self.parents[label].map(|parent| parent as usize);
            }
            for label in path {
                is_rooted[label] = true;
            }
        }
        Ok(())
    }

    /// The names. A label's id is its index.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The parent of each label.
    #[must_use]
    pub fn parents(&self) -> &[Option<u32>] {
        &self.parents
    }

    /// The id of the label with this name; case, articles and marks do not matter.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<u32> {
        let mut words = PhraseWords::default();
        words.read(name.split_whitespace());
        let key = (words.len() > 0).then(|| words.last(words.len()))?;
        let (id, meaning) = self.look_up(key)?;
        (meaning == Meaning::Name).then_some(id)
    }

    /// Gives for each label the nearest of itself and its ancestors that is kept; -1 if none is kept.
    ///
    /// # Panics
    ///
    /// If the number of flags is not the number of labels.
    #[must_use]
    pub fn nearest_kept(&self, is_kept: &[bool]) -> Vec<i32> {
        assert_eq!(is_kept.len(), self.names.len(), "a flag for each label");
        let nearest = |label| {
            let mut at = Some(label);
            while let Some(id) = at.filter(|&id| !is_kept[id as usize]) {
                at = self.parents[id as usize];
            }
            at.map_or(-1, u32::cast_signed)
        };
        (0_u32..).take(self.names.len()).map(nearest).collect()
    }

    /// Every text that means a label, in the form in which it is looked up.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let meant = self.index.iter().filter(|(_, (id, _))| *id != NO_LABEL);
        meant.map(|(text, _)| &**text)
    }

    pub(super) fn look_up(&self, key: &str) -> Option<(u32, Meaning)> {
        self.index.get(key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    fn build(
        names: &[&str],
        synonyms: &[(&str, &str)],
        parents: &[(&str, &str)],
    ) -> Result<Vocabulary, VocabularyError> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Vocabulary::new(names, &pairs(synonyms), &pairs(parents))
    }

    #[test]
    fn ids_are_indices() {
        let vocabulary = build(
            &["dog", "Hot Dog"],
            &[("dog", "puppy")],
            &[("hot dog", "dog")],
        )
        .unwrap();
        assert_eq!(vocabulary.id("the hot dog"), Some(1));
        assert_eq!(vocabulary.id("puppy"), None);
        assert_eq!(vocabulary.parents(), [None, Some(0)]);
    }

    #[test]
    fn a_blocked_text_is_neither_a_name_nor_a_synonym() {
        let mut vocabulary = build(&["dog"], &[("dog", "puppy")], &[]).unwrap();
        let mut block = |text: &str| {
            vocabulary
                .block(&[text.to_owned()])
                .map_err(|error| error.to_string())
        };
        assert_eq!(block("toy dogs"), Ok(()));
        assert_eq!(block("toy dogs"), Ok(()));
        assert_eq!(
            block("The Puppy"),
            Err("expected blocked texts to mean no label; got \"The Puppy\", but it already means \"dog\"".to_owned())
        );
        assert!(
            block("-")
                .unwrap_err()
                .starts_with("expected a letter or digit in every name")
        );
        assert_eq!(
            vocabulary.look_up("toy dog"),
            Some((NO_LABEL, Meaning::SingularOfSynonym))
        );
    }

    #[test]
    fn contradictions_name_what_is_wrong() {
        for (names, synonyms, parents, message) in [
            (&["dog", " - "][..], &[][..], &[][..], "label 1 has \" - \""),
            (
                &["dog", "cat", "The Dog"],
                &[],
                &[],
                "got \"dog\" (label 0) and \"The Dog\" (label 2)",
            ),
            (
                &["dog"],
                &[("cat", "kitten")],
                &[],
                "expected labels of the vocabulary in synonyms; got \"cat\"",
            ),
            (
                &["dog"],
                &[],
                &[("dog", "animal")],
                "expected labels of the vocabulary in parents; got \"animal\"",
            ),
            (
                &["dog", "cat"],
                &[("dog", "cat")],
                &[],
                "got \"cat\" for \"dog\", but it already means \"cat\"",
            ),
            (
                &["dog", "cat"],
                &[("dog", "pet"), ("cat", "pet")],
                &[],
                "already means \"dog\"",
            ),
            (
                &["a1", "b1"],
                &[],
                &[("a1", "b1"), ("b1", "a1")],
                "lead back to itself",
            ),
            (
                &["a1"],
                &[],
                &[("a1", "a1")],
                "the parents of \"a1\" lead back",
            ),
        ] {
            let error = build(names, synonyms, parents).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
