"""`unicl vocab` as it is typed."""

import json
from pathlib import Path

import pytest

from unicl import LabelVocabulary
from unicl.cli import main

CAPTIONS = ["a black dog", "two dogs on the grass", "the grass", "a cat"]


@pytest.fixture
def animals(tmp_path: Path) -> str:
    path = tmp_path / "animals.json"
    LabelVocabulary.from_names(["dog", "cat"], synonyms={"dog": ["puppy", "hound"]}).save(path)
    return str(path)


@pytest.fixture
def more(tmp_path: Path) -> str:
    path = tmp_path / "more.tsv"
    LabelVocabulary.from_names(["ball", "dog", "puppy"], synonyms={"dog": ["hound"], "ball": ["orb"]}).save(path)
    return str(path)


def test_build_mines_what_the_vocabulary_mines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "captions.txt").write_text("\n".join(CAPTIONS))
    out = tmp_path / "mined.json"
    words = ["vocab", "build", str(tmp_path / "captions.txt"), "--out", str(out), "--min-document-frequency", "0.5"]
    assert main(words) == 0
    expected = LabelVocabulary.mine(CAPTIONS, min_document_frequency=0.5)
    mined = LabelVocabulary.from_file(out)
    assert mined.names == expected.names == ("dog", "grass")
    assert mined.document_frequency is not None
    assert mined.document_frequency.tolist() == [2, 2]
    assert f"2 labels from 4 captions in {out}" in capsys.readouterr().out
    assert main(words) == 2
    assert "mined.json exists: name another place, or replace it with --overwrite\n" in capsys.readouterr().err


def test_build_refuses_what_it_could_not_write_before_it_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "captions.txt").write_text("\n".join(CAPTIONS))
    words = ["vocab", "build", str(tmp_path / "captions.txt"), "--out"]
    for ending in (".txt", ".csv"):
        assert main([*words, str(tmp_path / f"mined{ending}")]) == 2
        said = capsys.readouterr().err
        assert "expected a name for --out that ends in .json or .tsv, which hold the counts of captions" in said
        assert said.count("\n") == 1
    assert main([*words, str(tmp_path / "mined.json"), "--min-document-frequency", "9"]) == 2
    assert "no noun phrase of the 4 captions is within --min-document-frequency 9" in capsys.readouterr().err
    assert not (tmp_path / "mined.json").exists()


def test_a_file_without_labels_is_no_vocabulary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labels.txt").write_text("\n\n")
    assert main(["vocab", "stats", str(tmp_path / "labels.txt")]) == 2
    assert "labels.txt: no label in it; write a name a line" in capsys.readouterr().err


def test_stats_tell_what_is_in_a_vocabulary(tmp_path: Path, capsys: pytest.CaptureFixture[str], animals: str) -> None:
    assert main(["vocab", "stats", animals]) == 0
    assert "2 labels, 2 synonyms, 0 blocked texts, 0 labels with a parent" in capsys.readouterr().out
    LabelVocabulary.mine(CAPTIONS, min_document_frequency=1).save(tmp_path / "mined.json")
    assert main(["vocab", "stats", str(tmp_path / "mined.json"), "--json"]) == 0
    stats = json.loads(capsys.readouterr().out)
    assert stats["labels"] == 4
    assert stats["most_frequent"] == {"dog": 2, "grass": 2, "black dog": 1, "cat": 1}
    assert stats["captions"] == {"0": 1, "0.25": 1, "0.5": 1, "0.75": 2, "1": 2}
    assert stats["words"] == {"1": 3, "2": 1}


def test_the_folder_of_labels_stands_for_its_vocabulary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labelled").mkdir()
    assert main(["vocab", "stats", str(tmp_path / "labelled")]) == 2
    assert "no vocabulary" in capsys.readouterr().err
    (tmp_path / "labelled" / "vocabulary.json").write_text('["dog", "cat"]')
    assert main(["vocab", "stats", str(tmp_path / "labelled")]) == 0
    assert capsys.readouterr().out.startswith("2 labels")


def test_diff_says_what_changed_and_whether_ids_are_kept(
    capsys: pytest.CaptureFixture[str], animals: str, more: str
) -> None:
    assert main(["vocab", "diff", animals, more, "--json"]) == 0
    difference = json.loads(capsys.readouterr().out)
    assert difference["added"] == ["ball", "puppy"]
    assert difference["removed"] == ["cat"]
    assert difference["renumbered"] == {"dog": [0, 1]}
    assert difference["synonyms_removed"] == {"dog": ["puppy"]}
    assert difference["ids_are_kept"] is False
    assert main(["vocab", "diff", animals, animals]) == 0
    assert "every id keeps its label; 0 added, 0 removed" in capsys.readouterr().out


def test_merge_keeps_the_ids_of_the_first_and_tells_what_was_settled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], animals: str, more: str
) -> None:
    out = tmp_path / "merged.json"
    assert main(["vocab", "merge", animals, more, "--out", str(out)]) == 0
    merged = LabelVocabulary.from_file(out)
    assert merged.names == ("dog", "cat", "ball")
    assert merged.synonyms["ball"] == ("orb",)
    assert f"3 labels in {out}: 1 new" in capsys.readouterr().out
    assert main(["vocab", "diff", animals, str(out)]) == 0
    assert "every id keeps its label; 1 added" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stats", "nowhere.json"], "unicl vocab: no vocabulary 'nowhere.json': name a file, or one of coco"),
        (["merge", "coco", "--out", "x.json"], "unicl vocab: expected 2 vocabularies or more; got 1"),
        (["build", "--out", "x.json"], "unicl vocab: expected an input; got none: name files or folders"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main(["vocab", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_damaged_vocabulary_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text("{")
    assert main(["vocab", "stats", str(tmp_path / "x.json")]) == 2
    assert f"unicl vocab: {tmp_path / 'x.json'}: " in capsys.readouterr().err


def test_help_tells_what_each_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["vocab", "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for command in ("build", "stats", "diff", "merge"):
        assert command in told
