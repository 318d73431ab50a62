//! The label vocabulary, its mining, and phrases and captions to labels.

use std::sync::OnceLock;

use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;
use unicl_core::labels::{
    self, ArgmaxIndex, CountedName, LabelWords, Limits, Mapping, Meanings, Mode, NameEnds,
    PhraseDetail, Spelling, Texts, Vocabulary, VocabularyError,
};
use unicl_core::phrases::GrammarError;

use crate::captions::Captions;
use crate::gate;
use crate::phrases::PosTagger;
use crate::rows::unknown;
use crate::threads::{ThreadCount, threads};

/// Ids, scores and rules of mapped phrases.
type Mappings<'py> = (
    Bound<'py, PyArray1<i32>>,
    Bound<'py, PyArray1<f32>>,
    Bound<'py, PyArray1<u8>>,
);

#[pyclass(frozen, module = "unicl._native")]
pub(crate) struct LabelVocabulary {
    vocabulary: Vocabulary,
    /// Made when the mode is first used.
    argmax: OnceLock<ArgmaxIndex>,
    /// Made when words are first taken for misspelt.
    words: OnceLock<LabelWords>,
    /// Made when captions are first labelled.
    ends: OnceLock<NameEnds>,
}

#[pymethods]
impl LabelVocabulary {
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
            ends: OnceLock::new(),
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

    /// Texts that are a form of two labels: the text, the id of the label it means, and that of the other.
    fn shared_forms(&self) -> Vec<(&str, u32, u32)> {
        let forms = self.vocabulary.shared_forms().iter();
        forms
            .map(|form| (form.text.as_str(), form.label, form.other))
            .collect()
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
}

/// How phrases become labels of a vocabulary.
#[pyclass(frozen, module = "unicl._native")]
pub(crate) struct LabelMapper {
    vocabulary: Py<LabelVocabulary>,
    is_argmax: bool,
    nearest_kept: Option<Vec<i32>>,
    /// The least similarity of a misspelt word, and the tagger that knows which words are not misspelt.
    spelling: Option<(f64, Py<PosTagger>)>,
}

#[pymethods]
impl LabelMapper {
    #[new]
    #[pyo3(signature = (vocabulary, *, mode = "canonical", nearest_kept = None, fuzzy_threshold = None, known_words = None))]
    fn new(
        vocabulary: Py<LabelVocabulary>,
        mode: &str,
        nearest_kept: Option<PyReadonlyArray1<'_, i32>>,
        fuzzy_threshold: Option<f64>,
        known_words: Option<Py<PosTagger>>,
    ) -> PyResult<Self> {
        let is_argmax = match mode {
            "canonical" => false,
            "argmax" => true,
            _ => return Err(unknown("mode", mode, r#""canonical" or "argmax""#)),
        };
        let nearest_kept = nearest_kept.map(|ids| ids.as_slice().map(<[i32]>::to_vec));
        Ok(Self {
            vocabulary,
            is_argmax,
            nearest_kept: nearest_kept.transpose()?,
            spelling: fuzzy_threshold.zip(known_words),
        })
    }

    #[pyo3(signature = (phrases, *, threads = None))]
    fn map<'py>(
        &self,
        py: Python<'py>,
        phrases: Captions<'_>,
        threads: Option<ThreadCount>,
    ) -> PyResult<Mappings<'py>> {
        let views = phrases.texts()?;
        let threads = self::threads(threads);
        let mappings =
            gate::run_infallible(py, || labels::map_phrases(self.mode(), &views, threads))?;
        Ok(mapping_arrays(py, &mappings))
    }

    #[pyo3(signature = (captions, tagger, *, grammar = None, phrases = "count", threads = None))]
    fn label(
        &self,
        py: Python<'_>,
        captions: Captions<'_>,
        tagger: &PosTagger,
        grammar: Option<&str>,
        phrases: &str,
        threads: Option<ThreadCount>,
    ) -> PyResult<LabelColumns> {
        let detail = match phrases {
            "count" => PhraseDetail::Count,
            "label" => PhraseDetail::Label,
            "text" => PhraseDetail::Text,
            "lemma" => PhraseDetail::Lemma,
            _ => {
                let wanted = r#""count", "label", "text" or "lemma""#;
                return Err(unknown("phrases", phrases, wanted));
            }
        };
        let views = captions.texts()?;
        let threads = self::threads(threads);
        let columns = gate::run(py, || {
            let chunker = tagger.chunker(grammar)?;
            Ok::<_, GrammarError>(labels::label_captions(
                &tagger.tagger,
                &chunker,
                self.mode(),
                &views,
                detail,
                threads,
            ))
        })?;
        Ok(LabelColumns::new(py, columns, detail))
    }
}

impl LabelMapper {
    fn mode(&self) -> Mode<'_> {
        let LabelVocabulary {
            vocabulary,
            argmax,
            words,
            ends,
        } = self.vocabulary.get();
        if self.is_argmax {
            return Mode::Argmax(argmax.get_or_init(|| ArgmaxIndex::new(vocabulary.names())));
        }
        let spelling = self.spelling.as_ref().map(|(threshold, tagger)| Spelling {
            words: words.get_or_init(|| LabelWords::new(vocabulary)),
            tagger: &tagger.get().tagger,
            threshold: *threshold,
        });
        Mode::Canonical(Meanings {
            vocabulary,
            kept: self.nearest_kept.as_deref(),
            spelling,
            ends: Some(ends.get_or_init(|| NameEnds::new(vocabulary))),
        })
    }
}

fn mapping_arrays<'py>(py: Python<'py>, mappings: &[Mapping]) -> Mappings<'py> {
    let ids: Vec<i32> = mappings.iter().map(|mapping| mapping.id).collect();
    let scores: Vec<f32> = mappings.iter().map(|mapping| mapping.score).collect();
    let rules: Vec<u8> = mappings.iter().map(|mapping| mapping.rule as u8).collect();
    (
        ids.into_pyarray(py),
        scores.into_pyarray(py),
        rules.into_pyarray(py),
    )
}

/// [`labels::LabelColumns`] as numpy arrays; `None` for what was not asked for.
#[pyclass(frozen, get_all, module = "unicl._native")]
pub(crate) struct LabelColumns {
    labels: Py<PyArray1<i32>>,
    label_offsets: Py<PyArray1<i64>>,
    phrase_offsets: Py<PyArray1<i64>>,
    ids: Option<Py<PyArray1<i32>>>,
    scores: Option<Py<PyArray1<f32>>>,
    rules: Option<Py<PyArray1<u8>>>,
    spans: Option<Py<PyArray2<i32>>>,
    text: Option<TextArrays>,
    lemmas: Option<TextArrays>,
}

/// UTF-8, and where each string begins in it.
type TextArrays = (Py<PyArray1<u8>>, Py<PyArray1<i64>>);

impl LabelColumns {
    fn new(py: Python<'_>, columns: labels::LabelColumns, detail: PhraseDetail) -> Self {
        let (ids, scores, rules) = if detail >= PhraseDetail::Label {
            let (ids, scores, rules) = mapping_arrays(py, &columns.mappings);
            (
                Some(ids.unbind()),
                Some(scores.unbind()),
                Some(rules.unbind()),
            )
        } else {
            (None, None, None)
        };
        let texts = |texts: Texts| -> TextArrays {
            let text = texts.text.into_bytes().into_pyarray(py);
            (text.unbind(), texts.offsets.into_pyarray(py).unbind())
        };
        let pieces = columns.spans.len();
        let spans = (detail >= PhraseDetail::Text).then(|| {
            let spans = Array2::from_shape_vec((pieces, 2), columns.spans.into_flattened());
            let spans = spans.expect("each span is two numbers");
            spans.into_pyarray(py).unbind()
        });
        Self {
            labels: columns.labels.into_pyarray(py).unbind(),
            label_offsets: columns.label_offsets.into_pyarray(py).unbind(),
            phrase_offsets: columns.phrase_offsets.into_pyarray(py).unbind(),
            ids,
            scores,
            rules,
            spans,
            text: (detail >= PhraseDetail::Text).then(|| texts(columns.texts)),
            lemmas: (detail >= PhraseDetail::Lemma).then(|| texts(columns.lemmas)),
        }
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

/// A name's key, the number of captions with it, and the number for each form in which it is written.
type NameCount = (String, u64, Vec<(String, u64)>);

/// Every name that [`mine_labels`] considers, with its counts, in no order.
#[pyfunction]
#[pyo3(signature = (captions, tagger, grammar = None, threads = None))]
pub(crate) fn count_names(
    py: Python<'_>,
    captions: Captions<'_>,
    tagger: &PosTagger,
    grammar: Option<&str>,
    threads: Option<ThreadCount>,
) -> PyResult<Vec<NameCount>> {
    let views = captions.texts()?;
    let threads = self::threads(threads);
    let names = gate::run(py, || {
        let chunker = tagger.chunker(grammar)?;
        let tagger = &tagger.tagger;
        Ok::<_, GrammarError>(labels::count_names(tagger, &chunker, &views, threads))
    })?;
    let names = names.into_iter();
    Ok(names
        .map(|name| (name.key, name.captions, name.forms))
        .collect())
}

/// The form of a counted name that is shown.
#[pyfunction]
pub(crate) fn shown_name(key: String, forms: Vec<(String, u64)>) -> String {
    let name = CountedName {
        key,
        captions: 0,
        forms,
    };
    name.shown().to_owned()
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
