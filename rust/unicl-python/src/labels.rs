//! The label vocabulary, its mining, and phrases and captions to labels.

use std::sync::OnceLock;

use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use unicl_core::labels::{self, ArgmaxIndex, Limits, Mode, Vocabulary, VocabularyError};
use unicl_core::phrases::GrammarError;

use crate::captions::Captions;
use crate::gate;
use crate::phrases::PosTagger;
use crate::threads::{ThreadCount, threads};

/// Ids, scores and rules of mapped phrases.
type Mappings<'py> = (
    Bound<'py, PyArray1<i32>>,
    Bound<'py, PyArray1<f32>>,
    Bound<'py, PyArray1<u8>>,
);

/// Indices and offsets of label sets.
type Sets<'py> = (Bound<'py, PyArray1<i32>>, Bound<'py, PyArray1<i64>>);

/// Start, end, phrase, lemma, id, score and rule of a phrase.
type Explanation = (u32, u32, String, String, i32, f32, u8);

#[pyclass(frozen, module = "unicl._native")]
pub(crate) struct LabelIndex {
    vocabulary: Vocabulary,
    /// Made when the mode is first used.
    argmax: OnceLock<ArgmaxIndex>,
}

/// The `mode=` argument.
#[derive(Clone, Copy)]
enum ModeName {
    Canonical,
    Argmax,
}

impl ModeName {
    fn read(name: &str) -> PyResult<Self> {
        match name {
            "canonical" => Ok(Self::Canonical),
            "argmax" => Ok(Self::Argmax),
            other => Err(PyValueError::new_err(format!(
                "expected mode \"canonical\" or \"argmax\"; got {other:?}"
            ))),
        }
    }
}

impl LabelIndex {
    fn mode(&self, name: ModeName) -> Mode<'_> {
        match name {
            ModeName::Canonical => Mode::Canonical(&self.vocabulary),
            ModeName::Argmax => Mode::Argmax(
                self.argmax
                    .get_or_init(|| ArgmaxIndex::new(self.vocabulary.names())),
            ),
        }
    }
}

#[pymethods]
impl LabelIndex {
    #[new]
    fn new(
        py: Python<'_>,
        names: Vec<String>,
        synonyms: Vec<(String, String)>,
        parents: Vec<(String, String)>,
        blocked: Vec<String>,
    ) -> PyResult<Self> {
        let vocabulary = gate::run(py, || {
            let mut vocabulary = Vocabulary::new(names, &synonyms, &parents)?;
            vocabulary.block(&blocked)?;
            Ok::<_, VocabularyError>(vocabulary)
        })?;
        Ok(Self {
            vocabulary,
            argmax: OnceLock::new(),
        })
    }

    fn id(&self, name: &str) -> Option<u32> {
        self.vocabulary.id(name)
    }

    #[getter]
    fn parents<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i32>> {
        let parents = self.vocabulary.parents().iter();
        let ids: Vec<i32> = parents
            .map(|parent| parent.map_or(-1, u32::cast_signed))
            .collect();
        ids.into_pyarray(py)
    }

    #[pyo3(signature = (phrases, threads = None, mode = "canonical"))]
    fn map<'py>(
        &self,
        py: Python<'py>,
        phrases: Captions,
        threads: Option<ThreadCount>,
        mode: &str,
    ) -> PyResult<Mappings<'py>> {
        let mode = ModeName::read(mode)?;
        let views = phrases.views();
        let threads = self::threads(threads);
        let mappings =
            gate::run_infallible(py, || labels::map_phrases(self.mode(mode), &views, threads))?;
        let ids: Vec<i32> = mappings.iter().map(|mapping| mapping.id).collect();
        let scores: Vec<f32> = mappings.iter().map(|mapping| mapping.score).collect();
        let rules: Vec<u8> = mappings.iter().map(|mapping| mapping.rule as u8).collect();
        Ok((
            ids.into_pyarray(py),
            scores.into_pyarray(py),
            rules.into_pyarray(py),
        ))
    }

    #[pyo3(signature = (captions, tagger, grammar = None, threads = None, mode = "canonical"))]
    fn label<'py>(
        &self,
        py: Python<'py>,
        captions: Captions,
        tagger: &PosTagger,
        grammar: Option<&str>,
        threads: Option<ThreadCount>,
        mode: &str,
    ) -> PyResult<Sets<'py>> {
        let mode = ModeName::read(mode)?;
        let views = captions.views();
        let threads = self::threads(threads);
        let (indices, offsets) = gate::run(py, || {
            let chunker = tagger.chunker(grammar)?;
            Ok::<_, GrammarError>(labels::label_captions(
                &tagger.tagger,
                &chunker,
                self.mode(mode),
                &views,
                threads,
            ))
        })?;
        Ok((indices.into_pyarray(py), offsets.into_pyarray(py)))
    }

    #[pyo3(signature = (caption, tagger, grammar = None, mode = "canonical"))]
    fn explain(
        &self,
        py: Python<'_>,
        caption: &str,
        tagger: &PosTagger,
        grammar: Option<&str>,
        mode: &str,
    ) -> PyResult<Vec<Explanation>> {
        let mode = ModeName::read(mode)?;
        let rows = gate::run(py, || {
            let chunker = tagger.chunker(grammar)?;
            Ok::<_, GrammarError>(labels::explain(
                &tagger.tagger,
                &chunker,
                self.mode(mode),
                caption,
            ))
        })?;
        let rows = rows.into_iter().map(|row| {
            let mapping = row.mapping;
            (
                row.span.0,
                row.span.1,
                row.phrase,
                row.lemma,
                mapping.id,
                mapping.score,
                mapping.rule as u8,
            )
        });
        Ok(rows.collect())
    }
}

/// Names within the limits, the most frequent first, and the number of captions with each.
#[pyfunction]
#[pyo3(signature = (captions, tagger, min_document_frequency, max_document_frequency, top_k = None, grammar = None, threads = None))]
#[allow(
    clippy::too_many_arguments,
    reason = "they are the keywords of the Python function"
)]
pub(crate) fn mine_labels(
    py: Python<'_>,
    captions: Captions,
    tagger: &PosTagger,
    min_document_frequency: u64,
    max_document_frequency: u64,
    top_k: Option<usize>,
    grammar: Option<&str>,
    threads: Option<ThreadCount>,
) -> PyResult<Vec<(String, u64)>> {
    let views = captions.views();
    let threads = self::threads(threads);
    let limits = Limits {
        min_document_frequency,
        max_document_frequency,
        top_k: top_k.unwrap_or(usize::MAX),
    };
    gate::run(py, || {
        let chunker = tagger.chunker(grammar)?;
        Ok::<_, GrammarError>(labels::mine(
            &tagger.tagger,
            &chunker,
            &views,
            limits,
            threads,
        ))
    })
}

/// The singular of an English noun.
#[pyfunction]
pub(crate) fn lemma(word: &str) -> String {
    labels::lemma(word).into_owned()
}

/// Texts as vocabularies tell them apart.
#[pyfunction]
pub(crate) fn text_keys(py: Python<'_>, texts: Vec<String>) -> PyResult<Vec<String>> {
    gate::run_infallible(py, || {
        texts.iter().map(|text| labels::text_key(text)).collect()
    })
}
