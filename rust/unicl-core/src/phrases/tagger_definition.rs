//! The definition of [`super::Tagger::tag`], slow and obvious: 14 strings a word, a map, and floats.

use std::collections::BTreeMap;

use super::tagger::{last_three, normalize};

/// Gives the tags that the content of NLTK's three files has for words.
///
/// # Panics
///
/// If there is no class.
#[must_use]
pub fn tag_by_definition(
    weights: &BTreeMap<String, BTreeMap<String, f64>>,
    tagdict: &BTreeMap<String, String>,
    classes: &[String],
    words: &[&str],
) -> Vec<String> {
    let normal = |word: &&str| normalize(word, &mut String::new()).to_owned();
    let edges = |edges: [&str; 2]| edges.map(str::to_owned);
    let mut context = edges(["-START-", "-START2-"]).to_vec();
    context.extend(words.iter().map(normal));
    context.extend(edges(["-END-", "-END2-"]));
    let [mut before, mut before_2] = edges(["-START-", "-START2-"]);
    let mut tags = Vec::new();
    for (i, word) in words.iter().enumerate() {
        let c = &context[i..];
        let tag = tagdict.get(*word).cloned().unwrap_or_else(|| {
            let first = word.chars().next().map(String::from).unwrap_or_default();
            let features = [
                "bias".to_owned(),
                format!("i suffix {}", last_three(word)),
                format!("i pref1 {first}"),
                format!("i-1 tag {before}"),
                format!("i-2 tag {before_2}"),
                format!("i tag+i-2 tag {before} {before_2}"),
                format!("i word {}", c[2]),
                format!("i-1 tag+i word {before} {}", c[2]),
                format!("i-1 word {}", c[1]),
                format!("i-1 suffix {}", last_three(&c[1])),
                format!("i-2 word {}", c[0]),
                format!("i+1 word {}", c[3]),
                format!("i+1 suffix {}", last_three(&c[3])),
                format!("i+2 word {}", c[4]),
            ];
            let score = |class: &str| -> f64 {
                let rows = features.iter().filter_map(|feature| weights.get(feature));
                let found = rows.filter_map(|row| row.get(class));
                found.fold(0.0, |sum, weight| sum + weight)
            };
            let by_score = |a: &&String, b: &&String| score(a).total_cmp(&score(b)).then(a.cmp(b));
            let best = classes.iter().max_by(by_score);
            best.expect("there is a class").clone()
        });
        tags.push(tag.clone());
        before_2 = std::mem::replace(&mut before, tag);
    }
    tags
}
