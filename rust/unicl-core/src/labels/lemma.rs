//! The singular of an English noun: a table for irregular nouns, and rules for the rest.
//!
//! Labels are nouns, so every word is treated as a noun: "leaves" becomes "leaf". A word that is the
//! same in both numbers stays as it is. So does a word whose singular has another meaning in captions
//! ("glasses", "pants").

use std::borrow::Cow;

use super::phrase::last_start;
use super::word_tables::{
    COMPOUND_ENDINGS, compound_endings, irregular_plurals, irregular_singular, is_determiner,
    is_link, is_singular, pairs,
};

/// Endings of further plurals, and the endings of their singulars.
const PLURAL_ENDINGS: &[(&str, &str)] = &[
    ("oes", "o"),
    ("chs", "ch"),
    ("ves", "f"),
    ("ives", "ife"),
    ("zzes", "z"),
    ("i", "us"),
    ("ses", "sis"),
    ("xes", "xis"),
    ("a", "um"),
    ("ae", "a"),
    ("hedra", "hedron"),
    ("zoa", "zoon"),
    ("chondria", "chondrion"),
    ("ices", "ex"),
    ("ices", "ix"),
    ("eaux", "eau"),
];

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
    if let Some(hyphen) = word.bytes().rposition(|byte| byte == b'-') {
        return lemma_of_compound(word, &word[..hyphen], &word[hyphen + 1..]);
    }
    if let Some(singular) = irregular_singular(word) {
        return singular.into();
    }
    // Compounds of irregular nouns: "firemen", "grandchildren", "penknives".
    for (plural, singular) in compound_endings(word) {
        if let Some(first) = word.strip_suffix(plural).filter(|first| first.len() >= 2) {
            return format!("{first}{singular}").into();
        }
    }
    let is_vowel = |letter: char| "aeiouy".contains(letter);
    let Some(stem) = word
        .strip_suffix('s')
        // "djs" and "tvs", but not "gas" and "yes".
        .filter(|stem| stem.len() >= 3 || stem.len() == 2 && !stem.contains(is_vowel))
    else {
        return word.into();
    };
    if word.chars().any(|c| !c.is_alphabetic()) || is_singular(word) {
        return word.into();
    }
    let without = |count: usize| &word[..word.len() - count];
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if ends(&["eaus", "kis", "shis", "zis", "ghinis"]) {
        stem.into()
    } else if ends(&["ss", "us", "is"]) {
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

/// The singular of a compound with hyphens: its last part carries the number ("t-shirts", "close-ups"),
/// or its head before a preposition ("mothers-in-law", "passers-by").
fn lemma_of_compound<'a>(word: &'a str, first: &str, last: &str) -> Cow<'a, str> {
    let (head, rest) = word.split_once('-').expect("a compound has a hyphen");
    let link = rest.split('-').next().unwrap_or_default();
    if is_link(link) && (link.len() < rest.len() || head.ends_with("ers")) {
        let singular = lemma(head);
        if *singular != *head {
            return format!("{singular}-{rest}").into();
        }
    }
    // In a compound, two letters are enough for a stem: "add-ons".
    let short = last.strip_suffix('s').filter(|stem| {
        stem.len() == 2 && !is_singular(last) && !stem.ends_with('s') && *last == *lemma(last)
    });
    match short.map_or_else(|| lemma(last), Cow::Borrowed) {
        unchanged if *unchanged == *last => word.into(),
        singular => format!("{first}-{singular}").into(),
    }
}

/// Gives the plural of a lower-case word by the ordinary rule, and the other plurals that it can have.
///
/// Some are no words ("humen"). A word that is a singular itself is not among them: "bus" is no plural.
pub(super) fn plurals(word: &str) -> (Option<String>, Vec<String>) {
    if word.chars().nth(1).is_none() || !word.ends_with(char::is_alphanumeric) {
        return (None, Vec::new());
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    let regular = if ends(&["s", "x", "z", "ch", "sh"]) {
        format!("{word}es")
    } else if word.ends_with('y') && !ends(&["ay", "ey", "iy", "oy", "uy"]) {
        format!("{}ies", &word[..word.len() - 1])
    } else {
        format!("{word}s")
    };
    let irregular = irregular_plurals(word).iter();
    let mut others: Vec<String> = irregular.map(|&plural| plural.to_owned()).collect();
    let endings = pairs(COMPOUND_ENDINGS).chain(PLURAL_ENDINGS.iter().copied());
    others.extend(endings.filter_map(|(plural, singular)| {
        // "bus" has no plural "bi", and "drum" none of "dra".
        let stem = word.strip_suffix(singular)?;
        let is_long = stem.len() >= 3 || plural.ends_with('s') || singular.len() > 2;
        is_long.then(|| format!("{stem}{plural}"))
    }));
    let is_plural = |form: &String| form != word && !is_singular(form) && !is_determiner(form);
    if *lemma(word) == *word {
        others.retain(is_plural);
    } else {
        others.clear(); // "hindus" is a plural, so "hindi" is not another
    }
    (Some(regular).filter(is_plural), others)
}

/// Gives the plurals of a text of several words: of its last word, and of the head before a preposition.
///
/// "pair of skis" has "pairs of skis", and "mother in law" has both "mothers in law" and "mother in laws".
/// Those by the ordinary rule come first, then the others.
#[must_use]
pub fn plurals_of_text(text: &str) -> [Vec<String>; 2] {
    let mut texts = [Vec::new(), Vec::new()];
    let mut add = |before: &str, word: &str, after: &str| {
        let (regular, others) = plurals(word);
        let text = |form: String| format!("{before}{form}{after}");
        texts[0].extend(regular.map(text));
        texts[1].extend(others.into_iter().map(text));
    };
    let start = last_start(text);
    add(&text[..start], &text[start..], "");
    let mut spaces = text.match_indices(' ').map(|(at, _)| at);
    let link = spaces.find(|at| is_link(text[at + 1..].split(' ').next().unwrap_or_default()));
    if let Some(end) = link {
        let head = last_start(&text[..end]);
        add(&text[..head], &text[head..end], &text[end..]);
    }
    texts
}

/// Gives the singular that a text would have if it were a plural, where [`lemma`] keeps its last word:
/// "wine glass" for "wine glasses". "glasses" alone has none: they are spectacles.
pub(super) fn hidden_singular(text: &str) -> Option<String> {
    text.strip_suffix('s')?; // most texts end here
    let start = last_start(text);
    let word = &text[start..];
    let stem = word.strip_suffix('s').filter(|stem| stem.len() >= 3)?;
    let is_plain = word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_alone = start == 0 && irregular_singular(word).is_some();
    if !is_plain || stem.ends_with('s') || is_alone || is_singular(word) || *lemma(word) != *word {
        return None;
    }
    let short = stem.strip_suffix('e').filter(|short| {
        let endings = ["s", "x", "z", "ch", "sh"];
        endings.iter().any(|ending| short.ends_with(ending))
    });
    Some(format!("{}{}", &text[..start], short.unwrap_or(stem)))
}

#[cfg(test)]
mod tests {
    use super::super::word_tables::IRREGULAR_NOUNS;
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
        for (plural, singular) in pairs(IRREGULAR_NOUNS) {
            assert_eq!(lemma(singular), singular, "of {plural}");
        }
    }
}
