//! Cleaning: no text breaks it.
//!
//! The cleaned text has the quotes and the case that ftfy and Python give.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::text::{Clean, Cleaned};

fuzz_target!(|caption: &str| {
    if let Cleaned::Text(text) = Clean::OpenAi.clean(caption) {
        assert!(!text.contains([
            '\u{2018}', '\u{2019}', '\u{201C}', '\u{201D}', '\u{FF01}', '\u{3000}', '&'
        ]));
        assert_eq!(text, text.to_lowercase());
    }
    match Clean::HuggingFace.clean(caption) {
        Cleaned::Same => assert!(caption.is_ascii()),
        Cleaned::Text(_) => assert!(!caption.is_ascii()),
        Cleaned::NeedsFtfy => panic!("transformers has no ftfy"),
    }
    assert_eq!(Clean::Nothing.clean(caption), Cleaned::Same);
});
