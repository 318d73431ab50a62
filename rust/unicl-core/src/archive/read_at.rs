//! Reads a file at any place through a window of bounded size.

use std::fs::File;
use std::io;

use super::ArchiveError;
use crate::interrupt;

/// A file that can be read at any place.
///
/// A file is read and never mapped: another process may cut a mapped file, and that ends the program.
pub trait ReadAt {
    /// Reads bytes at `offset`; fewer than the buffer holds only near the end or after an interruption.
    ///
    /// # Errors
    ///
    /// If the system refuses the read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(self, buffer, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(self, buffer, offset);
    }
}

impl ReadAt for &[u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).map_or(self.len(), |offset| offset.min(self.len()));
        let count = buffer.len().min(self.len() - from);
        buffer[..count].copy_from_slice(&self[from..from + count]);
        Ok(count)
    }
}

/// The smallest read. After a large body, the headers of the small members that follow mostly fit in it.
const SMALLEST: usize = 4 << 10;
/// The largest read, and the memory of a window.
const LARGEST: usize = 128 << 10;
/// A gap that is read rather than skipped: reading it costs less than a call of the system.
const GAP: u64 = 4 << 10;

/// The part of a file that was read last. Reads grow while the places asked for are near each other.
pub(super) struct Window<R> {
    file: R,
    size: u64,
    buffer: Box<[u8]>,
    start: u64,
    filled: usize,
    wanted: usize,
    reads: usize,
}

impl<R: ReadAt> Window<R> {
    pub(super) fn new(file: R, size: u64) -> Self {
        Self {
            file,
            size,
            buffer: vec![0; LARGEST].into_boxed_slice(),
            start: 0,
            filled: 0,
            wanted: SMALLEST,
            reads: 0,
        }
    }

    /// The size of the file when it was opened.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// How often the file was read.
    pub(super) fn reads(&self) -> usize {
        self.reads
    }

    /// The `count` bytes at a place, which must be at most the size of a window.
    ///
    /// # Errors
    ///
    /// If the file has fewer bytes, or cannot be read.
    #[inline]
    pub(super) fn bytes(
        &mut self,
        at: u64,
        count: usize,
        what: &'static str,
    ) -> Result<&[u8], ArchiveError> {
        let from = at.wrapping_sub(self.start);
        // `from` is huge if the place is before the window.
        if from > self.filled as u64 || self.filled as u64 - from < count as u64 {
            self.fill(at, count, what)?;
            return Ok(&self.buffer[..count]);
        }
        let from = usize::try_from(from).expect("it is within the window");
        Ok(&self.buffer[from..from + count])
    }

    /// Reads content of any size into `content`, or lends it from the window. The caller bounds `size`.
    pub(super) fn content<'a>(
        &'a mut self,
        at: u64,
        size: usize,
        what: &'static str,
        content: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], ArchiveError> {
        if size <= LARGEST {
            return self.bytes(at, size, what);
        }
        self.check_room(at, size as u64, what)?;
        content.clear();
        content.resize(size, 0);
        let filled = read_fully(&self.file, content, size, at)?;
        self.reads += 1 + size / LARGEST;
        if filled < size {
            return Err(self.cut_off(at, what));
        }
        Ok(content)
    }

    /// Checks that the file had so many bytes at a place when it was opened.
    #[inline]
    pub(super) fn check_room(
        &self,
        at: u64,
        count: u64,
        what: &'static str,
    ) -> Result<(), ArchiveError> {
        if at.checked_add(count).is_some_and(|end| end <= self.size) {
            return Ok(());
        }
        Err(self.cut_off(at, what))
    }

    fn cut_off(&self, at: u64, what: &'static str) -> ArchiveError {
        let size = self.size;
        ArchiveError::CutOff { what, at, size }
    }

    #[cold]
    fn fill(&mut self, at: u64, count: usize, what: &'static str) -> Result<(), ArchiveError> {
        self.check_room(at, count as u64, what)?;
        interrupt::check();
        let end = self.start + self.filled as u64;
        self.wanted = if (self.start..=end + GAP).contains(&at) {
            (2 * self.wanted).min(LARGEST)
        } else {
            SMALLEST
        };
        let rest = usize::try_from(self.size - at).unwrap_or(LARGEST);
        let wanted = self.wanted.max(count).min(rest);
        (self.start, self.filled) = (at, 0);
        self.filled = read_fully(&self.file, &mut self.buffer[..wanted], count, at)?;
        self.reads += 1;
        if self.filled < count {
            return Err(self.cut_off(at, what));
        }
        Ok(())
    }
}

/// Reads until the buffer has `least` bytes, or the file ends, and returns how many it has.
fn read_fully(
    file: &impl ReadAt,
    buffer: &mut [u8],
    least: usize,
    at: u64,
) -> Result<usize, ArchiveError> {
    let mut filled = 0;
    while filled < least {
        match file.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => interrupt::check(),
            Err(error) => return Err(ArchiveError::Io { at, error }),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that gives a byte a call, and is interrupted before each.
    struct Slow<'a>(&'a [u8], std::cell::Cell<bool>);

    impl ReadAt for Slow<'_> {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            self.1.set(!self.1.get());
            if self.1.get() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = buffer.len().min(1);
            self.0.read_at(&mut buffer[..count], offset)
        }
    }

    #[test]
    fn every_place_gives_the_bytes_of_the_file() {
        let file: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
        let mut window = Window::new(file.as_slice(), file.len() as u64);
        for (at, count) in [
            (0, 512),
            (512, 9),
            (90_000, 10_000),
            (5, 512),
            (99_999, 1),
            (7, 0),
        ] {
            let from = usize::try_from(at).unwrap();
            assert_eq!(
                window.bytes(at, count, "x").unwrap(),
                &file[from..from + count]
            );
        }
        assert!(window.bytes(99_999, 2, "x").is_err());
        assert!(window.bytes(u64::MAX, 2, "x").is_err());
        let mut slow = Window::new(Slow(&file, false.into()), file.len() as u64);
        assert_eq!(slow.bytes(700, 900, "x").unwrap(), &file[700..1600]);
    }

    #[test]
    fn a_file_that_became_shorter_is_cut_off() {
        let mut window = Window::new([1, 2, 3].as_slice(), 1 << 40);
        assert_eq!(window.bytes(1, 2, "x").unwrap(), [2, 3]);
        assert!(matches!(
            window.bytes(2, 2, "x"),
            Err(ArchiveError::CutOff { .. })
        ));
        let mut content = Vec::new();
        assert!(window.content(0, LARGEST + 1, "x", &mut content).is_err());
    }
}
