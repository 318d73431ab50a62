"""`unicl explain` and what it draws."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from unicl import DenseLabeler, LabelVocabulary
from unicl.cli import main
from unicl.cli.drawing import draw_caption

LABELER = DenseLabeler(LabelVocabulary.from_names(["dog", "ball"]))
CAPTION = "a black dog on a skyscraper"


def drawn(caption: str, *, width: int = 80, color: bool = False) -> list[str]:
    return draw_caption(caption, LABELER.explain(caption), width=width, color=color).split("\n")


def test_phrases_are_underlined_numbered_and_listed() -> None:
    assert drawn(CAPTION) == [
        "a black dog on a skyscraper",
        "───────────    ────────────",
        "1              2",
        "",
        "   phrase        characters  lemma       rule       score  label",
        "1  a black dog   0-11        black dog   head noun  0.50   dog (0)",
        "2  a skyscraper  15-27       skyscraper  abstain    0.00   none: its head noun means no label",
    ]


def test_a_rule_of_context_is_named_and_told_in_a_sentence() -> None:
    dog, ball = drawn("no dog and a ball", width=200)[-2:]
    assert " absent " in dog
    assert dog.endswith("none: it is not there, as in \"no dogs\"; alone it means 'dog'")
    assert ball.endswith("ball (1)")
    row = drawn("a plush dog", width=200)[-1]
    assert " likeness " in row
    assert 'it is a likeness, as in "a statue of a horse"' in row


def test_colours_tell_phrases_with_a_label_from_those_without() -> None:
    text = "\n".join(drawn(CAPTION, color=True))
    assert "\x1b[1;32ma black dog\x1b[0m on \x1b[33ma skyscraper\x1b[0m" in text
    assert re.sub(r"\x1b\[[\d;]*m", "", text).split("\n") == drawn(CAPTION)


def test_lines_break_at_spaces_and_marks_stay_under_their_words() -> None:
    lines = drawn("it rains on the black dog and the ball", width=20)
    assert lines[:6] == [
        "it rains on the",
        "            ───",
        "            1",
        "black dog and the",
        "─────────     ───",
        "1             2",
    ]
    assert all(len(line) <= 20 for line in lines[: lines.index("")])


def test_a_word_longer_than_the_terminal_is_broken() -> None:
    lines = drawn("a" * 50, width=20)
    assert lines[0] == "a" * 20
    assert "".join(line for line in lines if set(line) == {"a"}) == "a" * 50


def test_marks_stand_under_wide_characters_and_marks_take_no_column() -> None:
    line, marks = drawn("é e\u0301 日 on the dog")[:2]
    before = line[: line.index("the")]
    columns = len(before) + before.count("日") - before.count("\u0301")
    assert marks.endswith("─" * len("the dog"))
    assert len(marks) == columns + len("the dog")


def test_what_would_move_the_cursor_is_shown_escaped() -> None:
    text = "\n".join(drawn("the dog\x1b[2J and\r\u202e the ball\u2028"))
    assert r"\x1b[2J and\r\u202e" in text
    assert r"\u2028" in text
    assert not set("\x1b\r\u202e\u2028") & set(text)


def test_a_caption_without_a_phrase_says_so() -> None:
    assert drawn("it rains") == ["it rains", "no noun phrase"]
    assert drawn("") == ["no noun phrase"]


def test_the_command_draws_every_caption_without_colour_where_no_terminal_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", "a black puppy", "it rains"]) == 0
    told = capsys.readouterr().out
    assert "a black puppy" in told
    assert "no noun phrase" in told
    assert "dog (16)" in told
    assert "\x1b" not in told


@pytest.mark.parametrize(("no_color", "start"), [("", "\x1b["), ("1", "a black puppy")])
def test_on_a_terminal_there_is_colour_unless_no_color_is_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], no_color: str, start: str
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["explain", "a black puppy"]) == 0
    assert capsys.readouterr().out.startswith(start)


def test_json_has_an_object_a_line_with_every_phrase(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--json", "a black puppy and a skyscraper", "it rains"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert [(row["phrase"], row["label"], row["rule"]) for row in first["phrases"]] == [
        ("a black puppy", "dog", "head_noun"),
        ("a skyscraper", None, "abstain"),
    ]
    assert second == {"caption": "it rains", "phrases": []}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a dog", "--vocabulary", "nowhere.json"], "unicl explain: no vocabulary 'nowhere.json'"),
        ([], "unicl explain: expected a caption; got none: give one in quotes"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main(["explain", *words]) == 2
    told = capsys.readouterr().err
    assert told.startswith(message)
    assert told.count("\n") == 1


def test_what_unicl_label_rolled_up_is_explained_with_the_counts_that_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "captions.txt").write_text("a dog\n" * 6 + "a collie\n" * 3)
    (tmp_path / "kinds.tsv").write_text("name\tparent\ndog\t\ncollie\tdog\n")
    words = ["--min-document-frequency", "5", "--ancestors", "roll-up", "--vocabulary"]
    out = ["--out", str(tmp_path / "out")]
    assert main(["label", str(tmp_path / "captions.txt"), *words, str(tmp_path / "kinds.tsv"), *out]) == 0
    capsys.readouterr()
    assert main(["explain", "a collie", *words, str(tmp_path / "out" / "vocabulary.json")]) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[-2].endswith("dog (0); rolled up: 'collie' is in 3 captions, fewer than 5")
    assert told.splitlines()[-1] == "labels: dog (0)"


def test_ancestors_that_come_along_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kinds.tsv").write_text("name\tparent\ndog\tanimal\ncollie\tdog\nanimal\t\n")
    assert main(["explain", "a collie", "--ancestors", "add", "--vocabulary", str(tmp_path / "kinds.tsv")]) == 0
    *_, row, labels = capsys.readouterr().out.splitlines()
    assert row.endswith("collie (1); above it: dog, animal")
    assert labels == "labels: dog (0), collie (1), animal (2)"


def test_the_end_is_the_label_set_of_each_caption(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "two dogs and a man", "it rains"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("labels: ")]
    assert told == ["labels: person (0), dog (16)", "labels: none"]


def test_explain_loads_neither_pyarrow_nor_torch_nor_the_jobs() -> None:
    script = """
import sys
from unicl.cli import main
assert main(["explain", "a dog and a cat"]) == 0
unwanted = ("pyarrow", "torch", "triton", "unicl.jobs")
print([name for name in sys.modules if name.startswith(unwanted)])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
