//! The `threads=` argument that every batch function takes.

use std::num::NonZeroUsize;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use unicl_core::threads::Threads;

/// An argument `int >= 1`. Declare it as `Option<ThreadCount>` with the default `None`, and call [`threads`].
#[derive(Clone, Copy)]
pub(crate) struct ThreadCount(NonZeroUsize);

impl<'py> FromPyObject<'_, 'py> for ThreadCount {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let count: i64 = object.extract()?;
        let positive = usize::try_from(count).ok().and_then(NonZeroUsize::new);
        positive.map(Self).ok_or_else(|| {
            PyValueError::new_err(format!(
                "expected threads >= 1, or None for all cores; got {count}"
            ))
        })
    }
}

/// The threads of a call: all cores unless a number was given.
pub(crate) fn threads(count: Option<ThreadCount>) -> Threads {
    count.map_or(Threads::ALL, |count| Threads::exactly(count.0))
}
