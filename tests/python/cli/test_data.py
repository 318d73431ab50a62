"""`unicl data`: what it prints, the page and the JSON it writes, and how it ends where something is wrong."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from unicl.cli import main


def png(color: int, width: int = 6) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, 4), (color, 0, 0)).save(content, "PNG")
    return content.getvalue()


def write(path: Path, captions: Sequence[str | None], classes: Sequence[str | int | None], **columns: object) -> Path:
    images = [png(row) for row in range(len(captions))]
    table = pa.table({"image": images, "caption": list(captions), "label": list(classes), **columns})
    pq.write_table(table, path)
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    captions = ["a black dog", "two cats on a sofa", None, "it rains", "a black dog"]
    return write(tmp_path / "pets.parquet", captions, ["dog", "cat", "Dog", None, "dog"])


def test_the_facts_of_a_source_are_printed(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", str(pets)]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0] == "pets (Parquet)"
    for line in (
        "  rows               5, all were read",
        "  columns            image: image, captions: caption, classes: label",
        "  kinds              20 % captions alone, 20 % classes alone, 60 % both",
        "  captions           1 a row; 3.2 words (2 to 5, median 3)",
        "  classes            3",
        "  largest            dog 2, Dog 1, cat 1",
        "  labels             75 % of the captions have one of 2: the names of the classes",
        "  repeated captions  1 of 4 (25 %): 'a black dog' 2",
        "  repeated images    0 of 5 (0 %)",
        "  images             100 % PNG; width 6; height 4",
        "  worth a look       Class names that differ only in case or spacing: 'Dog', 'dog'.",
    ):
        assert line in lines
    assert sum(line.startswith("  for example") for line in lines) == 5
    assert "looking: 5 rows in" in told.err


def test_a_vocabulary_gives_the_captions_labels(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", str(pets), "--vocabulary", "coco"]) == 0
    told = capsys.readouterr().out
    assert "75 % of the captions have one of 80: coco" in told
    assert "; a black dog; labels dog" in told


def test_json_has_the_numbers_and_nothing_else_is_on_stdout(
    pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", str(pets), "--json", "--out", str(tmp_path / "page.html")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["together"]["rows"] == 5
    assert found["sources"][0]["schema"] == {"image": "image", "captions": "caption", "classes": "label"}
    assert found["together"]["examples"][0]["key"].startswith("pets.parquet:")
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_several_sources_are_shown_alone_and_together(
    pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write(tmp_path / "other.parquet", ["a bus"] * 3, ["bus", "bus", "dog"])
    assert main(["data", str(pets), str(other)]) == 0
    titles = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert titles == ["pets (Parquet)", "other (Parquet)", "2 sources together"]


def test_fewer_rows_can_be_read_or_all(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", str(pets), "--rows", "2"]) == 0
    assert "5, 2 of them were read" in capsys.readouterr().out
    assert main(["data", str(pets), "--rows", "2", "--all"]) == 0
    assert "5, all were read" in capsys.readouterr().out


def test_columns_and_names_of_numbers_can_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "rows.parquet", ["a dog", "a cat"], [0, 1], other=["one", "two"], kind=[1, 0])
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    words = [
        "--class-column",
        "kind",
        "--class-names",
        str(tmp_path / "names.txt"),
        "--caption-column",
        "other",
        "caption",
    ]
    assert main(["data", str(path), *words]) == 0
    told = capsys.readouterr().out
    assert "captions: other, caption, classes: kind" in told
    assert "2 a row; " in told
    assert "class dog; one | a dog" in told
    assert main(["data", str(path), "--class-column", ""]) == 0
    assert "captions: caption\n" in capsys.readouterr().out
    assert main(["data", str(path), "--caption-column", "", "--class-column", "caption"]) == 0
    assert "image: image, classes: caption\n" in capsys.readouterr().out


def test_what_would_move_the_cursor_is_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "rows.parquet", ["a \x1b[2J dog", "a\ncat"], ["\x1b]0;owned\x07", "cat"])
    assert main(["data", str(tmp_path / "rows.parquet")]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "a \\x1b[2J dog" in told
    assert "a\\ncat" in told


def test_markup_in_captions_is_text_on_the_page(tmp_path: Path) -> None:
    evil = "<script>alert('&\"')</script>"
    path = write(tmp_path / 'a "quoted" <b>name<b>.parquet', [evil, "a dog"], [evil, "dog"])
    assert main(["data", str(path), "--out", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page
    assert "<b>name" not in page
    assert "&lt;script&gt;" in page


# The page


def test_a_page_that_exists_is_replaced_only_when_asked(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = pets.with_name("page.html")
    page.write_text("mine")
    assert main(["data", str(pets), "--out", str(page)]) == 2
    told = capsys.readouterr()
    assert f"{page} exists: name another place, or replace it with --overwrite" in told.err
    assert (told.out, page.read_text()) == ("", "mine")
    assert main(["data", str(pets), "--out", str(page), "--overwrite"]) == 0
    assert page.read_text().startswith("<!doctype html>")
    assert capsys.readouterr().out.endswith(f"page: {page}\n")
    assert sorted(file.name for file in page.parent.iterdir()) == ["page.html", "pets.parquet"]


@pytest.mark.parametrize(
    ("name", "message"), [("page.txt", "expected a name for the page that ends in .html"), ("pets.parquet/a.html", "")]
)
def test_a_page_that_cannot_be_written_is_an_error_before_the_work(
    name: str, message: str, pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", str(pets), "--out", str(pets.parent / name)]) == 2
    told = capsys.readouterr()
    assert "looking" not in told.err
    assert message in told.err
    assert told.err.count("\n") == 1


# What is wrong


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.parquet"], "got nowhere.parquet, which does not exist"),
        (["hf:nowhere"], "got nowhere, which is none"),
        (["cut.parquet"], "cut.parquet is not Parquet, or is damaged"),
        (["empty.parquet"], "empty.parquet: expected at least one row; got none"),
        (["notes.txt"], "got the file notes.txt"),
        ([], "expected one source or more; got none: name files or folders"),
        (["good.parquet", "--rows", "0"], "expected --rows >= 1; got 0"),
        (["good.parquet", "--threads", "0"], "expected --threads >= 1; got 0"),
        (["good.parquet", "--seed", "-1"], "expected --seed >= 0; got -1"),
        (["good.parquet", "--vocabulary", "cocoo"], "no vocabulary 'cocoo'"),
        (["good.parquet", "--image-column", "pixels"], "expected a column 'pixels'"),
        (["numbers.parquet"], "expected names for the numbers of the classes"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    good = write(Path("good.parquet"), ["a dog", "a cat"], ["dog", "cat"])
    Path("cut.parquet").write_bytes(good.read_bytes()[:-20])
    Path("notes.txt").write_text("a dog\n")
    write(Path("empty.parquet"), [], [])
    write(Path("numbers.parquet"), ["a dog", "a cat"], [0, 1])
    start = time.monotonic()
    assert main(["data", *words]) == 2
    told = capsys.readouterr()
    assert time.monotonic() - start < 20, "nothing was read"
    assert told.out == ""
    assert told.err.startswith("unicl data: ")
    assert told.err.count("\n") == 1
    assert message in told.err
    assert "=[" not in told.err


def test_a_source_is_refused_without_loading_torch(tmp_path: Path) -> None:
    code = f"""
import sys
from unicl.cli import main
assert main(["data", {str(tmp_path / "nowhere.tar")!r}]) == 2
sys.exit([name for name in ("torch", "datasets", "jinja2", "matplotlib") if name in sys.modules] or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_look_loads_no_torch(pets: Path) -> None:
    code = f"""
import sys
from unicl.cli import main
assert main(["data", {str(pets)!r}, "--out", {str(pets.with_name("page.html"))!r}]) == 0
sys.exit("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_bad_rows_are_told_and_are_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [png(0), b"", b"<html>not found</html>", png(1, width=5_000)[:-40], png(2, width=20_000), png(3)]
    pq.write_table(pa.table({"image": images, "caption": ["a dog"] * 5 + ["  "]}), tmp_path / "rows.parquet")
    assert main(["data", str(tmp_path / "rows.parquet")]) == 0
    told = capsys.readouterr().out
    assert "6, all were read, 4 are bad" in told
    assert "1 row, not JPEG, PNG or WEBP" in told
    assert "width 6 to 20,000" in told
    assert "66.7 % of the rows are bad. Training stops past 1 %." in told


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a child")
def test_ctrl_c_is_quiet_and_leaves_no_page(tmp_path: Path) -> None:
    write(tmp_path / "rows.parquet", [f"a dog number {row}" for row in range(200_000)], ["dog", "cat"] * 100_000)
    words = ["data", "rows.parquet", "--all", "--out", "page.html"]
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"""
import unicl.cli.progress as progress
progress.SECONDS_BETWEEN_LINES = 0.0
from unicl.cli import main
raise SystemExit(main({words!r}))
""",
        ],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("looking: ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert (out, err.splitlines()[-1]) == ("", "unicl data: interrupted")
    assert "Traceback" not in err
    assert [file.name for file in tmp_path.iterdir()] == ["rows.parquet"]
