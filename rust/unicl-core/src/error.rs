//! What every error of this crate says about itself, so that a binding maps errors in one place.

/// What kind of mistake an [`Error`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value breaks a rule that its message names.
    Value,
    /// A file that was named does not exist.
    NotFound,
    /// A file exists and cannot be read or written.
    Io,
}

/// An error enum of one module of this crate.
pub trait Error: std::error::Error + Send + 'static {
    /// The kind of mistake; a broken value unless the enum says otherwise.
    fn kind(&self) -> ErrorKind {
        ErrorKind::Value
    }
}

/// Work that cannot fail has an error type too.
impl Error for std::convert::Infallible {}

/// The kind of an error that came from the file system.
#[must_use]
pub fn io_kind(error: &std::io::Error) -> ErrorKind {
    match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Io,
    }
}
