"""Every input is opened once, and every pass parses each of its blocks once."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl import ClipTokenizer, LabelVocabulary
from unicl.files import find_inputs
from unicl.files.json_lines import JsonSource
from unicl.files.parquet import ParquetSource
from unicl.files.text_lines import line_blocks
from unicl.jobs import LabelOptions, label_files, mine_vocabulary, tokenize_files

VOCABULARY = LabelVocabulary.from_names(["dog", "cat"])
ROWS = [{"caption": f"a {name}"} for name in ("dog", "cat", "ball", "dog")]
MINE = LabelOptions(min_document_frequency=1)

# Each job with its number of passes over the rows.
JOBS: dict[str, tuple[int, Callable[[Path, Path], Any]]] = {
    "tokenize": (1, lambda source, out: tokenize_files([source], out, ClipTokenizer())),
    "label": (1, lambda source, out: label_files([source], out, VOCABULARY)),
    "mine": (1, lambda source, _: mine_vocabulary([source])),
    "mine and label": (2, lambda source, out: label_files([source], out, options=MINE)),
    "count and label": (2, lambda source, out: label_files([source], out, VOCABULARY, LabelOptions(weights="idf"))),
    "mine, count and label": (
        3,
        lambda source, out: label_files([source], out, options=LabelOptions(balance=1)),
    ),
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often files are opened, blocks are parsed, and passes are begun."""
    counts: Counter[str] = Counter()

    def counted(kind: type, method: str, name: str) -> None:
        real = getattr(kind, method)

        def call(*arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return real(*arguments, **options)

        monkeypatch.setattr(kind, method, call)

    for source in (JsonSource, ParquetSource):
        counted(source, "__init__", "opened")
        counted(source, "batches", "passes")
    counted(JsonSource, "_parse", "parsed")
    counted(JsonSource, "_types", "parsed")
    return counts


@pytest.mark.parametrize("job", JOBS)
def test_lines_of_json_are_parsed_once_at_opening_and_once_a_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: Counter[str], job: str
) -> None:
    monkeypatch.setattr("unicl.files.text_lines.BLOCK_BYTES", 40)
    (tmp_path / "x.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    blocks = len([*line_blocks(tmp_path / "x.jsonl")])
    assert blocks > 1
    passes, run = JOBS[job]
    run(tmp_path / "x.jsonl", tmp_path / "out")
    assert calls == {"opened": 1, "passes": passes, "parsed": blocks * (1 + passes)}


@pytest.mark.parametrize("job", JOBS)
def test_a_parquet_file_is_opened_once_and_read_once_a_pass(tmp_path: Path, calls: Counter[str], job: str) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "x.parquet")
    passes, run = JOBS[job]
    run(tmp_path / "x.parquet", tmp_path / "out")
    assert calls == {"opened": 1, "passes": passes}


@pytest.mark.parametrize("job", [name for name in JOBS if name != "mine"])
def test_inputs_are_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str) -> None:
    looked: list[Any] = []

    def look(*arguments: Any, **options: Any) -> list[Path]:
        looked.append(arguments)
        return find_inputs(*arguments, **options)

    for module in ("tokenize", "label_plan", "mine"):
        monkeypatch.setattr(f"unicl.jobs.{module}.find_inputs", look)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "x.parquet")
    JOBS[job][1](tmp_path / "x.parquet", tmp_path / "out")
    assert len(looked) == 1


def test_the_bytes_of_an_output_depend_on_its_rows_alone(tmp_path: Path) -> None:
    captions = [f"{row} dogs on the grass" for row in range(3_000)]
    pq.write_table(pa.table({"caption": captions}), tmp_path / "x.parquet")

    def written() -> Iterator[bytes]:
        for threads in (1, 2, None):
            out = tmp_path / f"{threads}.parquet"
            tokenize_files([tmp_path / "x.parquet"], out, ClipTokenizer(), threads=threads)
            yield out.read_bytes()

    assert len(set(written())) == 1
