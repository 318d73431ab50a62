//! WordPiece: no text breaks it, and any text is read or refused as a vocabulary.
//!
//! Rows hold the unpadded ids, a warm cache changes nothing, and ids can be decoded.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use unicl_core::text::{ControlNames, Normalization, Rows, Vocabulary, WordPieceTokenizer};
use unicl_core::threads::Threads;

const LINES: &str =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\ndog\n##s\ncafe\né\n日\n'\n.\n1\n##2\n";
const LENGTH: usize = 12;

fn tokenizer(lines: &str, lowercase: bool) -> Option<WordPieceTokenizer> {
    let vocabulary = Vocabulary::parse(lines.as_bytes(), &ControlNames::default(), "##").ok()?;
    let normalization = Normalization {
        clean_text: lowercase,
        handle_chinese_chars: lowercase,
        strip_accents: lowercase,
        lowercase,
    };
    Some(WordPieceTokenizer::new(
        vocabulary,
        normalization,
        100,
        lowercase,
    ))
}

static TOKENIZERS: LazyLock<Vec<WordPieceTokenizer>> = LazyLock::new(|| {
    let both = [true, false].map(|lowercase| tokenizer(LINES, lowercase));
    both.into_iter().flatten().collect()
});

fuzz_target!(|text: &str| {
    for tokenizer in TOKENIZERS.iter() {
        let (ids, _) = tokenizer.encode_ragged::<i64>(&[text], Threads::ONE);
        assert_eq!(ids, tokenizer.encode_ragged::<i64>(&[text], Threads::ONE).0);
        assert!(ids.len() <= text.len());

        let mut row = vec![2];
        row.extend(ids.iter().take(LENGTH - 2));
        row.push(3);
        row.resize(LENGTH, 0);
        let mut found = [-1; LENGTH];
        let rows = Rows {
            length: LENGTH,
            ids: &mut found,
            mask: None,
            types: None,
        };
        tokenizer.encode_padded(&[text], None, rows, Threads::ONE);
        assert_eq!(row, found);

        let fits = tokenizer.check_fit(&[text], None, LENGTH, Threads::ONE);
        assert_eq!(fits.is_ok(), ids.len() + 2 <= LENGTH);
        tokenizer.decode(&ids).expect("ids of the vocabulary");
    }

    if let Ok(vocabulary) = Vocabulary::parse(text.as_bytes(), &ControlNames::default(), "##") {
        let again = Vocabulary::parse(vocabulary.to_bytes(), &ControlNames::default(), "##");
        assert_eq!(again.expect("its own lines").size(), vocabulary.size());
    }
});
