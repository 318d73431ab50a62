"""The end of `unicl label`: frequent labels, examples, and the warning about captions that are not English."""

import re
from pathlib import Path

import pytest

from unicl.cli import main
from unicl.text import looks_english, share_not_english

ENGLISH = ["A black dog chases two balls.", "two dogs on the grass", "it rains", "the man with a black dog"]
GERMAN = ["Ein Hund und ein Ball", "zwei Kinder mit einem Ball auf der Wiese"]


def label(folder: Path, captions: list[str], *options: str) -> None:
    (folder / "captions.txt").write_text("".join(f"{caption}\n" for caption in captions), encoding="utf-8")
    words = ["label", str(folder / "captions.txt"), "--vocabulary", "coco", "--out", str(folder / "out"), *options]
    assert main(words) == 0


def test_the_end_shows_frequent_labels_and_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    label(tmp_path, ENGLISH)
    told = capsys.readouterr()
    assert told.out.splitlines()[-4:] == [
        "most frequent: dog 3, person 1, sports ball 1",
        "for example: A black dog chases two balls. -> dog, sports ball",
        "for example: two dogs on the grass -> dog",
        "for example: the man with a black dog -> person, dog",
    ]
    assert "warning" not in told.err


def test_without_a_column_of_captions_the_labels_are_shown_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label(tmp_path, ENGLISH, "--no-copy-columns")
    assert capsys.readouterr().out.splitlines()[-1].startswith("most frequent: dog 3")


@pytest.mark.parametrize("files", [["captions.txt"], ["captions.txt", "more.txt"]])
def test_inputs_that_come_or_go_right_after_the_run_change_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, files: list[str]
) -> None:
    (tmp_path / "in").mkdir()
    for name in files:
        (tmp_path / "in" / name).write_text("a dog\n")

    def change(*_: object) -> None:
        for name in files:
            (tmp_path / "in" / name).unlink()
        (tmp_path / "in" / "new.txt").write_text("a cat\n")

    monkeypatch.setattr("unicl.cli.label.report", change)
    assert main(["label", str(tmp_path / "in"), "--vocabulary", "coco", "--out", str(tmp_path / "out")]) == 0
    assert f"most frequent: dog {len(files)}\n" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"", b"PAR1 no Parquet"])
def test_an_output_that_is_taken_right_after_the_run_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    output = tmp_path / "out" / "captions.parquet"
    monkeypatch.setattr(
        "unicl.cli.label.report", lambda *_: output.write_bytes(content) if content else output.unlink()
    )
    label(tmp_path, ENGLISH)
    told = capsys.readouterr()
    assert told.out == ""
    assert re.search(r"warning: expected the labels that were written, .*; got .*captions\.parquet.*\n$", told.err)


def test_control_characters_of_an_example_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    label(tmp_path, ["a dog\x1b[2J"])
    assert r"for example: a dog\x1b[2J -> dog" in capsys.readouterr().out


@pytest.mark.parametrize("captions", [[], ["it rains"], ["1234"]])
def test_where_nothing_was_labelled_nothing_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], captions: list[str]
) -> None:
    label(tmp_path, captions)
    told = capsys.readouterr()
    assert "most frequent" not in told.out
    assert "warning" not in told.err


def test_captions_that_are_not_english_are_one_warning_with_their_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label(tmp_path, [*GERMAN, *ENGLISH[:2]])
    warning = "warning: about 50% of the captions are not English; labels are found in English captions only\n"
    assert capsys.readouterr().err.endswith(warning)


@pytest.mark.parametrize(
    "caption",
    [
        "Zwei Kinder spielen auf der Straße",
        "Un chien court sur la plage",
        "Dos perros en la playa",
        "Um homem com uma mulher",
        "Een hond op het strand",
        "Собака на пляже",
        "一只狗在海滩上",
        "كلب على الشاطئ",
    ],
)
def test_other_languages_are_told_from_english(caption: str) -> None:
    assert looks_english(caption) is False


@pytest.mark.parametrize("caption", ["", "12", "iPhone 5 Case Black", "Los Angeles skyline", "\U0001f600"])
def test_captions_with_too_few_words_to_tell_do_not_count(caption: str) -> None:
    assert looks_english(caption) is not False
    assert share_not_english([caption]) == 0.0


def test_english_captions_with_foreign_names_are_english() -> None:
    assert share_not_english(["a café in Rue de la Paix", "the La Paz skyline at night", *ENGLISH]) == 0.0
