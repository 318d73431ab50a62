//! Reads the weights of NLTK: three JSON files.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::grammar::MAX_TAGS;
use super::weights::{Cells, KINDS, Key, MOST_BYTES, START_TAGS, Weights, WeightsError, narrow};

impl Weights {
    /// Reads NLTK's three JSON files.
    pub(super) fn from_nltk(
        weights: &str,
        tagdict: &str,
        classes: &str,
    ) -> Result<Self, WeightsError> {
        let tags: BTreeSet<String> = serde_json::from_str(classes).map_err(not_json("classes"))?;
        if tags.is_empty() || tags.len() > MAX_TAGS {
            let problem = format!("expected 1 to {MAX_TAGS} tags; got {}", tags.len());
            return Err(nltk("classes", problem));
        }
        if let Some(tag) = tags.iter().find(|tag| !is_tag(tag)) {
            let problem = format!(
                "expected tags of 1 to {MOST_BYTES} bytes, without spaces and other than those of the start; got {tag:?}"
            );
            return Err(nltk("classes", problem));
        }
        let tags: Vec<String> = tags.into_iter().collect();
        let tagdict: BTreeMap<String, String> =
            serde_json::from_str(tagdict).map_err(not_json("tagdict"))?;
        let weights: BTreeMap<String, BTreeMap<String, Value>> =
            serde_json::from_str(weights).map_err(not_json("weights"))?;

        let number = |file, tag: &str| {
            let found = tags.binary_search_by(|known| known.as_str().cmp(tag)).ok();
            found
                .map(narrow)
                .ok_or_else(|| nltk(file, format!("expected tags of the classes; got {tag:?}")))
        };
        let mut parsed = Vec::new();
        let mut strings: BTreeSet<&str> = tagdict.keys().map(String::as_str).collect();
        for (feature, row) in &weights {
            let (kind, context, text) = parse_feature(feature, &tags).ok_or_else(|| {
                nltk(
                    "weights",
                    format!("expected one of the tagger's features; got {feature:?}"),
                )
            })?;
            let mut cells = Vec::new();
            for (tag, weight) in row {
                let thousandths = in_thousandths(weight).ok_or_else(|| {
                    nltk(
                        "weights",
                        format!(
                            "expected a multiple of 1/1000 for {tag} in {feature:?}; got {weight}"
                        ),
                    )
                })?;
                cells.push((number("weights", tag)?, thousandths));
            }
            cells.sort_unstable();
            strings.extend(KINDS[kind].has_text.then_some(text));
            parsed.push((kind, context, text, cells));
        }
        if let Some(long) = strings.iter().find(|text| text.len() > MOST_BYTES) {
            let problem = format!(
                "expected words of at most {MOST_BYTES} bytes; got {} bytes",
                long.len()
            );
            return Err(nltk("weights and tagdict", problem));
        }
        let strings: Vec<String> = strings.into_iter().map(str::to_owned).collect();
        let texts: HashMap<&str, u32> = strings.iter().map(String::as_str).zip(0..).collect();
        let mut features: [Vec<(Key, Cells)>; 14] = Default::default();
        for (kind, tags, text, cells) in parsed {
            let text = if KINDS[kind].has_text { texts[text] } else { 0 };
            features[kind].push((Key { tags, text }, cells));
        }
        for rows in &mut features {
            rows.sort_unstable_by_key(|(key, _)| key.order());
        }
        let tagdict = tagdict
            .iter()
            .map(|(word, tag)| Ok((texts[word.as_str()], number("tagdict", tag)?)))
            .collect::<Result<_, WeightsError>>()?;
        Ok(Self {
            tags,
            strings,
            tagdict,
            features,
        })
    }
}

/// Turns NLTK's `weights`, `tagdict` and `classes` JSON into the content of a tagger file.
///
/// # Errors
///
/// If a file is not as NLTK writes it. The error names the file and the feature.
pub fn convert_nltk(weights: &str, tagdict: &str, classes: &str) -> Result<Vec<u8>, WeightsError> {
    Ok(Weights::from_nltk(weights, tagdict, classes)?.to_bytes())
}

/// Whether a feature can name the tag: a space ends its name there, and two names stand for the start of a caption.
fn is_tag(tag: &str) -> bool {
    let is_short = (1..=MOST_BYTES).contains(&tag.len());
    is_short && !tag.contains(' ') && !START_TAGS.contains(&tag)
}

fn not_json(file: &'static str) -> impl Fn(serde_json::Error) -> WeightsError {
    move |error| nltk(file, error.to_string())
}

fn nltk(file: &'static str, problem: String) -> WeightsError {
    WeightsError::Nltk { file, problem }
}

fn in_thousandths(weight: &Value) -> Option<i32> {
    let exact = weight.as_f64()? * 1000.0;
    let rounded = exact.round();
    // A weight has 23 bits and a sign, because the tagger packs it with its tag into 32 bits.
    #[allow(clippy::cast_possible_truncation, reason = "checked to be small")]
    ((exact - rounded).abs() < 1e-6 && rounded.abs() < 8_388_608.0).then_some(rounded as i32)
}

/// The kind, the tags and the text of a feature, from its name in NLTK's files.
fn parse_feature<'a>(feature: &'a str, tags: &[String]) -> Option<(usize, [u8; 2], &'a str)> {
    // No kind's name and a space begin the name of another kind, so the order does not matter.
    KINDS.iter().enumerate().find_map(|(number, kind)| {
        let mut rest = feature.strip_prefix(kind.name)?;
        let mut numbers = [0; 2];
        for number in &mut numbers[..kind.tags] {
            let (tag, after) = rest
                .strip_prefix(' ')?
                .split_at(rest[1..].find(' ').unwrap_or(rest.len() - 1));
            let start = START_TAGS.iter().position(|start| *start == tag);
            let known = || tags.binary_search_by(|known| known.as_str().cmp(tag)).ok();
            *number = narrow(start.map(|start| tags.len() + start).or_else(known)?);
            rest = after;
        }
        let text = if kind.has_text {
            rest.strip_prefix(' ')?
        } else {
            rest
        };
        (kind.has_text || text.is_empty()).then_some((number, numbers, text))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::weights::{BIAS, TAG_BEFORE_AND_WORD, TAGS_BEFORE};
    use super::*;

    const CLASSES: &str = r#"["NN", "DT", "VB"]"#;
    const TAGDICT: &str = r#"{"the": "DT", "dog": "NN"}"#;
    const WEIGHTS: &str = r#"{
        "bias": {"NN": 0.5, "VB": -1.234},
        "i word dog": {"NN": 3},
        "i-1 tag+i word -START- dog": {"NN": 0.001},
        "i tag+i-2 tag NN -START2-": {"VB": 2.0},
        "i suffix Ünï": {"DT": 1.5}
    }"#;

    pub(in super::super) fn weights() -> Weights {
        Weights::from_nltk(WEIGHTS, TAGDICT, CLASSES).unwrap()
    }

    #[test]
    fn nltk_files_become_tables() {
        let weights = weights();
        assert_eq!(weights.tags, ["DT", "NN", "VB"]);
        assert_eq!(weights.strings, ["dog", "the", "Ünï"]);
        assert_eq!(weights.tagdict, [(0, 1), (1, 0)]);
        let key = |tags, text| Key { tags, text };
        assert_eq!(
            weights.features[BIAS],
            [(key([0, 0], 0), vec![(1, 500), (2, -1234)])]
        );
        assert_eq!(
            weights.features[TAG_BEFORE_AND_WORD],
            [(key([3, 0], 0), vec![(1, 1)])]
        );
        assert_eq!(
            weights.features[TAGS_BEFORE],
            [(key([1, 4], 0), vec![(2, 2000)])]
        );
    }

    #[test]
    fn errors_name_the_file_and_what_is_wrong() {
        let nltk = |weights, tagdict, classes| {
            Weights::from_nltk(weights, tagdict, classes)
                .unwrap_err()
                .to_string()
        };
        assert!(nltk("{", TAGDICT, CLASSES).starts_with("NLTK's weights: EOF"));
        assert!(nltk(WEIGHTS, TAGDICT, "[]").contains("expected 1 to 64 tags; got 0"));
        assert!(
            nltk(WEIGHTS, r#"{"a": "XX"}"#, CLASSES)
                .contains("NLTK's tagdict: expected tags of the classes; got \"XX\"")
        );
        assert!(
            nltk(r#"{"i wrd x": {}}"#, "{}", CLASSES)
                .contains("expected one of the tagger's features; got \"i wrd x\"")
        );
        for classes in [r#"["NN", "-START-"]"#, r#"["N N"]"#, r#"[""]"#] {
            assert!(
                nltk("{}", "{}", classes)
                    .contains("NLTK's classes: expected tags of 1 to 1000 bytes")
            );
        }
        let long = format!(r#"{{"{}": "NN"}}"#, "a".repeat(MOST_BYTES + 1));
        assert!(
            nltk("{}", &long, CLASSES).contains("expected words of at most 1000 bytes; got 1001")
        );
        assert!(
            nltk(r#"{"bias": {"NN": 0.00015}}"#, "{}", CLASSES)
                .contains("expected a multiple of 1/1000")
        );
    }
}
