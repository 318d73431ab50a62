"""The plural of a name is the name, and no two names share a form in silence."""

import re

import pytest

from unicl._native import lemma
from unicl.labels import LabelMapper, LabelVocabulary, Merge, PhraseCounter

from .canonical_twin import regular_plural


def found(names, phrases, **more):
    vocabulary = LabelVocabulary.from_names(names, **more)
    return [vocabulary.names[label] if label >= 0 else None for label in LabelMapper(vocabulary).map(phrases).ids]


@pytest.mark.parametrize(
    ("name", "plurals"),
    [
        ("beer glass", ["beer glasses", "two cold beer-glasses"]),
        *((word, [word + "s", f"two {word}s"]) for word in ["yakuza", "shiba inu", "gnocchi", "nagasaki", "manitou"]),
        *((word, [word + "es"]) for word in ["praying mantis", "sandglass", "colossus", "chassis", "albatross"]),
        *((word, [word + "s"]) for word in ["lay-by", "sit-in", "check-up", "TV", "VR", "MP3"]),
        ("legging", ["leggings"]),
        ("binocular", ["binoculars"]),
        ("goggle", ["goggles"]),
        ("son-in-law", ["sons-in-law", "son-in-laws", "two sons in law"]),
        ("looker-on", ["lookers-on"]),
        ("pair of scissors", ["pairs of scissors"]),
        ("slice of cake", ["two slices of cake", "slice of cakes"]),
        ("fungus", ["fungi", "funguses"]),
        ("emporium", ["emporia", "emporiums"]),
        ("nebula", ["nebulae", "nebulas"]),
        ("oasis", ["oases"]),
        ("tetrahedron", ["tetrahedra", "tetrahedrons"]),
        ("appendix", ["appendices", "appendixes"]),
        ("topaz", ["topazes"]),
        ("gateau", ["gateaux", "gateaus"]),
        ("snowman", ["snowmen"]),
        ("calf", ["calves", "calfs"]),
        ("die", ["dice"]),
    ],
)
def test_a_name_meets_its_plurals_and_so_does_a_synonym(name, plurals):
    assert found([name], plurals) == [name] * len(plurals)
    assert found(["thing"], plurals, synonyms={"thing": [name]}) == ["thing"] * len(plurals)


def test_a_word_that_is_a_singular_is_no_plural():
    for word in ["virus", "campus", "ibis", "basis", "gas", "canvas", "atlas", "walrus"]:
        assert found([word[:-1]], [word]) == [None], word
        assert lemma(word) == word


def test_the_head_of_a_longer_name_is_not_the_word_alone():
    names = ["glasses", "shot glass", "looking glass"]
    phrases = ["shot glasses", "two looking glasses", "glasses", "black glasses"]
    assert found(names, phrases) == ["shot glass", "looking glass", "glasses", "glasses"]
    assert found(["glass"], ["shot glasses"], blocked=["shot glass"]) == [None]


def test_every_regular_plural_of_imagenets_words_means_what_its_word_means():
    vocabulary = LabelVocabulary.imagenet("21k", on_clash="first")
    texts = {*vocabulary.names, *(text for texts in vocabulary.synonyms.values() for text in texts)}
    words = sorted(text for text in texts if re.fullmatch("[a-z]+", text))
    plurals = [regular_plural(word) for word in words]
    mapper = LabelMapper(vocabulary)
    pairs = zip(plurals, mapper.map(words).ids, mapper.map(plurals).ids, strict=True)
    other = [plural for plural, label, found in pairs if label != found]
    shared = {merge.text for merge in vocabulary.merge_log if merge.outcome == "form"}
    assert len(words) > 14_000
    # 48 plurals are names or synonyms of another label ("glasses", "shorts"). Nine are plurals of two ("smoothies").
    assert len(other) == 57
    assert [plural for plural in other if plural not in texts and plural not in shared] == []


def test_a_form_of_two_names_goes_to_the_better_and_the_log_tells():
    def form(text, label, other):
        return Merge(outcome="form", text=text, label=label, other=other)

    vocabulary = LabelVocabulary.from_names(["axis", "axe"])  # the ordinary plural first
    assert vocabulary.merge_log == (form("axes", "axe", "axis"),)
    assert found(["axis", "axe"], ["axes"]) == ["axe"]
    assert str(vocabulary.merge_log[0]) == '"axes" means "axe"; it is a form of "axis" too'
    vocabulary = LabelVocabulary.from_names(["smoothie", "smoothy"])  # then the first
    assert vocabulary.merge_log == (form("smoothies", "smoothie", "smoothy"),)
    assert found(["smoothy", "smoothie"], ["smoothies"]) == ["smoothy"]
    vocabulary = LabelVocabulary.from_names(["base", "place"], synonyms={"base": ["pie"], "place": ["basis"]})
    assert form("bases", "base", "place") in vocabulary.merge_log  # and a name before a synonym
    vocabulary = LabelVocabulary.from_names(["glass", "glasses"])
    assert vocabulary.merge_log == (form("glasses", "glasses", "glass"),)
    assert LabelVocabulary(vocabulary.content).merge_log == vocabulary.merge_log
    assert LabelVocabulary.from_names(["dog", "cat"]).merge_log == ()


@pytest.mark.parametrize(
    ("captions", "names"),
    [
        (["a shot glass", "two shot glasses", "two shot glasses and a shot glass"], {"shot glass": 3}),
        (["two shot glasses", "three shot glasses"], {"shot glasses": 2}),
        (["a guru", "gurus"], {"guru": 2}),
        (["a park-bench", "a park-bench", "a park bench"], {"park-bench": 3}),
        (["a park-bench", "a park bench"], {"park bench": 2}),
        (["a cr\u00eape stand", "a cre\u0302pe stand"], {"cr\u00eape stand": 2}),
    ],
)
def test_one_thing_has_one_mined_name(captions, names):
    vocabulary = LabelVocabulary.mine(captions, min_document_frequency=2)
    mined = dict(zip(vocabulary.names, vocabulary.document_frequency.tolist(), strict=True))
    heads = ("glass", "glasses", "bench", "stand")
    assert {name: count for name, count in mined.items() if name not in heads} == names
    counter = PhraseCounter()
    for caption in captions:
        counter.add([caption])
    assert dict(zip(counter.vocabulary().names, counter.vocabulary().document_frequency.tolist(), strict=True)) == mined
    assert (LabelMapper(vocabulary).map(captions[:2]).ids == vocabulary.id(next(iter(names)))).all()
