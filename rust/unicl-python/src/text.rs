//! The bindings of `unicl_core::text`.

use numpy::{Element, IntoPyArray, PyArray2, PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyBytes;
use unicl_core::text::{
    Clean, Cleaned, ClipTokenizer as Tokenizer, ControlTokens, Merges, Rows, TooLong,
};

use crate::captions::Captions;
use crate::gate;
use crate::rows::{IdRows, IdsAndOffsets, unknown, writable, zeros};
use crate::threads::{ThreadCount, threads as resolve};

#[pyclass(frozen, module = "unicl._native")]
pub(crate) struct ClipTokenizer {
    tokenizer: Tokenizer,
}

#[pymethods]
impl ClipTokenizer {
    #[new]
    fn new(packed_merges: &[u8], clean: &str, special_tokens: &str) -> PyResult<Self> {
        let merges = Merges::from_bytes(packed_merges).map_err(|error| gate::to_python(&error))?;
        let clean = match clean {
            "openai" => Clean::OpenAi,
            "hf" => Clean::HuggingFace,
            "none" => Clean::Nothing,
            _ => return Err(unknown("clean", clean, r#""openai", "hf" or "none""#)),
        };
        let control_tokens = match special_tokens {
            "text" => ControlTokens::Text,
            "open_clip" => ControlTokens::OpenClip,
            "openai" => ControlTokens::OpenAi,
            _ => {
                return Err(unknown(
                    "special_tokens",
                    special_tokens,
                    r#""text", "open_clip" or "openai""#,
                ));
            }
        };
        Ok(Self {
            tokenizer: Tokenizer::new(merges, clean, control_tokens),
        })
    }

    #[getter]
    fn packed_merges<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.tokenizer.merges().to_bytes())
    }

    fn symbols(&self) -> Vec<String> {
        self.tokenizer.merges().symbols()
    }

    #[getter]
    fn vocab_size(&self) -> usize {
        self.tokenizer.merges().vocabulary_size()
    }

    #[getter]
    fn start_id(&self) -> u16 {
        self.tokenizer.merges().start_id()
    }

    #[getter]
    fn end_id(&self) -> u16 {
        self.tokenizer.merges().end_id()
    }

    #[pyo3(signature = (captions, context_length, pad_id, dtype, *, out, repair, threads, truncate))]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the keyword arguments of Python"
    )]
    fn encode_padded<'py>(
        &self,
        py: Python<'py>,
        captions: Captions<'_>,
        context_length: usize,
        pad_id: u16,
        dtype: &str,
        out: Option<Bound<'py, PyAny>>,
        repair: Bound<'py, PyAny>,
        threads: Option<ThreadCount>,
        truncate: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut texts = captions.texts()?;
        let cleaned = CleanedRows::new(&self.tokenizer, py, &texts, &repair, threads)?;
        cleaned.put_into(&mut texts);
        let shape = [texts.len(), context_length];
        let padding = Padding {
            pad_id,
            truncate,
            threads,
        };
        let rows = IdRows::new(py, shape, dtype, out)?;
        match &rows {
            IdRows::Int64(rows) => self.fill(&texts, rows, None, padding)?,
            IdRows::Int32(rows) => self.fill(&texts, rows, None, padding)?,
        }
        Ok(rows.into_any())
    }

    #[pyo3(signature = (captions, context_length, pad_id, dtype, *, repair, threads, truncate))]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the keyword arguments of Python"
    )]
    fn encode_masked<'py>(
        &self,
        py: Python<'py>,
        captions: Captions<'_>,
        context_length: usize,
        pad_id: u16,
        dtype: &str,
        repair: Bound<'py, PyAny>,
        threads: Option<ThreadCount>,
        truncate: bool,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let mut texts = captions.texts()?;
        let cleaned = CleanedRows::new(&self.tokenizer, py, &texts, &repair, threads)?;
        cleaned.put_into(&mut texts);
        let padding = Padding {
            pad_id,
            truncate,
            threads,
        };
        match dtype {
            "int64" => self.fill_masked::<i64>(py, &texts, context_length, padding),
            "int32" => self.fill_masked::<i32>(py, &texts, context_length, padding),
            _ => Err(unknown("dtype", dtype, r#""int64" or "int32""#)),
        }
    }

    #[pyo3(signature = (captions, *, repair, threads))]
    fn encode_ragged<'py>(
        &self,
        py: Python<'py>,
        captions: Captions<'_>,
        repair: Bound<'py, PyAny>,
        threads: Option<ThreadCount>,
    ) -> PyResult<IdsAndOffsets<'py>> {
        let mut texts = captions.texts()?;
        let cleaned = CleanedRows::new(&self.tokenizer, py, &texts, &repair, threads)?;
        cleaned.put_into(&mut texts);
        let threads = resolve(threads);
        let (ids, offsets) =
            gate::run_infallible(py, || self.tokenizer.encode_ragged(&texts, threads))?;
        Ok((ids.into_pyarray(py), offsets.into_pyarray(py)))
    }

    fn decode(&self, py: Python<'_>, ids: PyReadonlyArray1<'_, i64>) -> PyResult<String> {
        let ids = ids.as_slice()?;
        gate::run(py, || self.tokenizer.decode(ids))
    }
}

/// How captions become rows.
#[derive(Clone, Copy)]
struct Padding {
    pad_id: u16,
    truncate: bool,
    threads: Option<ThreadCount>,
}

impl ClipTokenizer {
    fn fill_masked<'py, Id: Element + Copy + Send + Sync + From<u16>>(
        &self,
        py: Python<'py>,
        texts: &[&str],
        context_length: usize,
        padding: Padding,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let shape = [texts.len(), context_length];
        let (ids, mask) = (zeros::<Id>(py, shape)?, zeros::<Id>(py, shape)?);
        self.fill(texts, &ids, Some(&mask), padding)?;
        Ok((ids.into_any(), mask.into_any()))
    }

    /// Fills arrays of the right shape.
    fn fill<Id: Element + Copy + Send + Sync + From<u16>>(
        &self,
        texts: &[&str],
        rows: &Bound<'_, PyArray2<Id>>,
        mask: Option<&Bound<'_, PyArray2<Id>>>,
        padding: Padding,
    ) -> PyResult<()> {
        let py = rows.py();
        let threads = resolve(padding.threads);
        let length = rows.shape()[1];
        let mut rows_guard = writable(rows)?;
        let mut mask_guard = mask.map(writable).transpose()?;
        let rows = Rows {
            length,
            ids: rows_guard.as_slice_mut()?,
            mask: mask_guard
                .as_mut()
                .map(|mask| mask.as_slice_mut())
                .transpose()?,
            padding: Id::from(padding.pad_id),
        };
        gate::run(py, || {
            if !padding.truncate {
                self.tokenizer.check_fit(texts, length, threads)?;
            }
            self.tokenizer.encode_padded(texts, rows, threads);
            Ok::<_, TooLong>(())
        })
    }
}

/// What cleaning made of those rows that it changes.
struct CleanedRows {
    by_rust: Vec<(usize, String)>,
    by_python: Vec<(usize, PyBackedStr)>,
}

impl CleanedRows {
    /// Cleans texts; the Python callable `repair` gets those that take ftfy.
    fn new(
        tokenizer: &Tokenizer,
        py: Python<'_>,
        texts: &[&str],
        repair: &Bound<'_, PyAny>,
        threads: Option<ThreadCount>,
    ) -> PyResult<Self> {
        let threads = resolve(threads);
        let mut by_rust = Vec::new();
        let mut rows = Vec::new();
        for (row, cleaned) in gate::run_infallible(py, || tokenizer.clean(texts, threads))? {
            match cleaned {
                Cleaned::Text(text) => by_rust.push((row, text)),
                Cleaned::NeedsFtfy => rows.push(row),
                Cleaned::Same => {}
            }
        }
        let mut by_python = Vec::new();
        if !rows.is_empty() {
            let broken: Vec<&str> = rows.iter().map(|&row| texts[row]).collect();
            let repaired: Vec<PyBackedStr> = repair.call1((broken,))?.extract()?;
            if repaired.len() != rows.len() {
                return Err(PyValueError::new_err(
                    "repair must return one str for each that it was given",
                ));
            }
            by_python = rows.into_iter().zip(repaired).collect();
        }
        Ok(Self { by_rust, by_python })
    }

    /// Puts them into the places of what they were.
    fn put_into<'a>(&'a self, texts: &mut [&'a str]) {
        for (row, text) in &self.by_rust {
            texts[*row] = text;
        }
        for (row, text) in &self.by_python {
            texts[*row] = text;
        }
    }
}

/// Reads a merges file or a `tokenizer.json` and packs its merges.
#[pyfunction]
pub(crate) fn read_merges(
    py: Python<'_>,
    path: std::path::PathBuf,
) -> PyResult<Bound<'_, PyBytes>> {
    let packed = gate::run(py, || Merges::read(&path).map(|merges| merges.to_bytes()))?;
    Ok(PyBytes::new(py, &packed))
}
