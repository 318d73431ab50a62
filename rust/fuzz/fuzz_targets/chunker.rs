//! Chunks: those of the definition, for grammars made of the notation's own parts.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::phrases::Chunker;

const PARTS: [&str; 24] = [
    "<DT>", "<JJ.*>", "<NN.*>", "<NN>", "<IN|DT>", "<.*>", "<N+S?>", "<PRP\\$>", "(", ")", ")",
    "|", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{2,}?", "{,2}", "}\n{", " ",
];
const TAGS: [&str; 8] = ["DT", "IN", "JJ", "JJR", "NN", "NN", "NNS", "PRP$"];

fuzz_target!(|input: (Vec<u8>, Vec<u8>, Vec<u8>)| {
    let (rules, first, second) = input;
    let parts = rules
        .iter()
        .map(|&part| PARTS[usize::from(part) % PARTS.len()]);
    let grammar = format!("NP: {{{}}}", parts.collect::<String>());
    let Ok(chunker) = Chunker::new(&grammar, &TAGS) else {
        return;
    };
    let mut chunks = Vec::new();
    for caption in [first, second] {
        // The tags of a caption come in runs.
        let runs = caption
            .iter()
            .take(40)
            .map(|&run| vec![run % 8; usize::from(run) / 64 + 1]);
        let tags = runs.collect::<Vec<_>>().concat();
        chunker.chunk(&tags, &mut chunks);
        assert_eq!(chunks, chunker.chunk_by_definition(&tags), "{grammar}");
    }
});
