//! `unicl._native`: typed arguments in, the GIL released once, `unicl_core` called, errors mapped.
//!
//! A binding is three lines: [`captions::Captions`] (or another typed argument) comes in, [`gate::run`] calls the core,
//! the answer is wrapped. The module's reference documentation is `python/unicl/_native.pyi`.

#![expect(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use pyo3::prelude::*;

mod captions;
mod gate;
mod labels;
mod phrases;
mod rows;
mod text;
mod threads;
mod wordpiece;

#[pymodule]
mod _native {
    use numpy::{PyArray1, PyArrayMethods};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        unicl_core::interrupt::set_hook(crate::gate::signals);
        // The numpy crate looks up what it needs of numpy, and where it notes who writes an array, when it first needs them,
        // and panics if a signal handler raises meanwhile.
        module.py().import("numpy")?;
        PyArray1::<i64>::zeros(module.py(), 0, false).readwrite();
        Ok(())
    }

    #[pymodule_export]
    use crate::labels::{
        LabelColumns, LabelMapper, LabelVocabulary, lemma, mine_labels, text_keys,
    };
    #[pymodule_export]
    use crate::phrases::{PosTagger, convert_nltk_tagger};
    #[pymodule_export]
    use crate::text::{ClipTokenizer, read_merges};
    #[pymodule_export]
    use crate::wordpiece::WordPieceTokenizer;
}
