//! Tokenizing: no text breaks it.
//!
//! Rows hold the unpadded ids, a warm cache changes nothing, and ids can be decoded.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use unicl_core::text::{Clean, ClipTokenizer, ControlTokens, Merges, Rows};
use unicl_core::threads::Threads;

const MERGES: &[u8] = b"i n\nt h\na n\nth e</w>\nd o\ndo g</w>\na a\naa aa\n' s</w>\n1 2\nc a\nca t</w>\n. .\n.. .</w>\n";
const LENGTH: usize = 12;

static TOKENIZERS: LazyLock<Vec<ClipTokenizer>> = LazyLock::new(|| {
    let merges = Merges::parse(MERGES).expect("well formed");
    let mut tokenizers = Vec::new();
    for clean in [Clean::OpenAi, Clean::HuggingFace, Clean::Nothing] {
        for control in [
            ControlTokens::Text,
            ControlTokens::OpenClip,
            ControlTokens::OpenAi,
        ] {
            tokenizers.push(ClipTokenizer::new(merges.clone(), clean, control));
        }
    }
    tokenizers
});

fuzz_target!(|caption: &str| {
    for tokenizer in TOKENIZERS.iter() {
        let (ids, _) = tokenizer.encode_ragged::<i64>(&[caption], Threads::ONE);
        assert_eq!(
            ids,
            tokenizer.encode_ragged::<i64>(&[caption], Threads::ONE).0
        );

        let (start, end) = (
            tokenizer.merges().start_id().into(),
            tokenizer.merges().end_id().into(),
        );
        let mut row = vec![start];
        row.extend(ids.iter().take(LENGTH - 2));
        row.push(end);
        let mut mask = vec![1; row.len()];
        row.resize(LENGTH, 0);
        mask.resize(LENGTH, 0);
        let (mut found, mut found_mask) = ([-1; LENGTH], [-1; LENGTH]);
        let rows = Rows {
            length: LENGTH,
            ids: &mut found,
            mask: Some(&mut found_mask),
            types: None,
        };
        tokenizer.encode_padded(&[caption], rows, 0, Threads::ONE);
        assert_eq!(
            (row.as_slice(), mask.as_slice()),
            (found.as_slice(), found_mask.as_slice())
        );

        let fits = tokenizer
            .check_fit(&[caption], LENGTH, Threads::ONE)
            .is_ok();
        assert_eq!(fits, ids.len() + 2 <= LENGTH);
        tokenizer.decode(&ids).expect("ids of the vocabulary");
    }
});
