//! The tagger and the noun-phrase finder.

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use unicl_core::phrases::{self, Chunker, Columns, GrammarError, Tagger, WeightsError};

use crate::captions::Captions;
use crate::gate;
use crate::threads::{ThreadCount, threads};

/// Offsets, spans, text, text offsets and tags of [`Columns`] as numpy arrays.
pub(crate) type Arrays<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray2<i32>>,
    Bound<'py, PyArray1<u8>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<u8>>,
);

fn arrays(py: Python<'_>, columns: Columns) -> Arrays<'_> {
    let pieces = columns.spans.len();
    let spans = Array2::from_shape_vec((pieces, 2), columns.spans.into_flattened());
    (
        columns.offsets.into_pyarray(py),
        spans.expect("each span is two numbers").into_pyarray(py),
        columns.text.into_bytes().into_pyarray(py),
        columns.text_offsets.into_pyarray(py),
        columns.tags.into_pyarray(py),
    )
}

#[pyclass(frozen, module = "unicl._native")]
pub(crate) struct PosTagger {
    pub(crate) tagger: Tagger,
}

#[pymethods]
impl PosTagger {
    #[new]
    fn new(py: Python<'_>, content: &[u8]) -> PyResult<Self> {
        gate::run(py, || Tagger::from_bytes(content)).map(|tagger| Self { tagger })
    }

    #[getter]
    fn tag_names(&self) -> Vec<String> {
        self.tagger.tag_names().to_vec()
    }

    #[pyo3(signature = (captions, threads = None))]
    fn tag<'py>(
        &self,
        py: Python<'py>,
        captions: Captions<'_>,
        threads: Option<ThreadCount>,
    ) -> PyResult<Arrays<'py>> {
        let views = captions.texts()?;
        let threads = self::threads(threads);
        let columns =
            gate::run_infallible(py, || phrases::tag_captions(&self.tagger, &views, threads))?;
        Ok(arrays(py, columns))
    }

    #[pyo3(signature = (sentences, threads = None))]
    fn tag_words(
        &self,
        py: Python<'_>,
        sentences: Vec<Captions<'_>>,
        threads: Option<ThreadCount>,
    ) -> PyResult<Vec<Vec<u8>>> {
        let views = sentences
            .iter()
            .map(Captions::texts)
            .collect::<PyResult<Vec<_>>>()?;
        let threads = self::threads(threads);
        gate::run_infallible(py, || phrases::tag_sentences(&self.tagger, &views, threads))
    }

    #[pyo3(signature = (captions, grammar = None, threads = None))]
    fn find_noun_phrases<'py>(
        &self,
        py: Python<'py>,
        captions: Captions<'_>,
        grammar: Option<&str>,
        threads: Option<ThreadCount>,
    ) -> PyResult<Arrays<'py>> {
        let views = captions.texts()?;
        let threads = self::threads(threads);
        let columns = gate::run(py, || {
            let chunker = self.chunker(grammar)?;
            Ok::<_, GrammarError>(phrases::find_noun_phrases(
                &self.tagger,
                &chunker,
                &views,
                threads,
            ))
        })?;
        Ok(arrays(py, columns))
    }
}

impl PosTagger {
    pub(crate) fn chunker(&self, grammar: Option<&str>) -> Result<Chunker, GrammarError> {
        Chunker::new(
            grammar.unwrap_or(phrases::DEFAULT_GRAMMAR),
            self.tagger.tag_names(),
        )
    }
}

/// Converts NLTK's three JSON files to the content of a tagger file.
#[pyfunction]
pub(crate) fn convert_nltk_tagger<'py>(
    py: Python<'py>,
    weights: &str,
    tagdict: &str,
    classes: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let content =
        gate::run::<_, WeightsError>(py, || phrases::convert_nltk(weights, tagdict, classes))?;
    Ok(PyBytes::new(py, &content))
}
