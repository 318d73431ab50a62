//! The bindings of `unicl_core::text::WordPieceTokenizer`.

use numpy::{Element, IntoPyArray, PyArray2, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use unicl_core::text::{
    BertRows, ControlNames, Normalization, TooLong, Vocabulary, VocabularyError,
    WordPieceTokenizer as Tokenizer,
};

use crate::captions::Captions;
use crate::gate;
use crate::rows::{IdRows, IdsAndOffsets, unknown, writable, zeros};
use crate::threads::{ThreadCount, threads as resolve};

/// Ids, attention mask, token types.
type Batch<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

#[pyclass(frozen, module = "unicl._native")]
pub(crate) struct WordPieceTokenizer {
    tokenizer: Tokenizer,
}

/// The captions of a call and what becomes of them.
struct Work<'a> {
    captions: Vec<&'a str>,
    pairs: Option<Vec<&'a str>>,
    length: usize,
    truncate: bool,
    threads: Option<ThreadCount>,
}

#[pymethods]
impl WordPieceTokenizer {
    #[new]
    #[pyo3(signature = (
        vocabulary, *, unk_token, cls_token, sep_token, pad_token, mask_token, added_tokens,
        continuing_subword_prefix, max_input_chars_per_word,
        clean_text, handle_chinese_chars, strip_accents, lowercase, special_tokens,
    ))]
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "they are the keyword arguments of Python"
    )]
    fn new(
        py: Python<'_>,
        vocabulary: &[u8],
        unk_token: String,
        cls_token: String,
        sep_token: String,
        pad_token: String,
        mask_token: String,
        added_tokens: Vec<String>,
        continuing_subword_prefix: &str,
        max_input_chars_per_word: usize,
        clean_text: bool,
        handle_chinese_chars: bool,
        strip_accents: bool,
        lowercase: bool,
        special_tokens: &str,
    ) -> PyResult<Self> {
        let names = ControlNames {
            unknown: unk_token,
            class: cls_token,
            separator: sep_token,
            padding: pad_token,
            mask: mask_token,
            added: added_tokens,
        };
        let normalization = Normalization {
            clean_text,
            handle_chinese_chars,
            strip_accents,
            lowercase,
        };
        let finds_control_tokens = match special_tokens {
            "text" => false,
            "bert" => true,
            _ => {
                return Err(unknown(
                    "special_tokens",
                    special_tokens,
                    r#""text" or "bert""#,
                ));
            }
        };
        let tokenizer = gate::run(py, || {
            let vocabulary = Vocabulary::parse(vocabulary, &names, continuing_subword_prefix)?;
            Ok::<_, VocabularyError>(Tokenizer::new(
                vocabulary,
                normalization,
                max_input_chars_per_word,
                finds_control_tokens,
            ))
        })?;
        Ok(Self { tokenizer })
    }

    #[getter]
    fn vocabulary<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.tokenizer.vocabulary().to_bytes())
    }

    #[getter]
    fn vocab_size(&self) -> usize {
        self.tokenizer.vocabulary().size()
    }

    #[getter]
    fn control_ids(&self) -> [i32; 4] {
        self.tokenizer.control_ids()
    }

    #[getter]
    fn mask_id(&self) -> Option<i32> {
        self.tokenizer.mask_id()
    }

    #[pyo3(signature = (captions, context_length, dtype, *, out, threads, truncate))]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the keyword arguments of Python"
    )]
    fn encode_padded<'py>(
        &self,
        py: Python<'py>,
        captions: Captions<'_>,
        context_length: usize,
        dtype: &str,
        out: Option<Bound<'py, PyAny>>,
        threads: Option<ThreadCount>,
        truncate: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let shape = [captions.len(), context_length];
        let work = Work {
            captions: captions.texts()?,
            pairs: None,
            length: context_length,
            truncate,
            threads,
        };
        let rows = IdRows::new(py, shape, dtype, out)?;
        match &rows {
            IdRows::Int64(rows) => self.fill(&work, rows, [None; 2])?,
            IdRows::Int32(rows) => self.fill(&work, rows, [None; 2])?,
        }
        Ok(rows.into_any())
    }

    #[pyo3(signature = (captions, pairs, context_length, dtype, *, threads, truncate))]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the keyword arguments of Python"
    )]
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        captions: Captions<'_>,
        pairs: Option<Captions<'_>>,
        context_length: usize,
        dtype: &str,
        threads: Option<ThreadCount>,
        truncate: bool,
    ) -> PyResult<Batch<'py>> {
        let captions = captions.texts()?;
        let pairs = pairs.as_ref().map(Captions::texts).transpose()?;
        if let Some(pairs) = &pairs
            && pairs.len() != captions.len()
        {
            return Err(PyValueError::new_err(format!(
                "pairs must have one text for each caption, {}; got {}",
                captions.len(),
                pairs.len()
            )));
        }
        let work = Work {
            captions,
            pairs,
            length: context_length,
            truncate,
            threads,
        };
        match dtype {
            "int64" => self.fill_batch::<i64>(py, &work),
            "int32" => self.fill_batch::<i32>(py, &work),
            _ => Err(unknown("dtype", dtype, r#""int64" or "int32""#)),
        }
    }

    #[pyo3(signature = (captions, *, threads))]
    fn encode_ragged<'py>(
        &self,
        py: Python<'py>,
        captions: Captions<'_>,
        threads: Option<ThreadCount>,
    ) -> PyResult<IdsAndOffsets<'py>> {
        let (views, threads) = (captions.texts()?, resolve(threads));
        let (ids, offsets) =
            gate::run_infallible(py, || self.tokenizer.encode_ragged(&views, threads))?;
        Ok((ids.into_pyarray(py), offsets.into_pyarray(py)))
    }

    fn decode(&self, py: Python<'_>, ids: PyReadonlyArray1<'_, i64>) -> PyResult<String> {
        let ids = ids.as_slice()?;
        gate::run(py, || self.tokenizer.decode(ids))
    }
}

impl WordPieceTokenizer {
    fn fill_batch<'py, Id: Element + Copy + Send + Sync + From<i32>>(
        &self,
        py: Python<'py>,
        work: &Work<'_>,
    ) -> PyResult<Batch<'py>> {
        let shape = [work.captions.len(), work.length];
        let (ids, mask, types) = (
            zeros::<Id>(py, shape)?,
            zeros::<Id>(py, shape)?,
            zeros::<Id>(py, shape)?,
        );
        self.fill(work, &ids, [Some(&mask), Some(&types)])?;
        Ok((ids.into_any(), mask.into_any(), types.into_any()))
    }

    /// Fills arrays of the right shape: ids, and mask and types if they are wanted.
    fn fill<Id: Element + Copy + Send + Sync + From<i32>>(
        &self,
        work: &Work<'_>,
        ids: &Bound<'_, PyArray2<Id>>,
        mask_and_types: [Option<&Bound<'_, PyArray2<Id>>>; 2],
    ) -> PyResult<()> {
        let threads = resolve(work.threads);
        let mut id_guard = writable(ids)?;
        let mut mask_guard = mask_and_types[0].map(writable).transpose()?;
        let mut type_guard = mask_and_types[1].map(writable).transpose()?;
        let rows = BertRows {
            length: work.length,
            ids: id_guard.as_slice_mut()?,
            mask: mask_guard
                .as_mut()
                .map(|mask| mask.as_slice_mut())
                .transpose()?,
            types: type_guard
                .as_mut()
                .map(|types| types.as_slice_mut())
                .transpose()?,
        };
        let (captions, pairs) = (&work.captions, work.pairs.as_deref());
        gate::run(ids.py(), || {
            if !work.truncate {
                self.tokenizer
                    .check_fit(captions, pairs, work.length, threads)?;
            }
            self.tokenizer.encode_padded(captions, pairs, rows, threads);
            Ok::<_, TooLong>(())
        })
    }
}
