"""`unicl label` of class folders, class columns and COCO's JSON, and the names of its outputs and columns."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unicl import LabelVocabulary
from unicl.cli import main

CAPTIONS = ["a dog", "two dogs on the grass", "it rains"]


@pytest.fixture
def source(tmp_path: Path) -> str:
    pq.write_table(pa.table({"caption": CAPTIONS, "kind": ["golden_retriever", "gnu", "gnu"]}), tmp_path / "x.parquet")
    return str(tmp_path / "x.parquet")


def write_images(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"an image")
    return root


def labels_of(path: Path, column: str = "labels") -> list[list[int] | None]:
    found: list[list[int] | None] = pq.read_table(path)[column].to_pylist()
    return found


def test_a_class_folder_is_labelled_and_its_end_tells_what_did_not_map(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_images(tmp_path / "data", "golden_retriever/1.jpg", "golden_retriever/2.jpg", "gnu/1.JPEG", "gnu/x.db")
    write_images(root, "Puppy/1.png", "hot_dog/1.jpg")
    assert main(["label", str(root), "--vocabulary", "coco", "--out", str(tmp_path / "out")]) == 0
    coco = LabelVocabulary.coco()
    dog, hot_dog = coco.id("dog"), coco.id("hot dog")
    done = pq.read_table(tmp_path / "out" / "data.parquet")
    assert done.column_names == ["image_path", "class", "labels", "label_weights"]
    assert dict(zip(done["class"].to_pylist(), done["labels"].to_pylist(), strict=True)) == {
        "Puppy": [dog],
        "gnu": [],
        "golden_retriever": [dog],
        "hot_dog": [hot_dog],
    }
    told = capsys.readouterr().out
    assert "5 rows of 1 files, 80 labels in the vocabulary: 4 labels in 4 rows" in told
    assert "1 rows have a class that means none" in told
    assert told.splitlines()[-8:] == [
        "classes: 5 rows with 4 classes",
        "without label: 1 classes of 1 rows: gnu 1",
        "one label: 2 classes became dog: golden retriever, Puppy",
        "not read: 1, .db file",
        "most frequent: dog 3, hot dog 1",
        "for example: class Puppy -> dog",
        "for example: class golden_retriever -> dog",
        "for example: class golden_retriever -> dog",
    ]
    assert main(["meter", str(tmp_path / "out"), "--batch-size", "2"]) == 0


def test_splits_are_an_output_each_with_one_mined_vocabulary(tmp_path: Path) -> None:
    root = write_images(
        tmp_path / "data", "train/dog/1.jpg", "train/sea_lion/1.jpg", "val/sea_lion/2.jpg", "val/dog/3.jpg"
    )
    assert main(["label", str(root), "--out", str(tmp_path / "out")]) == 0
    assert LabelVocabulary.from_file(tmp_path / "out" / "vocabulary.json").names == ("dog", "sea lion")
    assert labels_of(tmp_path / "out" / "train.parquet") == labels_of(tmp_path / "out" / "val.parquet") == [[0], [1]]


def test_captions_and_classes_of_coco_are_in_one_label_space(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg"}]
    captions = [{"image_id": 1, "caption": "a puppy"}, {"image_id": 2, "caption": "a pizza and a dog"}]
    instances = [{"image_id": 1, "category_id": 18}, {"image_id": 1, "category_id": 59}]
    categories = [{"id": 18, "name": "dog"}, {"id": 59, "name": "pizza"}]
    for name, annotations, more in (
        ("captions_val.json", captions, {}),
        ("instances_val.json", instances, {"categories": categories}),
        ("both.json", [*captions, *instances], {"categories": categories}),
    ):
        (tmp_path / name).write_text(json.dumps({"images": images, "annotations": annotations, **more}))
    words = [str(tmp_path / name) for name in ("captions_val.json", "instances_val.json", "both.json")]
    assert main(["label", *words, "--vocabulary", "coco", "--out", str(tmp_path / "out")]) == 0
    dog, pizza = LabelVocabulary.coco().id("dog"), LabelVocabulary.coco().id("pizza")
    assert labels_of(tmp_path / "out" / "captions_val.parquet") == [[dog], [dog, pizza]]
    assert labels_of(tmp_path / "out" / "instances_val.parquet") == [[dog, pizza], []]
    assert labels_of(tmp_path / "out" / "both.parquet") == [[dog, pizza], [dog, pizza]]
    assert main(["tokenize", words[0], "--out", str(tmp_path / "ids")]) == 0
    assert pq.read_table(tmp_path / "ids" / "captions_val.parquet").num_rows == 2
    build = ["vocab", "build", words[1], "--out", str(tmp_path / "words.json")]
    assert main(build) == 0
    assert LabelVocabulary.from_file(tmp_path / "words.json").names == ("dog", "pizza")


@pytest.mark.parametrize(
    ("words", "dogs"),
    [(["--class-column", "kind"], [1, 1, 0]), ([], [1, 1, 0])],
)
def test_a_class_column_is_read_on_request(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str], words: list[str], dogs: list[int]
) -> None:
    assert main(["label", source, "--vocabulary", "coco", "--out", str(tmp_path / "out"), *words]) == 0
    assert [len(row or []) for row in labels_of(tmp_path / "out" / "x.parquet")] == dogs
    assert ("without label: 1 classes of 2 rows: gnu 2" in capsys.readouterr().out) == bool(words)


def test_wnids_are_named_by_imagenet(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    root = write_images(tmp_path / "data", "n02099601/1.JPEG", "n01440764/1.JPEG", "n02085620-Chihuahua/1.jpg")
    assert main(["label", str(root), "--vocabulary", "imagenet-1k", "--out", str(tmp_path / "1k")]) == 0
    assert labels_of(tmp_path / "1k" / "data.parquet") == [[0], [151], [207]]
    assert main(["label", str(root), "--vocabulary", "coco", "--out", str(tmp_path / "coco")]) == 0
    dog = LabelVocabulary.coco().id("dog")
    assert labels_of(tmp_path / "coco" / "data.parquet") == [[], [dog], [dog]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--class-column", "nothing"],
            "'nothing' with the classes; got 'caption', 'kind': name one with --class",
        ),
        (["--class-names", "coco"], "expected --class-column NAME with --class-names; got none"),
        (["--class-column", "kind", "--class-names", "nowhere.txt"], "no vocabulary 'nowhere.txt'"),
        (
            ["--label-name", "kind"],
            "name the new one with --label-name NAME, or copy no columns with --no-copy",
        ),
        (["--label-name", "caption"], "expected no column 'caption'"),
        (["--label-name", ""], "got '': choose another --label-name"),
        (["--phrases", "--label-name", "noun_phrases"], "choose another --label-name"),
    ],
)
def test_a_wrong_option_is_one_line(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["label", source, "--vocabulary", "coco", "--out", str(tmp_path / "out"), *words]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.glob("out/*.parquet"))


@pytest.mark.parametrize("taken", ["labels", "label_weights"])
def test_columns_of_labels_get_another_name_where_theirs_is_taken(tmp_path: Path, taken: str) -> None:
    pq.write_table(pa.table({"caption": CAPTIONS, taken: [1, 2, 3]}), tmp_path / "x.parquet")
    words = ["label", str(tmp_path / "x.parquet"), "--vocabulary", "coco", "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert main([*words, "--label-name", "dense"]) == 0
    done = pq.read_table(tmp_path / "out" / "x.parquet")
    assert done.column_names == ["caption", taken, "dense", "dense_weights"]
    assert done[taken].to_pylist() == [1, 2, 3]
    assert main(["meter", str(tmp_path / "out"), "--batch-size", "2", "--label-column", "dense"]) == 0


def test_labels_of_another_name_keep_their_vocabulary(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--out", str(tmp_path / "out"), "--label-name", "dense"]
    assert main(["label", source, "--vocabulary", "coco", *words]) == 0
    pq.write_table(pa.table({"caption": CAPTIONS}), tmp_path / "y.parquet")
    assert main(["label", str(tmp_path / "y.parquet"), *words, "--overwrite"]) == 2
    assert "expected a folder whose labels are all replaced" in capsys.readouterr().err


def test_one_input_may_become_one_file_with_its_vocabulary_beside(tmp_path: Path, source: str) -> None:
    out = tmp_path / "done" / "y.parquet"
    words = ["label", source, "--out", str(out), "--min-document-frequency", "1"]
    assert main(words) == 0
    assert sorted(path.name for path in out.parent.iterdir()) == ["y.parquet", "y.vocabulary.json"]
    vocabulary = LabelVocabulary.from_file(out.with_suffix(".vocabulary.json"))
    assert labels_of(out)[0] == [vocabulary.id("dog")]
    assert main(words) == 2
    assert main([*words, "--overwrite"]) == 0
    assert main(["label", source, "--vocabulary", "coco", "--out", str(tmp_path / "done" / "z.parquet")]) == 0


def test_one_file_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    pq.write_table(pa.table({"caption": ["a dog", None]}), tmp_path / "x.parquet")
    for command in (["label", "--vocabulary", "coco"], ["tokenize"]):
        words = [command[0], str(tmp_path / "x.parquet"), *command[1:], "--out", str(tmp_path / "done" / "y.parquet")]
        assert main(words) == 2
        assert not list(tmp_path.glob("done/*"))


@pytest.mark.parametrize("command", [["label", "--vocabulary", "coco"], ["tokenize"]])
def test_where_one_file_cannot_be_the_output_the_reason_is_told(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (tmp_path / "folder.parquet").mkdir()
    pq.write_table(pa.table({"caption": CAPTIONS}), tmp_path / "x2.parquet")
    for inputs, out, message in (
        ([source, str(tmp_path / "x2.parquet")], "y.parquet", "expected a folder for the outputs of 2 inputs; got"),
        ([source], "folder.parquet", "folder.parquet, which is a folder: remove it, or name another file or folder"),
        ([source], "y.csv", "expected a folder for the outputs, or a name that ends in .parquet; got"),
        ([source], "x.parquet", "expected an output that is no input; got"),
    ):
        assert main([command[0], *inputs, *command[1:], "--out", str(tmp_path / out), "--overwrite"]) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]
    assert pq.read_table(source)["caption"].to_pylist() == CAPTIONS


def test_the_standard_input_has_captions_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, status in (([], 0), (["--class-column", "kind"], 2)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"two dogs\n")))
        out = str(tmp_path / f"{status}.parquet")
        assert main(["label", "-", "--vocabulary", "coco", "--out", out, *words]) == status
    assert "expected a column 'kind' with the classes; got 'caption'" in capsys.readouterr().err
    assert labels_of(tmp_path / "0.parquet") == [[LabelVocabulary.coco().id("dog")]]


def test_a_class_folder_has_no_captions_to_tokenize(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_images(tmp_path / "data", "dog/1.jpg", "cat/1.jpg")
    assert main(["tokenize", str(root), "--out", str(tmp_path / "out")]) == 2
    assert "expected a column named 'caption'" in capsys.readouterr().err


def test_a_vocabulary_is_built_of_classes(tmp_path: Path, source: str) -> None:
    words = ["vocab", "build", source, "--class-column", "kind", "--out", str(tmp_path / "words.json")]
    assert main(words) == 0
    names = LabelVocabulary.from_file(tmp_path / "words.json").names
    assert names == ("dog", "golden retriever", "gnu")
