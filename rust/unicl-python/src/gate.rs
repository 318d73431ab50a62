//! The gate: the one way from a binding into `unicl_core`.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::{PyFileNotFoundError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use unicl_core::{Error, ErrorKind};

/// Runs pure Rust work with the GIL released, maps its error and turns a panic into an exception.
///
/// `ErrorKind::Value` becomes `ValueError`, `NotFound` `FileNotFoundError`, `Io` `OSError`. A panic is a bug in this
/// library: it becomes a `RuntimeError` that says so, where pyo3 alone would raise its `PanicException`, which
/// `except Exception` does not catch.
pub(crate) fn run<Output: Send, E: Error>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<Output, E> + Send,
) -> PyResult<Output> {
    // What the closure borrowed is dropped or unchanged by the time the exception is seen: the bindings pass only
    // shared references, and outputs that nobody reads after an error.
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(done) => done.map_err(|error| to_python(&error)),
        Err(panic) => Err(PyRuntimeError::new_err(format!(
            "bug in unicl: {}; please report it with the input that led here",
            panic_message(panic.as_ref())
        ))),
    }
}

/// [`run`] for work that cannot fail.
pub(crate) fn run_infallible<Output: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Output + Send,
) -> PyResult<Output> {
    run(py, || Ok::<_, Infallible>(work()))
}

/// The one mapping from the errors of the core to those of Python.
pub(crate) fn to_python(error: &impl Error) -> PyErr {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::NotFound => PyFileNotFoundError::new_err(message),
        ErrorKind::Io => PyOSError::new_err(message),
        _ => PyValueError::new_err(message),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}
