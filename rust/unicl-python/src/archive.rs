//! The index of a tar shard: its samples as Arrow columns.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, Field, Schema};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3_arrow::PyRecordBatch;
use unicl_core::archive::{ArchiveError, Columns, Limits, Samples, Text};

use crate::gate;

#[pyclass(module = "unicl._native")]
pub(crate) struct TarIndexer {
    samples: Samples<File>,
}

#[pymethods]
impl TarIndexer {
    #[new]
    #[pyo3(signature = (path, *, max_text_bytes, max_image_bytes))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        max_text_bytes: u64,
        max_image_bytes: u64,
    ) -> PyResult<Self> {
        let limits = Limits {
            text_bytes: max_text_bytes,
            image_bytes: max_image_bytes,
        };
        let opened = gate::run(py, || {
            let file = File::open(path).map_err(|error| ArchiveError::Io { at: 0, error })?;
            let found = file.metadata();
            let size = found
                .map_err(|error| ArchiveError::Io { at: 0, error })?
                .len();
            Ok::<_, ArchiveError>((file, size))
        });
        let (file, size) = opened?;
        let samples = Samples::new(file, size, limits);
        Ok(Self { samples })
    }

    fn advance(&mut self, py: Python<'_>) -> PyResult<bool> {
        gate::run(py, || self.samples.advance())
    }

    fn take<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let batch = to_arrow(self.samples.take());
        let batch =
            batch.map_err(|error| PyRuntimeError::new_err(format!("bug in unicl: {error}")))?;
        PyRecordBatch::new(batch).into_pyarrow(py)
    }

    #[getter]
    fn is_full(&self) -> bool {
        self.samples.is_full()
    }

    #[getter]
    fn position(&self) -> u64 {
        self.samples.position()
    }

    #[getter]
    fn counts(&self) -> Vec<(&'static str, u64)> {
        let counts = self.samples.counts();
        vec![
            ("files", counts.files),
            ("folders", counts.others.folders),
            ("links", counts.others.links),
            ("devices", counts.others.devices),
            ("unknown", counts.others.unknown),
            ("sparse", counts.sparse),
            ("hidden", counts.hidden),
            ("unsafe_names", counts.unsafe_names),
            ("too_large", counts.too_large),
            ("repeated", counts.repeated),
            ("bad_captions", counts.bad_captions),
            ("bad_labels", counts.bad_labels),
        ]
    }
}

fn to_arrow(columns: Columns) -> Result<RecordBatch, ArrowError> {
    let has_image = NullBuffer::from(columns.members.is_valid.clone());
    let numbers = |values: Vec<i64>| -> ArrayRef {
        Arc::new(Int64Array::new(values.into(), Some(has_image.clone())))
    };
    let fields: Vec<(&str, ArrayRef)> = vec![
        ("key", strings(columns.keys)?),
        ("member", strings(columns.members)?),
        ("offset", numbers(columns.offsets)),
        ("size", numbers(columns.sizes)),
        ("caption", strings(columns.captions)?),
        ("label", strings(columns.labels)?),
    ];
    let is_key = |name: &str| name == "key";
    let schema: Vec<Field> = fields
        .iter()
        .map(|(name, values)| Field::new(*name, values.data_type().clone(), !is_key(name)))
        .collect();
    let values = fields.into_iter().map(|(_, values)| values).collect();
    RecordBatch::try_new(Arc::new(Schema::new(schema)), values)
}

fn strings(text: Text) -> Result<ArrayRef, ArrowError> {
    let offsets = OffsetBuffer::new(ScalarBuffer::from(text.offsets));
    let bytes = Buffer::from_vec(text.bytes.into_bytes());
    let is_valid = NullBuffer::from(text.is_valid);
    Ok(Arc::new(StringArray::try_new(
        offsets,
        bytes,
        Some(is_valid),
    )?))
}
