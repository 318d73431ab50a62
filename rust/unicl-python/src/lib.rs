//! `unicl._native`: reads typed arguments, releases the GIL once, calls `unicl_core`, and maps errors.
//!
//! A binding has three steps: [`captions::Captions`] or another typed argument comes in, [`gate::run`]
//! calls the core, and the answer is wrapped. The reference documentation of the module is
//! `python/unicl/_native.pyi`.

#![expect(
    clippy::needless_pass_by_value,
    reason = "pyo3 passes arguments by value"
)]

use pyo3::prelude::*;

mod archive;
mod captions;
mod clip;
mod gate;
mod labels;
mod phrases;
mod rows;
mod threads;
mod wordpiece;

#[pymodule]
mod _native {
    use numpy::{PyArray1, PyArrayMethods};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        unicl_core::interrupt::set_hook(crate::gate::signals);
        // The numpy crate looks up numpy's functions, and its record of arrays in use, when it first needs
        // them. It panics if a signal handler raises meanwhile, so both are looked up here.
        module.py().import("numpy")?;
        PyArray1::<i64>::zeros(module.py(), 0, false).readwrite();
        Ok(())
    }

    #[pymodule_export]
    use crate::archive::TarIndexer;
    #[pymodule_export]
    use crate::clip::{ClipTokenizer, read_merges};
    #[pymodule_export]
    use crate::labels::{
        LabelColumns, LabelMapper, LabelVocabulary, count_names, lemma, mine_labels, shown_name,
        text_keys,
    };
    #[pymodule_export]
    use crate::phrases::{PosTagger, convert_nltk_tagger};
    #[pymodule_export]
    use crate::wordpiece::WordPieceTokenizer;
}
