"""Where `ClipTokenizer` takes its vocabulary from, and that what it saves is read again, by transformers as well."""

import gzip
import json
import sys

import huggingface_hub
import numpy as np
import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st

from unicl.text import ClipTokenizer

CAPTIONS = ["a dog", "Two dogs' toys &amp; 12 cats!", "Café <|endoftext|> <start_of_text>", "!!! \U0001f600", ""]


@pytest.fixture(scope="module")
def hf():
    return ClipTokenizer(clean="hf", special_tokens="openai", pad_id=49407, context_length=20)


@pytest.fixture(scope="module")
def folder(hf, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "a" / "b"
    hf.save(folder)
    return folder


@pytest.fixture(scope="module")
def theirs(folder):
    return transformers.CLIPTokenizerFast.from_pretrained(folder)


@pytest.fixture
def small_merges(tmp_path):
    path = tmp_path / "merges.txt"
    path.write_text("#version: 0.2\nd o\ndo g</w>\n")
    return path


@pytest.mark.parametrize(
    "settings",
    [
        {"clean": "openai", "special_tokens": "open_clip", "context_length": 9, "pad_id": 3},
        {"clean": "none", "special_tokens": "text", "context_length": 2, "pad_id": 0},
    ],
)
def test_a_saved_tokenizer_is_loaded_with_its_vocabulary_and_settings(small_merges, tmp_path, settings):
    tokenizer = ClipTokenizer(small_merges, **settings)
    tokenizer.save(tmp_path / "saved")
    again = ClipTokenizer.load(tmp_path / "saved")
    assert repr(again) == repr(tokenizer)
    np.testing.assert_array_equal(again(CAPTIONS), tokenizer(CAPTIONS))
    names = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert names == ["tokenizer.json", "tokenizer_config.json"]


@given(caption=st.text() | st.sampled_from(CAPTIONS))
def test_transformers_reads_what_was_saved_and_gives_the_same_rows(hf, theirs, caption):
    caption = "".join(c for c in caption if ord(c) < 0x530)  # later characters, each knows others
    row = theirs(caption, padding="max_length", truncation=True)
    ours = hf.batch_encode(caption)
    assert ours["input_ids"].tolist() == [row.input_ids]
    assert ours["attention_mask"].tolist() == [row.attention_mask]


def test_transformers_finds_the_class_of_a_saved_tokenizer_by_itself(folder, hf):
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    assert theirs(CAPTIONS, padding="max_length", truncation=True).input_ids == hf(CAPTIONS).tolist()


def test_what_transformers_saves_is_read(theirs, hf, tmp_path):
    theirs.save_pretrained(tmp_path)
    settings = {"clean": "hf", "special_tokens": "openai", "pad_id": 49407, "context_length": 20}
    for path in [tmp_path / "tokenizer.json", _gzip(tmp_path / "tokenizer.json")]:
        np.testing.assert_array_equal(ClipTokenizer(path, **settings)(CAPTIONS), hf(CAPTIONS))


def _gzip(path):
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    return packed


def test_a_folder_that_save_did_not_write_is_refused_with_what_to_do(theirs, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*tokenizer_config\.json"):
        ClipTokenizer.load(tmp_path / "nowhere")
    theirs.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    del config["unicl"]
    for content, message in [
        (json.dumps(config), r"expected a file that ClipTokenizer.save wrote; .* call ClipTokenizer\('.*\.json'"),
        ("[1]", r"expected a JSON object in .*tokenizer_config\.json; got a list"),
        ("{", r"expected JSON in .*tokenizer_config\.json; got"),
        ('{"unicl": {"clean": "hf"}}', "expected a file that ClipTokenizer.save wrote"),
    ]:
        (tmp_path / "tokenizer_config.json").write_text(content)
        with pytest.raises(ValueError, match=message):
            ClipTokenizer.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "WordPiece"}, 'is not a CLIP model\'s: expected model.type to be "BPE"; got "WordPiece"'),
        ({"end_of_word_suffix": None}, r'expected model\.end_of_word_suffix to be "</w>"; got null'),
        (
            {"merges": [["d", "o"], ["d", "o"]]},
            r'merge 1 \(from 0\): expected a new symbol; got "do", which is already id 512',
        ),
        (
            {"merges": [["d", "o"], ["do", "gg</w>"]]},
            r'merge 1 \(from 0\): expected a byte or a symbol of an earlier line; got "gg</w>"',
        ),
        ({"merges": [["d", "o"], "do"]}, r"merge 1 \(from 0\): expected two symbols"),
        ({"vocab": {"!": 0}}, r'expected id 1 for "\\""; got none'),
    ],
)
def test_a_tokenizer_json_that_is_not_clips_is_refused(small_merges, tmp_path, change, message):
    ClipTokenizer(small_merges).save(tmp_path)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        ClipTokenizer(path)


def test_saving_twice_replaces_and_a_failure_leaves_what_was_there(small_merges, tmp_path, monkeypatch):
    ClipTokenizer(small_merges, clean="hf").save(tmp_path)
    ClipTokenizer(small_merges, clean="none").save(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        ClipTokenizer(small_merges, clean="openai").save(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_vocabulary_of_a_model_on_the_hub_is_fetched_when_asked(folder, hf, monkeypatch, small_merges):
    asked = []

    def download(name, file, *, revision):
        asked.append((name, file, revision))
        if name == "old/clip" and file == "merges.txt":
            return str(small_merges)
        if name == "openai/clip" and file == "tokenizer.json":
            return str(folder / file)
        raise huggingface_hub.errors.RemoteEntryNotFoundError("404", response=_NotFound())

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    settings = {"clean": "hf", "special_tokens": "openai", "pad_id": 49407, "context_length": 20}
    tokenizer = ClipTokenizer.from_hub("openai/clip", revision="main", **settings)
    np.testing.assert_array_equal(tokenizer(CAPTIONS), hf(CAPTIONS))
    assert ClipTokenizer.from_hub("old/clip").vocab_size == 516
    assert asked == [("openai/clip", "tokenizer.json", "main")] + [
        ("old/clip", file, None) for file in ["tokenizer.json", "merges.txt"]
    ]
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json or a merges\.txt in 'a/cat' on the hub; got neither"):
        ClipTokenizer.from_hub("a/cat")


class _NotFound:
    headers: dict[str, str] = {}  # noqa: RUF012 - what the error of the hub reads
    request = None
    status_code = 404


def test_no_connection_is_not_taken_for_a_model_without_a_vocabulary(monkeypatch):
    def download(*_, **__):
        raise huggingface_hub.errors.LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(huggingface_hub.errors.LocalEntryNotFoundError, match="no connection"):
        ClipTokenizer.from_hub("openai/clip")


def test_without_huggingface_hub_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"expected the huggingface_hub package, .*; got none: install it, or pass"
    ):
        ClipTokenizer.from_hub("openai/clip")
