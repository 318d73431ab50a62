"""Inputs that change during a run, and two runs in one folder: an error, never a mixture."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl import ClipTokenizer, LabelVocabulary
from unicl.files import only_writer
from unicl.jobs import LabelOptions, label_files, mine_vocabulary, tokenize_files

DOGS, CATS = (LabelVocabulary.from_names(names) for names in (["dog", "cat"], ["cat", "dog"]))
MINE = LabelOptions(min_document_frequency=1)

CHANGED = "expected (a file that stays the same during the run|the rows that it had when it was opened)"
"""The reader of a file notices most changes, and the job notices the others when it is done."""


def once_in(title: str, act: Callable[[], object]) -> Callable[..., object]:
    """Makes a progress that acts once, after a batch of the work with that title."""
    left = [act]

    @contextmanager
    def progress(found: str, *_: object) -> Iterator[Callable[[int], None]]:
        yield lambda _: left.pop()() if left and found.startswith(title) else None  # type: ignore[func-returns-value]

    return progress


@pytest.mark.parametrize("name", ["x.txt", "x.csv", "x.jsonl"])
@pytest.mark.parametrize("title", ["counting phrases", "labelling"])
@pytest.mark.parametrize("change", ["added", "cut"])
def test_rows_added_or_cut_during_a_run_are_an_error(tmp_path: Path, name: str, title: str, change: str) -> None:
    row = {"x.txt": "a dog\n", "x.csv": "a dog\n", "x.jsonl": '{"caption": "a dog"}\n'}[name]
    content = ("caption\n" if name == "x.csv" else "") + 9 * row
    (tmp_path / name).write_text(content)
    changed = content + row if change == "added" else content[: -len(row)]
    progress = once_in(title, lambda: (tmp_path / name).write_text(changed))
    with pytest.raises(ValueError, match=rf"{name}: {CHANGED}"):
        label_files([tmp_path / name], tmp_path / "out", options=MINE, progress=progress)
    assert list((tmp_path / "out").iterdir()) == []


def test_mining_and_tokenizing_read_files_that_stay(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("a dog\n")

    def add() -> None:
        with (tmp_path / "x.txt").open("a") as file:
            file.write("a cat\n")

    with pytest.raises(ValueError, match=CHANGED):
        mine_vocabulary([tmp_path / "x.txt"], progress=once_in("counting", add))
    with pytest.raises(ValueError, match=CHANGED):
        tokenize_files([tmp_path / "x.txt"], tmp_path / "out", ClipTokenizer(), progress=once_in("tokenizing", add))
    assert list((tmp_path / "out").iterdir()) == []


def inputs(tmp_path: Path) -> list[Path]:
    for name in "ab":
        pq.write_table(pa.table({"caption": ["a dog"]}), tmp_path / f"{name}.parquet")
    return [tmp_path / "a.parquet", tmp_path / "b.parquet"]


def test_a_second_run_does_not_label_into_a_folder_meanwhile(tmp_path: Path) -> None:
    files, refused = inputs(tmp_path), []

    def second() -> None:
        with pytest.raises(BlockingIOError, match=r"expected a folder that no other run writes into; got .*out: wait"):
            label_files(files, tmp_path / "out", CATS, overwrite=True)
        refused.append(True)

    label_files(files, tmp_path / "out", DOGS, progress=once_in("labelling b", second))
    assert refused == [True]
    assert [pq.read_table(tmp_path / "out" / file.name)["labels"].to_pylist() for file in files] == [[[0]]] * 2
    label_files(files, tmp_path / "out", CATS, overwrite=True)
    assert LabelVocabulary.from_file(tmp_path / "out" / "vocabulary.json").names == CATS.names


def test_without_locks_a_mixture_of_two_runs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fcntl", None)  # as on Windows
    with only_writer(tmp_path):
        files = inputs(tmp_path)

    def second() -> None:
        label_files(files, tmp_path / "out", CATS, overwrite=True)

    with pytest.raises(FileExistsError, match="which another run has replaced meanwhile"):
        label_files(files, tmp_path / "out", DOGS, overwrite=True, progress=once_in("labelling b", second))


def test_a_mixture_of_ids_of_two_runs_is_an_error(tmp_path: Path) -> None:
    files, tokenizer = inputs(tmp_path), ClipTokenizer()

    def second() -> None:
        tokenize_files(files, tmp_path / "out", tokenizer, overwrite=True)

    with pytest.raises(FileExistsError, match=r"a\.parquet, which another run has replaced meanwhile"):
        tokenize_files(files, tmp_path / "out", tokenizer, overwrite=True, progress=once_in("tokenizing b", second))


def test_outputs_that_cannot_be_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("not JSON")
    (tmp_path / "out" / "bad.parquet").mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match=r"expected a name for a file; got .*bad\.parquet, which is a folder"):
        label_files([tmp_path / "bad.jsonl"], tmp_path / "out", DOGS, overwrite=True)
    (tmp_path / "out" / "bad.parquet").rmdir()
    (tmp_path / "out" / "vocabulary.json").mkdir()
    with pytest.raises(IsADirectoryError, match=r"got .*vocabulary\.json, which is a folder"):
        label_files([tmp_path / "bad.jsonl"], tmp_path / "out", DOGS, overwrite=True)


def test_a_link_to_nothing_is_not_replaced_without_asking(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.parquet").symlink_to(tmp_path / "missing")
    with pytest.raises(FileExistsError, match=r"a\.parquet exists"):
        label_files(inputs(tmp_path), tmp_path / "out", DOGS)


def test_a_name_as_long_as_the_system_allows_is_written(tmp_path: Path) -> None:
    (tmp_path / f"{'é' * 123}.txt").write_text("a dog\n")
    label_files([tmp_path / f"{'é' * 123}.txt"], tmp_path / "out", DOGS)
    assert pq.read_table(tmp_path / "out" / f"{'é' * 123}.parquet").num_rows == 1
