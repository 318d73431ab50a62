"""Arrow IPC files that are damaged, cut, or hold what they must not: an error, never a crash or fewer rows."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from unicl.files import open_source


def strings(offsets: list[int]) -> pa.Array:
    buffers = (pa.py_buffer(np.array(offsets, np.int32).tobytes()), pa.py_buffer(b"a dog and a cat"))
    return pa.StringArray.from_buffers(len(offsets) - 1, *buffers)


def written(table: pa.Table, writer: Callable[..., Any] = pa.ipc.new_file) -> bytes:
    sink = io.BytesIO()
    with writer(sink, table.schema) as file:
        file.write_table(table, max_chunksize=2)
    return sink.getvalue()


OUTSIDE = {
    "offsets": strings([0, 1_500_000_000, 5]),
    "offsets that fall": strings([0, 7, 3]),
    "indices": pa.DictionaryArray.from_arrays(pa.array([0, 1_500_000_000], pa.int32()), ["a dog"], safe=False),
    "lists": pa.ListArray.from_buffers(
        pa.list_(pa.string()),
        2,
        [None, pa.py_buffer(np.array([0, 1_500_000_000, 1], np.int32).tobytes())],
        children=[pa.array(["a dog"])],
    ),
    "strings in lists": pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), strings([0, 1_500_000_000, 5])),
}


@pytest.mark.parametrize("writer", [pa.ipc.new_file, pa.ipc.new_stream])
@pytest.mark.parametrize("what", OUTSIDE)
def test_values_outside_of_the_file_are_damage_in_every_column(
    tmp_path: Path, what: str, writer: Callable[..., Any]
) -> None:
    table = pa.table({"caption": ["a dog", "a cat"], "other": OUTSIDE[what]})
    (tmp_path / "x.arrow").write_bytes(written(table, writer))
    with pytest.raises(ValueError, match=r"x\.arrow is not Arrow IPC, or is damaged: "):
        list(open_source(tmp_path / "x.arrow").batches())
    assert [len(batch.columns) for batch in open_source(tmp_path / "x.arrow").batches(["caption"])] == [2]


def test_text_that_is_not_utf8_is_no_damage(tmp_path: Path) -> None:
    bad = pa.array([b"\xff", b"a dog"]).view(pa.string())
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), bad)
    index = pa.DictionaryArray.from_arrays(pa.array([1, 0]), bad)
    struct = pa.StructArray.from_arrays([bad], ["of"])
    table = pa.table({"caption": bad, "lists": lists, "index": index, "struct": struct})
    (tmp_path / "x.arrow").write_bytes(written(table))
    assert [len(batch.columns) for batch in open_source(tmp_path / "x.arrow").batches()] == [2]


def test_a_stream_cut_between_two_batches_is_refused(tmp_path: Path) -> None:
    whole = written(pa.table({"caption": ["a dog", "a cat", "a bird"]}), pa.ipc.new_stream)
    (tmp_path / "x.arrows").write_bytes(whole)
    assert sum(len(batch.columns) for batch in open_source(tmp_path / "x.arrows").batches()) == 3
    for end in range(8, len(whole), 8):  # the parts of a stream are multiples of 8 bytes
        (tmp_path / "x.arrows").write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"x\.arrows is not Arrow IPC, or is damaged: "):
            list(open_source(tmp_path / "x.arrows").batches())


def test_a_second_stream_in_a_file_is_not_lost_silently(tmp_path: Path) -> None:
    (tmp_path / "x.arrows").write_bytes(2 * written(pa.table({"caption": ["a dog"]}), pa.ipc.new_stream))
    with pytest.raises(ValueError, match="expected one stream; got bytes after its end: make a file of each"):
        list(open_source(tmp_path / "x.arrows").batches())


def test_a_file_cut_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    path.write_bytes(written(pa.table({"caption": ["a dog and a cat"] * 100_000})))
    batches = open_source(path).batches()
    next(batches)
    with path.open("rb+") as file:
        file.truncate(1 << 20)
    with pytest.raises(ValueError, match=r"x\.arrow is not Arrow IPC, or is damaged: "):
        list(batches)
