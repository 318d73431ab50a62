//! BERT's tokenizer.

use numpy::{IntoPyArray, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use unicl_core::text::{
    ControlNames, NamedPart, Normalization, Rows, TooLong, Vocabulary,
    WordPieceTokenizer as Tokenizer,
};
use unicl_core::threads::Threads;

use crate::captions::Captions;
use crate::gate;
use crate::rows::{Encode, Id, IdArrays, IdsAndOffsets, unknown};
use crate::threads::{ThreadCount, threads as resolve};

/// Ids, attention mask, token types.
type Batch<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

#[pyclass(frozen, module = "unicl._native")]
pub(crate) struct WordPieceTokenizer {
    tokenizer: Tokenizer,
}

fn named(parts: &[(String, i32)]) -> Vec<NamedPart<'_>> {
    parts
        .iter()
        .map(|(name, kind)| (name.as_str(), *kind))
        .collect()
}

/// A call of the tokenizer: captions, and how to encode them.
struct Call<'a> {
    tokenizer: &'a Tokenizer,
    captions: Vec<&'a str>,
    pairs: Option<Vec<&'a str>>,
    truncate: bool,
    threads: Threads,
}

#[pymethods]
impl WordPieceTokenizer {
    #[new]
    #[pyo3(signature = (
        vocabulary, *, unk_token, cls_token, sep_token, pad_token, mask_token, added_tokens,
        continuing_subword_prefix, max_input_chars_per_word,
        clean_text, handle_chinese_chars, strip_accents, lowercase, special_tokens,
        single_template, pair_template,
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
        single_template: Vec<(String, i32)>,
        pair_template: Vec<(String, i32)>,
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
            let tokenizer = Tokenizer::new(
                vocabulary,
                normalization,
                max_input_chars_per_word,
                finds_control_tokens,
            );
            tokenizer.with_templates(&named(&single_template), &named(&pair_template))
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
    fn control_tokens(&self) -> [usize; 2] {
        self.tokenizer.control_tokens()
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
        let call = Call {
            tokenizer: &self.tokenizer,
            captions: captions.texts()?,
            pairs: None,
            truncate,
            threads: resolve(threads),
        };
        let arrays = IdArrays::given_or_new(py, shape, dtype, out)?;
        arrays.fill(&call)?;
        let [ids] = arrays.into_any();
        Ok(ids)
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
        let shape = [captions.len(), context_length];
        let captions = captions.texts()?;
        let pairs = pairs.as_ref().map(Captions::texts).transpose()?;
        if let Some(pairs) = &pairs
            && pairs.len() != captions.len()
        {
            return Err(PyValueError::new_err(format!(
                "expected one text in pairs for each of {} captions; got {}",
                captions.len(),
                pairs.len()
            )));
        }
        let call = Call {
            tokenizer: &self.tokenizer,
            captions,
            pairs,
            truncate,
            threads: resolve(threads),
        };
        let arrays = IdArrays::new(py, shape, dtype)?;
        arrays.fill(&call)?;
        let [ids, mask, types] = arrays.into_any();
        Ok((ids, mask, types))
    }

    #[pyo3(signature = (captions, *, threads))]
    fn encode_ragged<'py>(
        &self,
        py: Python<'py>,
        captions: Captions<'_>,
        threads: Option<ThreadCount>,
    ) -> PyResult<IdsAndOffsets<'py>> {
        let (texts, threads) = (captions.texts()?, resolve(threads));
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
        let (captions, pairs) = (&self.captions, self.pairs.as_deref());
        if !self.truncate {
            self.tokenizer
                .check_fit(captions, pairs, rows.length, self.threads)?;
        }
        self.tokenizer
            .encode_padded(captions, pairs, rows, self.threads);
        Ok(())
    }
}
