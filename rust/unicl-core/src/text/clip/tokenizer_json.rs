//! Reads CLIP's vocabulary from a `tokenizer.json`, the file of Hugging Face's tokenizers.
//!
//! The file names an id for every symbol; [`Merges`] numbers ids by the order of the merges. The two agree
//! for every CLIP model. A file in which they differ is refused, and so is every file that is not a
//! byte-pair model with `</w>`.

use serde_json::{Map, Value};

use super::byte_symbols::END_OF_WORD;
use super::vocabulary::{Builder, MOST_MERGES, Merges, MergesError, split_merge};

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
        .ok_or("expected model.merges; got none")?;
    let vocabulary = model["vocab"]
        .as_object()
        .ok_or("expected model.vocab; got none")?;
    if merges.len() > MOST_MERGES {
        return Err(format!(
            "expected at most {MOST_MERGES} merges; got {}",
            merges.len()
        ));
    }
    let mut builder = Builder::new();
    for (index, merge) in merges.iter().enumerate() {
        symbols_of(merge)
            .and_then(|(left, right)| builder.push(left, right))
            .map_err(|problem| format!("merge {index} (from 0): {problem}"))?;
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
    Err(format!(
        "expected model.{key} to be {wanted:?}; got {value}"
    ))
}

/// The two symbols of a merge, which is written as one line or as two strings.
fn symbols_of(merge: &Value) -> Result<(&str, &str), String> {
    if let Some(line) = merge.as_str() {
        return split_merge(line);
    }
    let pair = merge.as_array().and_then(|pair| match pair.as_slice() {
        [left, right] => Some((left.as_str()?, right.as_str()?)),
        _ => None,
    });
    pair.ok_or_else(|| format!("expected two symbols; got {merge}"))
}

/// Checks that every symbol has its id in CLIP, and that there is no other symbol.
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
            Some(found) => return Err(format!("expected id {id} for {symbol:?}; got {found}")),
            None => return Err(format!("expected id {id} for {symbol:?}; got none")),
        }
    }
    let other = vocabulary
        .keys()
        .find(|symbol| !known.contains_key(*symbol) && !CONTROL_TOKENS.contains(&symbol.as_str()));
    other.map_or(Ok(()), |symbol| {
        Err(format!(
            "expected ids for bytes, merges, start and end; got one for {symbol:?}"
        ))
    })
}

/// Checks that no token was added to the vocabulary; such tokens have no merges.
fn check_added_tokens(added: &Value, vocabulary: &Map<String, Value>) -> Result<(), String> {
    let names = added.as_array().into_iter().flatten();
    let mut names = names.filter_map(|token| token["content"].as_str());
    let new = names.find(|name| !vocabulary.contains_key(*name));
    new.map_or(Ok(()), |name| {
        Err(format!("expected no added tokens; got {name:?}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A file with two merges, as pairs or as lines.
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
        assert_eq!(start, "the tokenizer.json is not a CLIP model's");
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
    fn a_file_that_is_not_clips_is_refused_with_the_reason() {
        let good = file(&json!(["d o", "do g</w>"]));
        let changed = |pointer: &str, value: Value| {
            let mut file = good.clone();
            *file.pointer_mut(pointer).unwrap() = value;
            problem(&file)
        };
        let cases = [
            (
                changed("/model/type", json!("WordPiece")),
                "expected model.type to be \"BPE\"; got \"WordPiece\"",
            ),
            (
                changed("/model/end_of_word_suffix", json!(null)),
                "expected model.end_of_word_suffix to be \"</w>\"; got null",
            ),
            (
                changed("/model/merges", json!(null)),
                "expected model.merges; got none",
            ),
            (
                changed("/model/vocab", json!([])),
                "expected model.vocab; got none",
            ),
            (
                changed("/model/vocab/do", json!(7)),
                "expected id 512 for \"do\"; got 7",
            ),
            (
                changed("/model/vocab/!", json!("0")),
                "expected id 0 for \"!\"; got \"0\"",
            ),
            (
                changed("/model/merges/1", json!("do c")),
                "expected id 513 for \"doc\"; got none",
            ),
            (
                changed("/model/merges/1", json!("dog")),
                "merge 1 (from 0): expected two symbols with a space between them; got \"dog\"",
            ),
            (
                changed("/model/merges/1", json!(["d"])),
                "merge 1 (from 0): expected two symbols; got [\"d\"]",
            ),
            (
                changed("/model/merges/1", json!("d o")),
                "merge 1 (from 0): expected a new symbol; got \"do\", which is already id 512",
            ),
            (
                changed("/model/merges", json!(["d o"])),
                "expected id 513 for \"<|startoftext|>\"; got 514",
            ),
            (
                changed("/added_tokens/0/content", json!("<cat>")),
                "expected no added tokens; got \"<cat>\"",
            ),
            (
                changed("/model/merges", json!(vec!["d o"; MOST_MERGES + 1])),
                "expected at most 48894 merges; got 48895",
            ),
        ];
        for (found, wanted) in cases {
            assert_eq!(found, wanted);
        }
        let mut more = good.clone();
        more["model"]["vocab"]["cat</w>"] = json!(516);
        assert_eq!(
            problem(&more),
            "expected ids for bytes, merges, start and end; got one for \"cat</w>\""
        );
        for (text, start) in [
            ("{\"model\"", "malformed JSON: "),
            ("{}", "expected model.type to be \"BPE\"; got null"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(start), "{error}");
        }
    }
}
