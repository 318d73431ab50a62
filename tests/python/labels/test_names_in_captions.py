"""The names of a vocabulary are found among the words of captions, also where the tagger sees no noun phrase."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unicl.labels import DenseLabeler, LabelVocabulary, Rule

from .lexicon_twin import labels_of

COCO = LabelVocabulary.coco()
IMAGENET = LabelVocabulary.imagenet("1k")
# Brackets and slashes are words of their own in a caption.
NOT_FOUND = {"kite (bird of prey)", "product packet / packaging"}
# In a list without "a", the tagger takes some names for adjectives or verbs: "quail, pelican and sea lion".
SHARE_OF_BARE_LISTS = {80: 0.95, 1000: 0.94}
NAMES = LabelVocabulary.from_names(["person", "dog", "cat", "tie", "oven", "fork", "frying pan", "fire hydrant"])
LABELER = DenseLabeler(NAMES)


def lost(vocabulary, form, *steps):
    """The captions of a form in which a name is not found; the form has the name and those some steps after it."""
    names, count = vocabulary.names, len(vocabulary)
    wanted = [[label, *((label + step) % count for step in steps)] for label in range(count)]
    captions = [form.format(*(names[label] for label in labels)) for labels in wanted]
    rows = DenseLabeler(vocabulary)(captions).to_list()
    return [
        caption
        for caption, labels, row in zip(captions, wanted, rows, strict=True)
        if not set(labels) - {vocabulary.names.index(name) for name in NOT_FOUND & set(names)} <= set(row)
    ]


@pytest.mark.parametrize("vocabulary", [COCO, IMAGENET], ids=["coco", "imagenet"])
@pytest.mark.parametrize(
    "form", ["a photo of a {}.", "there is a {}", "A {} and a dog.", "a dog and a {}", "two dogs with a {} outside"]
)
def test_every_name_is_found_in_a_sentence(vocabulary, form):
    assert lost(vocabulary, form) == []


@pytest.mark.parametrize("vocabulary", [COCO, IMAGENET], ids=["coco", "imagenet"])
def test_every_name_is_found_in_a_list(vocabulary):
    assert lost(vocabulary, "a {}, a {} and a {}", 7, 13) == []
    for form in ("{}, {} and {}", "with {}, {} and {}", "{}, {}, {}"):
        assert len(lost(vocabulary, form, 7, 13)) <= (1 - SHARE_OF_BARE_LISTS[len(vocabulary)]) * len(vocabulary)


@pytest.mark.parametrize(
    ("caption", "labels"),
    [
        ("a man in a suit and tie", ["tie"]),
        ("a knife and fork", ["fork"]),
        ("a frying pan on a stove", ["frying pan"]),
        ("a white fire hydrant in front of a red car", ["fire hydrant"]),
        ("two fire hydrants stand there", ["fire hydrant"]),
        ("a kitchen with sink, oven, and fridge", ["oven"]),
        ("a Fire-Hydrant and a dog", ["dog", "fire hydrant"]),
        # verbs
        ("they tie a knot", []),
        ("he ties his shoes", []),
        ("to tie it up", []),
        ("dogs and cats tie", ["dog", "cat"]),
        # before another noun
        ("an oven door", []),
        ("the cat food", []),
        ("a dog house and a tie rack", []),
        ("a frying pan handle", []),
        # across the end of a sentence, a line or a mark
        ("a fire. hydrant", []),
        ("a fire\nhydrant", []),
        ("frying | pan", []),
        ("frying, pan", []),
        ("frying / pan", []),
        ("a fire: hydrant", []),
        ("a fire (hydrant)", []),
        ("frying! pan", []),
    ],
)
def test_a_name_counts_where_it_can_be_a_noun_phrase(caption, labels):
    [row] = LABELER([caption]).to_list()
    assert [NAMES.names[label] for label in row] == labels


@pytest.mark.parametrize("caption", ["people fish in the river", "dogs and cats play", "he can swim", "birds fly away"])
def test_a_verb_is_no_name(caption):
    vocabulary = LabelVocabulary.from_names(["fish", "play", "can", "fly", "swim"])
    assert DenseLabeler(vocabulary)([caption]).to_list() == [[]]


def test_a_name_outside_the_noun_phrases_has_a_rule_of_its_own():
    rows = LABELER.explain("a knife and fork")
    assert [(row.phrase, row.rule, row.label) for row in rows][-1] == ("fork", Rule.CAPTION, "fork")


@pytest.mark.parametrize("name", ["yellow lady's slipper", "potter's wheel", "jack-o'-lantern", "bull's eye"])
def test_a_name_with_an_apostrophe_is_found_in_the_middle_of_words(name):
    labeler = DenseLabeler(LabelVocabulary.from_names([name]))
    assert labeler([f"a photo of a {name}.", f"a small {name} and a dog", f"the {name}s"]).to_list() == [[0]] * 3


@pytest.mark.parametrize(
    ("caption", "label"),
    [
        ("Kite Royalty Free Stock Photos", "kite"),
        ("zebra photos", "zebra"),
        ("Horse Vector Illustration", "horse"),
        ("red car free download", "car"),
        ("director Ruben Fleischer on stage", "person"),
        ("singer Beyonce Knowles", "person"),
    ],
)
def test_words_of_the_medium_and_proper_names_after_the_name_are_skipped(caption, label):
    assert [COCO.names[found] for found in DenseLabeler(COCO)([caption]).to_list()[0]] == [label]


def test_a_role_before_a_proper_name_has_a_rule_of_its_own():
    [row] = DenseLabeler(COCO).explain("singer Beyonce Knowles")
    assert row.rule == Rule.NAMED_HEAD


# No cue word of a rule of context is here, and no capital.
# fmt: off
WORDS = [
    "a", "the", "his", "two", "big", "white", "dog", "dogs", "tie", "ties", "oven", "fork", "pan",
    "frying", "fire", "hydrant", "hydrants", "and", "or", ",", ".", "with", "near", "holding", "they",
    "tie", "orange", "front", "suit", "knife", "door", "runs", "to", "up", "red", "while", "parked",
    "quickly", "it", "on",
]
# fmt: on
TWIN_NAMES = ["dog", "tie", "oven", "fork", "frying pan", "fire hydrant", "orange", "suit and tie"]
TWIN = DenseLabeler(LabelVocabulary.from_names(TWIN_NAMES))


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
@settings(deadline=None, max_examples=300)
def test_names_equal_those_found_by_trying_all_runs_of_words(caption):
    assert set(TWIN([caption]).to_list()[0]) == labels_of(caption, TWIN_NAMES, {})


# Every word that ends one of the names ends a longer name here, which no caption has.
LONGER = DenseLabeler(LabelVocabulary.from_names([*TWIN_NAMES, *(f"an odd kind of {name}" for name in TWIN_NAMES)]))


@given(st.lists(st.sampled_from([*WORDS, "~", "\0", "\u00ad"]), max_size=12).map(" ".join))
@settings(deadline=None, max_examples=300)
def test_names_that_a_caption_does_not_have_change_nothing(caption):
    assert LONGER.explain(caption) == TWIN.explain(caption)
