//! `unicl._native`: typed arguments in, the GIL released once, `unicl_core` called, errors mapped.

use pyo3::prelude::*;

#[pymodule]
mod _native {}
