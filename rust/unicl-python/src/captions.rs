//! The captions argument of every text function.
//!
//! Captions are one string, a sequence of strings, or an Arrow column of strings. Nothing is copied. A Python string lends its UTF-8 as long as [`Captions`] lives. An ASCII string holds
//! that UTF-8; for any other string `CPython` makes it once and keeps it. A tuple holds the strings, even if
//! the caller's list changes. An Arrow array lends its buffers.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericStringArray, OffsetSizeTrait};
use arrow_schema::DataType;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyList, PySequence, PyString, PyTuple};
use pyo3_arrow::input::AnyArray;

/// One string or a batch of strings, whose text can be read with the GIL released.
pub(crate) struct Captions<'py>(Rows<'py>);

enum Rows<'py> {
    Python(Bound<'py, PyTuple>),
    /// Chunks that passed [`check_column`]: every row can be read.
    Arrow(Vec<ArrayRef>),
}

impl Captions<'_> {
    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Rows::Python(rows) => rows.len(),
            Rows::Arrow(chunks) => chunks.iter().map(Array::len).sum(),
        }
    }

    /// The text of every row, or an error that names the first row without text.
    pub(crate) fn texts(&self) -> PyResult<Vec<&str>> {
        let mut texts = Vec::with_capacity(self.len());
        match &self.0 {
            Rows::Python(rows) => {
                for (row, item) in rows.iter_borrowed().enumerate() {
                    texts.push(text_of(row, item)?);
                }
            }
            Rows::Arrow(chunks) => {
                for chunk in chunks {
                    push_texts(chunk.as_ref(), &mut texts);
                }
            }
        }
        Ok(texts)
    }
}

impl<'py> FromPyObject<'_, 'py> for Captions<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let rows = if object.is_instance_of::<PyString>() {
            Rows::Python(PyTuple::new(py, [object])?)
        } else if let Ok(list) = object.cast::<PyList>() {
            Rows::Python(list.to_tuple())
        } else if let Ok(tuple) = object.cast::<PyTuple>() {
            Rows::Python(tuple.to_owned())
        } else if object.hasattr(intern!(py, "__arrow_c_array__"))?
            || object.hasattr(intern!(py, "__arrow_c_stream__"))?
        {
            Rows::Arrow(read_column(&object)?)
        } else if !object.is_instance_of::<PyBytes>()
            && (object.cast::<PySequence>().is_ok() || object.hasattr(intern!(py, "__array__"))?)
        {
            let tuple = py.get_type::<PyTuple>().call1((object,))?;
            Rows::Python(tuple.cast_into()?)
        } else {
            return Err(PyTypeError::new_err(format!(
                "expected a str, a sequence of str, or an Arrow column of strings; got {}",
                object.get_type().name()?
            )));
        };
        Ok(Self(rows))
    }
}

fn text_of<'a>(row: usize, item: Borrowed<'a, '_, PyAny>) -> PyResult<&'a str> {
    if !item.is_instance_of::<PyString>() {
        return Err(if is_missing(item)? {
            missing(row)
        } else {
            not_text(row, &item.get_type().name()?.to_string())
        });
    }
    // A Python string has UTF-8 unless it holds half of a surrogate pair.
    item.extract().map_err(|_| {
        PyValueError::new_err(format!(
            "expected Unicode text in every row; row {row} has a lone surrogate: repair it, \
             for instance with text.encode('utf-8', 'replace').decode()"
        ))
    })
}

/// Whether an item is None, or what pandas uses for it: NaN or `pandas.NA`.
fn is_missing(item: Borrowed<'_, '_, PyAny>) -> PyResult<bool> {
    let is_nan = item
        .cast::<PyFloat>()
        .is_ok_and(|number| number.value().is_nan());
    Ok(item.is_none() || is_nan || item.get_type().name()? == "NAType")
}

fn missing(row: usize) -> PyErr {
    PyTypeError::new_err(format!(
        "expected a str in every row; row {row} is missing (None, null or NaN): drop it or put \"\" in its place"
    ))
}

fn not_text(row: usize, type_name: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "expected a str in every row; row {row} is of type {type_name}"
    ))
}

fn read_column(object: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayRef>> {
    let column: AnyArray = object.extract()?;
    let (chunks, _) = column.into_chunked_array()?.into_inner();
    let mut first_row = 0;
    for chunk in &chunks {
        check_column(chunk, first_row)?;
        first_row += chunk.len();
    }
    Ok(chunks)
}

/// Checks that [`push_texts`] can read every row: strings, none missing, well formed.
fn check_column(chunk: &ArrayRef, first_row: usize) -> PyResult<()> {
    let values = chunk
        .as_any_dictionary_opt()
        .map_or(chunk.data_type(), |dictionary| {
            dictionary.values().data_type()
        });
    if !matches!(
        values,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    ) {
        let hint = match values {
            DataType::Struct(_) => ": pass the caption column of a table or data frame",
            _ => "",
        };
        return Err(PyTypeError::new_err(format!(
            "expected an Arrow column of strings (Utf8, LargeUtf8, Utf8View, or a dictionary of them); got {}{hint}",
            chunk.data_type()
        )));
    }
    // Logical nulls: the values of a dictionary may be null too.
    if let Some(nulls) = chunk.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        let row = nulls.iter().position(|valid| !valid).unwrap_or_default();
        return Err(missing(first_row + row));
    }
    // The C interface passes bare buffers. Text that is not UTF-8, or an offset out of range, would be
    // undefined behaviour in Rust. So nothing is read before it is checked.
    match chunk.data_type() {
        DataType::Utf8 => check_text(chunk.as_string::<i32>()),
        DataType::LargeUtf8 => check_text(chunk.as_string::<i64>()),
        _ => chunk
            .to_data()
            .validate_full()
            .map_err(|error| error.to_string()),
    }
    .map_err(|error| {
        PyValueError::new_err(format!("expected a well-formed Arrow column; got {error}"))
    })
}

/// Checks what `validate_full` checks, but only for the rows of a slice. `validate_full` also reads the text
/// of all rows before the slice.
fn check_text<Offset: OffsetSizeTrait>(rows: &GenericStringArray<Offset>) -> Result<(), String> {
    let offsets = rows.value_offsets();
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
        return Ok(());
    };
    let (first, last) = (first.as_usize(), last.as_usize());
    let bytes = rows.values().get(first..last);
    let bytes = bytes
        .filter(|_| offsets.is_sorted())
        .ok_or("offsets that fall or point outside the text")?;
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let is_whole = |offset: &Offset| text.is_char_boundary(offset.as_usize() - first);
    if offsets.iter().all(is_whole) {
        Ok(())
    } else {
        Err("a row that begins within a character".to_owned())
    }
}

fn push_texts<'a>(chunk: &'a dyn Array, texts: &mut Vec<&'a str>) {
    match chunk.data_type() {
        // Only a dictionary value that no row refers to can still be null here.
        DataType::Utf8 => texts.extend(
            chunk
                .as_string::<i32>()
                .iter()
                .map(Option::unwrap_or_default),
        ),
        DataType::LargeUtf8 => texts.extend(
            chunk
                .as_string::<i64>()
                .iter()
                .map(Option::unwrap_or_default),
        ),
        DataType::Utf8View => {
            texts.extend(chunk.as_string_view().iter().map(Option::unwrap_or_default));
        }
        _ => {
            let dictionary = chunk.as_any_dictionary();
            let mut values = Vec::with_capacity(dictionary.values().len());
            push_texts(dictionary.values().as_ref(), &mut values);
            texts.extend(
                dictionary
                    .normalized_keys()
                    .into_iter()
                    .map(|key| values[key]),
            );
        }
    }
}
