//! Why an archive is refused.

use std::io;

use thiserror::Error;

use crate::ErrorKind;

/// Why an archive cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The bytes of a header are not those of one.
    #[error("the header at byte {at} is damaged: {reason}")]
    Header {
        /// Where the header begins.
        at: u64,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// The file ends early.
    #[error("it ends at byte {size}, in the middle of {what} at byte {at}")]
    CutOff {
        /// What is not complete.
        what: &'static str,
        /// Where that begins.
        at: u64,
        /// The size of the file.
        size: u64,
    },
    /// The file ends after a member, without zeros.
    #[error("it ends at byte {size}, without the zeros that mark the end")]
    NoEnd {
        /// The size of the file.
        size: u64,
    },
    /// The system refuses to read.
    #[error("cannot read at byte {at}: {error}")]
    Io {
        /// Where the read began.
        at: u64,
        /// What the system tells.
        error: io::Error,
    },
}

impl crate::Error for ArchiveError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { error, .. } => crate::io_kind(error),
            _ => ErrorKind::Value,
        }
    }
}
