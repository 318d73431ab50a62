//! Tagger files: whatever the bytes, an error or a tagger that tags, also if the checksum is right.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::phrases::Tagger;

/// The file with these bytes after its checksum (FNV-1a).
fn file(content: &[u8]) -> Vec<u8> {
    let checksum = content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let head = [
        b"UNICLTAG".as_slice(),
        &1_u32.to_le_bytes(),
        &checksum.to_le_bytes(),
    ];
    [&head.concat(), content].concat()
}

fuzz_target!(|bytes: &[u8]| {
    let _ = Tagger::from_bytes(bytes);
    if let Ok(tagger) = Tagger::from_bytes(&file(bytes)) {
        let words = [
            "the", "Dog", "a-b", "", "1999", "\u{e9}", "dogs", "a", "b", "abc",
        ];
        let (mut tags, mut again) = (Vec::new(), Vec::new());
        tagger.tag(words.len(), |at| words[at], &mut tags);
        tagger.tag(words.len(), |at| words[at], &mut again);
        assert_eq!(tags, again);
        assert_eq!(tags.len(), words.len());
        assert!(
            tags.iter()
                .all(|&tag| usize::from(tag) < tagger.tag_names().len())
        );
    }
});
