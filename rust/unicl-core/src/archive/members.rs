//! The members of an archive, from front to back.

use super::ArchiveError;
use super::extended::{Extended, check_global_records};
use super::header::{BLOCK, Header, Kind, sparse_map_goes_on, sparse_map_goes_on_after};
use super::read_at::{ReadAt, Window};

/// The most bytes of a long name or of the records about a member.
const MOST_EXTENDED: u64 = 1 << 20;
const HEADER: &str = "a header";

/// A member that is a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where its bytes begin.
    pub offset: u64,
    /// The number of its bytes in the archive.
    pub size: u64,
    /// Whether these are pieces of a file with holes, which cannot be used as they are.
    pub is_sparse: bool,
}

/// How many members are no files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherMembers {
    /// Folders.
    pub folders: u64,
    /// Hard and symbolic links.
    pub links: u64,
    /// Devices and pipes.
    pub devices: u64,
    /// Types that no standard names.
    pub unknown: u64,
}

pub(super) enum Step {
    File(Member),
    Skipped,
    End,
}

enum Zeros {
    None,
    Block,
    End,
}

/// The members of a tar file that are files, in order.
///
/// # Examples
///
/// ```
/// use unicl_core::archive::{ArchiveError, Members};
///
/// let file = [0; 1024]; // an archive without members
/// let mut members = Members::new(file.as_slice(), 1024);
/// assert_eq!(members.advance()?, None);
///
/// let mut cut = Members::new(&file[..0], 0);
/// assert!(matches!(cut.advance(), Err(ArchiveError::NoEnd { .. })));
/// # Ok::<(), ArchiveError>(())
/// ```
pub struct Members<R> {
    window: Window<R>,
    position: u64,
    is_after_zeros: bool,
    name: Vec<u8>,
    scratch: Vec<u8>,
    others: OtherMembers,
}

impl<R: ReadAt> Members<R> {
    /// The members of a file of `size` bytes.
    pub fn new(file: R, size: u64) -> Self {
        Self {
            window: Window::new(file, size),
            position: 0,
            is_after_zeros: false,
            name: Vec::new(),
            scratch: Vec::new(),
            others: OtherMembers::default(),
        }
    }

    /// Finds the next member that is a file; none at the end of the last archive in the file.
    ///
    /// # Errors
    ///
    /// If the file is damaged, is cut off, or cannot be read.
    pub fn advance(&mut self) -> Result<Option<Member>, ArchiveError> {
        loop {
            match self.step()? {
                Step::File(member) => return Ok(Some(member)),
                Step::Skipped => {}
                Step::End => return Ok(None),
            }
        }
    }

    /// Reads one member or skips one block of zeros: work of bounded time.
    pub(super) fn step(&mut self) -> Result<Step, ArchiveError> {
        match self.skip_zeros()? {
            Zeros::Block => return Ok(Step::Skipped),
            Zeros::End => return Ok(Step::End),
            Zeros::None => {}
        }
        let (kind, size, is_sparse) = self.read_header()?;
        let body = self.position;
        if kind.has_body() {
            self.window.check_room(body, size, "a member")?;
            self.position = padded_end(body, size);
        }
        match kind {
            Kind::File | Kind::Sparse => {
                let is_sparse = is_sparse || kind == Kind::Sparse;
                return Ok(Step::File(Member {
                    offset: body,
                    size,
                    is_sparse,
                }));
            }
            Kind::Directory => self.others.folders += 1,
            Kind::Link => self.others.links += 1,
            Kind::Device => self.others.devices += 1,
            _ => self.others.unknown += 1,
        }
        Ok(Step::Skipped)
    }

    /// The name of the last member.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The bytes of a member. The caller bounds its size; they are in memory at once.
    ///
    /// # Errors
    ///
    /// If the file is cut off or cannot be read.
    ///
    /// # Panics
    ///
    /// If the size does not fit in memory.
    pub fn content(&mut self, member: Member) -> Result<&[u8], ArchiveError> {
        const WHAT: &str = "a member";
        self.window.check_room(member.offset, member.size, WHAT)?;
        let size = usize::try_from(member.size).expect("the caller bounds the size");
        self.window
            .content(member.offset, size, WHAT, &mut self.scratch)
    }

    /// How many members so far were no files.
    pub fn others(&self) -> OtherMembers {
        self.others
    }

    /// Where the next header is.
    pub fn position(&self) -> u64 {
        self.position.min(self.window.size())
    }

    /// How often the file was read: a measure of the time that was spent, whatever the members.
    pub fn reads(&self) -> usize {
        self.window.reads()
    }

    /// Skips a block of zeros, if one comes next.
    fn skip_zeros(&mut self) -> Result<Zeros, ArchiveError> {
        let (at, size) = (self.position, self.window.size());
        let left = size.saturating_sub(at);
        if left == 0 && !self.is_after_zeros {
            return Err(ArchiveError::NoEnd { size });
        }
        let count = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        if self
            .window
            .bytes(at, count, HEADER)?
            .iter()
            .any(|&byte| byte != 0)
        {
            self.is_after_zeros = false;
            return Ok(Zeros::None);
        }
        if count == BLOCK {
            self.is_after_zeros = true;
            self.position += BLOCK as u64;
            return Ok(Zeros::Block);
        }
        if !self.is_after_zeros {
            return Err(ArchiveError::CutOff {
                what: HEADER,
                at,
                size,
            });
        }
        self.position = size;
        Ok(Zeros::End)
    }

    /// Reads a header with all that comes before it to change it, and leaves the position at the body.
    fn read_header(&mut self) -> Result<(Kind, u64, bool), ArchiveError> {
        let mut extended = Extended::default();
        loop {
            let at = self.position;
            let damaged = |reason| ArchiveError::Header { at, reason };
            let block = self.window.bytes(at, BLOCK, HEADER)?;
            let block: &[u8; BLOCK] = block.try_into().expect("that many bytes were asked for");
            let header = Header::parse(block).map_err(damaged)?;
            self.position += BLOCK as u64;
            let kind = header.kind;
            if let Kind::LongName | Kind::LongLink | Kind::Records | Kind::GlobalRecords = kind {
                let size = header.size;
                self.read_extended(kind, size, &mut extended, at)?;
                continue;
            }
            match extended.name {
                Some(name) => self.name = name,
                None => header.write_name(&mut self.name),
            }
            let size = extended.size.unwrap_or(header.size);
            if kind == Kind::Sparse {
                let mut goes_on = sparse_map_goes_on(block).map_err(damaged)?;
                while goes_on {
                    let block =
                        self.window
                            .bytes(self.position, BLOCK, "the map of a sparse member")?;
                    let block = block.try_into().expect("that many bytes were asked for");
                    goes_on = sparse_map_goes_on_after(block).map_err(damaged)?;
                    self.position += BLOCK as u64;
                }
            }
            return Ok((kind, size, extended.is_sparse));
        }
    }

    /// Reads the body of a header about the next one, or about all that follow.
    fn read_extended(
        &mut self,
        kind: Kind,
        size: u64,
        extended: &mut Extended,
        at: u64,
    ) -> Result<(), ArchiveError> {
        const WHAT: &str = "a long name or records";
        let damaged = |reason| ArchiveError::Header { at, reason };
        if size > MOST_EXTENDED {
            return Err(damaged("it claims a name or records of more than 1 MiB"));
        }
        let end = padded_end(self.position, size);
        let count = usize::try_from(end - self.position).expect("it is at most 1 MiB");
        let body = self
            .window
            .content(self.position, count, WHAT, &mut self.scratch)?;
        let size = usize::try_from(size).expect("it is at most 1 MiB");
        if kind == Kind::LongName {
            extended.add_long_name(body);
        } else if kind != Kind::LongLink {
            let (records, padding) = body.split_at(size);
            if padding.iter().any(|&byte| byte != 0) {
                return Err(damaged("bytes follow its records"));
            }
            if kind == Kind::Records {
                extended.add_records(records).map_err(damaged)?;
            } else {
                check_global_records(records).map_err(damaged)?;
            }
        }
        self.position = end;
        let left = self.window.size().saturating_sub(end);
        if left < BLOCK as u64
            || self
                .window
                .bytes(end, BLOCK, HEADER)?
                .iter()
                .all(|&byte| byte == 0)
        {
            return Err(damaged("no member follows its name or records"));
        }
        Ok(())
    }
}

fn padded_end(body: u64, size: u64) -> u64 {
    body + size.next_multiple_of(BLOCK as u64)
}
