//! The label vocabulary: names with ids, their synonyms and parents.

use foldhash::{HashMap, HashMapExt};
use thiserror::Error;

use super::lemma;
use super::lemma::{hidden_singular, plurals_of_text};
use super::phrase::{PhraseWords, last_start, without_hyphens};

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

impl Meaning {
    /// The meaning of another form of the text.
    fn of_form(self) -> Self {
        match self {
            Self::Name | Self::FormOfName => Self::FormOfName,
            Self::Synonym | Self::FormOfSynonym => Self::FormOfSynonym,
        }
    }
}

/// The id for a text that is known to mean no label.
pub(super) const NO_LABEL: u32 = u32::MAX;

/// The way in which a text means a label; the smaller wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    Name,
    /// The name in the other number.
    FormOfName,
    Synonym,
    FormOfSynonym,
}

/// A text that is a form of two labels' names or synonyms, in the singular or in the plural.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedForm {
    /// The text.
    pub text: String,
    /// The id of the label that it means.
    pub label: u32,
    /// The id of the label that it could mean too.
    pub other: u32,
}

/// Gives a text in the form in which vocabularies compare texts.
///
/// The form is in lower case and in Unicode's form NFKC, without leading determiners, without marks at the
/// edges of words, and with spaces in place of underscores and hyphens. It is empty if nothing remains. A
/// text of determiners alone keeps its last word.
///
/// # Examples
///
/// ```
/// use unicl_core::labels::text_key;
///
/// assert_eq!(text_key("The Hot  Dogs!"), "hot dogs");
/// assert_eq!(text_key("A fire-hydrant"), "fire hydrant");
/// assert_eq!(text_key("A"), "a");
/// ```
#[must_use]
pub fn text_key(text: &str) -> String {
    let mut words = PhraseWords::default();
    key_of(&mut words, text).unwrap_or_default()
}

/// The form in which a text is compared; None if nothing remains of it.
fn key_of(words: &mut PhraseWords, text: &str) -> Option<String> {
    words.read(text.split_whitespace());
    (words.len() > 0).then(|| without_hyphens(words.last(words.len())).into_owned())
}

/// The same of the words that were read last, with the last in the singular.
fn singular_key(words: &PhraseWords) -> String {
    without_hyphens(words.last_singular(words.len())).into_owned()
}

/// A text in the form in which texts are compared, with its last word in the singular.
fn singular_of(key: &str) -> String {
    let last = last_start(key);
    format!("{}{}", &key[..last], lemma(&key[last..]))
}

/// Label names with ids from 0, and every text that means one of them.
#[derive(Debug)]
pub struct Vocabulary {
    names: Vec<String>,
    parents: Vec<Option<u32>>,
    index: HashMap<Box<str>, (u32, Meaning)>,
    shared: Vec<SharedForm>,
    /// The most bytes and the most words of a text of the index.
    longest: usize,
    most_words: usize,
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
            shared: Vec::new(),
            longest: 0,
            most_words: 0,
        };
        let mut words = PhraseWords::default();
        let mut texts = Vec::with_capacity(names.len() + synonyms.len());
        for (number, name) in names.iter().enumerate() {
            let Some(key) = key_of(&mut words, name) else {
                return Err(VocabularyError::Blank(number, name.clone()));
            };
            let id = i32::try_from(number)
                .expect("there are less than 2^31 labels")
                .cast_unsigned();
            if let Some((first, _)) = vocabulary.insert(&key, id, Meaning::Name) {
                let first = first as usize;
                return Err(VocabularyError::Duplicate(
                    first,
                    names[first].clone(),
                    number,
                    name.clone(),
                ));
            }
            texts.push((key, singular_key(&words)));
        }
        vocabulary.names = names;
        for (label, synonym) in synonyms {
            texts.push(vocabulary.add_synonym(label, synonym, &mut words)?);
        }
        vocabulary.add_forms(&texts);
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
    ) -> Result<(String, String), VocabularyError> {
        let id = self.known("synonyms", label)?;
        let Some(key) = key_of(words, synonym) else {
            return Err(VocabularyError::Blank(id as usize, synonym.to_owned()));
        };
        match self.index.get(key.as_str()) {
            Some(&(other, _)) if other == id => {}
            None => {
                self.insert(&key, id, Meaning::Synonym);
            }
            Some(&(other, _)) => {
                return Err(VocabularyError::Clash {
                    synonym: synonym.to_owned(),
                    label: label.to_owned(),
                    other: self.names[other as usize].clone(),
                });
            }
        }
        Ok((key, singular_key(words)))
    }

    /// Adds the singulars and the plurals of texts, which are names first and then synonyms.
    ///
    /// Names and synonyms mean what they mean; a form gives way to them. Of two forms the one of a name
    /// wins, then a plural by the ordinary rule, then the one of the first label.
    fn add_forms(&mut self, texts: &[(String, String)]) {
        for (key, singular) in texts {
            let (id, meaning) = self.index[key.as_str()];
            self.claim(singular, id, meaning.of_form(), true);
            if let Some(hidden) = hidden_singular(key) {
                self.claim(&hidden, id, meaning.of_form(), true);
            }
        }
        // A plural of a text means what the text means.
        let meant = texts.iter().map(|(key, singular)| {
            let (id, meaning) = self.resolve(key, singular).expect("it is in the index");
            (id, meaning.of_form(), plurals_of_text(key))
        });
        let meant: Vec<_> = meant.collect();
        for kind in 0..2 {
            for (id, meaning, plurals) in &meant {
                for plural in &plurals[kind] {
                    self.claim(plural, *id, *meaning, kind == 0);
                }
            }
        }
    }

    /// Makes a text mean a label unless it means one already in a way that comes first. A regular form takes
    /// an equal one from a later label.
    fn claim(&mut self, form: &str, id: u32, meaning: Meaning, is_regular: bool) {
        let written = self.index.get(form).copied();
        let is_given = matches!(written, Some((_, Meaning::Name | Meaning::Synonym)));
        match self.resolve(form, &singular_of(form)) {
            Some((other, theirs)) if other == id => {
                // A form of the name can be, or be a form of, one of its synonyms too.
                if theirs > meaning {
                    self.insert(form, id, meaning);
                }
            }
            Some((other, theirs))
                if is_given
                    || theirs < meaning
                    || theirs == meaning && !(is_regular && id < other) =>
            {
                // That a synonym is given twice, once as a form, says nothing about names.
                if !is_given || meaning == Meaning::FormOfName {
                    self.share(form, other, id);
                }
            }
            found => {
                self.insert(form, id, meaning);
                if let Some((other, _)) = found {
                    self.share(form, id, other);
                }
            }
        }
    }

    fn share(&mut self, form: &str, label: u32, other: u32) {
        self.shared.push(SharedForm {
            text: form.to_owned(),
            label,
            other,
        });
    }

    /// Adds a text in the form in which texts are compared; gives what it meant before.
    fn insert(&mut self, key: &str, id: u32, meaning: Meaning) -> Option<(u32, Meaning)> {
        self.longest = self.longest.max(key.len());
        self.most_words = self.most_words.max(key.split([' ', '/']).count());
        self.index.insert(key.into(), (id, meaning))
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
        let mut keys = Vec::with_capacity(texts.len());
        for text in texts {
            let Some(key) = key_of(&mut words, text) else {
                return Err(VocabularyError::Blank(self.names.len(), text.clone()));
            };
            match self.index.get(key.as_str()) {
                Some(&(id, Meaning::Name | Meaning::Synonym)) if id != NO_LABEL => {
                    let name = self.names[id as usize].clone();
                    return Err(VocabularyError::Blocked(text.clone(), name));
                }
                _ => self.insert(&key, NO_LABEL, Meaning::Synonym),
            };
            keys.push((key, singular_key(&words)));
        }
        for (key, singular) in keys {
            for form in plurals_of_text(&key).concat().into_iter().chain([singular]) {
                if !self.index.contains_key(form.as_str()) {
                    self.insert(&form, NO_LABEL, Meaning::FormOfSynonym);
                }
            }
        }
        let index = &self.index;
        self.shared.retain(|form| {
            let meaning = index.get(form.text.as_str());
            meaning.is_none_or(|&(id, _)| id != NO_LABEL)
        });
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
        let key = key_of(&mut PhraseWords::default(), name)?;
        let (id, meaning) = self.look_up(&key)?;
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

    /// The same and every blocked text.
    pub(super) fn all_texts(&self) -> impl Iterator<Item = &str> {
        self.index.keys().map(|text| &**text)
    }

    /// The forms of two labels.
    #[must_use]
    pub fn shared_forms(&self) -> &[SharedForm] {
        &self.shared
    }

    /// The most words of a text that means something.
    pub(super) fn most_words(&self) -> usize {
        self.most_words
    }

    /// What a text means that has spaces for hyphens.
    fn look_up(&self, key: &str) -> Option<(u32, Meaning)> {
        if key.len() > self.longest {
            return None; // a long text is not even hashed
        }
        self.index.get(key).copied()
    }

    /// What a text means as written or with its last word in the singular: the better of both; if they are
    /// equal, the text as written.
    pub(super) fn resolve(&self, written: &str, singular: &str) -> Option<(u32, Meaning)> {
        if written.as_bytes().contains(&b'-') {
            return self.resolve(&written.replace('-', " "), &singular.replace('-', " "));
        }
        let as_written = self.look_up(written);
        match as_written {
            _ if written == singular => return as_written,
            Some((_, Meaning::Name) | (NO_LABEL, Meaning::Synonym)) => return as_written,
            _ => {}
        }
        let as_singular = self.look_up(singular).map(|(id, meaning)| match meaning {
            Meaning::Name => (id, Meaning::FormOfName),
            _ => (id, meaning),
        });
        let both = as_written.into_iter().chain(as_singular);
        both.min_by_key(|&(_, meaning)| meaning)
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
            Some((NO_LABEL, Meaning::FormOfSynonym))
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
