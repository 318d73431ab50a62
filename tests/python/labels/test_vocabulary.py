"""A vocabulary keeps its ids, finds its names in captions, and refuses to contradict itself."""

import pickle

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unicl.labels import LabelVocabulary

from .canonical_twin import mine

WORDS = [
    "a",
    "the",
    "black",
    "several",
    "all",
    "no",
    "dog",
    "dogs",
    "men",
    "hot",
    "balls",
    "on",
    "runs",
    ",",
    "x",
    "2",
    "\u00e9t\u00e9",
    "e\u0301te\u0301",
    "glass",
    "glasses",
    "wine-glass",
    "wine-glasses",
    "gurus",
    "guru",
    "hot-dog",
    "dog/guru",
]
captions = st.lists(st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join), max_size=12)


@given(captions, st.integers(1, 3), st.integers(1, 12), st.none() | st.integers(1, 4), st.integers(1, 3))
@settings(deadline=None)
def test_mining_equals_counting_phrases_one_by_one(captions, least, most, top_k, threads):
    most = max(least, most)
    kept = [(name, count) for name, count in mine(captions).items() if least <= count <= most]
    kept.sort(key=lambda pair: (-pair[1], pair[0].encode()))
    vocabulary = LabelVocabulary.mine(
        captions, min_document_frequency=least, max_document_frequency=most, top_k=top_k, threads=threads
    )
    assert list(zip(vocabulary.names, vocabulary.document_frequency.tolist(), strict=True)) == kept[:top_k]


@given(st.lists(st.text(max_size=20), max_size=5))
@settings(deadline=None)
def test_whatever_is_mined_is_a_vocabulary_that_finds_itself(captions):
    vocabulary = LabelVocabulary.mine([*captions, *captions], min_document_frequency=2)
    assert [vocabulary.id(name) for name in vocabulary.names] == list(range(len(vocabulary)))


@pytest.mark.parametrize("captions", [[], ["a dog"], pa.chunked_array([], pa.string())])
def test_too_few_captions_give_an_empty_vocabulary(captions):
    assert len(LabelVocabulary.mine(captions)) == 0


def test_mining_over_many_tasks_counts_every_caption_once():
    captions = ["two dogs and a dog"] * 20_000 + ["a cat"]
    for threads in (1, 3):
        vocabulary = LabelVocabulary.mine(captions, min_document_frequency=1, threads=threads)
        assert dict(zip(vocabulary.names, vocabulary.document_frequency.tolist(), strict=True)) == {
            "dog": 20_000,
            "cat": 1,
        }


def test_a_share_of_the_captions_is_a_limit_too():
    captions = pa.chunked_array([["a dog"] * 6 + ["a cat"] * 3, ["a cow"]])
    vocabulary = LabelVocabulary.mine(captions, min_document_frequency=0.2, max_document_frequency=0.5)
    assert vocabulary.names == ("cat",)


def test_ids_are_the_order_of_the_names():
    vocabulary = LabelVocabulary.from_names(["Zebra", "hot dog", "dog"], parents={"hot dog": "dog"})
    assert [vocabulary.id(name) for name in ("zebra", "the hot dog", "dog")] == [0, 1, 2]
    assert vocabulary.parents.tolist() == [-1, 2, -1]
    assert "dog" in vocabulary and "cat" not in vocabulary  # noqa: PT018
    with pytest.raises(KeyError, match="no label 'cat' among the 3 of the vocabulary"):
        vocabulary.id("cat")


def test_a_vocabulary_survives_a_pickle():
    vocabulary = LabelVocabulary.mine(["a dog", "dogs"], min_document_frequency=1)
    copy = pickle.loads(pickle.dumps(vocabulary))  # noqa: S301
    assert (copy.names, copy.document_frequency.tolist()) == (vocabulary.names, [2])


def test_a_file_has_a_name_and_its_synonyms_a_line(tmp_path):
    path = tmp_path / "labels.tsv"
    path.write_text("\ufeffdog\tpuppy\thound\n\ncat\n", encoding="utf-8")
    vocabulary = LabelVocabulary.from_file(path)
    assert vocabulary.names == ("dog", "cat")
    assert vocabulary.synonyms["dog"] == ("puppy", "hound")
    path.write_bytes(b"\xe9t\xe9")
    with pytest.raises(ValueError, match=r"labels\.tsv: 'utf-8' codec"):
        LabelVocabulary.from_file(path)
    path.write_text("dog\nThe Dog\n")
    with pytest.raises(
        ValueError, match=r"labels\.tsv: expected names .*; got \"dog\" \(label 0\) and \"The Dog\" \(label 1\)"
    ):
        LabelVocabulary.from_file(path)


@pytest.mark.parametrize(
    ("names", "more", "message"),
    [
        (["dog", " - "], {}, 'expected a letter or digit in every name and synonym; label 1 has " - "'),
        (["dog", "cat", "Dog"], {}, r'case, articles and marks; got "dog" \(label 0\) and "Dog" \(label 2\)'),
        (["dog"], {"synonyms": {"cat": ["kitten"]}}, 'expected labels of the vocabulary in synonyms; got "cat"'),
        (
            ["dog", "cat"],
            {"synonyms": {"dog": ["Cat"]}},
            'to mean one label; got "Cat" for "dog", but it already means "cat"',
        ),
        (
            ["dog", "cat"],
            {"synonyms": {"dog": ["pet"], "cat": ["pet"]}},
            'got "pet" for "cat", but it already means "dog"',
        ),
        (["dog"], {"parents": {"dog": "animal"}}, 'expected labels of the vocabulary in parents; got "animal"'),
        (
            ["dog", "cat"],
            {"parents": {"dog": "cat", "cat": "dog"}},
            "without a cycle; the parents of .* lead back to itself",
        ),
    ],
)
def test_contradictions_are_refused_by_name(names, more, message):
    with pytest.raises(ValueError, match=message):
        LabelVocabulary.from_names(names, **more)


def test_a_str_in_place_of_a_list_is_refused():
    with pytest.raises(TypeError, match="expected a list of label names; got the str 'dog'"):
        LabelVocabulary.from_names("dog")
    with pytest.raises(TypeError, match="expected a list of synonyms of 'dog'; got the str 'puppy'"):
        LabelVocabulary.from_names(["dog"], synonyms={"dog": "puppy"})
    with pytest.raises(TypeError, match=r"expected synonyms as \{name: \[texts\]\}; got list"):
        LabelVocabulary.from_names(["dog"], synonyms=["puppy"])
    with pytest.raises(TypeError, match=r"expected the name of one parent of 'dog'; got \['pet'\]"):
        LabelVocabulary.from_names(["dog", "pet"], parents={"dog": ["pet"]})
    with pytest.raises(TypeError, match="expected a batch of captions; got one str"):
        LabelVocabulary.mine("a dog")
    with pytest.raises(TypeError, match="expected a batch of captions with a length; got generator"):
        LabelVocabulary.mine(caption for caption in ["a dog"])


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"min_document_frequency": -1}, "expected min_document_frequency >= 0; got -1"),
        (
            {"max_document_frequency": 1.5},
            r"expected max_document_frequency as an int or as a share in \[0, 1\]; got 1.5",
        ),
        (
            {"min_document_frequency": 3, "max_document_frequency": 2},
            "min_document_frequency <= max_document_frequency; got 3 and 2",
        ),
        ({"top_k": 0}, "expected top_k >= 1, or None for all; got 0"),
    ],
)
def test_limits_out_of_range_are_refused(limits, message):
    with pytest.raises(ValueError, match=message):
        LabelVocabulary.mine(["a dog", "a cat"], **limits)
