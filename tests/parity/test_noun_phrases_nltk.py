"""With NLTK's weights, words, spans, tags and noun phrases equal NLTK's on real captions."""

import gzip
import json
import os
from pathlib import Path

import pytest

from unicl.phrases import DEFAULT_GRAMMAR, PosTagger, find_noun_phrases

nltk = pytest.importorskip("nltk", reason="nltk is what the answers are compared with")
SHARED = Path(os.environ.get("UNICL_SHARED", Path(__file__).parents[3] / "shared"))
WEIGHTS = SHARED / "data/nltk_data/taggers/averaged_perceptron_tagger_eng"

pytestmark = pytest.mark.skipif(
    not WEIGHTS.is_dir(), reason=f"no NLTK weights at {WEIGHTS}; UNICL_SHARED names the folder"
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


# Some of the captions, so that the slow side takes seconds; with UNICL_EVERY_CAPTION=1 all of them, in minutes.
STEPS = {"laion_5000": 1, "coco_val2017": 8, "flickr30k": 60}
FILES = [(name, 1 if os.environ.get("UNICL_EVERY_CAPTION") else step) for name, step in STEPS.items()]


def read_captions(name, step):
    text = gzip.decompress((SHARED / f"data/captions_{name}.txt.gz").read_bytes()).decode()
    return text.removesuffix("\n").split("\n")[::step]


@pytest.mark.parametrize(("name", "step"), FILES)
def test_words_spans_and_tags_equal_those_of_nltk(tagger, nltk_tagger, name, step):
    captions = read_captions(name, step)
    words = nltk.tokenize.NLTKWordTokenizer()
    tagged = tagger.tag(captions)
    spans, bounds = tagged.spans.tolist(), tagged.offsets.tolist()
    for row, (caption, found) in enumerate(zip(captions, tagged.to_list(), strict=True)):
        assert found == nltk_tagger.tag(words.tokenize(caption)), caption
        if '"' not in caption and "''" not in caption:  # NLTK finds the places of quotes by guessing
            assert spans[bounds[row] : bounds[row + 1]] == [list(s) for s in words.span_tokenize(caption)], caption


@pytest.mark.parametrize(("name", "step"), FILES)
def test_noun_phrases_equal_those_of_the_recipe(tagger, nltk_tagger, name, step):
    captions = read_captions(name, step)
    words, parser = nltk.tokenize.NLTKWordTokenizer(), nltk.RegexpParser(DEFAULT_GRAMMAR)
    for caption, found in zip(captions, find_noun_phrases(captions, tagger=tagger).to_list(), strict=True):
        tagged = nltk_tagger.tag(words.tokenize(caption.lower()))
        chunks = parser.parse(tagged).subtrees() if tagged else []
        assert found == [" ".join(word for word, _ in c.leaves()) for c in chunks if c.label() == "NP"], caption
