"""`unicl tokenize` and `unicl label` as they are typed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl import ClipTokenizer, DenseLabeler, LabelSets, LabelVocabulary
from unicl.cli import main
from unicl.text import WordPieceTokenizer

CAPTIONS = ["a dog", "two dogs on the grass", "it rains"]


@pytest.fixture
def source(tmp_path: Path) -> str:
    pq.write_table(pa.table({"caption": CAPTIONS}), tmp_path / "captions.parquet")
    return str(tmp_path / "captions.parquet")


def test_tokenize_writes_ids_counts_and_a_sentence(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, stats = tmp_path / "ids.parquet", tmp_path / "stats.json"
    assert main(["tokenize", source, "--out", str(out), "--context-length", "5", "--stats", str(stats)]) == 0
    assert pq.read_table(out)["ids"].to_pylist() == ClipTokenizer()(CAPTIONS, context_length=5).tolist()
    counts = json.loads(stats.read_text())
    assert (counts["captions"], counts["tokens"], counts["truncated"], counts["skipped"]) == (3, 13, 1, {})
    assert counts["captions_per_second"] > 0
    said = capsys.readouterr()
    assert "3 captions of 1 files: 13 ids, 1 captions cut" in said.out
    assert "tokenizing captions.parquet: 3 captions in" in said.err


def test_tokenize_takes_a_wordpiece_vocabulary(tmp_path: Path, source: str) -> None:
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "dog", "##s", "on", "the", "two"]
    (tmp_path / "vocab.txt").write_text("\n".join(tokens))
    words = ["--tokenizer", "wordpiece", "--tokenizer-file", str(tmp_path / "vocab.txt"), "--context-length", "6"]
    out, stats = tmp_path / "ids.parquet", tmp_path / "stats.json"
    assert main(["tokenize", source, "--out", str(out), "--stats", str(stats), *words]) == 0
    expected = WordPieceTokenizer(tokens, context_length=6)(CAPTIONS)
    assert pq.read_table(out)["ids"].to_pylist() == expected.tolist()
    counts = json.loads(stats.read_text())
    assert (counts["tokens"], counts["truncated"]) == (int((expected != 0).sum()), 1)


def test_label_writes_labels_the_vocabulary_and_why_captions_have_none(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", source, "--vocabulary", "coco", "--out", str(tmp_path / "out"), "--phrases"]) == 0
    done = pq.read_table(tmp_path / "out" / "captions.parquet")
    assert done["labels"].to_pylist() == DenseLabeler(LabelVocabulary.coco())(CAPTIONS).to_list()
    assert done["noun_phrases"].to_pylist() == [["a dog"], ["dogs", "the grass"], []]
    assert LabelVocabulary.from_file(tmp_path / "out" / "vocabulary.json").names == LabelVocabulary.coco().names
    assert "without label: 1 captions have no noun phrase, 0 none that means a label" in capsys.readouterr().out


def test_label_without_a_vocabulary_mines_one(tmp_path: Path, source: str) -> None:
    assert main(["label", source, "--out", str(tmp_path / "out"), "--min-document-frequency", "2"]) == 0
    assert LabelVocabulary.from_file(tmp_path / "out" / "vocabulary.json").names == ("dog",)


def test_label_rolls_rare_labels_up_and_weighs_by_rarity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    captions = ["a dog", "a dog and a ball", "a collie", "the sky", "a poodle with a ball"]
    pq.write_table(pa.table({"caption": captions}), tmp_path / "captions.parquet")
    (tmp_path / "kinds.tsv").write_text("name\tparent\ndog\t\ncollie\tdog\npoodle\tdog\nball\t\nsky\t\n")
    words = ["--vocabulary", str(tmp_path / "kinds.tsv"), "--min-document-frequency", "2", "--weights", "idf"]
    words += ["--ancestors", "roll-up", "--out", str(tmp_path / "out")]
    assert main(["label", str(tmp_path / "captions.parquet"), *words]) == 0
    done = pq.read_table(tmp_path / "out" / "captions.parquet")
    assert done["labels"].to_pylist() == [[0], [0, 3], [0], [], [0, 3]]
    counts = DenseLabeler(LabelVocabulary.from_file(tmp_path / "kinds.tsv")).count(captions)
    weighted = LabelSets.from_lists(done["labels"].to_pylist()).weighted(np.log(5 / counts.counts.clip(1)))
    assert LabelSets.from_arrow(done["labels"], done["label_weights"]).weights.tolist() == weighted.weights.tolist()
    assert "2 labels were replaced by an ancestor" in capsys.readouterr().out


def test_skipped_rows_are_counted_by_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "captions.txt").write_bytes(b"a dog\na c\xe9t\n")
    options = ["--out", str(tmp_path / "out"), "--bad-rows", "skip", "--stats", str(tmp_path / "stats.json")]
    assert main(["tokenize", str(tmp_path / "captions.txt"), *options]) == 0
    assert "skipped: 1 rows, not UTF-8" in capsys.readouterr().out
    assert json.loads((tmp_path / "stats.json").read_text())["skipped"] == {"not UTF-8": 1}


@pytest.mark.parametrize("command", ["tokenize", "label"])
@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"a dog\na c\xe9t\n", [], "captions.txt, line 2: not UTF-8: set --bad-rows skip to count such rows"),
        (b"a dog\n", ["--column", "text"], "expected a column 'text'; got 'caption': name one with --column NAME"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, content: bytes, options: list[str], message: str
) -> None:
    (tmp_path / "captions.txt").write_bytes(content)
    assert main([command, str(tmp_path / "captions.txt"), "--out", str(tmp_path / "out"), *options]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.splitlines()[-1].startswith(f"unicl {command}: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["tokenize", "nowhere.parquet"],
            "unicl tokenize: expected a file or folder; got nowhere.parquet, which does not exist",
        ),
        (["tokenize", "x.txt", "--tokenizer", "wordpiece"], "expected the vocabulary of the WordPiece tokenizer; got"),
        (["tokenize"], "unicl tokenize: expected an input; got none: name files or folders"),
        (
            ["label", "nowhere.parquet", "--vocabulary", "coco"],
            "unicl label: expected a file or folder; got nowhere.parquet, which does not exist",
        ),
        (["label", "x.txt", "--vocabulary", "cocoa"], "no vocabulary 'cocoa': name a file, or one of coco"),
        (
            ["label", "x.txt", "--vocabulary", "imagenet-1k", "--ancestors", "add"],
            "no class of imagenet-1k is above another, so it has no ancestors; imagenet-21k has some",
        ),
        (["label", "x.txt", "--vocabulary", "coco", "--score-above", "0.9"], "name its folder with --relevance"),
        (["label", "x.txt", "--stats", "x.parquet"], "expected a name for --stats that ends in .json; got x.parq"),
        (["tokenize", "x.txt", "--stats", "x.txt"], "expected a name for --stats that ends in .json; got x.txt"),
        (
            ["label", "x.txt", "--vocabulary", "coco", "--top-k", "3"],
            "unicl label: expected --top-k only without a vocabulary; got --top-k 3 and a vocabulary",
        ),
    ],
)
def test_what_is_wrong_with_the_words_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_an_output_that_exists_is_refused_unless_it_may_be_replaced(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["tokenize", source, "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert main(words) == 2
    assert "captions.parquet exists: name another place, or replace it with --overwrite\n" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0


def test_ctrl_c_ends_with_one_line_and_leaves_nothing(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ClipTokenizer, "__call__", interrupt)
    assert main(["tokenize", source, "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err.endswith("unicl tokenize: interrupted\n")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("command", ["tokenize", "label"])
def test_the_commands_load_no_torch(source: str, tmp_path: Path, command: str) -> None:
    words = [command, source, "--out", str(tmp_path / "out")]
    code = f"import sys; from unicl.cli import main; assert main({words!r}) == 0; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.parametrize("command", ["tokenize", "label"])
def test_help_names_every_option(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for option in ("--out", "--column", "--bad-rows", "--overwrite", "--stats"):
        assert option in told
