//! BERT's `WordPiece` vocabulary: one token a line; the number of the line is its id.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::trie::{Node, Trie};
use crate::Error;

/// The names of the control tokens, which are not text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlNames {
    /// Stands for a word that the vocabulary cannot spell: `[UNK]`.
    pub unknown: String,
    /// Begins a row: `[CLS]`.
    pub class: String,
    /// Ends a text: `[SEP]`.
    pub separator: String,
    /// Fills the row after the last text: `[PAD]`.
    pub padding: String,
    /// Hides a word: `[MASK]`. The vocabulary need not have it.
    pub mask: String,
    /// Further control tokens. Those that the vocabulary lacks get the ids after its own.
    pub added: Vec<String>,
}

/// Tokens and their ids.
pub struct Vocabulary {
    /// A token and a line feed for each id.
    lines: String,
    /// Where each token begins in `lines`.
    starts: Vec<usize>,
    pieces: Trie,
    /// The node from which a piece inside a word is read; None: there is no such piece.
    continuing: Option<Node>,
    prefix: String,
    /// The number of tokens of the vocabulary itself; the added ones follow.
    given: usize,
    pub(super) unknown: i32,
    pub(super) class: i32,
    pub(super) separator: i32,
    pub(super) padding: i32,
    pub(super) mask: Option<i32>,
    /// The control tokens by name.
    pub(super) control: Vec<(String, i32)>,
}

/// Why a vocabulary cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VocabularyError {
    /// A line breaks a rule of the format.
    #[error("line {line} of the vocabulary: {problem}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What was expected, and what the line has.
        problem: String,
    },
    /// A control token has no id.
    #[error(
        "expected the {role} token {name:?} in the vocabulary; got none: name the vocabulary's own with {role}_token"
    )]
    Missing {
        /// Its name.
        name: String,
        /// What it is for, in three letters.
        role: &'static str,
    },
    /// An added token cannot be one.
    #[error(
        "expected added_tokens to be names without line feeds, none of them empty or twice; got {name:?}"
    )]
    Added {
        /// Its name.
        name: String,
    },
    /// A row cannot have these parts.
    #[error(
        "expected the text $A once in single_template, $A and $B once each in pair_template, and with them control \
         tokens of the vocabulary with types from 0; got {problem}"
    )]
    Template {
        /// What it has.
        problem: String,
    },
    /// Ids are 32 bits wide.
    #[error("expected at most 2147483647 tokens in the vocabulary; got {0}")]
    TooLarge(usize),
}

impl Error for VocabularyError {}

impl Vocabulary {
    /// Parses a `vocab.txt`: one token a line, in the order of their ids.
    ///
    /// # Errors
    ///
    /// If a line is not UTF-8, is empty, has a space around its token, or repeats an earlier line; the error
    /// names the line. If a control token is missing; the error names it.
    ///
    /// # Examples
    ///
    /// ```
    /// use unicl_core::text::{ControlNames, Vocabulary};
    ///
    /// let vocabulary = Vocabulary::parse(b"[PAD]\n[UNK]\n[CLS]\n[SEP]\ndog\n##s\n", &ControlNames::default(), "##")?;
    /// assert_eq!(vocabulary.size(), 6);
    /// # Ok::<(), unicl_core::text::VocabularyError>(())
    /// ```
    pub fn parse(
        bytes: &[u8],
        names: &ControlNames,
        prefix: &str,
    ) -> Result<Self, VocabularyError> {
        let mut tokens: Vec<&str> = Vec::new();
        let mut ids: HashMap<&str, i32, FixedState> = HashMap::default();
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let fail = |problem| {
                Err(VocabularyError::Line {
                    line: index + 1,
                    problem,
                })
            };
            let Ok(token) = std::str::from_utf8(line) else {
                return fail("expected UTF-8".to_owned());
            };
            let token = token.strip_suffix('\r').unwrap_or(token);
            if token.is_empty() || token.trim_matches(|c: char| c.is_ascii_whitespace()) != token {
                return fail(format!(
                    "expected one token without spaces around it; got {token:?}"
                ));
            }
            if let Some(earlier) = ids.insert(token, id(index)?) {
                return fail(format!(
                    "expected a new token; got {token:?}, which line {} has already",
                    earlier + 1
                ));
            }
            tokens.push(token);
        }
        let given = tokens.len();
        let pieces = Trie::new(
            tokens
                .iter()
                .map(|token| token.as_bytes())
                .zip(0..)
                .collect(),
        );
        let mut added = names.added.clone();
        added.sort_unstable();
        let twice = added.windows(2).find(|pair| pair[0] == pair[1]);
        let bad = |name: &&String| name.is_empty() || name.contains('\n');
        if let Some(name) = names.added.iter().find(bad).or(twice.map(|pair| &pair[0])) {
            return Err(VocabularyError::Added { name: name.clone() });
        }
        for name in &names.added {
            if !ids.contains_key(name.as_str()) {
                ids.insert(name, id(tokens.len())?);
                tokens.push(name);
            }
        }
        let find = |name: &str, role| {
            ids.get(name)
                .copied()
                .ok_or_else(|| VocabularyError::Missing {
                    name: name.to_owned(),
                    role,
                })
        };
        let (unknown, class) = (find(&names.unknown, "unk")?, find(&names.class, "cls")?);
        let (separator, padding) = (find(&names.separator, "sep")?, find(&names.padding, "pad")?);
        let mask = ids.get(names.mask.as_str()).copied();
        let of_roles = [
            &names.unknown,
            &names.class,
            &names.separator,
            &names.padding,
            &names.mask,
        ];
        let mut control: Vec<(String, i32)> = of_roles
            .into_iter()
            .chain(&names.added)
            .filter_map(|name| Some((name.clone(), *ids.get(name.as_str())?)))
            .collect();
        // If two names begin at the same place, the longer one counts.
        control.sort_unstable_by(|(one, _), (other, _)| {
            other.len().cmp(&one.len()).then(one.cmp(other))
        });
        control.dedup();
        let mut lines = String::with_capacity(bytes.len() + 1);
        let mut starts = Vec::with_capacity(tokens.len());
        for token in &tokens {
            starts.push(lines.len());
            lines.push_str(token);
            lines.push('\n');
        }
        Ok(Self {
            continuing: pieces.descend(prefix.as_bytes()),
            lines,
            starts,
            pieces,
            prefix: prefix.to_owned(),
            given,
            unknown,
            class,
            separator,
            padding,
            mask,
            control,
        })
    }

    /// The vocabulary as [`Vocabulary::parse`] reads it, without the added tokens.
    #[must_use]
    pub fn to_bytes(&self) -> &[u8] {
        let end = self.starts.get(self.given).copied();
        &self.lines.as_bytes()[..end.unwrap_or(self.lines.len())]
    }

    /// The number of ids, with those of added tokens.
    #[must_use]
    pub fn size(&self) -> usize {
        self.starts.len()
    }

    /// The name of a token, if there is one with this id.
    #[must_use]
    pub fn token(&self, id: i64) -> Option<&str> {
        let index = usize::try_from(id).ok()?;
        let start = *self.starts.get(index)?;
        let end = self
            .starts
            .get(index + 1)
            .map_or(self.lines.len(), |&end| end);
        Some(&self.lines[start..end - 1])
    }

    /// The id of a token, if there is one of this name. This goes through the vocabulary.
    pub(super) fn id(&self, name: &str) -> Option<i32> {
        let lines = self.lines.lines();
        let (_, id) = lines.zip(0..).find(|&(token, _)| token == name)?;
        Some(id)
    }

    /// The token without the prefix of a piece inside a word, if it has that prefix.
    pub(super) fn continuation<'a>(&self, token: &'a str) -> Option<&'a str> {
        token.strip_prefix(self.prefix.as_str())
    }

    /// Appends the pieces of a word: the longest that it begins with, then the longest that the rest begins
    /// with, and so on. If this does not reach the end, only the unknown token is appended.
    pub(super) fn push_pieces(&self, word: &[u8], ids: &mut Vec<i32>) {
        let before = ids.len();
        let (mut from, mut rest) = (Some(Trie::ROOT), word);
        while !rest.is_empty() {
            let piece = from.and_then(|from| self.pieces.longest(from, rest));
            let Some((length, id)) = piece else {
                ids.truncate(before);
                ids.push(self.unknown);
                return;
            };
            ids.push(id);
            rest = &rest[length..];
            from = self.continuing;
        }
    }
}

impl Default for ControlNames {
    /// The names of BERT.
    fn default() -> Self {
        Self {
            unknown: "[UNK]".to_owned(),
            class: "[CLS]".to_owned(),
            separator: "[SEP]".to_owned(),
            padding: "[PAD]".to_owned(),
            mask: "[MASK]".to_owned(),
            added: Vec::new(),
        }
    }
}

fn id(index: usize) -> Result<i32, VocabularyError> {
    i32::try_from(index).map_err(|_| VocabularyError::TooLarge(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n";

    fn parse(rest: &str) -> Result<Vocabulary, VocabularyError> {
        Vocabulary::parse(
            format!("{CONTROL}{rest}").as_bytes(),
            &ControlNames::default(),
            "##",
        )
    }

    fn pieces(vocabulary: &Vocabulary, word: &str) -> Vec<String> {
        let mut ids = Vec::new();
        vocabulary.push_pieces(word.as_bytes(), &mut ids);
        let name = |&id| vocabulary.token(i64::from(id)).unwrap().to_owned();
        ids.iter().map(name).collect()
    }

    #[test]
    fn the_longest_piece_goes_first_and_a_dead_end_is_unknown() {
        let vocabulary = parse("a\nab\n##c\n##cd\n##e\né\n").unwrap();
        let cases: &[(&str, &[&str])] = &[
            ("ab", &["ab"]),
            ("abcde", &["ab", "##cd", "##e"]),
            ("ac", &["a", "##c"]),
            ("abcx", &["[UNK]"]),
            ("aé", &["[UNK]"]),
            ("é", &["é"]),
            ("b", &["[UNK]"]),
        ];
        for (word, expected) in cases {
            assert_eq!(&pieces(&vocabulary, word), expected, "{word}");
        }
        assert_eq!(pieces(&parse("a\n").unwrap(), "ab"), ["[UNK]"]);
    }

    #[test]
    fn ids_are_line_numbers_and_added_tokens_follow() {
        let names = ControlNames {
            added: vec!["[DEC]".to_owned(), "dog".to_owned()],
            ..ControlNames::default()
        };
        let bytes = format!("{CONTROL}dog\r\ncat");
        let vocabulary = Vocabulary::parse(bytes.as_bytes(), &names, "##").unwrap();
        assert_eq!((vocabulary.size(), vocabulary.mask), (7, None));
        let names: Vec<_> = (4..8).map(|id| vocabulary.token(id)).collect();
        assert_eq!(names, [Some("dog"), Some("cat"), Some("[DEC]"), None]);
        assert_eq!(vocabulary.token(-1), None);
        assert_eq!(
            vocabulary.to_bytes(),
            format!("{CONTROL}dog\ncat\n").as_bytes()
        );
        assert_eq!(pieces(&vocabulary, "[DEC]"), ["[UNK]"]);
    }

    #[test]
    fn a_bad_line_is_named_with_what_is_wrong() {
        let error = |rest: &str| parse(rest).err().unwrap().to_string();
        let wanted = "of the vocabulary: expected one token without spaces around it; got";
        assert_eq!(error("a\n\nb\n"), format!("line 6 {wanted} \"\""));
        assert_eq!(error("a \n"), format!("line 5 {wanted} \"a \""));
        assert_eq!(
            error("a\nb\na\n"),
            "line 7 of the vocabulary: expected a new token; got \"a\", which line 5 has already"
        );
        let bytes = |bytes: &[u8]| {
            let parsed = Vocabulary::parse(bytes, &ControlNames::default(), "##");
            parsed.err().unwrap().to_string()
        };
        assert_eq!(
            bytes(b"a\n\xFF\n"),
            "line 2 of the vocabulary: expected UTF-8"
        );
        assert_eq!(
            bytes(b"[PAD]\n[UNK]\n[SEP]\n"),
            "expected the cls token \"[CLS]\" in the vocabulary; got none: name the vocabulary's own with cls_token"
        );
    }

    #[test]
    fn an_added_token_that_cannot_be_one_is_refused() {
        for added in [&["a\nb"][..], &[""], &["x", "y", "x"]] {
            let names = ControlNames {
                added: added.iter().map(|&name| name.to_owned()).collect(),
                ..ControlNames::default()
            };
            let error = Vocabulary::parse(CONTROL.as_bytes(), &names, "##")
                .err()
                .unwrap();
            assert!(
                error
                    .to_string()
                    .starts_with("expected added_tokens to be names"),
                "{error}"
            );
        }
    }
}
