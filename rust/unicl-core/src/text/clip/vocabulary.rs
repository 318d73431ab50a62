//! CLIP's byte-pair vocabulary: its merges file, its ids, and the bytes of each id.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use foldhash::fast::FixedState;

use super::byte_symbols::{BYTE_OF_ID, BYTES, END_OF_WORD, FIRST_MERGE, char_of_byte};
use super::tokenizer_json;
use crate::{Error, ErrorKind, io_kind};

/// The merges that CLIP reads of its merges file, which has 200,000 more lines.
pub(super) const MOST_MERGES: usize = 49_152 - 256 - 2;
/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// The merges of a byte-pair vocabulary, best first.
///
/// Ids are numbered as in CLIP: 256 bytes, 256 bytes that end a word (written `</w>`), then one id for each
/// merge in the order of the file. So of two merges the one with the smaller id comes first. The start and
/// the end token follow. Each part of a merge is a byte or an earlier merge, and no two merges make the
/// same string.
#[derive(Clone, Debug)]
pub struct Merges {
    /// At most [`MOST_MERGES`] pairs, so that every id fits 16 bits.
    parts: Vec<(u16, u16)>,
    made: HashMap<u32, u16, FixedState>,
}

/// Why merges cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergesError {
    /// The file cannot be read, or begins as a gzip file and is not one.
    #[error("expected a merges file that can be read; got {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// A line breaks a rule of the format.
    #[error("line {line} of the merges file: {problem}")]
    Line {
        /// Counted from 1, the header included.
        line: usize,
        /// What was expected, and what the line has.
        problem: String,
    },
    /// A `tokenizer.json` is not that of a CLIP model.
    #[error("the tokenizer.json is not a CLIP model's: {0}")]
    TokenizerJson(String),
    /// There is no merge in the file.
    #[error("expected a merges file with lines of two symbols, such as \"t h\"; got no merges")]
    Empty,
    /// The bytes are not the result of [`Merges::to_bytes`].
    #[error("expected packed merges; merge {0} is damaged")]
    Packed(usize),
}

impl Error for MergesError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { source, .. } => io_kind(source),
            _ => ErrorKind::Value,
        }
    }
}

impl Merges {
    /// Reads a merges file or a `tokenizer.json`, plain or gzip; the first bytes show which it is.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, and the errors of [`Merges::parse`] and of [`Merges::parse_tokenizer_json`].
    pub fn read(path: &Path) -> Result<Self, MergesError> {
        let read = || {
            let bytes = std::fs::read(path)?;
            if !bytes.starts_with(&GZIP) {
                return Ok(bytes);
            }
            let mut plain = Vec::new();
            MultiGzDecoder::new(bytes.as_slice())
                .read_to_end(&mut plain)
                .map(|_| plain)
        };
        let bytes = read().map_err(|source| MergesError::Read {
            path: path.to_owned(),
            source,
        })?;
        if bytes.trim_ascii_start().starts_with(b"{") {
            Self::parse_tokenizer_json(&bytes)
        } else {
            Self::parse(&bytes)
        }
    }

    /// Reads the vocabulary of a `tokenizer.json`, the file of Hugging Face's tokenizers.
    ///
    /// Nothing else is read: not how the file's tokenizer cleans, splits or pads.
    ///
    /// # Errors
    ///
    /// If the ids are not those of CLIP for its merges, or if a merge breaks a rule of [`Merges::parse`].
    pub fn parse_tokenizer_json(bytes: &[u8]) -> Result<Self, MergesError> {
        tokenizer_json::parse(bytes)
    }

    /// Parses a merges file: an optional first line with `#version`, then two symbols a line, best merge first.
    ///
    /// As in CLIP, at most 48,894 merges are read and the rest of the file is ignored.
    ///
    /// # Errors
    ///
    /// If a line is not two symbols with a space between them, if a symbol is no byte and no earlier merge, or
    /// if an earlier line makes the same string. The error names the line.
    ///
    /// # Examples
    ///
    /// ```
    /// use unicl_core::text::Merges;
    ///
    /// let merges = Merges::parse(b"#version: 0.2\nd o\ndo g</w>\n")?;
    /// assert_eq!(merges.vocabulary_size(), 512 + 2 + 2);
    /// # Ok::<(), unicl_core::text::MergesError>(())
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self, MergesError> {
        let mut builder = Builder::new();
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        for (index, bytes) in text.split(|&byte| byte == b'\n').enumerate() {
            let fail = |problem| MergesError::Line {
                line: index + 1,
                problem,
            };
            let line = std::str::from_utf8(bytes).map_err(|_| fail("expected UTF-8".to_owned()))?;
            let line = line.strip_suffix('\r').unwrap_or(line);
            if index == 0 && (line.contains("#version") || line.is_empty()) {
                continue;
            }
            let (left, right) = split_merge(line).map_err(fail)?;
            builder.push(left, right).map_err(fail)?;
            if builder.parts.len() == MOST_MERGES {
                break;
            }
        }
        builder.build()
    }

    /// The symbol of every id in the files, in order.
    ///
    /// The start and the end token are not included: they have no fixed name.
    #[must_use]
    pub fn symbols(&self) -> Vec<String> {
        let mut symbols = byte_symbols();
        for &(left, right) in &self.parts {
            symbols.push(symbols[usize::from(left)].clone() + &symbols[usize::from(right)]);
        }
        symbols
    }

    /// Packs the merges: two little-endian `u16` for each, in order. A pickle holds these bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let ids = self.parts.iter().flat_map(|&(left, right)| [left, right]);
        ids.flat_map(u16::to_le_bytes).collect()
    }

    /// Unpacks the result of [`Merges::to_bytes`].
    ///
    /// # Errors
    ///
    /// If a part of a merge is not an earlier id.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MergesError> {
        let (packed, rest) = bytes.as_chunks::<4>();
        let mut parts = Vec::with_capacity(packed.len());
        for (rank, &[a, b, c, d]) in packed.iter().enumerate() {
            let (left, right) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
            let id = usize::from(FIRST_MERGE) + rank;
            if rank >= MOST_MERGES || usize::from(left.max(right)) >= id {
                return Err(MergesError::Packed(rank));
            }
            parts.push((left, right));
        }
        if !rest.is_empty() || parts.is_empty() {
            return Err(MergesError::Packed(parts.len()));
        }
        Ok(Self::from_parts(parts))
    }

    fn from_parts(parts: Vec<(u16, u16)>) -> Self {
        let made = parts
            .iter()
            .zip(FIRST_MERGE..)
            .map(|(&(left, right), id)| (pair(left, right), id));
        Self {
            made: made.collect(),
            parts,
        }
    }

    /// The number of ids, with the start and the end token.
    #[must_use]
    pub fn vocabulary_size(&self) -> usize {
        usize::from(self.end_id()) + 1
    }

    /// The id of the token that every row begins with.
    #[must_use]
    pub fn start_id(&self) -> u16 {
        id_of_merge(self.parts.len())
    }

    /// The id of the token that follows a row's text.
    #[must_use]
    pub fn end_id(&self) -> u16 {
        self.start_id() + 1
    }

    /// The id that these two neighbours merge into, if any.
    #[inline]
    pub(super) fn merged(&self, left: u16, right: u16) -> Option<u16> {
        self.made.get(&pair(left, right)).copied()
    }

    /// Appends the bytes of an id; the end of a word becomes a space. Control tokens have no bytes.
    pub(super) fn push_bytes(&self, id: u16, bytes: &mut Vec<u8>) {
        // A stack, because a merge can be as deep as the file is long.
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            if id < BYTES {
                bytes.push(BYTE_OF_ID[usize::from(id)]);
            } else if id < FIRST_MERGE {
                bytes.extend([BYTE_OF_ID[usize::from(id - BYTES)], b' ']);
            } else if let Some(&(left, right)) = self.parts.get(usize::from(id - FIRST_MERGE)) {
                pending.extend([right, left]);
            }
        }
    }
}

/// Collects merges one after another, and checks the rules of the format.
pub(super) struct Builder {
    ids: HashMap<String, u16, FixedState>,
    parts: Vec<(u16, u16)>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            ids: byte_symbols().into_iter().zip(0..).collect(),
            parts: Vec::new(),
        }
    }

    /// Adds a merge, at most [`MOST_MERGES`]; the error tells what is wrong with it.
    pub(super) fn push(&mut self, left: &str, right: &str) -> Result<(), String> {
        let id_of = |symbol: &str| {
            let id = self.ids.get(symbol).copied();
            id.ok_or_else(|| {
                format!("expected a byte or a symbol of an earlier line; got {symbol:?}")
            })
        };
        let parts = (id_of(left)?, id_of(right)?);
        match self.ids.entry(format!("{left}{right}")) {
            Entry::Occupied(made) => Err(format!(
                "expected a new symbol; got {:?}, which is already id {}",
                made.key(),
                made.get()
            )),
            Entry::Vacant(new) => {
                new.insert(id_of_merge(self.parts.len()));
                self.parts.push(parts);
                Ok(())
            }
        }
    }

    /// The ids of all symbols so far.
    pub(super) fn ids(&self) -> &HashMap<String, u16, FixedState> {
        &self.ids
    }

    pub(super) fn build(self) -> Result<Merges, MergesError> {
        if self.parts.is_empty() {
            return Err(MergesError::Empty);
        }
        Ok(Merges::from_parts(self.parts))
    }
}

/// The two symbols of a merge that is written in one line.
pub(super) fn split_merge(line: &str) -> Result<(&str, &str), String> {
    line.split_once(' ')
        .filter(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains(' '))
        .ok_or_else(|| format!("expected two symbols with a space between them; got {line:?}"))
}

/// The symbols of the ids below [`FIRST_MERGE`] in the files.
fn byte_symbols() -> Vec<String> {
    let letters = BYTE_OF_ID.map(char_of_byte);
    let inside = letters.iter().map(char::to_string);
    let last = letters
        .iter()
        .map(|letter| format!("{letter}{END_OF_WORD}"));
    inside.chain(last).collect()
}

fn pair(left: u16, right: u16) -> u32 {
    u32::from(left) << 16 | u32::from(right)
}

/// The id of the merge that has `rank` merges before it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "there are at most MOST_MERGES, and 512 + 48,894 < 65,536"
)]
fn id_of_merge(rank: usize) -> u16 {
    FIRST_MERGE + rank as u16
}

#[cfg(test)]
mod tests {
    use super::super::byte_symbols::{id_of_byte, id_of_last_byte};
    use super::*;

    #[test]
    fn ids_follow_the_order_of_the_file() {
        let merges = Merges::parse(b"bpe#version: 0.2\r\nd o\r\ndo g</w>\r\n").unwrap();
        let (d, o, g) = (id_of_byte(b'd'), id_of_byte(b'o'), id_of_last_byte(b'g'));
        assert_eq!(
            (
                merges.merged(d, o),
                merges.merged(512, g),
                merges.merged(o, g)
            ),
            (Some(512), Some(513), None)
        );
        let symbols = merges.symbols();
        assert_eq!(symbols.len(), 514);
        assert_eq!(
            [0, 188, 256, 512, 513].map(|id: usize| symbols[id].as_str()),
            ["!", "Ā", "!</w>", "do", "dog</w>"]
        );
        assert_eq!(
            (merges.start_id(), merges.end_id(), merges.vocabulary_size()),
            (514, 515, 516)
        );
        let mut bytes = Vec::new();
        merges.push_bytes(513, &mut bytes);
        assert_eq!(bytes, b"dog ");
    }

    #[test]
    fn a_bad_line_is_named_with_what_is_wrong() {
        let error = |text: &[u8]| Merges::parse(text).unwrap_err().to_string();
        let two = "expected two symbols with a space between them; got";
        assert_eq!(
            error(b"t h\nth e r\n"),
            format!("line 2 of the merges file: {two} \"th e r\"")
        );
        assert_eq!(
            error(b"t h\n\nt o\n"),
            format!("line 2 of the merges file: {two} \"\"")
        );
        assert_eq!(
            error(b"#version\nth\n"),
            format!("line 2 of the merges file: {two} \"th\"")
        );
        assert_eq!(
            error(b"t\xFF h\n"),
            "line 1 of the merges file: expected UTF-8"
        );
        assert_eq!(
            error(b"t he\n"),
            "line 1 of the merges file: expected a byte or a symbol of an earlier line; got \"he\""
        );
        assert_eq!(
            error(b"t h\nt h\n"),
            "line 2 of the merges file: expected a new symbol; got \"th\", which is already id 512"
        );
        assert_eq!(
            error(b"a b\nb c\na bc\nab c\n"),
            "line 4 of the merges file: expected a new symbol; got \"abc\", which is already id 514"
        );
        assert!(error(b"#version: 0.2\n").ends_with("such as \"t h\"; got no merges"));
    }

    #[test]
    fn packing_keeps_the_merges_and_damage_is_seen() {
        let merges = Merges::parse(b"d o\ndo g</w>\n").unwrap();
        let packed = merges.to_bytes();
        assert_eq!(Merges::from_bytes(&packed).unwrap().parts, merges.parts);
        for damaged in [&packed[..7], &[], &[1, 2, 3, 4, 1, 0, 1, 2]] {
            assert!(
                Merges::from_bytes(damaged)
                    .unwrap_err()
                    .to_string()
                    .contains("damaged")
            );
        }
    }

    #[test]
    fn a_missing_file_and_a_broken_gzip_name_the_path() {
        let missing = Merges::read(Path::new("no/such/merges.txt")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(
            missing
                .to_string()
                .starts_with("expected a merges file that can be read; got no/such/merges.txt: ")
        );
    }
}
