//! The Treebank rules of NLTK's `NLTKWordTokenizer`, slow and literal.
//!
//! The rules are applied in order, each in one pass over the text.
//! [`super::Words`] splits most captions without these rules, and a property test ties it to them. Every
//! character carries its place in the caption, so words keep their spans when rules insert and replace.
//! The clitics and contractions below are part of the rules; their order matters.
//!
//! NLTK compiles most rules with the `regex` package, the contractions with `re`, and ends with
//! `str.split()`. The three differ in what is a space, a word character and the other case of a letter.

use super::characters::{is_decimal, is_space, is_word_of_re, is_word_of_regex};
use crate::interrupt;

/// A character of the text in work, and its place in the caption (`None`: a rule inserted it).
#[derive(Clone, Copy)]
pub(super) struct Unit {
    pub(super) c: char,
    pub(super) at: Option<u32>,
}

const SPACE: Unit = Unit { c: ' ', at: None };

/// Applies every rule; white space then separates the words.
pub(super) fn apply(units: &mut Vec<Unit>) {
    let mut text = Text {
        units: std::mem::take(units),
        out: Vec::new(),
    };
    text.starting_quotes();
    text.punctuation();
    text.pad(|c| "[](){}<>".contains(c));
    text.pad_run(|text, i| text.starts_with(i, "--").then_some(2));
    text.units.insert(0, SPACE);
    text.units.push(SPACE);
    text.ending_quotes();
    text.contractions();
    *units = text.units;
}

struct Text {
    units: Vec<Unit>,
    out: Vec<Unit>,
}

impl Text {
    fn starting_quotes(&mut self) {
        self.pad_run(|text, i| match text.at(i)? {
            '«' | '“' | '‘' | '„' => Some(1),
            '`' => Some(text.run(i, |c| c == '`')),
            _ => None,
        });
        self.substitute(|text, i, out| {
            (i == 0 && text.at(0)? == '"').then(|| {
                out.extend(opening_quote(text.units[0].at));
                1
            })
        });
        self.pad_run(|text, i| text.starts_with(i, "``").then_some(2));
        self.substitute(|text, i, out| {
            let length = match (text.at(i)?, text.at(i + 1)?) {
                (' ' | '(' | '[' | '{' | '<', '"') => 1,
                (' ' | '(' | '[' | '{' | '<', '\'') if text.at(i + 2)? == '\'' => 2,
                _ => return None,
            };
            out.extend([text.units[i], SPACE]);
            let [first, second] = opening_quote(text.units[i + 1].at);
            let second = Unit {
                at: text.units[i + length].at,
                ..second
            };
            out.extend([first, second, SPACE]);
            Some(1 + length)
        });
        self.substitute(|text, i, out| {
            let opens = text.at(i)? == '\''
                && text.at(i + 1).is_some_and(is_word_of_regex)
                && !(i > 0 && text.at(i - 1).is_some_and(is_word_of_regex))
                && !["re", "ve", "ll", "m", "t", "s", "d", "n"]
                    .iter()
                    .any(|clitic| text.is_word_part(i + 1, clitic, is_word_of_regex));
            opens.then(|| {
                out.extend([text.units[i], SPACE]);
                1
            })
        });
    }

    fn punctuation(&mut self) {
        self.final_period(|c| "])}>\"'»”’ ".contains(c), true);
        self.substitute(|text, i, out| {
            let (':' | ',') = text.at(i)? else {
                return None;
            };
            let next = *text.units.get(i + 1)?;
            (!is_decimal(next.c)).then(|| {
                out.extend([SPACE, text.units[i], SPACE, next]);
                2
            })
        });
        self.pad_run(|text, i| {
            (matches!(text.at(i)?, ':' | ',') && i + 1 == text.units.len()).then_some(1)
        });
        self.pad_run(|text, i| {
            let length = text.run(i, |c| c == '.');
            (length >= 2).then_some(length)
        });
        self.pad(|c| ";@#$%&".contains(c));
        self.pad(|c| ('\u{2012}'..='\u{2015}').contains(&c));
        self.final_period(|c| "])}>\"'".contains(c), false);
        self.pad(|c| "?!".contains(c));
        self.substitute(|text, i, out| {
            (text.at(i)? != '\'' && text.starts_with(i + 1, "' ")).then(|| {
                out.extend([text.units[i], SPACE, text.units[i + 1], SPACE]);
                3
            })
        });
        self.pad(|c| c == '*');
    }

    /// Cuts off the period that ends the text before closing marks, and the marks too if `cut_marks`.
    fn final_period(&mut self, is_mark: impl Fn(char) -> bool, cut_marks: bool) {
        self.substitute(|text, i, out| {
            if text.at(i)? == '.' || text.at(i + 1)? != '.' {
                return None;
            }
            let marks = i + 2..i + 2 + text.run(i + 2, &is_mark);
            if marks.end + text.run(marks.end, char::is_whitespace) != text.units.len() {
                return None;
            }
            out.extend([text.units[i], SPACE, text.units[i + 1]]);
            if cut_marks {
                out.push(SPACE);
            }
            out.extend_from_slice(&text.units[marks]);
            out.push(SPACE);
            Some(text.units.len() - i)
        });
    }

    fn ending_quotes(&mut self) {
        self.pad(|c| "»”’".contains(c));
        self.pad_run(|text, i| text.starts_with(i, "''").then_some(2));
        self.substitute(|text, i, out| {
            (text.at(i)? == '"').then(|| {
                let quote = Unit {
                    c: '\'',
                    at: text.units[i].at,
                };
                out.extend([SPACE, quote, quote, SPACE]);
                1
            })
        });
        self.substitute(|text, i, out| {
            let length = text.run(i, char::is_whitespace);
            (length > 0).then(|| {
                out.push(SPACE);
                length
            })
        });
        self.clitics(&["'s", "'S", "'m", "'M", "'d", "'D", "'"]);
        self.clitics(&["'ll", "'LL", "'re", "'RE", "'ve", "'VE", "n't", "N'T"]);
    }

    /// Cuts a clitic before a space from the word that it follows.
    fn clitics(&mut self, clitics: &[&str]) {
        self.substitute(|text, i, out| {
            if matches!(text.at(i)?, '\'' | ' ') {
                return None;
            }
            let clitic = clitics.iter().find(|clitic| {
                text.starts_with(i + 1, clitic) && text.at(i + 1 + clitic.len()) == Some(' ')
            })?;
            out.extend([text.units[i], SPACE]);
            out.extend_from_slice(&text.units[i + 1..i + 1 + clitic.len()]);
            out.push(SPACE);
            Some(2 + clitic.len())
        });
    }

    fn contractions(&mut self) {
        for (first, second) in [
            ("can", "not"),
            ("d", "'ye"),
            ("gim", "me"),
            ("gon", "na"),
            ("got", "ta"),
            ("lem", "me"),
            ("more", "'n"),
            ("wan", "na"),
        ] {
            self.substitute(|text, i, out| {
                let middle = i + first.len();
                let matches = text.is_ignoring_case(i, first)
                    && !(i > 0 && is_word_of_re(text.at(i - 1)?))
                    && text.is_word_part(middle, second, is_word_of_re)
                    && (first != "wan" || text.at(middle + second.len()).is_some_and(is_space));
                matches.then(|| {
                    text.pad_halves(i..middle, middle + second.len(), out);
                    first.len() + second.len()
                })
            });
        }
        for second in ["is", "was"] {
            self.substitute(|text, i, out| {
                let matches = text.at(i)? == ' '
                    && text.is_ignoring_case(i + 1, "'t")
                    && text.is_word_part(i + 3, second, is_word_of_re);
                matches.then(|| {
                    text.pad_halves(i + 1..i + 3, i + 3 + second.len(), out);
                    3 + second.len()
                })
            });
        }
    }

    fn pad_halves(&self, first: std::ops::Range<usize>, end: usize, out: &mut Vec<Unit>) {
        let middle = first.end;
        out.push(SPACE);
        out.extend_from_slice(&self.units[first]);
        out.push(SPACE);
        out.extend_from_slice(&self.units[middle..end]);
        out.push(SPACE);
    }

    /// Puts spaces around every character that is one of these.
    fn pad(&mut self, is_one: impl Fn(char) -> bool) {
        self.pad_run(|text, i| is_one(text.at(i)?).then_some(1));
    }

    /// Puts spaces around every match; `length` gives the length of the match at a place.
    fn pad_run(&mut self, length: impl Fn(&Self, usize) -> Option<usize>) {
        self.substitute(|text, i, out| {
            let length = length(text, i)?;
            out.push(SPACE);
            out.extend_from_slice(&text.units[i..i + length]);
            out.push(SPACE);
            Some(length)
        });
    }

    /// `re.sub`: at each place, from the left, `rule` may write a replacement; it then returns the number of
    /// units that it replaces.
    fn substitute(&mut self, rule: impl Fn(&Self, usize, &mut Vec<Unit>) -> Option<usize>) {
        let (mut out, mut replacement) = (std::mem::take(&mut self.out), Vec::new());
        out.clear();
        let (mut i, mut copied) = (0, 0);
        while i < self.units.len() {
            let block = self.units.len().min(i + interrupt::BLOCK);
            while i < block {
                if let Some(length) = rule(self, i, &mut replacement) {
                    out.extend_from_slice(&self.units[copied..i]);
                    out.append(&mut replacement);
                    i += length;
                    copied = i;
                } else {
                    i += 1;
                }
            }
            if i < self.units.len() {
                interrupt::check();
            }
        }
        if copied > 0 {
            out.extend_from_slice(&self.units[copied..]);
            std::mem::swap(&mut self.units, &mut out);
        }
        self.out = out;
    }

    fn at(&self, i: usize) -> Option<char> {
        self.units.get(i).map(|unit| unit.c)
    }

    /// The number of units from `i` on that are of a class.
    fn run(&self, i: usize, is_one: impl Fn(char) -> bool) -> usize {
        let rest = self.units.get(i..).unwrap_or_default();
        rest.iter().take_while(|unit| is_one(unit.c)).count()
    }

    fn starts_with(&self, i: usize, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(k, c)| self.at(i + k) == Some(c))
    }

    fn is_ignoring_case(&self, i: usize, text: &str) -> bool {
        let mut wanted = text.chars().enumerate();
        wanted.all(|(k, c)| {
            self.at(i + k).is_some_and(|found| {
                found.eq_ignore_ascii_case(&c)
                    || matches!((c, found), ('s', 'ſ') | ('i', 'ı' | 'İ'))
            })
        })
    }

    /// Whether `text` stands here, in either case, and no word continues after it.
    fn is_word_part(&self, i: usize, text: &str, is_word: fn(char) -> bool) -> bool {
        self.is_ignoring_case(i, text) && !self.at(i + text.len()).is_some_and(is_word)
    }
}

fn opening_quote(at: Option<u32>) -> [Unit; 2] {
    [Unit { c: '`', at }; 2]
}
