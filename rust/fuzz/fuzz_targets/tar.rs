//! Tar archives: whatever the bytes, an error, or members and samples that lie in the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use unicl_core::archive::{ArchiveError, Limits, Members, ReadAt, Samples};

/// A file that gives few bytes a call.
struct Slow<'a>(&'a [u8]);

impl ReadAt for Slow<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let count = buffer.len().min(700);
        self.0.read_at(&mut buffer[..count], offset)
    }
}

fn places(file: impl ReadAt, size: u64) -> Result<Vec<(Vec<u8>, u64, u64)>, ArchiveError> {
    let mut members = Members::new(file, size);
    let mut found = Vec::new();
    while let Some(member) = members.advance()? {
        assert!(member.offset + member.size <= size);
        found.push((members.name().to_vec(), member.offset, member.size));
    }
    assert_eq!(members.position(), size);
    Ok(found)
}

fuzz_target!(|bytes: &[u8]| {
    let size = bytes.len() as u64;
    let found = places(bytes, size).ok();
    assert_eq!(found, places(Slow(bytes), size).ok());

    let limits = Limits {
        text_bytes: 4096,
        image_bytes: 4096,
    };
    let mut samples = Samples::new(bytes, size, limits);
    let is_whole = loop {
        match samples.advance() {
            Ok(true) => {}
            Ok(false) => break true,
            Err(_) => break false,
        }
    };
    assert_eq!(is_whole, found.is_some());
    if let Some(found) = found {
        let counts = samples.counts();
        assert_eq!(counts.files, found.len() as u64);
        let columns = samples.take();
        assert!(columns.rows() <= found.len());
        for text in [
            &columns.keys,
            &columns.members,
            &columns.captions,
            &columns.labels,
        ] {
            assert_eq!(text.rows().count(), columns.rows());
        }
        for (member, (offset, size)) in columns
            .members
            .rows()
            .zip(columns.offsets.iter().zip(&columns.sizes))
        {
            let place = (
                u64::try_from(*offset).unwrap(),
                u64::try_from(*size).unwrap(),
            );
            assert!(
                member.is_none()
                    || found
                        .iter()
                        .any(|(_, offset, size)| (*offset, *size) == place)
            );
        }
    }
});
