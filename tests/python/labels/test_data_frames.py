"""Captions come from data frames and data sets, and labels go into them and back."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unicl.labels import DenseLabeler, LabelFilters, LabelSets, LabelVocabulary, RelevanceFilter

datasets = pytest.importorskip("datasets")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

VOCABULARY = LabelVocabulary.from_names(["dog", "ball"])
CAPTIONS = ["a dog", "two balls and a dog", "", "caf\u00e9", "a ball"]
LABELS = [[0], [0, 1], [], [], [1]]
rows = st.lists(st.sets(st.integers(0, 9), max_size=4).map(sorted), max_size=8)


@pytest.mark.parametrize("dtype", ["str", "object", "string", "category", "string[pyarrow]"])
def test_a_pandas_series_is_a_batch_of_captions(dtype):
    series = pd.Series(CAPTIONS, dtype=dtype, index=range(5, 0, -1))
    assert DenseLabeler(VOCABULARY)(series).to_list() == LABELS
    assert DenseLabeler(VOCABULARY)(series[1:3]).to_list() == LABELS[1:3]


@pytest.mark.parametrize("dtype", ["String", "Categorical"])
def test_a_polars_series_is_a_batch_of_captions(dtype):
    series = pl.Series(CAPTIONS, dtype=getattr(pl, dtype))
    assert DenseLabeler(VOCABULARY)(series).to_list() == LABELS
    assert DenseLabeler(VOCABULARY)(series[1:3].append(series[:1])).to_list() == [*LABELS[1:3], LABELS[0]]


@pytest.mark.parametrize("make", [pd.Series, pl.Series])
def test_a_missing_caption_is_refused_with_its_row(make):
    with pytest.raises(TypeError, match="row 1 is missing"):
        DenseLabeler(VOCABULARY)(make(["a dog", None]))


def test_ids_beyond_32_bits_come_back_from_arrow():
    sets = LabelSets.from_lists([[3, 2**40], [], [1]])
    assert LabelSets.from_arrow(sets.to_arrow()).to_list() == [[3, 2**40], [], [1]]
    assert LabelSets.from_arrow(pa.array([[3], [1]])).indices.dtype == np.int32


@given(rows, st.booleans())
def test_sets_go_through_arrow_polars_and_pandas_and_come_back(rows, weighted):
    weights = [[label / 2 for label in row] for row in rows] if weighted else None
    sets = LabelSets.from_lists(rows, weights=weights)
    batch = sets.to_arrow()
    assert batch.schema == pa.schema({"labels": pa.list_(pa.int32()), "label_weights": pa.list_(pa.float32())})
    frames = [
        batch,
        pl.DataFrame({"row": range(len(rows))}).with_columns(pl.from_arrow(batch)),
        pd.DataFrame(
            {name: pd.Series(batch[name], dtype=pd.ArrowDtype(batch[name].type)) for name in batch.column_names}
        ),
    ]
    columns = [(frame["labels"], frame["label_weights"]) for frame in frames]
    for arguments in [*columns, *([frame] for frame in frames), [pa.Table.from_batches([batch])]]:
        back = LabelSets.from_arrow(*arguments)
        assert back.to_list() == rows
        np.testing.assert_array_equal(
            back.weights, np.ones(len(sets.indices)) if sets.weights is None else sets.weights
        )
    assert all(LabelSets.from_arrow(labels).weights is None for labels, _ in columns)


def test_a_table_of_labels_alone_has_no_weights_and_weights_that_are_given_come_before_its_own():
    table = pa.table({"caption": ["a dog", "rain"], "labels": [[0], []]})
    assert LabelSets.from_arrow(table).weights is None
    table = table.append_column("label_weights", pa.array([[2.0], []]))
    assert LabelSets.from_arrow(table, pa.array([[3.0], []])).weights.tolist() == [3.0]


def test_labels_and_weights_are_not_copied_on_the_way():
    sets = LabelSets.from_lists([[1, 2], [], [3]], weights=[[0.5, 1.0], [], [2.0]])
    batch = sets.to_arrow()
    back = LabelSets.from_arrow(batch["labels"], batch["label_weights"])
    assert np.shares_memory(back.indices, sets.indices)
    assert np.shares_memory(back.weights, sets.weights)


@given(rows, st.data())
def test_slices_chunks_nulls_and_wide_integers_are_read(rows, data):
    cut = data.draw(st.integers(0, len(rows)))
    nulled = [None if data.draw(st.booleans()) and not row else row for row in rows]
    column = pa.array(nulled, pa.large_list(pa.int64()))
    assert LabelSets.from_arrow(column[cut:]).to_list() == rows[cut:]
    assert LabelSets.from_arrow(pa.chunked_array([column[:cut], column[cut:]])).to_list() == rows


def test_what_a_null_row_hides_is_no_label():
    hidden = pa.ListArray.from_arrays(
        pa.array([0, 2, 3], pa.int32()), pa.array([7, 8, 9], pa.int32()), mask=pa.array([True, False])
    )
    assert LabelSets.from_arrow(hidden).to_list() == [[], [9]]


@pytest.mark.parametrize(
    ("labels", "weights", "error", "message"),
    [
        ([[1]], None, TypeError, r"expected labels as an Arrow column of lists; got list \(see from_lists\)"),
        (pa.table({"ids": [[1]]}), None, ValueError, "expected a column 'labels' in the table; it has 'ids'"),
        (pa.array([1]), None, TypeError, "expected labels as a column of lists of integers; got int64"),
        (pa.array([[0.5]]), None, TypeError, "expected labels as a column of lists of integers; got list<.*double>"),
        (pa.array([[1], [2, None]]), None, ValueError, "row 1 of labels holds a null"),
        (pa.array([[2**63]], pa.list_(pa.uint64())), None, ValueError, "9223372036854775808"),
        (pa.array([[-1]]), None, ValueError, "expected label ids >= 0; got -1"),
        (pa.array([[1], [2]]), pa.array([[0.5]]), ValueError, "got 2 rows of labels and 1 of weights"),
        (pa.array([[1], [2, 3]]), pa.array([[0.5], [1.0]]), ValueError, "row 1 has 2 labels and 1 weights"),
        (pa.array([[1]]), pa.array([["a"]]), TypeError, "expected weights as a column of lists of numbers"),
    ],
)
def test_columns_that_hold_no_sets_are_refused(labels, weights, error, message):
    with pytest.raises(error, match=message):
        LabelSets.from_arrow(labels, weights)


@pytest.mark.parametrize("processes", [None, 2])
@pytest.mark.parametrize("format_name", [None, "numpy", "arrow"])
def test_a_hugging_face_data_set_is_mapped_by_columns(format_name, processes):
    data = datasets.Dataset.from_dict({"caption": CAPTIONS * 3}).with_format(format_name)
    label = DenseLabeler(VOCABULARY).on_column("caption")
    mapped = data.map(label, batched=True, batch_size=4, num_proc=processes)
    assert mapped.features["labels"] == datasets.List(datasets.Value("int32"))
    assert mapped.features["label_weights"] == datasets.List(datasets.Value("float32"))
    table = mapped.with_format("arrow")[:]
    assert table["caption"].to_pylist() == CAPTIONS * 3
    assert LabelSets.from_arrow(table["labels"], table["label_weights"]).to_list() == LABELS * 3


def test_equal_labelers_have_equal_fingerprints_so_the_cache_is_found():
    def fresh(names):
        return DenseLabeler(LabelVocabulary.from_names(names)).on_column("caption")

    first, second, other = fresh(["dog", "ball"]), fresh(["dog", "ball"]), fresh(["dog", "cat"])
    hashes = [datasets.fingerprint.Hasher.hash(label) for label in (first, second, other)]
    first({"caption": CAPTIONS})  # what a call leaves behind changes nothing
    assert hashes[0] == hashes[1] == datasets.fingerprint.Hasher.hash(first) != hashes[2]


def test_a_labeler_that_went_through_a_pickle_labels_alike():
    label = DenseLabeler(
        VOCABULARY, filters=LabelFilters(balance=1), frequency_of=DenseLabeler(VOCABULARY).count(CAPTIONS)
    ).on_column("caption")
    batch, ids = {"caption": CAPTIONS}, range(5)
    ours, theirs = (function(batch, ids)["labels"] for function in (label, pickle.loads(pickle.dumps(label))))  # noqa: S301
    assert [row.tolist() for row in ours] == [row.tolist() for row in theirs]


def test_balance_in_a_map_draws_by_the_index_in_the_data_set():
    captions = ["a dog"] * 50
    counts = DenseLabeler(VOCABULARY).count(captions)
    labeler = DenseLabeler(VOCABULARY, filters=LabelFilters(balance=10), frequency_of=counts)
    label = labeler.on_column("caption")
    data = datasets.Dataset.from_dict({"caption": captions})
    mapped = data.map(label, batched=True, batch_size=7, with_indices=True)
    assert list(mapped["labels"]) == labeler(captions).to_list()
    with pytest.raises(ValueError, match="pass with_indices=True to map"):
        label({"caption": captions})


def test_images_of_a_column_go_to_the_relevance_filter():
    relevance = RelevanceFilter(
        scorer=lambda images, phrases: [[image] * len(row) for image, row in zip(images, phrases, strict=True)],
        weigh=True,
    )
    label = DenseLabeler(VOCABULARY, filters=LabelFilters(relevance=relevance)).on_column(
        "caption", image_column="image"
    )
    data = datasets.Dataset.from_dict({"caption": ["a dog", "a ball"], "image": [0.75, 0.25]}).map(label, batched=True)
    assert (list(data["labels"]), list(data["label_weights"])) == ([[0], []], [[0.75], []])


def test_a_map_without_batches_is_refused_and_says_what_to_pass():
    with pytest.raises(TypeError, match="got one, 'a dog': pass batched=True to map"):
        DenseLabeler(VOCABULARY).on_column("text")({"text": "a dog"})
    with pytest.raises(ValueError, match="got 'labels': rename or remove"):
        DenseLabeler(VOCABULARY).on_column("text")({"text": ["a dog"], "labels": [[7]]})
    table = pa.table({"text": ["a dog"], "labels": [[7]], "label_weights": [[1.0]]})
    with pytest.raises(ValueError, match="got 'label_weights' and 'labels'"):
        DenseLabeler(VOCABULARY).on_column("text")(table)


def test_a_labeler_that_would_count_each_batch_by_itself_is_refused():
    with pytest.raises(ValueError, match=r"as map\(\) labels one batch at a time; got none: count first"):
        DenseLabeler(VOCABULARY, filters=LabelFilters(min_document_frequency=2)).on_column("caption")
