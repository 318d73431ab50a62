//! The caption and the label of a sample in its JSON.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// The fields of an object that samples need.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    /// The field `caption`.
    pub caption: Option<String>,
    /// The field `label`, `class` or `cls`: a text without white space around it, or an integer.
    pub label: Option<String>,
}

/// Finds the caption and the label in a JSON object.
///
/// None: it has none, or null. As in Python, the last of several fields of a name counts, and nothing but white space
/// is an object without fields. A label of another kind, such as a list, is none.
///
/// # Errors
///
/// If the bytes are no JSON object in UTF-8, or the caption is no string.
pub(super) fn fields_of(json: &[u8]) -> Result<Fields, serde_json::Error> {
    let json = json
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(json)
        .trim_ascii();
    if json.is_empty() {
        return Ok(Fields::default());
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let fields = reader.deserialize_map(Object)?;
    reader.end()?;
    Ok(fields)
}

fn label(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|label| !label.is_empty()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = Fields::default();
        while let Some(name) = fields.next_key_seed(Name::Other)? {
            match name {
                Name::Caption => found.caption = fields.next_value()?,
                Name::Label => found.label = label(&fields.next_value()?),
                Name::Other => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// What the name of a field tells. It is compared without a copy.
enum Name {
    Caption,
    Label,
    Other,
}

impl<'de> serde::de::DeserializeSeed<'de> for Name {
    type Value = Self;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Self, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a field")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self, E> {
        Ok(match key {
            "caption" => Self::Caption,
            "label" | "class" | "cls" => Self::Label,
            _ => self,
        })
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
                fields_of(json.as_bytes()).unwrap().caption.as_deref(),
                caption,
                "{json}"
            );
        }
    }

    #[test]
    fn a_label_is_a_text_or_an_integer() {
        for (json, label) in [
            (r#"{"label": " tabby cat\n"}"#, Some("tabby cat")),
            (r#"{"class": 7, "caption": "x"}"#, Some("7")),
            (r#"{"cls": -1}"#, Some("-1")),
            (r#"{"label": 1, "label": 2}"#, Some("2")),
            (r#"{"label": 0.5}"#, None),
            (r#"{"label": ["a"]}"#, None),
            (r#"{"label": {"label": "a"}}"#, None),
            (r#"{"label": null}"#, None),
            (r#"{"label": "  "}"#, None),
            (r#"{"labels": "a"}"#, None),
        ] {
            let found = fields_of(json.as_bytes()).unwrap();
            assert_eq!(found.label.as_deref(), label, "{json}");
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
            assert!(fields_of(json.as_bytes()).is_err(), "{json}");
        }
        assert!(fields_of(b"{\"caption\": \"\xff\"}").is_err());
    }
}
