"""A run that replaces labels never leaves ids that mean other names."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl import LabelVocabulary
from unicl.files import Reading
from unicl.jobs import LabelOptions, label_files

OLD, OTHER = LabelVocabulary.from_names(["dog", "cat"]), LabelVocabulary.from_names(["cat", "dog"])
LONGER = OLD.extended(["ball"])


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    """Two files, labelled with OLD in out/; without --bad-rows skip the second is refused."""
    for name, captions in {"a": ["a dog"], "b": ["a cat", None]}.items():
        pq.write_table(pa.table({"caption": pa.array(captions, pa.string())}), tmp_path / f"{name}.parquet")
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    label_files(paths, tmp_path / "out", OLD, reading=Reading(bad_rows="skip"))
    return paths


def names_in(out: Path) -> dict[str, list[str]]:
    """The labels of the first row of every file, by the vocabulary that is there."""
    names = LabelVocabulary.from_file(out / "vocabulary.json").names
    return {
        path.name: [names[label] for label in pq.read_table(path)["labels"][0].as_py()]
        for path in sorted(out.glob("*.parquet"))
    }


def test_where_ids_change_no_old_labels_stay_beside_new_ones(tmp_path: Path, inputs: list[Path]) -> None:
    with pytest.raises(ValueError, match=r"b\.parquet, row 1: null caption"):
        label_files(inputs, tmp_path / "out", OTHER, overwrite=True)
    assert names_in(tmp_path / "out") == {"a.parquet": ["dog"]}


def test_where_ids_stay_labels_stay_until_they_are_replaced(tmp_path: Path, inputs: list[Path]) -> None:
    with pytest.raises(ValueError, match=r"b\.parquet, row 1: null caption"):
        label_files(inputs, tmp_path / "out", LONGER, overwrite=True)
    assert names_in(tmp_path / "out") == {"a.parquet": ["dog"], "b.parquet": ["cat"]}


def test_labels_that_are_not_replaced_keep_their_names(tmp_path: Path, inputs: list[Path]) -> None:
    for vocabulary in (OTHER, None):
        with pytest.raises(
            FileExistsError,
            match=r"expected a folder whose labels are all replaced; got .*b\.parquet, which needs .*name another",
        ):
            label_files(
                inputs[:1], tmp_path / "out", vocabulary, LabelOptions(min_document_frequency=0), overwrite=True
            )
    label_files(inputs[:1], tmp_path / "out", LONGER, overwrite=True)
    assert names_in(tmp_path / "out") == {"a.parquet": ["dog"], "b.parquet": ["cat"]}


def test_a_vocabulary_that_cannot_be_read_is_another(tmp_path: Path, inputs: list[Path]) -> None:
    (tmp_path / "out" / "vocabulary.json").write_text("{")
    label_files(inputs, tmp_path / "out", OTHER, overwrite=True, reading=Reading(bad_rows="skip"))
    assert names_in(tmp_path / "out") == {"a.parquet": ["dog"], "b.parquet": ["cat"]}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_in_the_first_file_leaves_the_old_labels_and_their_names(tmp_path: Path) -> None:
    # The file is written in one piece, at its end; a limit on the size of files stands in for the disk's end.
    captions = ["a dog", *(os.urandom(40).hex() for _ in range(5_000))]
    pq.write_table(pa.table({"caption": captions}), tmp_path / "a.parquet")
    label_files([tmp_path / "a.parquet"], tmp_path / "out", LabelVocabulary.from_names(["dog"]))
    OTHER.save(tmp_path / "other.json")
    code = f"""
import resource, sys
from unicl.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
folder = {str(tmp_path)!r}
words = ["--vocabulary", folder + "/other.json", "--out", folder + "/out", "--overwrite"]
sys.exit(main(["label", folder + "/a.parquet", *words]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "cannot write the output: " in done.stderr
    assert names_in(tmp_path / "out") == {"a.parquet": ["dog"]}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.parquet", "vocabulary.json"]


@pytest.mark.usefixtures("inputs")
def test_more_files_join_a_folder_with_the_same_vocabulary(tmp_path: Path) -> None:
    out = tmp_path / "out"
    more = tmp_path / "c.csv"
    more.write_text("caption\na dog\n")
    label_files([more], out, OLD)
    assert sorted(path.name for path in out.iterdir()) == ["a.parquet", "b.parquet", "c.parquet", "vocabulary.json"]
    more.rename(tmp_path / "d.csv")
    with pytest.raises(FileExistsError, match=r"vocabulary\.json exists"):
        label_files([tmp_path / "d.csv"], out, LONGER)
