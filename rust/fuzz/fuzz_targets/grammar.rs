//! Grammars: any text is refused, or chunks the caption after it as the definition does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::phrases::Chunker;

const TAGS: [&str; 8] = ["DT", "IN", "JJ", "JJR", "NN", "NNS", "PRP$", "."];

fuzz_target!(|text: &str| {
    let (grammar, caption) = text.split_once('\0').unwrap_or((text, "DT JJ NN IN NN"));
    if let Ok(chunker) = Chunker::new(grammar, &TAGS) {
        let tags = caption.split(' ').take(30);
        let numbers = tags.filter_map(|tag| TAGS.iter().position(|known| *known == tag));
        let tags: Vec<u8> = numbers
            .filter_map(|number| u8::try_from(number).ok())
            .collect();
        let mut chunks = Vec::new();
        chunker.chunk(&tags, &mut chunks);
        assert_eq!(chunks, chunker.chunk_by_definition(&tags));
    }
});
