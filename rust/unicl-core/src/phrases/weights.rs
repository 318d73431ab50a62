//! The weights of a tagger: NLTK's 14 kinds of feature, and the format of the tagger file.
//!
//! A file begins with `UNICLTAG`, the version (u32), and the checksum of the rest (FNV-1a, u64), all
//! little-endian. Then follow, with all numbers as LEB128 varints:
//!
//! - the tags;
//! - the sorted strings, each as the length that it shares with the string before, and its rest;
//! - the words with a fixed tag: (string, tag);
//! - for each kind of feature, in the order of [`KINDS`], the features: their tags, their string as the
//!   distance from the string before, and their (tag, zigzag weight) cells. Weights are thousandths.

use thiserror::Error;

use super::grammar::MAX_TAGS;

const MAGIC: &[u8; 8] = b"UNICLTAG";
const VERSION: u32 = 1;

/// The most bytes of a string: a small file of long strings that share much would fill the memory.
pub(super) const MOST_BYTES: usize = 1000;

/// The tags of the two places before the first word, which features name but no word has.
pub(super) const START_TAGS: [&str; 2] = ["-START-", "-START2-"];

/// A kind of feature: its name in NLTK's files, its number of tags, and whether it has a string.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) tags: usize,
    pub(super) has_text: bool,
}

pub(super) const BIAS: usize = 0;
pub(super) const SUFFIX: usize = 1;
pub(super) const FIRST_CHARACTER: usize = 2;
pub(super) const TAG_BEFORE: usize = 3;
pub(super) const TAG_BEFORE_2: usize = 4;
pub(super) const TAGS_BEFORE: usize = 5;
pub(super) const WORD: usize = 6;
pub(super) const TAG_BEFORE_AND_WORD: usize = 7;
pub(super) const WORD_BEFORE: usize = 8;
pub(super) const SUFFIX_BEFORE: usize = 9;
pub(super) const WORD_BEFORE_2: usize = 10;
pub(super) const WORD_AFTER: usize = 11;
pub(super) const SUFFIX_AFTER: usize = 12;
pub(super) const WORD_AFTER_2: usize = 13;

/// The kinds whose text is a word in its normal form.
pub(super) const WORD_KINDS: [usize; 6] = [
    WORD,
    TAG_BEFORE_AND_WORD,
    WORD_BEFORE,
    WORD_BEFORE_2,
    WORD_AFTER,
    WORD_AFTER_2,
];

pub(super) const KINDS: [Kind; 14] = {
    const fn kind(name: &'static str, tags: usize, has_text: bool) -> Kind {
        Kind {
            name,
            tags,
            has_text,
        }
    }
    [
        kind("bias", 0, false),
        kind("i suffix", 0, true),
        kind("i pref1", 0, true),
        kind("i-1 tag", 1, false),
        kind("i-2 tag", 1, false),
        kind("i tag+i-2 tag", 2, false),
        kind("i word", 0, true),
        kind("i-1 tag+i word", 1, true),
        kind("i-1 word", 0, true),
        kind("i-1 suffix", 0, true),
        kind("i-2 word", 0, true),
        kind("i+1 word", 0, true),
        kind("i+1 suffix", 0, true),
        kind("i+2 word", 0, true),
    ]
};

/// Weights that cannot be read.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file is of another kind.
    #[error("expected a tagger file, which begins with \"UNICLTAG\"; got {0:?}")]
    Magic(String),
    /// The file is of another version of this library.
    #[error("expected a tagger file of version {VERSION}; got version {0}: save the tagger again")]
    Version(u32),
    /// The content has changed since it was written.
    #[error(
        "expected a tagger file with checksum {content:016x}, that of its content; got {found:016x}: it is damaged, \
         so install it again"
    )]
    Checksum {
        /// The checksum in the file.
        found: u64,
        /// The checksum of its content.
        content: u64,
    },
    /// The content ends early or breaks a rule of the format.
    #[error("malformed tagger file: {0}")]
    Malformed(&'static str),
    /// One of NLTK's three files is not as NLTK writes it.
    #[error("NLTK's {file}: {problem}")]
    Nltk {
        /// Weights, tagdict or classes.
        file: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl crate::Error for WeightsError {}

/// A feature's content: up to two tags (numbers beyond the tag set are [`START_TAGS`]) and the number of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) tags: [u8; 2],
    pub(super) text: u32,
}

impl Key {
    /// The order in which features are sorted.
    pub(super) fn order(self) -> (u32, [u8; 2]) {
        (self.text, self.tags)
    }
}

/// The content of a tagger, as tables.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Weights {
    /// In ascending order, so that the larger of two equal labels is the one with the larger number.
    pub(super) tags: Vec<String>,
    pub(super) strings: Vec<String>,
    /// Words that always have one tag, as numbers of strings.
    pub(super) tagdict: Vec<(u32, u8)>,
    /// For each kind, its features in the order of their keys.
    pub(super) features: [Vec<(Key, Cells)>; 14],
}

/// A tag and its weight in thousandths.
pub(super) type Cell = (u8, i32);
pub(super) type Cells = Vec<Cell>;

impl Weights {
    /// Reads a file's content.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        let head = &bytes[..bytes.len().min(8)];
        if head != MAGIC {
            return Err(WeightsError::Magic(
                String::from_utf8_lossy(head).into_owned(),
            ));
        }
        let mut reader = Reader(&bytes[8..]);
        let version = u32::from_le_bytes(reader.array()?);
        if version != VERSION {
            return Err(WeightsError::Version(version));
        }
        let found = u64::from_le_bytes(reader.array()?);
        let content = fnv1a(reader.0);
        if found != content {
            return Err(WeightsError::Checksum { found, content });
        }
        reader.weights()
    }

    /// The cells of a feature that has only a text; none if it was never seen.
    pub(super) fn of_text(&self, kind: usize, text: &str) -> &[Cell] {
        self.text_number(text)
            .map_or(&[], |text| self.cells(kind, Key { tags: [0; 2], text }))
    }

    /// The cells of the features that have only tags, in their order.
    pub(super) fn of_tags(&self, before: u8, before_2: u8) -> [&[Cell]; 4] {
        [
            (BIAS, [0, 0]),
            (TAG_BEFORE, [before, 0]),
            (TAG_BEFORE_2, [before_2, 0]),
            (TAGS_BEFORE, [before, before_2]),
        ]
        .map(|(kind, tags)| self.cells(kind, Key { tags, text: 0 }))
    }

    /// The features of a word and the tag before it.
    pub(super) fn after_tag(&self, word: &str) -> &[(Key, Cells)] {
        let features = &self.features[TAG_BEFORE_AND_WORD];
        let Some(text) = self.text_number(word) else {
            return &[];
        };
        let start = features.partition_point(|(key, _)| key.text < text);
        let count = features[start..].partition_point(|(key, _)| key.text == text);
        &features[start..start + count]
    }

    fn text_number(&self, text: &str) -> Option<u32> {
        let at = self
            .strings
            .binary_search_by(|known| known.as_str().cmp(text));
        at.ok()
            .map(|at| u32::try_from(at).expect("a key's text is a u32"))
    }

    fn cells(&self, kind: usize, key: Key) -> &[Cell] {
        let features = &self.features[kind];
        let at = features.binary_search_by_key(&key.order(), |(key, _)| key.order());
        at.map_or(&[], |at| &features[at].1)
    }

    /// The content of a file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_strings(&mut out, &self.tags);
        write_strings(&mut out, &self.strings);
        write(&mut out, self.tagdict.len() as u64);
        for &(text, tag) in &self.tagdict {
            write(&mut out, u64::from(text));
            write(&mut out, u64::from(tag));
        }
        for (kind, features) in KINDS.iter().zip(&self.features) {
            write(&mut out, features.len() as u64);
            let mut last_text = 0;
            for (key, cells) in features {
                for &tag in &key.tags[..kind.tags] {
                    write(&mut out, u64::from(tag));
                }
                if kind.has_text {
                    write(&mut out, u64::from(key.text - last_text));
                    last_text = key.text;
                }
                write(&mut out, cells.len() as u64);
                for &(tag, weight) in cells {
                    write(&mut out, u64::from(tag));
                    write(
                        &mut out,
                        u64::from((weight << 1 ^ weight >> 31).cast_unsigned()),
                    );
                }
            }
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(fnv1a(&out).to_le_bytes());
        bytes.extend(out);
        bytes
    }
}

pub(super) fn narrow(tag: usize) -> u8 {
    u8::try_from(tag).expect("there are at most MAX_TAGS tags")
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn write(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn write_strings(out: &mut Vec<u8>, strings: &[String]) {
    write(out, strings.len() as u64);
    let mut last = "";
    for string in strings {
        let shared = string
            .bytes()
            .zip(last.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        write(out, shared as u64);
        write(out, (string.len() - shared) as u64);
        out.extend(&string.as_bytes()[shared..]);
        last = string;
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn weights(&mut self) -> Result<Weights, WeightsError> {
        let tags = self.strings()?;
        if tags.is_empty() || tags.len() > MAX_TAGS {
            return Err(WeightsError::Malformed("expected 1 to 64 tags"));
        }
        let strings = self.strings()?;
        let mut tagdict = Vec::new();
        for _ in 0..self.count()? {
            let text = self.below(strings.len())?;
            tagdict.push((text, narrow(self.below(tags.len())? as usize)));
        }
        let mut features: [Vec<(Key, Cells)>; 14] = Default::default();
        for (kind, features) in KINDS.iter().zip(&mut features) {
            let mut text = 0;
            for _ in 0..self.count()? {
                let mut numbers = [0; 2];
                for number in &mut numbers[..kind.tags] {
                    *number = narrow(self.below(tags.len() + START_TAGS.len())? as usize);
                }
                if kind.has_text {
                    text += self.below(strings.len() - text as usize)?;
                }
                let mut cells = Vec::new();
                for _ in 0..self.count()? {
                    let tag = narrow(self.below(tags.len())? as usize);
                    if cells.last().is_some_and(|&(last, _)| last >= tag) {
                        return Err(WeightsError::Malformed("expected cells in order"));
                    }
                    let zigzag = u32::try_from(self.number()?).unwrap_or(u32::MAX);
                    let weight = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
                    if weight.unsigned_abs() >= 1 << 23 {
                        return Err(WeightsError::Malformed(
                            "expected weights below 2^23 thousandths",
                        ));
                    }
                    cells.push((tag, weight));
                }
                let key = Key {
                    tags: numbers,
                    text,
                };
                if features
                    .last()
                    .is_some_and(|(last, _)| last.order() >= key.order())
                {
                    return Err(WeightsError::Malformed("expected features in order"));
                }
                features.push((key, cells));
            }
        }
        if !self.0.is_empty() {
            return Err(WeightsError::Malformed("expected nothing after its end"));
        }
        Ok(Weights {
            tags,
            strings,
            tagdict,
            features,
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WeightsError> {
        let (array, rest) = self
            .0
            .split_first_chunk()
            .ok_or(WeightsError::Malformed("it ends early"))?;
        self.0 = rest;
        Ok(*array)
    }

    fn number(&mut self) -> Result<u64, WeightsError> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(WeightsError::Malformed(
            "expected numbers of at most 63 bits",
        ))
    }

    /// A number of items that follow, each of at least one byte.
    fn count(&mut self) -> Result<usize, WeightsError> {
        let number = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if number > self.0.len() {
            return Err(WeightsError::Malformed("it ends early"));
        }
        Ok(number)
    }

    fn below(&mut self, limit: usize) -> Result<u32, WeightsError> {
        let number = self.number()?;
        let fits = u32::try_from(number)
            .ok()
            .filter(|&number| (number as usize) < limit);
        fits.ok_or(WeightsError::Malformed(
            "expected numbers of tags and strings that exist",
        ))
    }

    fn strings(&mut self) -> Result<Vec<String>, WeightsError> {
        let mut strings = Vec::new();
        let mut last: Vec<u8> = Vec::new();
        for _ in 0..self.count()? {
            let shared = usize::try_from(self.number()?).unwrap_or(usize::MAX);
            let length = self.count()?;
            if shared.saturating_add(length) > MOST_BYTES {
                return Err(WeightsError::Malformed(
                    "expected strings of at most 1,000 bytes",
                ));
            }
            if shared > last.len() {
                return Err(WeightsError::Malformed(
                    "expected strings to share no more than the string before has",
                ));
            }
            let (rest, after) = self.0.split_at(length);
            self.0 = after;
            last.truncate(shared);
            last.extend(rest);
            let string = std::str::from_utf8(&last)
                .map_err(|_| WeightsError::Malformed("expected strings in UTF-8"))?;
            if strings
                .last()
                .is_some_and(|last: &String| last.as_str() >= string)
            {
                return Err(WeightsError::Malformed("expected strings in order"));
            }
            strings.push(string.to_owned());
        }
        Ok(strings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> Weights {
        crate::phrases::nltk::tests::weights()
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(
            Weights::from_bytes(&weights().to_bytes()).unwrap(),
            weights()
        );
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let bytes = weights().to_bytes();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(Weights::from_bytes(&damaged).is_err(), "byte {at}");
            assert!(Weights::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn malformed_content_under_a_right_checksum_is_an_error_and_no_panic() {
        let bytes = weights().to_bytes();
        for at in 20..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                let checksum = fnv1a(&damaged[20..]);
                damaged[12..20].copy_from_slice(&checksum.to_le_bytes());
                let _ = Weights::from_bytes(&damaged);
            }
        }
    }

    fn malformed(content: &Weights) -> String {
        let error = Weights::from_bytes(&content.to_bytes()).unwrap_err();
        error.to_string()
    }

    #[test]
    fn a_feature_has_one_weight_for_a_tag() {
        let mut twice = weights();
        twice.features[BIAS][0].1 = vec![(1, 1 << 22); 1000];
        assert!(malformed(&twice).contains("expected cells in order"));
    }

    #[test]
    fn a_small_file_does_not_become_long_strings() {
        let mut long = weights();
        long.strings = (0..1000)
            .map(|n| format!("{}{n:04}", "a".repeat(MOST_BYTES - 3)))
            .collect();
        assert!(long.to_bytes().len() < 20_000);
        assert!(malformed(&long).contains("expected strings of at most 1,000 bytes"));
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let message = |bytes: &[u8]| Weights::from_bytes(bytes).unwrap_err().to_string();
        assert!(message(b"PK\x03\x04 a zip").contains("which begins with \"UNICLTAG\"; got \"PK"));
        assert!(message(b"UNICLTAG\x07\0\0\0").contains("got version 7"));
        assert!(message(b"UNICLTAG\x01\0\0\0\0\0\0\0\0\0\0\0\0").contains("checksum"));
    }
}
