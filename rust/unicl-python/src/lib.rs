//! `unicl._native`: typed arguments in, the GIL released once, `unicl_core` called, errors mapped.
//!
//! A binding is three lines: [`captions::Captions`] (or another typed argument) comes in, [`gate::run`] calls the core,
//! the answer is wrapped. The module's reference documentation is `python/unicl/_native.pyi`.

use pyo3::prelude::*;

#[allow(dead_code, reason = "until the first binding")]
mod captions;
#[allow(dead_code, reason = "until the first binding")]
mod gate;
#[allow(dead_code, reason = "until the first binding")]
mod threads;

#[pymodule]
mod _native {}
