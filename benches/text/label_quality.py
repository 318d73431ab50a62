"""Measures how often phrases of captions get the right COCO and ImageNet-1k label: unicl, rapidfuzz, CatLIP's rule.

    python benches/text/label_quality.py [--samples tuning held_out]

The phrases are those of tests/golden, where README.md describes how they were labelled. Precision is the share of right
labels among the phrases that get a label. Recall is the share of phrases that get their right label among those that
have one. Each is followed by its 95 % interval (Wilson 1927). unicl's row is repeated for each stratum of the phrases.

- unicl: LabelMapper with LabelVocabulary.coco() and .imagenet("1k"), which were tuned on the tuning sample.
- rapidfuzz: the most similar of the same names and synonyms, lower-cased. The scorer and the cutoff are those with the
  best F1 on the tuning sample. A second row uses the names alone.
- CatLIP's rule (Mehta et al. 2024, arXiv 2404.15653, section 3): each noun means its first WordNet sense. The label is
  the class of the last noun whose sense is a class. It needs NLTK's corpus "wordnet". Without it, the first synset of
  timm's ImageNet-21k lemmas that has the noun replaces the first sense, and the table notes it.
"""

import argparse
import datetime
import os
import platform
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import rapidfuzz
from rapidfuzz import fuzz, process
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler
from shares import share

from unicl import PosTagger
from unicl._native import lemma
from unicl.labels import LabelMapper, LabelVocabulary

GOLDEN = Path(__file__).parents[2] / "tests/golden"
SCORERS = {
    "ratio": (fuzz.ratio, 100),
    "partial_ratio": (fuzz.partial_ratio, 100),
    "token_sort_ratio": (fuzz.token_sort_ratio, 100),
    "token_set_ratio": (fuzz.token_set_ratio, 100),
    "WRatio": (fuzz.WRatio, 100),
    "JaroWinkler": (JaroWinkler.normalized_similarity, 1),
    "DamerauLevenshtein": (DamerauLevenshtein.normalized_similarity, 1),
}
"""rapidfuzz's scorers and their highest score."""

Rows = list[dict[str, str]]
Contender = Callable[[list[str]], list[str | None]]
"""Maps phrases to the names of their labels; None for none."""


def read_sample(sample: str) -> Rows:
    """The rows of one sample."""
    lines = (GOLDEN / f"phrases_{sample}.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def counts(rows: Rows, column: str, answers: list[str | None]) -> tuple[int, int, int, int]:
    """Four counts: phrases labelled, right ones of these, phrases that have a label, rightly labelled ones of these."""
    accepted = [set(row[column].split("|")) for row in rows]
    right = [answer in labels for answer, labels in zip(answers, accepted, strict=True)]
    has_label = ["none" not in labels for labels in accepted]
    found = sum(r and h for r, h in zip(right, has_label, strict=True))
    return sum(answer is not None for answer in answers), sum(right), sum(has_label), found


def f1(rows: Rows, column: str, answers: list[str | None]) -> float:
    """The harmonic mean of precision and recall."""
    labelled, right, should, found = counts(rows, column, answers)
    precision, recall = right / max(labelled, 1), found / max(should, 1)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def mapped(vocabulary: LabelVocabulary) -> Contender:
    """The labels of unicl's mapper."""
    mapper = LabelMapper(vocabulary)
    return lambda phrases: [vocabulary.names[i] if i >= 0 else None for i in mapper.map(phrases, threads=1).ids]


def most_similar(vocabulary: LabelVocabulary, column: str, *, with_synonyms: bool) -> tuple[str, Contender]:
    """Rapidfuzz's best scorer with its best cutoff on the tuning sample, and its name."""
    texts = {name.lower(): name for name in vocabulary.names}
    if with_synonyms:
        for name, others in vocabulary.synonyms.items():
            for text in others:
                texts.setdefault(text.lower(), name)
    listed, meanings = list(texts), np.array(list(texts.values()))

    def best(phrases: list[str], name: str) -> tuple[np.ndarray, np.ndarray]:
        scorer, top = SCORERS[name]
        scores = process.cdist(phrases, listed, scorer=scorer, workers=1) / top
        return scores.max(axis=1), meanings[scores.argmax(axis=1)]

    def cut(scores: np.ndarray, names: np.ndarray, cutoff: float) -> list[str | None]:
        return [str(label) if score >= cutoff else None for score, label in zip(scores, names, strict=True)]

    rows = read_sample("tuning")
    phrases = [row["phrase"] for row in rows]
    tried = []
    for name in SCORERS:
        scores, names = best(phrases, name)
        tried += [(f1(rows, column, cut(scores, names, at / 100)), name, at / 100) for at in range(50, 101)]
    _, name, cutoff = max(tried)
    return f"{name} >= {cutoff:.2f}", lambda phrases: cut(*best(phrases, name), cutoff)


@cache
def first_senses() -> tuple[str, Callable[[str], str | None]]:
    """The source of the senses, and WordNet's id of a noun's first sense."""
    try:
        from nltk.corpus import wordnet

        wordnet.ensure_loaded()
    except (ImportError, LookupError):
        vocabulary = LabelVocabulary.imagenet("21k", on_clash="first")
        ids = {}
        for name, synset in zip(vocabulary.names, synsets("imagenet21k_goog_synsets.txt"), strict=True):
            for text in (name, *vocabulary.synonyms.get(name, ())):
                ids.setdefault(text.lower(), synset)
        return "ImageNet-21k's lemmas", lambda noun: ids.get(lemma(noun))

    def first(noun: str) -> str | None:
        senses = wordnet.synsets(noun.replace(" ", "_"), "n")
        return f"n{senses[0].offset():08d}" if senses else None

    return "WordNet", first


def synsets(file: str) -> list[str]:
    """WordNet's ids of the classes of one of timm's files."""
    import importlib.util

    spec = importlib.util.find_spec("timm")
    assert spec is not None  # noqa: S101
    assert spec.origin is not None  # noqa: S101
    return (Path(spec.origin).parent / "data/_info" / file).read_text().splitlines()


def catlip(vocabulary: LabelVocabulary, column: str) -> Contender:
    """CatLIP's rule."""
    _, first = first_senses()
    ids = synsets("imagenet_synsets.txt") if column == "imagenet" else [first(name) for name in vocabulary.names]
    name_of = {synset: name for synset, name in zip(ids, vocabulary.names, strict=True) if synset is not None}
    tagger = PosTagger()

    def label(phrase: str) -> str | None:
        nouns = [word for word, tag in tagger.tag(phrase) if tag.startswith("NN")]
        return next((name_of[sense] for noun in reversed(nouns) if (sense := first(noun)) in name_of), None)

    return lambda phrases: [label(phrase) for phrase in phrases]


def processor() -> str:
    """The name of the machine's processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def print_row(sample: str, column: str, name: str, rows: Rows, contender: Contender) -> None:
    """One row of the table."""
    labelled, right, should, found = counts(rows, column, contender([row["phrase"] for row in rows]))
    print(f"{sample:<9} {column:<9} {name:<52} {share(right, labelled):>31} {share(found, should):>31}", flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    samples = ["tuning", "held_out"]
    parser.add_argument("--samples", nargs="+", default=samples, choices=samples)
    arguments = parser.parse_args()
    print(f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"rapidfuzz {rapidfuzz.__version__}; CatLIP's first senses from {first_senses()[0]}\n")
    print(f"{'sample':<9} {'labels':<9} {'':<52} {'precision':>31} {'recall':>31}")
    for column, vocabulary in (("coco", LabelVocabulary.coco()), ("imagenet", LabelVocabulary.imagenet("1k"))):
        with_synonyms, similar = most_similar(vocabulary, column, with_synonyms=True)
        names_only, similar_names = most_similar(vocabulary, column, with_synonyms=False)
        ours = mapped(vocabulary)
        contenders = {
            "unicl": ours,
            f"rapidfuzz, our synonyms: {with_synonyms}": similar,
            f"rapidfuzz, names: {names_only}": similar_names,
            "CatLIP's rule": catlip(vocabulary, column),
        }
        for sample in arguments.samples:
            rows = read_sample(sample)
            for name, contender in contenders.items():
                print_row(sample, column, name, rows, contender)
            for stratum in dict.fromkeys(row["stratum"] for row in rows):
                of_stratum = [row for row in rows if row["stratum"] == stratum]
                print_row(sample, column, f"unicl, {stratum} phrases", of_stratum, ours)


if __name__ == "__main__":
    main()
