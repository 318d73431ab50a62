//! The caption of a sample in its JSON.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// Finds the field `caption` of a JSON object.
///
/// None: it has none, or null. As in Python, the last of several fields of that name counts, and nothing but white
/// space is an object without fields.
///
/// # Errors
///
/// If the bytes are no JSON object in UTF-8, or the caption is no string.
pub(super) fn caption_of(json: &[u8]) -> Result<Option<String>, serde_json::Error> {
    let json = json
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(json)
        .trim_ascii();
    if json.is_empty() {
        return Ok(None);
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let caption = reader.deserialize_map(CaptionField)?;
    reader.end()?;
    Ok(caption)
}

struct CaptionField;

impl<'de> Visitor<'de> for CaptionField {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut caption = None;
        while let Some(is_caption) = fields.next_key_seed(IsCaption)? {
            if is_caption {
                caption = fields.next_value()?;
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(caption)
    }
}

/// Compares a key without a copy of it.
struct IsCaption;

impl<'de> serde::de::DeserializeSeed<'de> for IsCaption {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<bool, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for IsCaption {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a field")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == "caption")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_found_whatever_is_around_it() {
        for (json, caption) in [
            (r#"{"caption": "a dog"}"#, Some("a dog")),
            (
                r#" {"a": {"caption": "no"}, "\u0063aption": "a \"d\u00f6g\"", "b": [1, null]} "#,
                Some("a \"dög\""),
            ),
            (
                "\u{feff}{\"caption\": \"x\", \"caption\": \"y\"}\n",
                Some("y"),
            ),
            (r#"{"caption": null}"#, None),
            ("{}", None),
            (" \n", None),
        ] {
            assert_eq!(
                caption_of(json.as_bytes()).unwrap().as_deref(),
                caption,
                "{json}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let deep = format!("{{\"a\": {}", "[".repeat(100_000));
        for json in [
            r#"{"caption": 3}"#,
            r#"{"caption": ["a"]}"#,
            "[]",
            "7",
            "{",
            "{} {}",
            r#"{"a": NaN}"#,
            &deep,
        ] {
            assert!(caption_of(json.as_bytes()).is_err(), "{json}");
        }
        assert!(caption_of(b"{\"caption\": \"\xff\"}").is_err());
    }
}
