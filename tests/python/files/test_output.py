"""Outputs appear whole or not at all, and never in the place of something that must stay."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl import ClipTokenizer
from unicl.files import new_file, new_folder, new_parquet, output_paths
from unicl.jobs import tokenize_files

TOKENIZER = ClipTokenizer()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"caption": ["a dog"] * 10}), tmp_path / "captions.parquet")
    return tmp_path / "captions.parquet"


def test_an_existing_output_is_refused_and_stays(tmp_path: Path, source: Path) -> None:
    (tmp_path / "ids.parquet").write_text("precious")
    with pytest.raises(FileExistsError, match=r"ids.parquet exists: .*overwrite=True"):
        tokenize_files([source], tmp_path / "ids.parquet", TOKENIZER)
    assert (tmp_path / "ids.parquet").read_text() == "precious"


def test_an_existing_output_stays_until_the_new_one_is_complete(tmp_path: Path, source: Path) -> None:
    (tmp_path / "ids.parquet").write_text("precious")

    def fails(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    class Interrupted(ClipTokenizer):
        __call__ = fails  # type: ignore[assignment]

    with pytest.raises(KeyboardInterrupt):
        tokenize_files([source], tmp_path / "ids.parquet", Interrupted(), overwrite=True)
    assert (tmp_path / "ids.parquet").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["captions.parquet", "ids.parquet"]
    tokenize_files([source], tmp_path / "ids.parquet", TOKENIZER, overwrite=True)
    assert pq.read_table(tmp_path / "ids.parquet").num_rows == 10


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_nothing_and_is_told_in_one_line(tmp_path: Path) -> None:
    # A limit on the size of files stands in for the disk's end: the system refuses the write in the same way.
    captions = [f"{os.urandom(40).hex()} a dog" for _ in range(20_000)]
    pq.write_table(pa.table({"caption": captions}), tmp_path / "captions.parquet")
    code = f"""
import resource, sys
from unicl.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.exit(main(["tokenize", {str(tmp_path / "captions.parquet")!r}, "--out", {str(tmp_path / "out")!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert f"{tmp_path / 'out' / 'captions.parquet'}" in done.stderr
    assert "cannot write the output: " in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_an_error_of_the_body_leaves_no_file(tmp_path: Path) -> None:
    def fail() -> None:
        with new_file(tmp_path / "a" / "file.json") as aside:
            aside.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list((tmp_path / "a").iterdir()) == []


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError), new_parquet(tmp_path / "a.parquet", pa.schema([])):
        (tmp_path / "a.parquet").write_text("another process was faster")
    assert (tmp_path / "a.parquet").read_text() == "another process was faster"
    assert len(list(tmp_path.iterdir())) == 1


def test_two_inputs_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"expected one input for each output; got a/x\.csv\.gz and b/x\.parquet for .*x\.parquet"
    ):
        output_paths([Path("a/x.csv.gz"), Path("b/x.parquet")], tmp_path)


def test_an_output_that_is_an_input_is_refused(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ValueError, match=r"expected an output that is no input; got .*parquet: name another place"):
        tokenize_files([source], tmp_path, TOKENIZER, overwrite=True)
    assert pq.read_table(source).num_rows == 10


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path, source: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(NotADirectoryError, match=r"got .*out, which is a file: name a folder"):
        tokenize_files([source], tmp_path / "out", TOKENIZER)


def test_a_column_of_a_new_ones_name_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"caption": ["a dog"], "ids": [1]}), tmp_path / "captions.parquet")
    with pytest.raises(ValueError, match=r"expected no column 'ids'.*: rename it.*copy_columns=False"):
        tokenize_files([tmp_path / "captions.parquet"], tmp_path / "out", TOKENIZER)
    assert not (tmp_path / "out").exists()


def test_a_column_that_parquet_cannot_hold_is_told_in_one_line(tmp_path: Path) -> None:
    maps = pa.array([[("a", {})]], pa.map_(pa.string(), pa.struct([])))
    table = pa.table({"caption": ["a dog"], "n": maps})
    with pa.ipc.new_file(tmp_path / "captions.arrow", table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(ValueError, match=r"cannot write .*captions\.parquet: .*struct"):
        tokenize_files([tmp_path / "captions.arrow"], tmp_path / "out", TOKENIZER)
    assert list((tmp_path / "out").iterdir()) == []


def fail_at(row_group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the disk be full at a row group."""
    write, groups = pq.ParquetWriter.write_table, []

    def fails(*arguments: object, **options: object) -> None:
        groups.append(1)
        if len(groups) == row_group:
            raise OSError(28, "No space left on device")
        write(*arguments, **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", fails)


@pytest.mark.parametrize("row_group", [1, 2, 3, 4])
def test_an_error_of_the_writing_thread_reaches_the_caller_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row_group: int
) -> None:
    schema = pa.schema([("n", pa.int64())])
    batch = pa.RecordBatch.from_pydict({"n": list(range(100))}, schema=schema)
    monkeypatch.setattr("unicl.files.output.ROW_GROUP_ROWS", 100)
    fail_at(row_group + 1, monkeypatch)  # the first call is for the names of the columns

    def write_four() -> None:
        with new_parquet(tmp_path / "a.parquet", schema) as output:
            for _ in range(4):
                output.write(batch)

    with pytest.raises(OSError, match=r"cannot write the output: No space left on device: '.*a\.parquet'"):
        write_four()
    assert list(tmp_path.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("parquet-writer")]


def test_an_error_of_the_body_ends_the_writing_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = pa.schema([("n", pa.int64())])
    monkeypatch.setattr("unicl.files.output.ROW_GROUP_ROWS", 1)

    def interrupted() -> None:
        with new_parquet(tmp_path / "a.parquet", schema) as output:
            output.write(pa.RecordBatch.from_pydict({"n": [1]}, schema=schema))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("parquet-writer")]


def test_a_folder_appears_whole_and_replaces_another_only_then(tmp_path: Path) -> None:
    def fail() -> None:
        with new_folder(tmp_path / "run", overwrite=True) as folder:
            (folder / "half").touch()
            raise ZeroDivisionError

    with new_folder(tmp_path / "run") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "old").write_text("old")
        assert not (tmp_path / "run").exists()
    with (
        pytest.raises(FileExistsError, match=r"run exists: name another place, or replace it"),
        new_folder(tmp_path / "run"),
    ):
        pass
    with pytest.raises(ZeroDivisionError):
        fail()
    assert (tmp_path / "run" / "deep" / "old").read_text() == "old"
    with new_folder(tmp_path / "run", overwrite=True) as folder:
        (folder / "new").touch()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
