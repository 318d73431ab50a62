"""WordNet's nouns become labels, read by NLTK from a small corpus in WordNet's own files, which the tests write."""

import nltk
import numpy as np
import pytest
from nltk.corpus.reader.wordnet import WordNetCorpusReader
from nltk.corpus.util import LazyCorpusLoader

from unicl.labels import LabelMapper, LabelVocabulary
from unicl.labels.named.imagenet import nearest_classes

SYNSETS = [
    (["entity"], []),
    (["animal", "beast"], ["entity"]),
    (["domestic_animal"], ["animal"]),
    (["mammal"], ["animal"]),
    (["canine", "dog_family"], ["mammal"]),
    (["dog", "domestic_dog", "Canis_familiaris"], ["domestic_animal", "canine"]),
    (["frank", "dog", "hot_dog"], ["entity"]),
    (["dog"], ["entity"]),
    (["frank"], ["entity"]),
    (["A", "angstrom"], ["entity"]),
    (["golden_retriever"], ["dog"]),
]
"""Words and the first words of hypernyms; the senses of a word are in this order."""


def write_corpus(folder, synsets, offsets=None):
    """The database files of WordNet with these nouns and nothing else."""
    folder.mkdir(parents=True)
    for name in WordNetCorpusReader._FILES:
        (folder / name).touch()
    (folder / "lexnames").write_text("".join(f"{i:02d}\tnoun.{i}\t1\n" for i in range(45)))
    offset_of, lines, at = {}, [], 0
    for i, (words, above) in enumerate(synsets):
        if offsets is not None:
            lines.append(" " * (offsets[i] - at - 1) + "\n")
            at = offsets[i]
        offset_of.setdefault(words[0], at)
        pointers = "".join(f"@ {offset_of[word]:08d} n 0000 " for word in above)
        spelled = "".join(f"{word} 0 " for word in words)
        lines.append(f"{at:08d} 03 n {len(words):02x} {spelled}{len(above):03d} {pointers}| a thing  \n")
        at += len(lines[-1])
    (folder / "data.noun").write_text("".join(lines))
    senses = {}
    for line in lines:
        fields = line.split()
        for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2] if fields else ():
            senses.setdefault(word.lower(), []).append(fields[0])
    index = [f"{word} n {len(at)} 1 @ {len(at)} 0 {' '.join(at)}  \n" for word, at in sorted(senses.items())]
    (folder / "index.noun").write_text("".join(index))


@pytest.fixture
def nltk_data(tmp_path, monkeypatch):
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    monkeypatch.setattr(nltk.corpus, "wordnet", LazyCorpusLoader("wordnet", WordNetCorpusReader, None))
    return tmp_path


@pytest.fixture
def vocabulary(nltk_data):
    write_corpus(nltk_data / "corpora" / "wordnet", SYNSETS)
    with pytest.warns(UserWarning, match="multilingual"):
        return LabelVocabulary.wordnet()


def label(vocabulary, phrase):
    found = LabelMapper(vocabulary).map([phrase]).ids[0]
    return None if found < 0 else vocabulary.names[found]


def test_senses_that_differ_by_an_article_are_told_apart(nltk_data):
    senses = [(["city"], []), (["city"], []), (["the_city"], []), (["the_city"], [])]
    write_corpus(nltk_data / "corpora" / "wordnet", senses)
    with pytest.warns(UserWarning, match="multilingual"):
        names = LabelVocabulary.wordnet().names
    assert names[:3] == ("city", "city.n.02", "the_city.n.01")
    assert names[3].startswith("the_city.n.02 0")


def test_every_synset_is_a_label_in_wordnets_order(vocabulary):
    assert vocabulary.names == (
        "entity",
        "animal",
        "domestic animal",
        "mammal",
        "canine",
        "dog",
        "frank",
        "dog.n.03",
        "frank.n.02",
        "A",
        "golden retriever",
    )


def test_a_word_means_its_first_sense(vocabulary):
    assert label(vocabulary, "two dogs") == "dog"
    assert label(vocabulary, "a hot dog") == "frank"
    assert label(vocabulary, "Canis familiaris") == "dog"
    assert vocabulary.synonyms["dog"] == ("domestic dog", "Canis familiaris")


def test_the_parent_is_the_most_specific_hypernym(vocabulary):
    parents = {
        name: vocabulary.names[parent] for name, parent in zip(vocabulary.names, vocabulary.parents, strict=True)
    }
    assert parents["golden retriever"] == "dog"
    assert parents["dog"] == "canine"
    assert np.flatnonzero(vocabulary.parents < 0).tolist() == [0]


def test_imagenet_takes_its_parents_from_wordnet(nltk_data):
    synsets = [(["animal"], []), (["dog"], ["animal"]), (["hound"], ["dog"]), (["beagle"], ["hound"])]
    write_corpus(nltk_data / "corpora" / "wordnet", synsets, offsets=[15388, 2084071, 2087122, 2088364])
    with pytest.warns(UserWarning, match="multilingual"):
        parents = nearest_classes(["animal", "dog", "beagle"], ["n00015388", "n02084071", "n02088364"])
    assert parents == {"beagle": "dog", "dog": "animal"}  # the hound is no class
    with (
        pytest.warns(UserWarning, match="No WordNet synset"),
        pytest.raises(
            ValueError, match=r"WordNet has no n00004475 \(organism\); ImageNet's classes are WordNet 3\.0's"
        ),
    ):
        LabelVocabulary.imagenet("21k", parents=True)


@pytest.mark.usefixtures("nltk_data")
def test_a_missing_corpus_is_named_with_the_remedy():
    with pytest.raises(FileNotFoundError, match=r'corpus "wordnet" is not installed: python -m nltk\.downloader'):
        LabelVocabulary.wordnet()
