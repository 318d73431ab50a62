//! Which control tokens stand around the texts of a row, and the token types.

use super::vocabulary::{Vocabulary, VocabularyError};

/// A part of a row before its ids are known: its name and its token type.
///
/// `$A` is the first text and `$B` the second; other names are control tokens.
pub type NamedPart<'a> = (&'a str, i32);

/// One part of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A control token.
    Token(i32),
    /// A text, by its number.
    Text(usize),
}

/// The parts of a row in their order, each with its token type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) parts: Vec<(Part, i32)>,
    /// The number of control tokens.
    pub(super) control: usize,
}

impl Template {
    /// BERT's rows: `[CLS] $A [SEP]`, and with a second text `$B [SEP]` of type 1.
    pub(super) fn of_bert(vocabulary: &Vocabulary, texts: usize) -> Self {
        let (class, separator) = (
            Part::Token(vocabulary.class),
            Part::Token(vocabulary.separator),
        );
        let first = [(class, 0), (Part::Text(0), 0), (separator, 0)];
        let second = [(Part::Text(1), 1), (separator, 1)];
        Self::new(if texts == 1 {
            first.to_vec()
        } else {
            [first.as_slice(), &second].concat()
        })
    }

    /// The rows with these parts.
    ///
    /// # Errors
    ///
    /// If each of the first `texts` texts does not stand there once, or a control token has no id.
    pub(super) fn of_names(
        names: &[NamedPart<'_>],
        texts: usize,
        vocabulary: &Vocabulary,
    ) -> Result<Self, VocabularyError> {
        let part = |&(name, kind): &NamedPart<'_>| match name {
            "$A" => Ok((Part::Text(0), kind)),
            "$B" => Ok((Part::Text(1), kind)),
            _ => vocabulary
                .id(name)
                .map(|id| (Part::Token(id), kind))
                .ok_or_else(|| VocabularyError::Template {
                    problem: format!("{name:?}, which the vocabulary lacks"),
                }),
        };
        let template = Self::new(names.iter().map(part).collect::<Result<_, _>>()?);
        let times = |text| {
            let is_text = |&&(part, _): &&(Part, i32)| part == Part::Text(text);
            template.parts.iter().filter(is_text).count()
        };
        if [times(0), times(1)] != [1, usize::from(texts == 2)] {
            let problem = format!("{} times $A and {} times $B", times(0), times(1));
            return Err(VocabularyError::Template { problem });
        }
        if let Some((_, kind)) = names.iter().find(|(_, kind)| *kind < 0) {
            let problem = format!("the token type {kind}");
            return Err(VocabularyError::Template { problem });
        }
        Ok(template)
    }

    fn new(parts: Vec<(Part, i32)>) -> Self {
        let is_token = |(part, _): &&(Part, i32)| matches!(part, Part::Token(_));
        Self {
            control: parts.iter().filter(is_token).count(),
            parts,
        }
    }

    pub(super) fn has_token(&self, id: i32) -> bool {
        self.parts.iter().any(|&(part, _)| part == Part::Token(id))
    }
}
