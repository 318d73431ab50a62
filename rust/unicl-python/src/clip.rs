//! CLIP's tokenizer.

use numpy::{IntoPyArray, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyBytes;
use unicl_core::text::{
    Clean, Cleaned, ClipTokenizer as Tokenizer, ControlTokens, Merges, Rows, TooLong,
};
use unicl_core::threads::Threads;

use crate::captions::Captions;
use crate::gate;
use crate::rows::{Encode, Id, IdArrays, IdsAndOffsets, unknown};
use crate::threads::{ThreadCount, threads as resolve};

#[pyclass(frozen, module = "unicl._native")]
pub(crate) struct ClipTokenizer {
    tokenizer: Tokenizer,
}

/// A call of the tokenizer: clean captions, and how to encode them.
struct Call<'a> {
    tokenizer: &'a Tokenizer,
    captions: Vec<&'a str>,
    pad_id: u16,
    truncate: bool,
    threads: Threads,
}

#[pymethods]
impl ClipTokenizer {
    #[new]
    fn new(vocabulary: &[u8], clean: &str, special_tokens: &str) -> PyResult<Self> {
        let merges = Merges::from_bytes(vocabulary).map_err(|error| gate::to_python(&error))?;
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
    fn vocabulary<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
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
        let threads = resolve(threads);
        let texts = captions.texts()?;
        let cleaned = CleanedRows::new(&self.tokenizer, py, &texts, &repair, threads)?;
        let shape = [texts.len(), context_length];
        let arrays = IdArrays::given_or_new(py, shape, dtype, out)?;
        arrays.fill(&Call {
            tokenizer: &self.tokenizer,
            captions: cleaned.put_into(texts),
            pad_id,
            truncate,
            threads,
        })?;
        let [ids] = arrays.into_any();
        Ok(ids)
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
        let threads = resolve(threads);
        let texts = captions.texts()?;
        let cleaned = CleanedRows::new(&self.tokenizer, py, &texts, &repair, threads)?;
        let arrays = IdArrays::new(py, [texts.len(), context_length], dtype)?;
        arrays.fill(&Call {
            tokenizer: &self.tokenizer,
            captions: cleaned.put_into(texts),
            pad_id,
            truncate,
            threads,
        })?;
        let [ids, mask] = arrays.into_any();
        Ok((ids, mask))
    }

    #[pyo3(signature = (captions, *, repair, threads))]
    fn encode_ragged<'py>(
        &self,
        py: Python<'py>,
        captions: Captions<'_>,
        repair: Bound<'py, PyAny>,
        threads: Option<ThreadCount>,
    ) -> PyResult<IdsAndOffsets<'py>> {
        let threads = resolve(threads);
        let texts = captions.texts()?;
        let cleaned = CleanedRows::new(&self.tokenizer, py, &texts, &repair, threads)?;
        let texts = cleaned.put_into(texts);
        let (ids, offsets) =
            gate::run_infallible(py, || self.tokenizer.encode_ragged(&texts, threads))?;
        Ok((ids.into_pyarray(py), offsets.into_pyarray(py)))
    }

    fn decode(&self, py: Python<'_>, ids: PyReadonlyArray1<'_, i64>) -> PyResult<String> {
        let ids = ids.as_slice()?;
        gate::run(py, || self.tokenizer.decode(ids))
    }
}

impl Encode for Call<'_> {
    fn encode<I: Id>(&self, rows: Rows<'_, I>) -> Result<(), TooLong> {
        let captions = &self.captions;
        if !self.truncate {
            self.tokenizer
                .check_fit(captions, rows.length, self.threads)?;
        }
        self.tokenizer
            .encode_padded(captions, rows, self.pad_id.into(), self.threads);
        Ok(())
    }
}

/// The rows that cleaning changed, with their new texts.
struct CleanedRows {
    by_rust: Vec<(usize, String)>,
    by_python: Vec<(usize, PyBackedStr)>,
}

impl CleanedRows {
    /// Cleans texts; the Python callable `repair` gets the texts that need ftfy.
    fn new(
        tokenizer: &Tokenizer,
        py: Python<'_>,
        texts: &[&str],
        repair: &Bound<'_, PyAny>,
        threads: Threads,
    ) -> PyResult<Self> {
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
                return Err(PyValueError::new_err(format!(
                    "expected {} texts from repair, one for each that it was given; got {}",
                    rows.len(),
                    repaired.len()
                )));
            }
            by_python = rows.into_iter().zip(repaired).collect();
        }
        Ok(Self { by_rust, by_python })
    }

    /// Puts the new texts in the places of the old ones.
    fn put_into<'a>(&'a self, mut texts: Vec<&'a str>) -> Vec<&'a str> {
        for (row, text) in &self.by_rust {
            texts[*row] = text;
        }
        for (row, text) in &self.by_python {
            texts[*row] = text;
        }
        texts
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
