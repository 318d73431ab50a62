"""WordNet's nouns, through NLTK."""

from __future__ import annotations

from typing import Any

from unicl import _native
from unicl.labels.content import VocabularyContent


def noun_corpus() -> Any:
    """NLTK's reader of WordNet.

    Raises:
        ModuleNotFoundError: NLTK is not installed.
        FileNotFoundError: NLTK's corpus is not installed; the message gives the command.
    """
    try:
        from nltk.corpus import wordnet
    except ImportError:
        raise ModuleNotFoundError("WordNet is read with NLTK, which is not installed: pip install nltk") from None
    try:
        wordnet.ensure_loaded()
    except LookupError:
        raise FileNotFoundError(
            'NLTK\'s corpus "wordnet" is not installed: python -m nltk.downloader wordnet, or copy it to '
            "corpora/wordnet in a folder that NLTK_DATA names"
        ) from None
    return wordnet


def wordnet_content() -> VocabularyContent:
    """The content of WordNet's vocabulary."""
    corpus = noun_corpus()
    synsets = list(corpus.all_synsets("n"))
    first_sense = _first_senses(corpus, synsets)
    firsts = [synset.lemma_names()[0].replace("_", " ") for synset in synsets]
    own = [synset.name() for synset in synsets]
    names: list[str] = []
    taken: set[str] = set()
    keys = zip(_native.text_keys(firsts), _native.text_keys(own), strict=True)
    for synset, name, (key, own_key) in zip(synsets, firsts, keys, strict=True):
        # A word belongs to the first of its senses; WordNet's name of a synset tells the others apart, and its number
        # those that differ by an article: "city.n.02" and "the_city.n.02".
        if key and key not in taken and first_sense[key] == synset.offset():
            names.append(name)
            taken.add(key)
        else:
            names.append(synset.name() if own_key not in taken else f"{synset.name()} {synset.offset():08d}")
            taken.add(own_key)
    name_of = {synset.offset(): name for synset, name in zip(synsets, names, strict=True)}
    synonyms: dict[str, list[str]] = {name: [] for name in names}
    for synset, name in zip(synsets, names, strict=True):
        texts = [text.replace("_", " ") for text in synset.lemma_names()]
        for text, key in zip(texts, _native.text_keys(texts), strict=True):
            if key and key not in taken and first_sense[key] == synset.offset():
                taken.add(key)
                synonyms[name].append(text)
    parents = {}
    for synset, name in zip(synsets, names, strict=True):
        above = synset.hypernyms() or synset.instance_hypernyms()
        if above:
            parents[name] = name_of[most_specific(above).offset()]
    return VocabularyContent(
        names=tuple(names),
        synonyms={name: tuple(texts) for name, texts in synonyms.items()},
        parents=parents,
    )


def most_specific(synsets: list[Any]) -> Any:
    """The synset that is deepest below WordNet's root; NLTK gives hypernyms in no order."""
    return max(synsets, key=lambda synset: (synset.max_depth(), -synset.offset()))


def _first_senses(corpus: Any, synsets: list[Any]) -> dict[str, int]:
    """For every text, the offset of the synset that is its first sense; of texts written alike, the likelier's."""
    best: dict[str, tuple[int, int]] = {}
    for synset in synsets:
        lemmas = synset.lemma_names()
        for lemma, key in zip(lemmas, _native.text_keys([lemma.replace("_", " ") for lemma in lemmas]), strict=True):
            senses = [sense.offset() for sense in corpus.synsets(lemma, "n")]
            rank = (senses.index(synset.offset()), synset.offset())
            best[key] = min(best.get(key, rank), rank)
    return {key: offset for key, (_, offset) in best.items()}
