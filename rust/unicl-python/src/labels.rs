//! The label vocabulary, its mining, and phrases and captions to labels.

use std::sync::OnceLock;

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use unicl_core::labels::{
    self, ArgmaxIndex, LabelWords, Limits, Meanings, Mode, Spelling, Vocabulary, VocabularyError,
};
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
    /// Made when words are first taken for misspelt.
    words: OnceLock<LabelWords>,
}

/// How to map: what the attributes of a `unicl.labels.LabelMapper` say.
#[derive(FromPyObject)]
pub(crate) struct How<'py> {
    mode: String,
    #[pyo3(attribute("_nearest_kept"))]
    nearest_kept: Option<PyReadonlyArray1<'py, i32>>,
    fuzzy_threshold: Option<f64>,
    #[pyo3(attribute("_known_words"))]
    known_words: Option<Py<PosTagger>>,
}

impl LabelIndex {
    fn mode<'a>(&'a self, how: Option<&'a How<'_>>) -> PyResult<Mode<'a>> {
        let mut meanings = Meanings::from(&self.vocabulary);
        let Some(how) = how else {
            return Ok(Mode::Canonical(meanings));
        };
        if how.mode == "argmax" {
            let index = || ArgmaxIndex::new(self.vocabulary.names());
            return Ok(Mode::Argmax(self.argmax.get_or_init(index)));
        }
        meanings.kept = how
            .nearest_kept
            .as_ref()
            .map(PyReadonlyArray1::as_slice)
            .transpose()?;
        if let (Some(threshold), Some(tagger)) = (how.fuzzy_threshold, &how.known_words) {
            meanings.spelling = Some(Spelling {
                words: self.words.get_or_init(|| LabelWords::new(&self.vocabulary)),
                tagger: &tagger.get().tagger,
                threshold,
            });
        }
        Ok(Mode::Canonical(meanings))
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
            words: OnceLock::new(),
        })
    }

    fn nearest_kept<'py>(
        &self,
        py: Python<'py>,
        is_kept: PyReadonlyArray1<'py, bool>,
    ) -> PyResult<Bound<'py, PyArray1<i32>>> {
        let nearest = self.vocabulary.nearest_kept(is_kept.as_slice()?);
        Ok(nearest.into_pyarray(py))
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

    #[pyo3(signature = (phrases, threads = None, how = None))]
    fn map<'py>(
        &self,
        py: Python<'py>,
        phrases: Captions<'_>,
        threads: Option<ThreadCount>,
        how: Option<How<'py>>,
    ) -> PyResult<Mappings<'py>> {
        let mode = self.mode(how.as_ref())?;
        let views = phrases.texts()?;
        let threads = self::threads(threads);
        let mappings = gate::run_infallible(py, || labels::map_phrases(mode, &views, threads))?;
        let ids: Vec<i32> = mappings.iter().map(|mapping| mapping.id).collect();
        let scores: Vec<f32> = mappings.iter().map(|mapping| mapping.score).collect();
        let rules: Vec<u8> = mappings.iter().map(|mapping| mapping.rule as u8).collect();
        Ok((
            ids.into_pyarray(py),
            scores.into_pyarray(py),
            rules.into_pyarray(py),
        ))
    }

    #[pyo3(signature = (captions, tagger, grammar = None, threads = None, how = None))]
    fn label<'py>(
        &self,
        py: Python<'py>,
        captions: Captions<'_>,
        tagger: &PosTagger,
        grammar: Option<&str>,
        threads: Option<ThreadCount>,
        how: Option<How<'py>>,
    ) -> PyResult<Sets<'py>> {
        let mode = self.mode(how.as_ref())?;
        let views = captions.texts()?;
        let threads = self::threads(threads);
        let (indices, offsets) = gate::run(py, || {
            let chunker = tagger.chunker(grammar)?;
            Ok::<_, GrammarError>(labels::label_captions(
                &tagger.tagger,
                &chunker,
                mode,
                &views,
                threads,
            ))
        })?;
        Ok((indices.into_pyarray(py), offsets.into_pyarray(py)))
    }

    #[pyo3(signature = (caption, tagger, grammar = None, how = None))]
    fn explain<'py>(
        &self,
        py: Python<'py>,
        caption: &str,
        tagger: &PosTagger,
        grammar: Option<&str>,
        how: Option<How<'py>>,
    ) -> PyResult<Vec<Explanation>> {
        let mode = self.mode(how.as_ref())?;
        let rows = gate::run(py, || {
            let chunker = tagger.chunker(grammar)?;
            Ok::<_, GrammarError>(labels::explain(&tagger.tagger, &chunker, mode, caption))
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
    captions: Captions<'_>,
    tagger: &PosTagger,
    min_document_frequency: u64,
    max_document_frequency: u64,
    top_k: Option<usize>,
    grammar: Option<&str>,
    threads: Option<ThreadCount>,
) -> PyResult<Vec<(String, u64)>> {
    let views = captions.texts()?;
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
