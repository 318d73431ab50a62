//! The singular of an English noun: a table of what is irregular, and rules for the rest.
//!
//! Labels are nouns, so a word is taken for a noun ("leaves" is "leaf"). A word that is the same in both numbers, or whose
//! singular means something else in captions ("glasses", "pants"), stays as it is.

use std::borrow::Cow;

use super::irregular::IRREGULAR;

/// The singular of a lower-case word; the word itself where it is one.
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
    // A compound with a hyphen has the number of its last part: "t-shirts".
    if let Some((first, last)) = word.rsplit_once('-') {
        return match lemma(last) {
            Cow::Borrowed(unchanged) if unchanged.len() == last.len() => word.into(),
            singular => format!("{first}-{singular}").into(),
        };
    }
    if let Ok(at) = IRREGULAR.binary_search_by(|(plural, _)| (*plural).cmp(word)) {
        return IRREGULAR[at].1.into();
    }
    // Compounds of the irregular: "firemen", "grandchildren", "penknives", "snowshoes".
    for (plural, singular) in COMPOUNDS {
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

/// Endings of compounds, with what becomes of them.
const COMPOUNDS: [(&str, &str); 11] = [
    ("women", "woman"),
    ("men", "man"),
    ("children", "child"),
    ("people", "person"),
    ("teeth", "tooth"),
    ("mice", "mouse"),
    ("wives", "wife"),
    ("knives", "knife"),
    ("shelves", "shelf"),
    ("wolves", "wolf"),
    ("glasses", "glasses"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(IRREGULAR.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

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
    fn what_is_no_plural_stays() {
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
        for (plural, singular) in IRREGULAR {
            assert_eq!(lemma(singular), singular, "of {plural}");
        }
    }
}
