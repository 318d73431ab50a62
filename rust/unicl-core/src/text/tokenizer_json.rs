//! CLIP's vocabulary out of a `tokenizer.json`, the file of Hugging Face's tokenizers.
//!
//! The file names an id for every symbol; [`Merges`] gives ids by the order of the merges. The two agree for every CLIP
//! model, and a file where they do not is refused, as are all that are no byte-pair model with `</w>`.

use serde_json::{Map, Value};

use super::byte_symbols::END_OF_WORD;
use super::merges::{Builder, MOST_MERGES, Merges, MergesError, split_merge};

/// The names of the start and the end token.
const CONTROL_TOKENS: [&str; 2] = ["<|startoftext|>", "<|endoftext|>"];

pub(super) fn parse(bytes: &[u8]) -> Result<Merges, MergesError> {
    let file: Value = serde_json::from_slice(bytes)
        .map_err(|error| MergesError::TokenizerJson(format!("malformed JSON: {error}")))?;
    let builder = read(&file).map_err(MergesError::TokenizerJson)?;
    builder.build()
}

fn read(file: &Value) -> Result<Builder, String> {
    let model = &file["model"];
    expect(model, "type", "BPE")?;
    expect(model, "end_of_word_suffix", END_OF_WORD)?;
    let merges = model["merges"]
        .as_array()
        .ok_or("model.merges is missing")?;
    let vocabulary = model["vocab"].as_object().ok_or("model.vocab is missing")?;
    if merges.len() > MOST_MERGES {
        return Err(format!(
            "{} merges; CLIP has {MOST_MERGES} at most",
            merges.len()
        ));
    }
    let mut builder = Builder::new();
    for (index, merge) in merges.iter().enumerate() {
        symbols_of(merge)
            .and_then(|(left, right)| builder.push(left, right))
            .map_err(|problem| format!("merge {index}, counted from 0: {problem}"))?;
    }
    check_ids(&builder, vocabulary)?;
    check_added_tokens(&file["added_tokens"], vocabulary)?;
    Ok(builder)
}

fn expect(model: &Value, key: &str, wanted: &str) -> Result<(), String> {
    let value = &model[key];
    if value.as_str() == Some(wanted) {
        return Ok(());
    }
    Err(format!("model.{key} is {value}, wanted {wanted:?}"))
}

/// Both ways of writing a merge: as one line, and as two strings.
fn symbols_of(merge: &Value) -> Result<(&str, &str), String> {
    if let Some(line) = merge.as_str() {
        return split_merge(line);
    }
    let pair = merge.as_array().and_then(|pair| match pair.as_slice() {
        [left, right] => Some((left.as_str()?, right.as_str()?)),
        _ => None,
    });
    pair.ok_or_else(|| format!("wanted two symbols, got {merge}"))
}

/// Every symbol has the id that it has in CLIP, and there is no other.
fn check_ids(builder: &Builder, vocabulary: &Map<String, Value>) -> Result<(), String> {
    let known = builder.ids();
    let control_tokens = CONTROL_TOKENS.into_iter().zip(known.len()..);
    let mut wanted: Vec<(&str, usize)> = known
        .iter()
        .map(|(symbol, &id)| (symbol.as_str(), usize::from(id)))
        .chain(control_tokens)
        .collect();
    wanted.sort_unstable_by_key(|&(_, id)| id);
    for &(symbol, id) in &wanted {
        match vocabulary.get(symbol) {
            Some(found) if found.as_u64() == Some(id as u64) => {}
            Some(found) => return Err(format!("the id of {symbol:?} is {found}, in CLIP {id}")),
            None => return Err(format!("{symbol:?} has no id, in CLIP {id}")),
        }
    }
    let other = vocabulary
        .keys()
        .find(|symbol| !known.contains_key(*symbol) && !CONTROL_TOKENS.contains(&symbol.as_str()));
    other.map_or(Ok(()), |symbol| {
        Err(format!(
            "{symbol:?} has an id and is neither a byte, nor made by a merge, nor the start or the end"
        ))
    })
}

/// Tokens that were added to the vocabulary have no merges.
fn check_added_tokens(added: &Value, vocabulary: &Map<String, Value>) -> Result<(), String> {
    let names = added.as_array().into_iter().flatten();
    let mut names = names.filter_map(|token| token["content"].as_str());
    let new = names.find(|name| !vocabulary.contains_key(*name));
    new.map_or(Ok(()), |name| {
        Err(format!(
            "it adds the token {name:?} to the vocabulary of CLIP"
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A file of two merges, which pass as pairs and as lines.
    fn file(merges: &Value) -> Value {
        let known = Merges::parse(b"d o\ndo g</w>\n").unwrap().symbols();
        let mut vocabulary: Map<String, Value> = known
            .into_iter()
            .zip(0..)
            .map(|(symbol, id): (String, u64)| (symbol, id.into()))
            .collect();
        vocabulary.insert(CONTROL_TOKENS[0].to_owned(), json!(514));
        vocabulary.insert(CONTROL_TOKENS[1].to_owned(), json!(515));
        json!({
            "added_tokens": [{"id": 515, "content": "<|endoftext|>"}],
            "model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": vocabulary, "merges": merges},
        })
    }

    fn problem(file: &Value) -> String {
        let error = parse(file.to_string().as_bytes()).unwrap_err().to_string();
        let (start, problem) = error.split_once(": ").unwrap();
        assert_eq!(start, "not the tokenizer.json of a CLIP model");
        problem.to_owned()
    }

    #[test]
    fn merges_are_read_as_lines_and_as_pairs() {
        let packed = Merges::parse(b"d o\ndo g</w>\n").unwrap().to_bytes();
        for merges in [
            json!(["d o", "do g</w>"]),
            json!([["d", "o"], ["do", "g</w>"]]),
        ] {
            let read = parse(file(&merges).to_string().as_bytes()).unwrap();
            assert_eq!(read.to_bytes(), packed);
        }
    }

    #[test]
    fn what_is_not_clips_is_refused_with_the_reason() {
        let good = file(&json!(["d o", "do g</w>"]));
        let changed = |pointer: &str, value: Value| {
            let mut file = good.clone();
            *file.pointer_mut(pointer).unwrap() = value;
            problem(&file)
        };
        let cases = [
            (
                changed("/model/type", json!("WordPiece")),
                "model.type is \"WordPiece\", wanted \"BPE\"",
            ),
            (
                changed("/model/end_of_word_suffix", json!(null)),
                "model.end_of_word_suffix is null, wanted \"</w>\"",
            ),
            (
                changed("/model/merges", json!(null)),
                "model.merges is missing",
            ),
            (changed("/model/vocab", json!([])), "model.vocab is missing"),
            (
                changed("/model/vocab/do", json!(7)),
                "the id of \"do\" is 7, in CLIP 512",
            ),
            (
                changed("/model/vocab/!", json!("0")),
                "the id of \"!\" is \"0\", in CLIP 0",
            ),
            (
                changed("/model/merges/1", json!("do c")),
                "\"doc\" has no id, in CLIP 513",
            ),
            (
                changed("/model/merges/1", json!("dog")),
                "merge 1, counted from 0: wanted two symbols with a space between them, got \"dog\"",
            ),
            (
                changed("/model/merges/1", json!(["d"])),
                "merge 1, counted from 0: wanted two symbols, got [\"d\"]",
            ),
            (
                changed("/model/merges/1", json!("d o")),
                "merge 1, counted from 0: do is already id 512",
            ),
            (
                changed("/model/merges", json!(["d o"])),
                "the id of \"<|startoftext|>\" is 514, in CLIP 513",
            ),
            (
                changed("/added_tokens/0/content", json!("<cat>")),
                "it adds the token \"<cat>\" to the vocabulary of CLIP",
            ),
            (
                changed("/model/merges", json!(vec!["d o"; MOST_MERGES + 1])),
                "48895 merges; CLIP has 48894 at most",
            ),
        ];
        for (found, wanted) in cases {
            assert_eq!(found, wanted);
        }
        let mut more = good.clone();
        more["model"]["vocab"]["cat</w>"] = json!(516);
        assert!(problem(&more).starts_with("\"cat</w>\" has an id and is neither a byte"));
        for (text, start) in [
            ("{\"model\"", "malformed JSON: "),
            ("{}", "model.type is null"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(start), "{error}");
        }
    }
}
