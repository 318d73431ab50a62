//! The gate: the only way from a binding into `unicl_core`.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::{PyFileNotFoundError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use unicl_core::interrupt::Reason;
use unicl_core::{Error, ErrorKind};

/// Runs pure Rust work with the GIL released, maps its error, lets Ctrl-C through and turns a panic into an exception.
///
/// Work that is spread over tasks stops between two tasks after a signal handler has raised, with the
/// exception that it raised ([`signals`]). Then there is no result.
///
/// `ErrorKind::Value` becomes `ValueError`, `NotFound` becomes `FileNotFoundError`, and `Io` becomes
/// `OSError`. A panic is a bug in this library. It becomes a `RuntimeError` whose message tells this; pyo3
/// alone would raise its `PanicException`, which `except Exception` does not catch.
pub(crate) fn run<Output: Send, E: Error>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<Output, E> + Send,
) -> PyResult<Output> {
    // When the exception is raised, everything that the closure borrowed is dropped or unchanged: the
    // bindings pass only shared references, and outputs that no one reads after an error.
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(done) => done.map_err(|error| to_python(&error)),
        Err(reason) => Err(match reason.downcast::<PyErr>() {
            Ok(raised) => *raised,
            Err(panic) => PyRuntimeError::new_err(format!(
                "bug in unicl: {}; please report it with the input that led here",
                panic_message(panic.as_ref())
            )),
        }),
    }
}

/// The hook of [`unicl_core::interrupt`]: runs Python's signal handlers and gives the exception that they raise.
///
/// Python runs the handlers only on the main thread. An interpreter that is shutting down has none left.
pub(crate) fn signals() -> Result<(), Reason> {
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method is not one function for every lifetime"
    )]
    let handled = Python::try_attach(|py| py.check_signals()).unwrap_or(Ok(()));
    handled.map_err(|raised| Box::new(raised) as Reason)
}

/// Like [`run`], for work that cannot fail.
pub(crate) fn run_infallible<Output: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Output + Send,
) -> PyResult<Output> {
    run(py, || Ok::<_, Infallible>(work()))
}

/// Maps an error of the core to one of Python; the only place that does.
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
