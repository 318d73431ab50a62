//! Tag grammars in the notation of NLTK's `RegexpParser`: chunk rules of one label.
//!
//! `NP: {<DT>?<JJ.*>*<NN.*>+}` chunks an optional determiner, any adjectives and at least one noun. Within
//! `<...>` a pattern is matched against the whole tag, and `.` is any character. A grammar is compiled once
//! against a tag set. A tag set is small, so each `<...>` becomes the set of the tags that it matches, and a
//! caption is chunked over sets.

use std::ops::Range;

use thiserror::Error;

use super::pattern::{Characters, Memory, Pattern, unexpected};

/// The grammar of GLIP's noun-phrase recipe.
pub const DEFAULT_GRAMMAR: &str = "NP: {<DT>?<JJ.*>*<NN.*>+}";

/// The most tags that a tag set may have.
pub const MAX_TAGS: usize = 64;

/// A grammar that cannot be read.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum GrammarError {
    /// The grammar has no rule.
    #[error("expected a grammar such as {DEFAULT_GRAMMAR:?}; got {0:?}, which has no rule")]
    Empty(String),
    /// A rule comes before any label.
    #[error("expected a label and a colon, such as \"NP:\", before the first rule; got {0:?}")]
    NoLabel(String),
    /// A second label.
    #[error("expected rules of one label; got {0:?} and {1:?}: call once for each")]
    TwoLabels(String, String),
    /// A rule of another kind.
    #[error(
        "expected a chunk rule {{...}}; got {0:?}: strip, split and merge rules are not supported"
    )]
    NotAChunkRule(String),
    /// A character stands where it has no meaning.
    #[error(
        "expected a valid tag pattern; got {c:?} at character {at} of {pattern:?}{}",
        hint(*c)
    )]
    Unexpected {
        /// The tag pattern.
        pattern: String,
        /// The place of the character, from 0.
        at: usize,
        /// The character.
        c: char,
    },
    /// A bracket without its partner.
    #[error("expected a partner for every {1:?}; got the tag pattern {0:?}")]
    Unclosed(String, char),
    /// The inside of a repetition may be empty. Engines differ in what such a pattern matches.
    #[error(
        "expected the inside of a repetition to match at least one tag; got one that can match none: \
         write (<DT>|<JJ>)* in place of (<DT>*<JJ>*)*"
    )]
    EmptyLoop,
    /// Counted repetitions multiply to too many steps.
    #[error("expected a tag pattern of at most {0} steps; got repetitions that need more")]
    TooLarge(usize),
}

impl crate::Error for GrammarError {}

fn hint(c: char) -> &'static str {
    match c {
        '$' | '^' => ": write \\ before it to match the character itself",
        _ => "",
    }
}

/// Chunks tagged captions by a grammar.
///
/// # Examples
///
/// ```
/// use unicl_core::phrases::{Chunker, DEFAULT_GRAMMAR};
///
/// let tags = ["DT", "JJ", "NN", "VBZ"];
/// let chunker = Chunker::new(DEFAULT_GRAMMAR, &tags)?;
/// // "a black dog chases the ball"
/// let mut chunks = Vec::new();
/// chunker.chunk(&[0, 1, 2, 3, 0, 2], &mut chunks);
/// assert_eq!(chunks, [(0, 3), (4, 6)]);
/// # Ok::<(), unicl_core::phrases::GrammarError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chunker {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern<u64>,
    /// The tags that a chunk can begin with.
    first: u64,
}

impl Chunker {
    /// Reads a grammar and compiles it against a tag set.
    ///
    /// # Errors
    ///
    /// If the grammar cannot be read, or has a rule that is not a chunk rule.
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX_TAGS`] tags.
    pub fn new<T: AsRef<str>>(grammar: &str, tags: &[T]) -> Result<Self, GrammarError> {
        assert!(
            tags.len() <= MAX_TAGS,
            "{} tags are more than {MAX_TAGS}",
            tags.len()
        );
        let mut rules = Vec::new();
        for rule in read_rules(grammar)? {
            let pattern = Pattern::parse(&rule, read_tag_pattern)?.map(|tag| tag.among(tags));
            let first = pattern
                .first_atoms()
                .into_iter()
                .fold(0, |all, one| all | one);
            rules.push(Rule { pattern, first });
        }
        Ok(Self { rules })
    }

    /// Writes the chunks of a caption as (from, to) pairs of word numbers, in order.
    ///
    /// # Panics
    ///
    /// If a tag is not an index into the tag set.
    pub fn chunk(&self, tags: &[u8], chunks: &mut Vec<(u32, u32)>) {
        chunks.clear();
        self.chunk_part(tags, 0..tags.len(), chunks, &mut Memory::default());
    }

    /// The definition of [`Self::chunk`]: every start is matched anew, and every rule reads the gaps that are left.
    #[cfg(any(test, fuzzing))]
    #[must_use]
    pub fn chunk_by_definition(&self, tags: &[u8]) -> Vec<(u32, u32)> {
        let mut taken = vec![false; tags.len()];
        let mut chunks = Vec::new();
        for rule in &self.rules {
            let gaps = taken.clone();
            let mut at = 0;
            while at < tags.len() {
                let matches =
                    |set: &u64, at: usize| at < tags.len() && !gaps[at] && set >> tags[at] & 1 == 1;
                let end = rule.pattern.match_end_slowly(at, matches, |end| end > at);
                if let Some(end) = end {
                    taken[at..end].fill(true);
                    chunks.push((narrow(at), narrow(end)));
                }
                at = end.unwrap_or(at + 1);
            }
        }
        chunks.sort_unstable();
        chunks
    }

    /// Adds the chunks of a part of a caption to those of the parts before it; no chunk leaves the part.
    pub(super) fn chunk_part(
        &self,
        tags: &[u8],
        part: Range<usize>,
        chunks: &mut Vec<(u32, u32)>,
        memory: &mut Memory,
    ) {
        let first = chunks.len();
        for (index, rule) in self.rules.iter().enumerate() {
            // A later rule reads the gaps between the chunks of the earlier rules.
            let mut gap_start = part.start;
            for taken in first..if index == 0 { first } else { chunks.len() } {
                let (from, to) = chunks[taken];
                rule.chunk(tags, gap_start, from as usize, chunks, memory);
                gap_start = to as usize;
            }
            rule.chunk(tags, gap_start, part.end, chunks, memory);
            if index > 0 {
                chunks[first..].sort_unstable();
            }
        }
    }
}

impl Rule {
    fn chunk(
        &self,
        tags: &[u8],
        from: usize,
        to: usize,
        chunks: &mut Vec<(u32, u32)>,
        memory: &mut Memory,
    ) {
        memory.clear();
        let mut at = from;
        while at < to {
            // An empty match makes no chunk; as in `re.sub`, the next best match at the same place counts.
            let end = (self.first >> tags[at] & 1 == 1).then(|| {
                let matches = |set: &u64, at: usize| at < to && set >> tags[at] & 1 == 1;
                self.pattern.match_end(at, matches, |end| end > at, memory)
            });
            if let Some(end) = end.flatten() {
                chunks.push((narrow(at), narrow(end)));
                at = end;
            } else {
                at += 1;
            }
        }
    }
}

fn narrow(word: usize) -> u32 {
    u32::try_from(word).expect("a caption has less than 2^32 words")
}

/// The chunk rules of a grammar, without braces and white space.
fn read_rules(grammar: &str) -> Result<Vec<String>, GrammarError> {
    let mut label: Option<&str> = None;
    let mut rules = Vec::new();
    for line in grammar.lines() {
        let mut line = line.trim();
        if let Some((name, rest)) = line.split_once(':') {
            if let Some(first) = label {
                return Err(GrammarError::TwoLabels(
                    first.to_owned(),
                    name.trim().to_owned(),
                ));
            }
            label = Some(name.trim());
            line = rest.trim();
        }
        // A comment runs to the end of the line.
        let line = line.split_once('#').map_or(line, |(rule, _)| rule.trim());
        if line.is_empty() {
            continue;
        }
        if label.is_none_or(str::is_empty) {
            return Err(GrammarError::NoLabel(line.to_owned()));
        }
        let inside = line
            .strip_prefix('{')
            .and_then(|line| line.strip_suffix('}'));
        let Some(inside) = inside.filter(|inside| !inside.is_empty()) else {
            return Err(GrammarError::NotAChunkRule(line.to_owned()));
        };
        rules.push(inside.split_whitespace().collect());
    }
    if rules.is_empty() {
        return Err(GrammarError::Empty(grammar.to_owned()));
    }
    Ok(rules)
}

/// The pattern between `<` and `>`.
#[derive(Clone, Debug)]
struct TagPattern(Pattern<Character>);

#[derive(Clone, Debug)]
enum Character {
    Any,
    One(char),
}

impl TagPattern {
    /// The set of the tags that the pattern matches as a whole.
    fn among<T: AsRef<str>>(&self, tags: &[T]) -> u64 {
        let mut memory = Memory::default();
        let mut set = 0;
        for (index, tag) in tags.iter().enumerate() {
            let characters: Vec<char> = tag.as_ref().chars().collect();
            let matches = |wanted: &Character, at: usize| match (wanted, characters.get(at)) {
                (_, None) => false,
                (Character::Any, Some(_)) => true,
                (Character::One(wanted), Some(found)) => wanted == found,
            };
            let accepts = |end| end == characters.len();
            memory.clear();
            if self.0.match_end(0, matches, accepts, &mut memory).is_some() {
                set |= 1 << index;
            }
        }
        set
    }
}

fn read_tag_pattern(
    rest: &mut Characters<'_>,
    _at: usize,
    c: char,
) -> Result<TagPattern, GrammarError> {
    let mut inside = String::new();
    if c != '<' {
        inside.push(c);
        inside.extend(rest.map(|(_, c)| c));
        return Err(unexpected(&inside, 0, c));
    }
    loop {
        match rest.next() {
            Some((_, '>')) => break,
            Some((_, '<')) | None => {
                return Err(GrammarError::Unclosed(format!("<{inside}"), '<'));
            }
            Some((_, c)) => inside.push(c),
        }
    }
    let pattern = Pattern::parse(&inside, |rest, at, c| match c {
        '.' => Ok(Character::Any),
        '\\' => match rest.next() {
            Some((_, c)) if !c.is_alphanumeric() => Ok(Character::One(c)),
            _ => Err(unexpected(&inside, at, c)),
        },
        '$' | '^' | '[' | ']' | '}' => Err(unexpected(&inside, at, c)),
        _ => Ok(Character::One(c)),
    })?;
    Ok(TagPattern(pattern))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAGS: [&str; 9] = ["CD", "DT", "IN", "JJ", "JJR", "NN", "NNS", "PRP$", "VBG"];

    fn chunks(grammar: &str, tags: &str) -> String {
        let numbers: Vec<u8> = tags
            .split_whitespace()
            .map(|tag| u8::try_from(TAGS.iter().position(|t| *t == tag).unwrap()).unwrap())
            .collect();
        let mut found = Vec::new();
        Chunker::new(grammar, &TAGS)
            .unwrap()
            .chunk(&numbers, &mut found);
        let spans: Vec<String> = found
            .iter()
            .map(|(from, to)| format!("{from}-{to}"))
            .collect();
        spans.join(" ")
    }

    #[test]
    fn chunks_are_those_of_nltk() {
        // Answers of nltk.RegexpParser 3.10.
        for (grammar, tags, expected) in [
            (DEFAULT_GRAMMAR, "DT JJ NN IN DT NNS NN", "0-3 4-7"),
            (DEFAULT_GRAMMAR, "DT IN JJ DT NN NN JJR NNS", "3-6 6-8"),
            (DEFAULT_GRAMMAR, "DT JJ", ""),
            ("NP: {<DT|PRP\\$>?<JJ>*<NN>}", "PRP$ JJ NN NN", "0-3 3-4"),
            ("NP: {<NN>{2}}", "NN NN NN", "0-2"),
            ("NP: {<NN>+?}", "NN NN", "0-1 1-2"),
            ("NP: {(<DT>|<CD>)(<NN>|<NNS>)*}", "DT CD NN NNS", "0-1 1-4"),
            (
                "NP:\n  {<DT><NN>}  # first\n  {<NN>+}",
                "NN DT NN NN",
                "0-1 1-3 3-4",
            ),
            ("NP: {(<DT>+)*<NN>}", "DT DT IN NN", "3-4"),
        ] {
            assert_eq!(chunks(grammar, tags), expected, "{grammar} on {tags}");
        }
    }

    fn pattern() -> impl Strategy<Value = String> {
        let repeat = || {
            prop::sample::select(vec![
                "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{2,}?",
            ])
        };
        let tag = prop::sample::select(vec!["<DT>", "<JJ.*>", "<NN.*>", "<NN>", "<IN|DT>", "<.*>"]);
        let leaf = (tag, repeat()).prop_map(|(tag, repeat)| format!("{tag}{repeat}"));
        leaf.prop_recursive(3, 12, 3, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                (inner.clone(), inner.clone(), repeat())
                    .prop_map(|(a, b, r)| format!("({a}|{b}){r}")),
                (inner, repeat()).prop_map(|(a, r)| format!("({a}){r}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn chunks_equal_those_of_the_definition(
            rules in prop::collection::vec(pattern(), 1..3),
            captions in prop::collection::vec(prop::collection::vec(0_u8..6, 0..40), 1..3),
        ) {
            let grammar = format!("NP:\n{{{}}}", rules.join("}\n{"));
            // The tags of nouns and adjectives come in runs, as in captions.
            let Ok(chunker) = Chunker::new(&grammar, &["DT", "IN", "JJ", "JJ", "NN", "NN"]) else {
                // An empty repetition is refused.
                return Ok(());
            };
            let mut chunks = Vec::new();
            for tags in captions {
                chunker.chunk(&tags, &mut chunks);
                prop_assert_eq!(&chunks, &chunker.chunk_by_definition(&tags), "{}", grammar);
            }
        }
    }

    #[test]
    fn a_caption_takes_no_longer_than_its_length_times_the_pattern() {
        let tags = "NN ".repeat(3000);
        assert_eq!(chunks("NP: {(<NN>+)+<IN>}", &tags[..300]), "");
        assert_eq!(chunks(DEFAULT_GRAMMAR, &tags), "0-3000");
        // With a match anew at every start these take hours.
        let adjectives = "JJ ".repeat(300_000);
        assert_eq!(chunks(DEFAULT_GRAMMAR, &adjectives), "");
        assert_eq!(
            chunks("NP: {<JJ>*?<JJ>*?<NN>}\n{<JJ>*<DT>}", &adjectives),
            ""
        );
    }

    #[test]
    fn bad_grammars_name_what_is_wrong() {
        for (grammar, message) in [
            ("", "has no rule"),
            ("NP: ", "has no rule"),
            ("{<NN>}", "expected a label and a colon"),
            (
                "NP: {<NN>}\nVP: {<VB>}",
                "expected rules of one label; got \"NP\" and \"VP\"",
            ),
            (
                "NP: }<NN>{",
                "strip, split and merge rules are not supported",
            ),
            ("NP: {<NN}", "expected a partner for every '<'"),
            ("NP: {(<NN>}", "expected a partner for every '('"),
            ("NP: {NN}", "expected a valid tag pattern; got 'N'"),
            ("NP: {<NN>)}", "got ')' at character 4 of "),
            (
                "NP: {<PRP$>}",
                "got '$' at character 3 of \"PRP$\": write \\ before it",
            ),
            ("NP: {*<NN>}", "expected a valid tag pattern; got '*'"),
            ("NP: {(<DT>?<JJ>*)+<NN>}", "got one that can match none"),
            ("NP: {<NN>{3,1}}", "expected a valid tag pattern; got '{'"),
            (
                "NP: {((<NN>{999}){999}){999}}",
                "got repetitions that need more",
            ),
        ] {
            let error = Chunker::new(grammar, &TAGS).unwrap_err().to_string();
            assert!(error.contains(message), "{grammar}: {error}");
        }
    }
}
