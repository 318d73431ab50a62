"""Phrases get the label that they mean, by the rule that says so, or none."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unicl._native import lemma
from unicl.labels import DenseLabeler, LabelMapper, LabelVocabulary, Rule

from .canonical_twin import map_misspelt, map_phrase, map_to_kept

WORDS = [
    "dog",
    "dogs",
    "hot",
    "house",
    "puppy",
    "puppies",
    "men",
    "man",
    "leaf",
    "leaves",
    "ski",
    "skis",
    "cat's",
    "t-shirts",
    "t shirt",
    "glass",
    "glasses",
    "wine-glass",
    "guru",
    "gurus",
    "hip-hop",
    "caf\u00e9",
]
names = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(" ".join),
    max_size=8,
    unique_by=lambda name: name.replace("-", " "),
)


@st.composite
def vocabularies(draw):
    chosen = draw(names)
    free = [word for word in WORDS if word.replace("-", " ") not in {name.replace("-", " ") for name in chosen}]
    synonyms = {}
    for word in draw(st.lists(st.sampled_from(free), max_size=3, unique=True)) if free and chosen else []:
        synonyms.setdefault(draw(st.sampled_from(chosen)), []).append(word)
    return chosen, synonyms


words = st.sampled_from(
    [
        *WORDS,
        *("hot_dogs", "a_man_", "The", "a", "(", "Dog.", "trots", "sitting", "'s", "cafe\u0301s", "CAT\u2019S"),
        *("man/dogs", "/", "`S", "hip\u2011hop", "t\u00adshirts", "hot-dog"),
    ]
)


@given(vocabularies(), st.lists(st.lists(words, max_size=5).map(" ".join)))
@settings(max_examples=500, deadline=None)
def test_the_mapping_equals_that_of_its_slow_twin(vocabulary, phrases):
    names, synonyms = vocabulary
    mapping = LabelMapper(LabelVocabulary.from_names(names, synonyms=synonyms)).map(phrases)
    expected = [map_phrase(names, synonyms, phrase) for phrase in phrases]
    found = zip(mapping.ids.tolist(), map(Rule, mapping.rules), mapping.scores.tolist(), strict=True)
    assert list(found) == [(label, rule, pytest.approx(score)) for label, rule, score in expected]


def test_the_class_names_of_data_sets_mean_what_they_say_without_their_underscores():
    vocabulary = LabelVocabulary.from_names(["dog", "hot_dog", "maple_tree"], synonyms={"hot_dog": ["corn_dog"]})
    mapping = LabelMapper(vocabulary).map(["a hot dog", "two maple trees", "corn dogs", "hot_dog", "a big hot_dog"])
    assert mapping.ids.tolist() == [1, 2, 1, 1, 1]
    assert (vocabulary.names[1], vocabulary.id("hot dog"), vocabulary.id("hot_dog")) == ("hot_dog", 1, 1)


def test_the_singular_of_a_name_stays_its_lemma_when_it_is_given_as_a_synonym_too():
    mapping = LabelMapper(LabelVocabulary.from_names(["dogs"], synonyms={"dogs": ["dog"]})).map(["dog"])
    assert (mapping.ids.tolist(), mapping.rules.tolist()) == ([0], [Rule.LEMMA])


def test_a_verb_taken_for_the_head_noun_is_passed_over():
    vocabulary = LabelVocabulary.from_names(["dog", "fly", "bus"], blocked=["hot dog"])
    phrases = ["a dog trots", "a dog sitting outside", "bus stops", "a hot dog sits", "trots"]
    mapping = LabelMapper(vocabulary).map(phrases)
    assert mapping.ids.tolist() == [0, 0, -1, -1, -1]
    assert mapping.scores[1] == pytest.approx(1 / 3)


def test_neighbours_in_spelling_are_not_neighbours_in_meaning():
    # What string similarity makes of these: menu, ant, pole, clogs, chain.
    vocabulary = LabelVocabulary.from_names(["menu", "ant", "pole", "clogs", "chain", "hot dog"])
    assert LabelMapper(vocabulary).map(["men", "man", "people", "dogs", "chairs", "dog"]).ids.tolist() == [-1] * 6


def test_a_phrase_keeps_its_head():
    vocabulary = LabelVocabulary.from_names(["dog", "fire truck", "truck", "house"])
    mapping = LabelMapper(vocabulary).map(["a dog house", "red fire trucks", "a fire truck toy", "dog dog"])
    assert mapping.ids.tolist() == [3, 1, -1, 0]


def test_results_have_the_dtypes_that_are_promised():
    mapping = LabelMapper(LabelVocabulary.from_names(["dog"])).map(pa.array(["dog", "a big dog", ""]))
    assert [mapping.ids.dtype, mapping.scores.dtype, mapping.rules.dtype] == [np.int32, np.float32, np.uint8]
    assert mapping.scores.tolist() == [1.0, 0.5, 0.0]
    assert len(mapping) == 3


def test_thread_counts_give_the_same_labels():
    phrases = [f"a big dog{'s' * (n % 2)} {n % 7 or 'cat'}" for n in range(5000)]
    mapper = LabelMapper(LabelVocabulary.from_names(["dog", "cat", "big dog"]))
    one, four = mapper.map(phrases, threads=1), mapper.map(phrases, threads=4)
    np.testing.assert_array_equal(one.ids, four.ids)
    np.testing.assert_array_equal(one.rules, four.rules)


def ids_and_rules(mapping):
    return list(zip(mapping.ids.tolist(), map(Rule, mapping.rules), mapping.scores.tolist(), strict=True))


@given(st.data(), vocabularies(), st.lists(st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join)))
@settings(max_examples=200, deadline=None)
def test_a_label_that_is_not_kept_gives_way_to_its_nearest_kept_ancestor(data, vocabulary, phrases):
    names, synonyms = vocabulary
    parents = {  # of a later name, so that no circle arises
        name: data.draw(st.sampled_from(names[place + 1 :]))
        for place, name in enumerate(names[:-1])
        if data.draw(st.booleans())
    }
    kept = data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)))
    labels = LabelVocabulary.from_names(names, synonyms=synonyms, parents=parents)
    expected = [map_to_kept(names, parents, kept, map_phrase(names, synonyms, phrase)) for phrase in phrases]
    found = ids_and_rules(LabelMapper(labels, kept=np.array(kept, bool)).map(phrases))
    assert found == [(label, rule, pytest.approx(score)) for label, rule, score in expected]


def test_a_meaning_without_a_kept_ancestor_is_not_replaced_by_a_shorter_one():
    vocabulary = LabelVocabulary.from_names(["dog", "hot dog", "food"])
    assert LabelMapper(vocabulary, kept=[True, False, True]).map(["a hot dog"]).ids.tolist() == [-1]


# No tagger has met these words.
MADE_UP = ["qwortel", "qwortle", "qworttel", "qworetl", "qwwortel", "wqortel", "qwortels", "qwort", "qwotr", "qw0rtel"]
MADE_UP += ["qwor", "qwro", "dog", "dogs"]


@given(
    st.lists(st.lists(st.sampled_from(MADE_UP), min_size=1, max_size=2).map(" ".join), max_size=4, unique_by=lemma),
    st.lists(st.lists(st.sampled_from([*MADE_UP, "the"]), max_size=3).map(" ".join)),
    st.sampled_from([0.5, 0.75, 0.8, 6 / 7, 1.0]),
)
@settings(max_examples=500, deadline=None)
def test_corrected_words_equal_those_of_the_slow_twin(names, phrases, threshold):
    mapping = LabelMapper(LabelVocabulary.from_names(names), fuzzy_threshold=threshold).map(phrases)
    expected = [map_misspelt(names, {}, phrase, threshold) for phrase in phrases]
    assert ids_and_rules(mapping) == [(label, rule, pytest.approx(score)) for label, rule, score in expected]


def test_slips_of_the_pen_are_corrected():
    vocabulary = LabelVocabulary.from_names(["giraffe", "mountain", "traffic light", "wagon"])
    phrases = ["two girafes", "a snowy moutnain", "red trafffic lights", "a waggon trots", "a girrafe"]
    mapping = LabelMapper(vocabulary, fuzzy_threshold=0.8).map(phrases)
    assert mapping.ids.tolist() == [0, 1, 2, 3, -1]
    assert mapping.rules[:4].tolist() == [Rule.FUZZY] * 4


def test_words_are_not_made_others_that_look_like_them():
    names = ["menu", "clogs", "horse", "water", "couch", "baker", "snowboard", "unicycle", "desert", "speaker"]
    phrases = [
        "men",
        "dogs",
        "a house",
        "a waiter",
        "a dog crouches",
        "bikers",
        "snowboarder",
        "a motorcycle",
        "dessert",
    ]
    mapper = LabelMapper(LabelVocabulary.from_names(names), fuzzy_threshold=0.8)
    assert mapper.map([*phrases, "sneakers"]).ids.tolist() == [-1] * 10


def test_what_means_a_label_as_it_stands_is_not_corrected():
    mapper = LabelMapper(LabelVocabulary.from_names(["giraffe", "dog"]), fuzzy_threshold=0.8)
    assert mapper.map(["a girafe dog"]).rules.tolist() == [Rule.HEAD_NOUN]


@pytest.mark.parametrize("maker", [LabelMapper, DenseLabeler])
def test_a_name_or_a_list_in_place_of_a_vocabulary_is_refused(maker):
    with pytest.raises(TypeError, match=r"expected a LabelVocabulary, such as .*\.coco\(\) or .*; got 'coco'"):
        maker("coco")
    with pytest.raises(TypeError, match=r"expected a LabelVocabulary.*; got \['dog'\]"):
        maker(["dog"])


def test_options_out_of_place_are_refused():
    vocabulary = LabelVocabulary.from_names(["dog", "cat"])
    with pytest.raises(ValueError, match=r"expected fuzzy_threshold in \(0, 1\], or None; got 80"):
        LabelMapper(vocabulary, fuzzy_threshold=80)
    with pytest.raises(ValueError, match=r"expected kept of shape \(2,\), the labels; got \(1,\)"):
        LabelMapper(vocabulary, kept=[True])
    with pytest.raises(TypeError, match="expected kept to be of bools, one for each label; got int64"):
        LabelMapper(vocabulary, kept=[0, 1])
    with pytest.raises(ValueError, match=r'expected neither kept nor fuzzy_threshold with mode="argmax".*; got one'):
        LabelMapper(vocabulary, mode="argmax", fuzzy_threshold=0.8)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match='expected mode "canonical" or "argmax"; got \'fuzzy\''):
        LabelMapper(LabelVocabulary.from_names(["dog"]), mode="fuzzy")


def test_one_phrase_in_place_of_a_batch_is_refused():
    with pytest.raises(TypeError, match="expected a batch of phrases; got one str"):
        LabelMapper(LabelVocabulary.from_names(["dog"])).map("dog")


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        *(("dogs", "dog"), ("men", "man"), ("people", "person"), ("women", "woman"), ("policemen", "policeman")),
        *(("knives", "knife"), ("gloves", "glove"), ("buses", "bus"), ("houses", "house"), ("tomatoes", "tomato")),
        *(
            ("glasses", "glasses"),
            ("sunglasses", "sunglasses"),
            ("bus", "bus"),
            ("tennis", "tennis"),
            ("sheep", "sheep"),
        ),
        *(
            ("movies", "movie"),
            ("cities", "city"),
            ("benches", "bench"),
            ("mustaches", "mustache"),
            ("t-shirts", "t-shirt"),
        ),
    ],
)
def test_the_lemma_of_a_noun_is_its_singular(plural, singular):
    assert lemma(plural) == singular
