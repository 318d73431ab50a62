//! The singular of an English noun: a table for irregular nouns, and rules for the rest.
//!
//! Labels are nouns, so every word is treated as a noun: "leaves" becomes "leaf". A word that is the
//! same in both numbers stays as it is. So does a word whose singular has another meaning in captions
//! ("glasses", "pants").

use std::borrow::Cow;

use super::word_tables::{COMPOUND_ENDINGS, IRREGULAR_NOUNS};

/// Gives the singular of a lower-case word, or the word itself if it is a singular.
///
/// # Examples
///
/// ```
/// use unicl_core::labels::lemma;
///
/// assert_eq!(lemma("dogs"), "dog");
/// assert_eq!(lemma("women"), "woman");
/// assert_eq!(lemma("puppies"), "puppy");
/// assert_eq!(lemma("glasses"), "glasses");
/// assert_eq!(lemma("bus"), "bus");
/// ```
#[must_use]
pub fn lemma(word: &str) -> Cow<'_, str> {
    // The last part of a compound with a hyphen carries its number: "t-shirts".
    if let Some((first, last)) = word.rsplit_once('-') {
        return match lemma(last) {
            Cow::Borrowed(unchanged) if unchanged.len() == last.len() => word.into(),
            singular => format!("{first}-{singular}").into(),
        };
    }
    if let Ok(at) = IRREGULAR_NOUNS.binary_search_by(|(plural, _)| (*plural).cmp(word)) {
        return IRREGULAR_NOUNS[at].1.into();
    }
    // Compounds of irregular nouns: "firemen", "grandchildren", "penknives".
    for (plural, singular) in COMPOUND_ENDINGS {
        if let Some(first) = word.strip_suffix(plural).filter(|first| first.len() >= 2) {
            return format!("{first}{singular}").into();
        }
    }
    let Some(stem) = word.strip_suffix('s').filter(|stem| stem.len() >= 3) else {
        return word.into();
    };
    if word.chars().any(|c| !c.is_alphabetic()) {
        return word.into();
    }
    let without = |count: usize| &word[..word.len() - count];
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if ends(&["ss", "us", "is"]) {
        word.into()
    } else if ends(&["ies"]) {
        // "pies" and "ties" are too short for a stem in y.
        if word.len() > 4 {
            format!("{}y", without(3)).into()
        } else {
            stem.into()
        }
    } else if ends(&["ouses", "auses"]) {
        stem.into()
    } else if ends(&["sses", "shes", "ches", "xes", "zzes", "uses"])
        || ends(&["oes"]) && !ends(&["shoes"])
    {
        without(2).into()
    } else {
        stem.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_become_singular() {
        for (plural, singular) in [
            ("dogs", "dog"),
            ("men", "man"),
            ("people", "person"),
            ("firemen", "fireman"),
            ("policewomen", "policewoman"),
            ("grandchildren", "grandchild"),
            ("corgis", "corgi"),
            ("yorkies", "yorkie"),
            ("thermos", "thermos"),
            ("boxes", "box"),
            ("benches", "bench"),
            ("brushes", "brush"),
            ("dresses", "dress"),
            ("horses", "horse"),
            ("houses", "house"),
            ("buses", "bus"),
            ("walruses", "walrus"),
            ("tomatoes", "tomato"),
            ("shoes", "shoe"),
            ("horseshoes", "horseshoe"),
            ("knives", "knife"),
            ("gloves", "glove"),
            ("leaves", "leaf"),
            ("cookies", "cookie"),
            ("ladies", "lady"),
            ("ties", "tie"),
            ("t-shirts", "t-shirt"),
            ("frisbees", "frisbee"),
            ("mangoes", "mango"),
            ("toes", "toe"),
            ("axes", "axe"),
            ("mustaches", "mustache"),
            ("skis", "ski"),
        ] {
            assert_eq!(lemma(plural), singular, "{plural}");
        }
    }

    #[test]
    fn words_that_are_not_plural_stay() {
        for word in [
            "dog",
            "bus",
            "grass",
            "tennis",
            "cactus",
            "glasses",
            "sunglasses",
            "scissors",
            "jeans",
            "sheep",
            "gas",
            "lens",
            "specimen",
            "abdomen",
            "is",
            "s",
            "",
            "christmas",
            "1980s",
            "shorts",
            "-",
            "x-",
            "series",
            "canvas",
        ] {
            assert_eq!(lemma(word), word);
        }
    }

    #[test]
    fn a_lemma_is_its_own_lemma() {
        for (plural, singular) in IRREGULAR_NOUNS {
            assert_eq!(lemma(singular), *singular, "of {plural}");
        }
    }
}
