//! The kind of every error of this crate, so that a binding maps errors in one place.

/// What kind of mistake an [`Error`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value breaks a rule; the message names the rule.
    Value,
    /// A file does not exist.
    NotFound,
    /// A file exists but cannot be read or written.
    Io,
}

/// An error enum of one module of this crate.
pub trait Error: std::error::Error + Send + 'static {
    /// The kind of mistake; [`ErrorKind::Value`] unless the enum overrides it.
    fn kind(&self) -> ErrorKind {
        ErrorKind::Value
    }
}

/// The error type of work that cannot fail.
impl Error for std::convert::Infallible {}

/// The kind of an error that came from the file system.
#[must_use]
pub fn io_kind(error: &std::io::Error) -> ErrorKind {
    match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Io,
    }
}
