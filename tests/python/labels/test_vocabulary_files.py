"""A vocabulary is what its file says, and a file is written whole."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unicl.labels import LabelVocabulary, Merge, VocabularyContent

FULL = LabelVocabulary(
    VocabularyContent(
        names=("dog", "Hot Dog", "food"),
        synonyms={"dog": ("puppy", "\u00e9|t\t\u00e9")},
        parents={"hot dog": "food"},
        document_frequency=np.array([3, 0, 1]),
        blocked=("toy dog",),
        merge_log=(Merge(outcome="first", text="pup", label="dog", other="food"),),
    )
)


def full(**parts):
    """A file of all parts, some of them other than they should be."""
    return json.dumps({"format": "unicl label vocabulary", "version": 1, "names": ["dog"], **parts})


def everything(vocabulary):
    counts = vocabulary.document_frequency
    return (
        vocabulary.names,
        {name: texts for name, texts in vocabulary.synonyms.items() if texts},
        vocabulary.parents.tolist(),
        None if counts is None else counts.tolist(),
        vocabulary.blocked,
        vocabulary.merge_log,
    )


def test_json_keeps_all_of_a_vocabulary(tmp_path):
    FULL.save(tmp_path / "labels.json")
    assert everything(LabelVocabulary.from_file(tmp_path / "labels.json")) == everything(FULL)


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@given(st.dictionaries(texts, st.lists(texts, max_size=2), max_size=4), st.sampled_from([".json", ".tsv", ".txt"]))
@settings(deadline=None)
def test_what_was_saved_is_read_back_or_was_refused(tmp_path_factory, synonyms, suffix):
    path = tmp_path_factory.mktemp("labels") / f"labels{suffix}"
    try:
        vocabulary = LabelVocabulary.from_names(synonyms, synonyms=synonyms)
        vocabulary.save(path)
    except ValueError:
        assert not path.exists()
        return
    assert everything(LabelVocabulary.from_file(path)) == everything(vocabulary)


def test_a_table_has_synonyms_parents_and_counts(tmp_path):
    path = tmp_path / "labels.tsv"
    path.write_text("name\tparent\tsynonyms\tdocument_frequency\ndog\tanimal\tpuppy | hound\t7\n\nanimal\t\t\t0\n")
    vocabulary = LabelVocabulary.from_file(path)
    assert everything(vocabulary) == (
        ("dog", "animal"),
        {"dog": ("puppy", "hound")},
        [1, -1],
        [7, 0],
        (),
        (),
    )
    vocabulary.save(tmp_path / "again.tsv")
    assert everything(LabelVocabulary.from_file(tmp_path / "again.tsv")) == everything(vocabulary)


def test_json_may_be_a_list_or_names_with_synonyms(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text('["dog", "cat"]')
    assert LabelVocabulary.from_file(path).names == ("dog", "cat")
    path.write_text('{"dog": ["puppy"], "format": ["size"]}')
    vocabulary = LabelVocabulary.from_file(path)
    assert (vocabulary.names, vocabulary.synonyms["format"]) == (("dog", "format"), ("size",))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{", r"a\.json: Expecting property name"),
        ("a.json", "3", "expected a list of names, or an object; got int"),
        ("a.json", '["dog", 3]', "expected names as a list of strings; got 3 in it"),
        ("a.json", '{"dog": "puppy"}', "expected the synonyms of 'dog' as a list of strings; got str"),
        ("a.json", '{"format": "other", "version": 2}', 'expected the format "unicl label vocabulary", version 1'),
        (
            "a.json",
            '{"format": "unicl label vocabulary", "version": 1}',
            "expected names as a list .*; got None",
        ),
        ("a.tsv", "name\tsynonym\n", "expected a header of some of name, synonyms, .*; got name, synonym"),
        ("a.tsv", "dog\tpuppy|hound\tanimal\n", 'expected a header of some of .*; got "dog\tpuppy.hound\tanimal"'),
        ("a.tsv", "parent\tname\nanimal\tdog\n", 'expected a header of .*, name first; got "parent\tname"'),
        ("a.csv", "name,synonyms\ndog,puppy\n", r"a \.csv is no vocabulary; save it as \.tsv"),
        ("a.tsv", "name\tparent\ndog\tcat\tx\n", "line 2 has 3 cells; the header has 2"),
        ("a.tsv", "name\tparent\ndog\tcat\n", 'expected labels of the vocabulary in parents; got "cat"'),
        ("a.tsv", "name\tdocument_frequency\ndog\tmany\n", 'line 2: expected document_frequency .*; got "many"'),
        (
            "a.tsv",
            f"name\tdocument_frequency\ndog\t{'9' * 5000}\n",
            "line 2: expected document_frequency .*; got .9999",
        ),
        ("a.json", "[" * 100_000, "too many brackets in brackets"),
        ("a.json", full(synonyms=["puppy"]), r'expected synonyms as an object of lists; got \["puppy"\]'),
        ("a.json", full(synonyms=None), "expected synonyms as an object of lists; got null"),
        ("a.json", full(synonyms={"the": []}), 'expected labels of the vocabulary in synonyms; got "the"'),
        ("a.json", full(document_frequency=[math.inf]), "document_frequency as a list of whole numbers; got Infinity"),
        ("a.json", full(document_frequency=[10**30]), "document_frequency as a list of whole numbers; got 1000"),
        ("a.json", full(document_frequency=[2.5]), r"document_frequency as a list of whole numbers; got 2\.5"),
        ("a.json", full(document_frequency=3.0), r"document_frequency as a list of whole numbers; got 3\.0"),
        (
            "a.json",
            full(merge_log=[{"text": "pup"}]),
            'expected merge_log as a list of objects .*; got {"text": "pup"}',
        ),
        ("a.json", full(merge_log=[{"outcome": "?", "text": "a", "label": "dog"}]), "expected an outcome .*; got '.'"),
        ("a.txt", "dog\tpet\ncat\tpet\n", 'to mean one label; got "pet" for "cat", but it already means "dog"'),
    ],
)
def test_a_malformed_file_is_refused_by_name(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        LabelVocabulary.from_file(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("labels.csv", r"expected a path that ends in \.json, \.tsv or \.txt"),
        ("labels.tsv", r"a \.tsv file cannot hold blocked; save the vocabulary as \.json"),
        ("labels.txt", r"a \.txt file cannot hold blocked"),
    ],
)
def test_what_a_format_cannot_hold_is_not_written(tmp_path, name, message):
    with pytest.raises(ValueError, match=message):
        FULL.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_separator_of_synonyms_may_stand_in_a_name_and_in_no_synonym(tmp_path):
    names = LabelVocabulary.from_names(["dog|cat", "animal"], parents={"dog|cat": "animal"})
    names.save(tmp_path / "labels.tsv")
    assert everything(LabelVocabulary.from_file(tmp_path / "labels.tsv")) == everything(names)
    with pytest.raises(ValueError, match=r"a \.tsv file cannot hold the text 'dog\|cat'"):
        LabelVocabulary.from_names(["animal"], synonyms={"animal": ["dog|cat"]}).save(tmp_path / "labels.tsv")


@pytest.mark.parametrize("name", ["labels.txt", "labels.tsv", "labels.json"])
def test_utf16_is_named(tmp_path, name):
    (tmp_path / name).write_text('["dog"]', encoding="utf-16")
    with pytest.raises(ValueError, match=f"{name}: expected UTF-8; got UTF-16: convert it"):
        LabelVocabulary.from_file(tmp_path / name)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "labels.json"
    LabelVocabulary.from_names(["dog"]).save(path)

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        LabelVocabulary.from_names(["cat"]).save(path)
    assert json.loads(path.read_text())["names"] == ["dog"]
    assert [file.name for file in tmp_path.iterdir()] == ["labels.json"]
