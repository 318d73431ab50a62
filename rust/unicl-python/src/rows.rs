//! The arrays of ids that both tokenizers fill: new ones, or the caller's.

use numpy::{
    Element, PyArray1, PyArray2, PyArrayMethods, PyReadwriteArray2, PyUntypedArrayMethods, dtype,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use unicl_core::text::{Rows, TooLong};

use crate::gate;

/// Ids of all rows one after another, and where each row begins and the last ends.
pub(crate) type IdsAndOffsets<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>);

/// A type of ids in an array: `int64` or `int32`.
pub(crate) trait Id: Element + Copy + Send + Sync + From<u16> + From<i32> {}

impl Id for i64 {}
impl Id for i32 {}

/// A call of a tokenizer that fills rows, whatever the type of their ids.
pub(crate) trait Encode: Sync {
    /// Fills the rows.
    ///
    /// # Errors
    ///
    /// If a caption does not fit and must not be cut.
    fn encode<I: Id>(&self, rows: Rows<'_, I>) -> Result<(), TooLong>;
}

/// Arrays of shape (rows, ids in a row), C-contiguous: ids, then the mask, then the types of tokens.
pub(crate) enum IdArrays<'py, const ARRAYS: usize> {
    Int64([Bound<'py, PyArray2<i64>>; ARRAYS]),
    Int32([Bound<'py, PyArray2<i32>>; ARRAYS]),
}

impl<'py, const ARRAYS: usize> IdArrays<'py, ARRAYS> {
    /// New arrays of this `dtype`.
    pub(crate) fn new(py: Python<'py>, shape: [usize; 2], dtype: &str) -> PyResult<Self> {
        match dtype {
            "int64" => Ok(Self::Int64(zeros(py, shape)?)),
            "int32" => Ok(Self::Int32(zeros(py, shape)?)),
            _ => Err(unknown("dtype", dtype, r#""int64" or "int32""#)),
        }
    }

    /// Fills the arrays with the GIL released.
    pub(crate) fn fill(&self, call: &impl Encode) -> PyResult<()> {
        match self {
            Self::Int64(arrays) => fill(arrays, call),
            Self::Int32(arrays) => fill(arrays, call),
        }
    }

    pub(crate) fn into_any(self) -> [Bound<'py, PyAny>; ARRAYS] {
        match self {
            Self::Int64(arrays) => arrays.map(Bound::into_any),
            Self::Int32(arrays) => arrays.map(Bound::into_any),
        }
    }
}

impl<'py> IdArrays<'py, 1> {
    /// The array that the caller gave as `out`, or a new one of this `dtype`.
    pub(crate) fn given_or_new(
        py: Python<'py>,
        shape: [usize; 2],
        dtype: &str,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let Some(out) = out else {
            return Self::new(py, shape, dtype);
        };
        if let Ok(rows) = out.cast::<PyArray2<i64>>() {
            check_shape(rows, shape)?;
            Ok(Self::Int64([rows.clone()]))
        } else if let Ok(rows) = out.cast::<PyArray2<i32>>() {
            check_shape(rows, shape)?;
            Ok(Self::Int32([rows.clone()]))
        } else {
            Err(not_rows(&out))
        }
    }
}

fn fill<I: Id>(arrays: &[Bound<'_, PyArray2<I>>], call: &impl Encode) -> PyResult<()> {
    let mut guards = arrays.iter().map(writable).collect::<PyResult<Vec<_>>>()?;
    let mut places = Vec::with_capacity(guards.len());
    for guard in &mut guards {
        places.push(guard.as_slice_mut()?);
    }
    let mut places = places.into_iter();
    let rows = Rows {
        length: arrays[0].shape()[1],
        ids: places.next().expect("the array of ids comes first"),
        mask: places.next(),
        types: places.next(),
    };
    gate::run(arrays[0].py(), || call.encode(rows))
}

/// New arrays, or numpy's error: `PyArray2::zeros` panics if the memory is not enough.
fn zeros<I: Element, const ARRAYS: usize>(
    py: Python<'_>,
    shape: [usize; 2],
) -> PyResult<[Bound<'_, PyArray2<I>>; ARRAYS]> {
    let numpy = py.import(intern!(py, "numpy"))?;
    let mut arrays = Vec::with_capacity(ARRAYS);
    for _ in 0..ARRAYS {
        let array = numpy.call_method1(intern!(py, "zeros"), (shape, dtype::<I>(py)))?;
        arrays.push(array.cast_into()?);
    }
    Ok(arrays
        .try_into()
        .expect("the loop makes this number of arrays"))
}

/// Guards against another writer: numpy would let two threads write one array.
fn writable<'py, I: Element>(
    array: &Bound<'py, PyArray2<I>>,
) -> PyResult<PyReadwriteArray2<'py, I>> {
    array.try_readwrite().map_err(|error| {
        PyValueError::new_err(format!("expected an out that can be written; got {error}"))
    })
}

fn check_shape<I: Element>(rows: &Bound<'_, PyArray2<I>>, shape: [usize; 2]) -> PyResult<()> {
    if rows.shape() == shape && rows.is_c_contiguous() {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "expected out to be a C-contiguous array of shape ({}, {}); got shape ({}, {}){}",
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
        "expected out to be a numpy array of int64 or int32 with 2 dimensions; got {got}"
    ))
}

/// The error for a name that an argument does not take.
pub(crate) fn unknown(argument: &str, value: &str, wanted: &str) -> PyErr {
    PyValueError::new_err(format!("expected {argument} to be {wanted}; got {value:?}"))
}
