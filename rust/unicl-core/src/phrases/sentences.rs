//! Where a sentence ends within a caption.
//!
//! Captions are often all lower-case, so no capital is needed after a period. A sentence ends:
//!
//! 1. at a line break,
//! 2. before and after an ellipsis character or a full stop of another script,
//! 3. after a single period before a space and a next word, unless [`is_abbreviation`],
//! 4. after a period between a small letter and a capital, "cat.Dog", unless the two are an address.
//!
//! The marks "?", "!" and "..." are words of their own, and [`is_separator`] holds for them. So they end a
//! phrase without a rule here. Every look back or ahead within a word is at most [`REACH`] bytes.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::characters::is_space;

/// Longer than an abbreviation, an address ending and its neighbours.
const REACH: usize = 64;

/// When the period of an abbreviation ends a sentence, by the word.
static ABBREVIATIONS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let lines = rows(include_str!("../../words/abbreviations.tsv"));
    lines.filter_map(|line| line.split_once('\t')).collect()
});
static OPENERS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| rows(include_str!("../../words/sentence_openers.tsv")).collect());
static ADDRESS_ENDINGS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| rows(include_str!("../../words/address_endings.tsv")).collect());

fn rows(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter(|line| !line.starts_with('#'))
}

/// Whether a word is never part of a noun phrase: the end of a sentence, or a mark between phrases.
///
/// Such are "|", "•", "–", "-", "/", "#", ":", emoji. A mark that English has inside of phrases is not:
/// "&", "%", an apostrophe, a comma, a quote, a bracket.
pub(super) fn is_separator(word: &str) -> bool {
    let is_inside = |c: char| match c {
        '&' | '%' | '$' | '\'' | '`' | '"' | ',' | '(' | ')' | '[' | ']' | '{' | '}' | '‘'
        | '’' => true,
        _ => c.is_alphanumeric(),
    };
    !word.as_bytes()[0].is_ascii_alphanumeric() && !word.contains(is_inside)
}

/// The end of the sentence that begins at a byte of the caption.
pub(super) fn sentence_end(caption: &str, start: usize) -> usize {
    let mut marks = false;
    for (at, c) in caption[start..].char_indices() {
        let at = start + at;
        let is_mark = matches!(c, '…' | '。' | '！' | '？' | '｡');
        if marks && !is_mark || is_mark && at > start && !marks {
            return at;
        }
        marks = is_mark;
        match c {
            '\n' | '\r' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                return at + c.len_utf8();
            }
            '.' => {
                if let Some(end) = end_after_period(caption, at) {
                    return end;
                }
            }
            _ => {}
        }
    }
    caption.len()
}

/// The end of the sentence that a period ends, with the quotes and brackets that close after the period.
///
/// None if the period does not end a sentence, or if no word follows.
pub(super) fn end_after_period(caption: &str, period: usize) -> Option<usize> {
    let (before, after) = (&caption[..period], &caption[period + 1..]);
    if before.ends_with('.') || after.starts_with('.') {
        return None;
    }
    let next = after.trim_start_matches(['"', '\'', '”', '’', ')', ']', '}', '»', '>']);
    let end = caption.len() - next.len();
    let rest = next.trim_start_matches(is_space);
    let first = rest.chars().next()?;
    let ends = if rest.len() < next.len() {
        !".,;:!?)]}>/%".contains(first) && !is_abbreviation(before, rest, first)
    } else {
        end == period + 1 && is_unspaced_end(before, rest)
    };
    ends.then_some(end)
}

/// Whether the word before a period is an abbreviation that goes on with the word after it.
fn is_abbreviation(before: &str, after: &str, first: char) -> bool {
    let word = last_word(before).to_lowercase();
    let is_initials = word
        .split('.')
        .all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic));
    let before_opener = || {
        let length = after.find(|c: char| !c.is_alphanumeric());
        let (opener, rest) = after.split_at(length.unwrap_or(after.len()).min(after.len()));
        opener.len() < REACH
            && OPENERS.contains(opener.to_lowercase().as_str())
            && !rest.starts_with('.')
    };
    match ABBREVIATIONS.get(word.as_str()) {
        Some(&"never") => true,
        Some(&"number") => first.is_numeric(),
        Some(&"capital") => !first.is_uppercase() && !before_opener(),
        Some(_) => !before_opener(),
        None => is_initials && !before_opener(),
    }
}

/// Whether a period without a space after it ends a sentence: "cat.Dog", but not "Amazon.Com", "Ph.D", "3.5".
fn is_unspaced_end(before: &str, after: &str) -> bool {
    let word = last_word(before);
    let mut next = after.chars();
    let is_case_change = word.ends_with(char::is_lowercase)
        && next.next().is_some_and(char::is_uppercase)
        && next.next().is_some_and(char::is_lowercase);
    if !is_case_change
        || word.chars().count() < 2
        || ABBREVIATIONS.contains_key(&*word.to_lowercase())
    {
        return false;
    }
    let is_after_address =
        before[..before.len() - word.len()].ends_with(['/', '@', '_', '\\', '-', ':']);
    let characters = after.char_indices();
    let token = characters.take_while(|&(at, c)| at < REACH && !is_space(c));
    let token = token
        .last()
        .map_or("", |(at, c)| &after[..at + c.len_utf8()]);
    let is_ending = |part: &str| ADDRESS_ENDINGS.contains(part.to_lowercase().as_str());
    !is_after_address
        && !token.contains(['@', '/'])
        && !token.split(|c: char| !c.is_alphanumeric()).any(is_ending)
}

/// The letters, digits and periods at the end of a text, at most [`REACH`] bytes.
fn last_word(text: &str) -> &str {
    let tail = text.char_indices().rev();
    let word =
        tail.take_while(|&(at, c)| (c.is_alphanumeric() || c == '.') && text.len() - at <= REACH);
    word.last().map_or("", |(at, _)| &text[at..])
}
