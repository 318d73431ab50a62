//! The arrays of ids that every tokenizer fills: new ones, or the caller's.

use numpy::{
    Element, PyArray1, PyArray2, PyArrayMethods, PyReadwriteArray2, PyUntypedArrayMethods, dtype,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;

/// Ids of all rows one after another, and where each row begins and the last ends.
pub(crate) type IdsAndOffsets<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>);

/// An array of shape (rows, ids in a row), C-contiguous.
pub(crate) enum IdRows<'py> {
    Int64(Bound<'py, PyArray2<i64>>),
    Int32(Bound<'py, PyArray2<i32>>),
}

impl<'py> IdRows<'py> {
    /// The array that the caller gave as `out`, or a new one of this `dtype`.
    pub(crate) fn new(
        py: Python<'py>,
        shape: [usize; 2],
        dtype: &str,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        if let Some(out) = out {
            return if let Ok(rows) = out.cast::<PyArray2<i64>>() {
                check_shape(rows, shape)?;
                Ok(Self::Int64(rows.clone()))
            } else if let Ok(rows) = out.cast::<PyArray2<i32>>() {
                check_shape(rows, shape)?;
                Ok(Self::Int32(rows.clone()))
            } else {
                Err(not_rows(&out))
            };
        }
        match dtype {
            "int64" => Ok(Self::Int64(zeros(py, shape)?)),
            "int32" => Ok(Self::Int32(zeros(py, shape)?)),
            _ => Err(unknown("dtype", dtype, r#""int64" or "int32""#)),
        }
    }

    pub(crate) fn into_any(self) -> Bound<'py, PyAny> {
        match self {
            Self::Int64(rows) => rows.into_any(),
            Self::Int32(rows) => rows.into_any(),
        }
    }
}

/// A new array, or numpy's error: `PyArray2::zeros` panics where the memory is not enough.
pub(crate) fn zeros<Id: Element>(
    py: Python<'_>,
    shape: [usize; 2],
) -> PyResult<Bound<'_, PyArray2<Id>>> {
    let numpy = py.import(intern!(py, "numpy"))?;
    let array = numpy.call_method1(intern!(py, "zeros"), (shape, dtype::<Id>(py)))?;
    Ok(array.cast_into()?)
}

/// Guards against another writer: numpy would let two threads write one array.
pub(crate) fn writable<'py, Id: Element>(
    array: &Bound<'py, PyArray2<Id>>,
) -> PyResult<PyReadwriteArray2<'py, Id>> {
    array
        .try_readwrite()
        .map_err(|error| PyValueError::new_err(format!("out cannot be written: {error}")))
}

fn check_shape<Id: Element>(rows: &Bound<'_, PyArray2<Id>>, shape: [usize; 2]) -> PyResult<()> {
    if rows.shape() == shape && rows.is_c_contiguous() {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "out must be a C-contiguous array of shape ({}, {}); got shape ({}, {}){}",
        shape[0],
        shape[1],
        rows.shape()[0],
        rows.shape()[1],
        if rows.is_c_contiguous() {
            ""
        } else {
            ", not C-contiguous"
        }
    )))
}

fn not_rows(out: &Bound<'_, PyAny>) -> PyErr {
    let got = match (out.getattr("dtype"), out.getattr("ndim")) {
        (Ok(dtype), Ok(ndim)) => format!("{dtype} and {ndim} dimensions"),
        _ => out.get_type().to_string(),
    };
    PyTypeError::new_err(format!(
        "out must be a numpy array of int64 or int32 with 2 dimensions; got {got}"
    ))
}

/// The error for a name that an argument does not take.
pub(crate) fn unknown(argument: &str, value: &str, wanted: &str) -> PyErr {
    PyValueError::new_err(format!("{argument} must be {wanted}; got {value:?}"))
}
