//! Tar archives of samples, as webdataset and img2dataset write them: where each member lies, and what the samples are.
//!
//! [`Samples`] reads the headers of an archive once, from front to back, and skips the bodies of large members.
//! It gives the place of each image, with the caption and the label beside it, so that a program can read any image later.
//!
//! An archive is untrusted. Nothing is extracted, and names are never paths. Memory does not grow with the sizes that a
//! header claims. An archive that is cut off or damaged is an error, never a shorter list.
//!
//! The members are those that Python's `tarfile` finds, with four differences:
//!
//! 1. Where `tarfile` stops without a word (a wrong checksum, a missing end), this is an error.
//! 2. Archives may follow one another in a file, with any number of zero blocks between them.
//! 3. Numbers and records that no writer makes are errors: signs, underscores, bytes after the last record.
//! 4. So are global records that would rename or resize every member.

mod columns;
mod error;
mod extended;
mod header;
mod json_fields;
mod members;
mod read_at;
mod samples;

pub use columns::{Columns, Text};
pub use error::ArchiveError;
pub use members::{Member, Members, OtherMembers};
pub use read_at::ReadAt;
pub use samples::{Counts, Limits, Samples};
