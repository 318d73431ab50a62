"""Tags equal those of NLTK's tagger under the same weights, and what goes wrong is named."""

import csv
import json
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.tag.perceptron import PerceptronTagger

from unicl.phrases import PosTagger

GOLDEN = Path(__file__).parents[2] / "golden" / "caption_tags_coco.tsv"
TAGS = ["DT", "NN", "VB", "PRP$"]
WORDS = ["ab", "Ab", "the", "cab", "x-y", "-x", "1999", "20", "2a", "\u00e9t\u00e9", "\u0660\u0661", "\u00bd"]
CONTEXTS = ["ab", "the", "cab", "!HYPHEN", "!YEAR", "!DIGITS", "-START-", "-END-", "-END2-", "-x", "\u00bd"]
MARKS = ["-START-", "-START2-", *TAGS]
features = st.one_of(
    st.just("bias"),
    st.builds("i pref1 {}".format, st.sampled_from(["a", "A", "1", "-", "\u00e9"])),
    st.builds("{} {}".format, st.sampled_from(["i-1 tag", "i-2 tag"]), st.sampled_from(MARKS)),
    st.builds("i tag+i-2 tag {} {}".format, st.sampled_from(MARKS), st.sampled_from(MARKS)),
    st.builds("i-1 tag+i word {} {}".format, st.sampled_from(MARKS), st.sampled_from(CONTEXTS)),
    st.builds(
        "{} {}".format,
        st.sampled_from(["i word", "i-1 word", "i-2 word", "i+1 word", "i+2 word"]),
        st.sampled_from(CONTEXTS),
    ),
    st.builds(
        "{} {}".format,
        st.sampled_from(["i suffix", "i-1 suffix", "i+1 suffix"]),
        st.sampled_from(["ab", "cab", "the", "PEN", "HEN", "-END-"[-3:], "RT-", "999", "x-y"]),
    ),
)
rows = st.dictionaries(st.sampled_from(TAGS), st.integers(-3, 3).map(lambda weight: weight / 1000))
weights = st.dictionaries(features, rows, max_size=80)


def write_nltk(folder, weights, tagdict, classes=TAGS):
    for name, value in (("weights", weights), ("tagdict", tagdict), ("classes", classes)):
        (folder / f"tagger.{name}.json").write_text(json.dumps(value))
    return folder


@given(
    weights,
    st.dictionaries(st.sampled_from(WORDS), st.sampled_from(TAGS), max_size=2),
    st.lists(st.lists(st.sampled_from(WORDS), max_size=8), max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_tags_equal_those_of_nltk_under_any_weights(tmp_path_factory, weights, tagdict, sentences):
    tagger = PosTagger.from_nltk(write_nltk(tmp_path_factory.mktemp("nltk"), weights, tagdict))
    twin = PerceptronTagger(load=False)
    twin.decode_json_params([weights, tagdict, TAGS])
    assert tagger.tag_words(sentences) == [[tag for _, tag in twin.tag(words)] for words in sentences]


def test_the_larger_tag_wins_a_tie(tmp_path):
    tagger = PosTagger.from_nltk(write_nltk(tmp_path, {"bias": {"DT": 0.5, "NN": 0.5}}, {}))
    assert tagger.tag_words([["x"]]) == [["NN"]]


def test_most_of_the_ambiguous_words_tagged_by_hand_are_right():
    with GOLDEN.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    right, total = Counter(), Counter()
    for row, tagged in zip(rows, PosTagger().tag([row["caption"].lower() for row in rows]).to_list(), strict=True):
        word, tag = tagged[int(row["at"])]
        assert word == row["word"]
        for key in (row["tag"], "all"):
            right[key] += tag == row["tag"]
            total[key] += 1
    # NLTK's weights have 8 of the 22 third-person verbs and 68 % of all right.
    assert right["VBZ"] >= 0.9 * total["VBZ"]
    assert right["all"] >= 0.9 * total["all"]


def test_a_tagger_survives_a_file_and_a_pickle(tmp_path):
    captions = ["a man rides a red horse", "two dogs"]
    PosTagger().save(tmp_path / "english.bin")
    for tagger in (PosTagger.load(tmp_path / "english.bin"), pickle.loads(pickle.dumps(PosTagger()))):  # noqa: S301
        assert tagger.tag(captions).to_list() == PosTagger().tag(captions).to_list()


def test_thread_counts_and_kinds_of_batches_give_the_same_columns():
    captions = [f"a dog and {n} cats" for n in range(3000)]
    one = PosTagger().tag(captions, threads=1)
    for other in (
        PosTagger().tag(captions, threads=3),
        PosTagger().tag(tuple(captions)),
        PosTagger().tag(pa.chunked_array([captions[:7], captions[7:]])),
    ):
        assert other.to_list() == one.to_list()
        np.testing.assert_array_equal(other.spans, one.spans)


def test_thread_counts_give_the_same_tags_of_split_sentences():
    sentences = [["a", "dog", "and", f"{n}", "cats"][: n % 6] for n in range(3000)]
    tagger = PosTagger()
    expected = [tagger.tag_words([sentence])[0] for sentence in sentences]
    for threads in (1, 3):
        assert tagger.tag_words(sentences, threads=threads) == expected


def test_a_damaged_file_is_refused_by_name(tmp_path):
    content = bytearray(PosTagger()._content)
    content[5000] ^= 1
    path = tmp_path / "english.bin"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"english\.bin: expected a tagger file with checksum [0-9a-f]{16}, .*: it is damaged"
    ):
        PosTagger.load(path)
    path.write_bytes(content[:5000])
    with pytest.raises(ValueError, match="it is damaged, so install it again"):
        PosTagger.load(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match='expected a tagger file, which begins with "UNICLTAG"; got "PK'):
        PosTagger.load(path)


def test_what_is_not_of_nltk_is_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"got .*, which has no \*\.weights\.json"):
        PosTagger.from_nltk(tmp_path)
    with pytest.raises(ValueError, match=r"expected a folder or a file named \*\.weights\.json; got .*english\.bin"):
        PosTagger.from_nltk(tmp_path / "english.bin")
    write_nltk(tmp_path, {"i wrd dog": {"NN": 1.0}}, {})
    with pytest.raises(ValueError, match="NLTK's weights: expected one of the tagger's features; got \"i wrd dog\""):
        PosTagger.from_nltk(tmp_path)
    (tmp_path / "tagger.tagdict.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"tagger\.tagdict\.json"):
        PosTagger.from_nltk(tmp_path)


def test_a_sentence_that_is_not_split_is_refused():
    with pytest.raises(TypeError, match="expected lists of words; sentence 1 is a str: split it, or call tag"):
        PosTagger().tag_words([["a"], "a dog"])


def test_a_row_that_is_no_text_is_named():
    with pytest.raises(TypeError, match="row 1 is missing"):
        PosTagger().tag(["a", None])
    with pytest.raises(ValueError, match="expected threads >= 1, or None for all cores; got"):
        PosTagger().tag(["a"], threads=0)
