"""A vocabulary grows without renumbering, and says what became of texts that two labels claim."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unicl.labels import LabelMapper, LabelVocabulary, Merge

ANIMALS = LabelVocabulary.from_names(
    ["dog", "cat", "animal"],
    synonyms={"dog": ["puppy"], "cat": ["kitty"]},
    parents={"dog": "animal"},
    blocked=["toy dog", "dog tag"],
)


def label(vocabulary, phrase):
    found = LabelMapper(vocabulary).map([phrase]).ids[0]
    return None if found < 0 else vocabulary.names[found]


words = st.sampled_from(["dog", "dogs", "cat", "the cat", "hot dog", "Cat!", "fish", "kitty", "bird", "birds"])
vocabularies = st.dictionaries(words, st.lists(words, max_size=3), max_size=4)


def built(synonyms):
    try:
        return LabelVocabulary.from_names(synonyms, synonyms=synonyms, on_clash="first")
    except ValueError:  # two names are the same
        return None


@given(vocabularies, vocabularies, st.sampled_from(["first", "drop"]))
@settings(deadline=None)
def test_a_union_keeps_the_ids_and_finds_every_name_of_both(one, two, on_clash):
    first, second = built(one), built(two)
    if first is None or second is None:
        return
    union = first.merged(second, on_clash=on_clash)
    assert union.names[: len(first)] == first.names
    mapping = LabelMapper(union).map([*first.names, *second.names])
    assert mapping.ids[: len(first)].tolist() == list(range(len(first)))
    assert (mapping.ids >= 0).all()
    assert (mapping.scores == 1).all()


@given(vocabularies)
@settings(deadline=None)
def test_a_union_with_itself_adds_nothing(synonyms):
    vocabulary = built(synonyms)
    if vocabulary is None:
        return
    union = vocabulary.merged(vocabulary)
    assert union.names == vocabulary.names
    assert len(union.merge_log) == len(vocabulary.merge_log)


def test_new_names_come_behind_and_old_ids_stay():
    larger = ANIMALS.extended(
        ["ball", "toy"], synonyms={"ball": ["sphere"], "dog": ["hound"]}, parents={"cat": "animal"}
    )
    assert larger.names == ("dog", "cat", "animal", "ball", "toy")
    assert larger.synonyms["dog"] == ("puppy", "hound")
    assert larger.parents.tolist() == [2, 2, -1, -1, -1]
    assert larger.blocked == ANIMALS.blocked
    assert ANIMALS.names == ("dog", "cat", "animal")


def test_a_name_that_is_there_is_refused():
    with pytest.raises(
        ValueError,
        match=r'differ in more than case, articles and marks; got "dog" \(label 0\) and "The Dog" \(label 3\)',
    ):
        ANIMALS.extended(["The Dog"])
    with pytest.raises(TypeError, match="expected a list of label names; got the str 'ball'"):
        ANIMALS.extended("ball")


def test_a_new_name_takes_a_synonym_over_if_clashes_are_allowed():
    with pytest.raises(ValueError, match='to mean one label; got "puppy" for "dog", but it already means "puppy"'):
        ANIMALS.extended(["puppy"])
    larger = ANIMALS.extended(["puppy"], on_clash="first")
    assert label(larger, "puppies") == "puppy"
    assert larger.merge_log == (Merge(outcome="name", text="puppy", label="puppy", other="dog"),)


def test_a_label_that_means_one_here_becomes_its_synonym():
    other = LabelVocabulary.from_names(["dogs", "Kitty", "fish"], synonyms={"Kitty": ["kitten"]})
    union = ANIMALS.merged(other)
    assert union.names == ("dog", "cat", "animal", "fish")
    assert label(union, "kittens") == "cat"
    assert [str(merge) for merge in union.merge_log] == [
        '"dogs" became a synonym of "dog"',
        '"Kitty" became a synonym of "cat"',
    ]


def test_parents_of_the_other_are_taken_where_there_is_none():
    other = LabelVocabulary.from_names(["pet", "cat", "dog"], parents={"cat": "pet", "dog": "pet"})
    union = ANIMALS.merged(other)
    assert [union.names[parent] for parent in union.parents[:2]] == ["animal", "pet"]


def test_counts_are_added():
    first = LabelVocabulary.mine(["a dog", "a dog and a cat"], min_document_frequency=1)
    second = LabelVocabulary.mine(["a fish", "dogs"], min_document_frequency=1)
    union = first.merged(second)
    assert dict(zip(union.names, union.document_frequency.tolist(), strict=True)) == {"dog": 3, "cat": 1, "fish": 1}
    assert first.merged(ANIMALS).document_frequency is None
    assert first.with_synonyms({"dog": ["puppy"]}).document_frequency.tolist() == first.document_frequency.tolist()


def test_a_synonym_of_two_labels_is_settled_as_asked():
    names, synonyms = ["cougar", "jaguar", "cat"], {"cougar": ["panther", "puma"], "jaguar": ["panther", "cat"]}
    with pytest.raises(
        ValueError, match='to mean one label; got "panther" for "jaguar", but it already means "cougar"'
    ):
        LabelVocabulary.from_names(names, synonyms=synonyms)
    first = LabelVocabulary.from_names(names, synonyms=synonyms, on_clash="first")
    dropped = LabelVocabulary.from_names(names, synonyms=synonyms, on_clash="drop")
    assert [label(first, text) for text in ("panther", "puma", "cat")] == ["cougar", "cougar", "cat"]
    assert [label(dropped, text) for text in ("panther", "puma", "cat")] == [None, "cougar", "cat"]
    assert [merge.outcome for merge in first.merge_log] == ["first", "name"]
    assert [str(merge) for merge in dropped.merge_log] == [
        '"panther" means no label: "cougar" and "jaguar" claimed it',
        '"cat" is a name, not a synonym of "jaguar"',
    ]
    with pytest.raises(ValueError, match="got 'last'"):
        LabelVocabulary.from_names(names, on_clash="last")


def test_what_is_blocked_means_no_label():
    assert [label(ANIMALS, phrase) for phrase in ("two toy dogs", "a dog tag", "a small dog")] == [None, None, "dog"]
    with pytest.raises(ValueError, match='blocked texts to mean no label; got "puppy", but it already means "dog"'):
        LabelVocabulary.from_names(["dog"], synonyms={"dog": ["puppy"]}, blocked=["puppy"])
    with pytest.raises(TypeError, match="expected a list of blocked texts; got the str 'toy dog'"):
        LabelVocabulary.from_names(["dog"], blocked="toy dog")


def test_a_new_label_is_no_longer_blocked():
    larger = ANIMALS.extended(["toy dog"])
    assert (label(larger, "toy dogs"), larger.blocked) == ("toy dog", ("dog tag",))
    assert str(larger.merge_log[0]) == '"toy dog" was to mean no label, but means "toy dog"'
    other = LabelVocabulary.from_names(["car", "bell"], blocked=["toy car", "puppy", "bell dog"])
    assert ANIMALS.merged(other).blocked == ("toy dog", "dog tag", "toy car", "bell dog")


def test_the_log_survives_growth_and_a_pickle():
    vocabulary = LabelVocabulary.from_names(["a1", "b1"], synonyms={"a1": ["c1"], "b1": ["c1"]}, on_clash="first")
    larger = pickle.loads(pickle.dumps(vocabulary.extended(["d1"])))  # noqa: S301
    assert larger.merge_log == vocabulary.merge_log
    assert len(larger.merge_log) == 1
