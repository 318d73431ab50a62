//! Labels of captions: noun phrases and the names among the words, and the rules of context.
//!
//! Mentions lie in the caption one after another, names are found as by a search without an index, and neither the
//! caption before nor the detail asked for matters.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use unicl_core::labels::{
    LabelColumns, Meanings, Mode, NameEnds, PhraseDetail, Vocabulary, label_captions,
};
use unicl_core::phrases::{Chunker, DEFAULT_GRAMMAR, Words};
use unicl_core::threads::Threads;
use unicl_fuzz::{Content, TAGGER, text_of};

static CHUNKER: LazyLock<Chunker> =
    LazyLock::new(|| Chunker::new(DEFAULT_GRAMMAR, TAGGER.tag_names()).expect("well formed"));
static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let lines = include_str!("../labels.txt");
    Content::read(lines).vocabulary().expect("well formed")
});
static ENDS: LazyLock<NameEnds> = LazyLock::new(|| NameEnds::new(&VOCABULARY));

fn label(ends: Option<&NameEnds>, captions: &[&str], detail: PhraseDetail) -> LabelColumns {
    let meanings = Meanings {
        ends,
        ..Meanings::from(&*VOCABULARY)
    };
    let mode = Mode::Canonical(meanings);
    label_captions(&TAGGER, &CHUNKER, mode, captions, detail, Threads::ONE)
}

fuzz_target!(|bytes: &[u8]| {
    let text = text_of(bytes);
    let caption = text.as_str();
    let found = label(Some(&ENDS), &[caption], PhraseDetail::Lemma);

    let mut words = Words::default();
    words.split_sentences(caption);
    let by_definition = NameEnds::by_definition(&VOCABULARY, words.iter());
    assert_eq!(
        found,
        label(Some(&by_definition), &[caption], PhraseDetail::Lemma)
    );

    let mut end = 0;
    for &[from, to] in &found.spans {
        assert!(end <= from && from < to, "{:?}", found.spans);
        end = to;
    }
    assert!(usize::try_from(end).is_ok_and(|end| end <= caption.chars().count()));
    let mut labels: Vec<i32> = found.mappings.iter().map(|mapping| mapping.id).collect();
    labels.retain(|&id| id >= 0);
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(found.labels, labels);
    for mapping in &found.mappings {
        assert_eq!(mapping.id >= 0, mapping.score > 0.0, "{mapping:?}");
    }

    let twice = label(
        Some(&ENDS),
        &["no dogs, a cat", caption, caption],
        PhraseDetail::Count,
    );
    let [first, second, third] =
        [1, 2, 3].map(|row| usize::try_from(twice.label_offsets[row]).expect("it is a count"));
    assert_eq!(&twice.labels[first..second], labels);
    assert_eq!(&twice.labels[second..third], labels);
    label(None, &[caption], PhraseDetail::Text);
});
