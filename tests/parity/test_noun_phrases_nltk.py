"""With NLTK's weights, words, spans, tags and noun phrases equal NLTK's on real captions."""

import json
import os
from pathlib import Path

import pytest

from unicl.phrases import DEFAULT_GRAMMAR, PosTagger, find_noun_phrases

from .corpora import DATA, every_corpus, read_captions

nltk = pytest.importorskip("nltk", reason="nltk is what the answers are compared with")
WEIGHTS = (DATA or Path()) / "nltk_data/taggers/averaged_perceptron_tagger_eng"

pytestmark = pytest.mark.skipif(
    not WEIGHTS.is_dir(), reason=f"no NLTK weights at {WEIGHTS}; UNICL_DATA names a folder that holds nltk_data"
)


@pytest.fixture(scope="module")
def nltk_tagger():
    parts = [f"{WEIGHTS.name}.{part}.json" for part in ("weights", "tagdict", "classes")]
    tagger = nltk.tag.perceptron.PerceptronTagger(load=False)
    tagger.decode_json_params([json.loads((WEIGHTS / part).read_text()) for part in parts])
    return tagger


@pytest.fixture(scope="module")
def tagger():
    return PosTagger.from_nltk(WEIGHTS)


def some_captions(corpus):
    """Some of the captions, so that the slow side takes seconds; with UNICL_EVERY_CAPTION=1 all of them, in minutes."""
    captions = read_captions(corpus)
    return captions if os.environ.get("UNICL_EVERY_CAPTION") else captions[:: max(1, len(captions) // 3000)]


@every_corpus
def test_words_spans_and_tags_equal_those_of_nltk(tagger, nltk_tagger, corpus):
    captions = some_captions(corpus)
    words = nltk.tokenize.NLTKWordTokenizer()
    tagged = tagger.tag(captions)
    spans, bounds = tagged.spans.tolist(), tagged.offsets.tolist()
    for row, (caption, found) in enumerate(zip(captions, tagged.to_list(), strict=True)):
        assert found == nltk_tagger.tag(words.tokenize(caption)), caption
        if '"' not in caption and "''" not in caption:  # NLTK finds the places of quotes by guessing
            assert spans[bounds[row] : bounds[row + 1]] == [list(s) for s in words.span_tokenize(caption)], caption


@every_corpus
def test_noun_phrases_equal_those_of_the_recipe(tagger, nltk_tagger, corpus):
    captions = some_captions(corpus)
    words, parser = nltk.tokenize.NLTKWordTokenizer(), nltk.RegexpParser(DEFAULT_GRAMMAR)
    for caption, found in zip(captions, find_noun_phrases(captions, tagger=tagger).to_list(), strict=True):
        tagged = nltk_tagger.tag(words.tokenize(caption.lower()))
        chunks = parser.parse(tagged).subtrees() if tagged else []
        assert found == [" ".join(word for word, _ in c.leaves()) for c in chunks if c.label() == "NP"], caption
