"""Measures both modes of mapping phrases to labels on one thread, against rapidfuzz and installed keyword matchers.

    python benches/text/mapping.py [captions.txt[.gz]] [--labels 20000] [--phrases 20000] [--peer-phrases 2000]

The labels are first lemmas of ImageNet's synsets (timm's file). The phrases are noun phrases of the captions: once as
they come, and once without repetitions. For argmax, rapidfuzz computes every score of the peer's phrases in double
precision, and the answers must be equal. rapidfuzz's own quickest way (ratio rounded to uint8, without words) and its
best scorer (WRatio) answer another question. So do the keyword matchers: they find labels anywhere in a phrase, also
labels that the phrase does not mean. Share: of the phrases that canonical mapping gives a label, those with the same.
"""

import argparse
import datetime
import importlib.util
import os
import platform
import random
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import numpy as np
from captions import add_captions
from labels import best_seconds, processor
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Indel

from unicl.labels import LabelMapper, LabelVocabulary
from unicl.phrases import find_noun_phrases


def imagenet_names(count: int) -> list[str]:
    """The first lemmas of synsets, without those that no vocabulary could tell apart."""
    lines = files("timm").joinpath("data/_info/imagenet_synset_to_lemma.txt").read_text().splitlines()
    lemmas = dict.fromkeys(line.split("\t")[1].split(",")[0].strip().lower() for line in lines)
    return [name for name in lemmas if not name.startswith(("a ", "the "))][:count]


def loop(names: list[str], phrases: list[str]) -> list[int]:
    """The right answer of argmax, from every score in double precision."""
    words = [set(name.split()) for name in names]
    labels_of: dict[str, list[int]] = {}
    for label, of_label in enumerate(words):
        for word in of_label:
            labels_of.setdefault(word, []).append(label)
    scores = process.cdist(phrases, names, scorer=Indel.normalized_similarity, dtype=np.float64)
    for phrase, row in zip(phrases, scores, strict=True):
        own = set(phrase.split())
        for label in {label for word in own for label in labels_of.get(word, ())}:
            row[label] += len(own & words[label]) / len(own | words[label])
    return scores.argmax(axis=1).tolist()


def keyword_matchers(names: list[str]) -> Iterator[tuple[str, Callable[[list[str]], list[int]]]]:
    """The last label that each installed matcher finds in a phrase; -1 for none."""
    if importlib.util.find_spec("ahocorasick_rs"):
        import ahocorasick_rs

        automaton = ahocorasick_rs.AhoCorasick(names, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest)
        yield (
            "ahocorasick_rs",
            lambda phrases: [
                found[-1][0] if (found := automaton.find_matches_as_indexes(phrase)) else -1 for phrase in phrases
            ],
        )
    if importlib.util.find_spec("flashtext"):
        from flashtext import KeywordProcessor

        keywords = KeywordProcessor()
        for label, name in enumerate(names):
            keywords.add_keyword(name, str(label))
        yield (
            "flashtext",
            lambda phrases: [
                int(found[-1]) if (found := keywords.extract_keywords(phrase)) else -1 for phrase in phrases
            ],
        )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_captions(parser)
    parser.add_argument("--labels", type=int, default=20_000)
    parser.add_argument("--phrases", type=int, default=20_000, help="of each kind")
    parser.add_argument("--peer-phrases", type=int, default=2_000, help="how many phrases the slow ones get")
    parser.add_argument("--passes", type=int, default=3, help="the best counts")
    arguments = parser.parse_args()
    _, captions = arguments.captions
    phrases = [phrase for row in find_noun_phrases(captions).to_list() for phrase in row]
    distinct = list(dict.fromkeys(phrases))
    for batch in (phrases, distinct):
        random.Random(0).shuffle(batch)  # noqa: S311
    names = imagenet_names(arguments.labels)
    few = distinct[: arguments.peer_phrases]
    phrases, distinct = phrases[: arguments.phrases], distinct[: arguments.phrases]

    print(f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{len(names):,} labels; one thread, best of {arguments.passes} passes\n")
    print(f"{'':<52} {'phrases':>9} {'phrases/s':>12} {'equal':>8} {'share':>8}")

    vocabulary = LabelVocabulary.from_names(names)
    canonical, argmax = LabelMapper(vocabulary), LabelMapper(vocabulary, mode="argmax")
    meant = canonical.map(few).ids

    def share(labels: Any) -> str:
        return f"{(np.asarray(labels) == meant)[meant >= 0].mean():.1%}"

    def cdist(batch: list[str], scorer: Any, dtype: Any) -> Any:
        return process.cdist(batch, names, scorer=scorer, dtype=dtype, workers=1).argmax(axis=1)

    def report(name: str, batch: list[str], work: Callable[[list[str]], Any], *answers: str) -> None:
        rate = len(batch) / best_seconds(lambda: work(batch), arguments.passes)
        columns = "".join(f" {answer:>8}" for answer in answers)
        print(f"{name:<52} {len(batch):>9,} {rate:>12,.0f}{columns}", flush=True)

    equal = np.mean(argmax.map(few).ids == loop(names, few))
    for kind, batch in (("as they come", phrases), ("each once", distinct)):
        report(f"unicl, argmax, {kind}", batch, lambda batch: argmax.map(batch, threads=1), f"{equal:.2%}")
    report("rapidfuzz cdist, Indel, float64", few, lambda batch: cdist(batch, Indel.normalized_similarity, np.float64))

    fewest = few[: max(1, len(few) // 20)]
    report(
        "rapidfuzz cdist, ratio, uint8",
        few,
        lambda batch: cdist(batch, fuzz.ratio, np.uint8),
        "",
        share(cdist(few, fuzz.ratio, np.uint8)),
    )
    report("rapidfuzz cdist, WRatio, uint8", fewest, lambda batch: cdist(batch, fuzz.WRatio, np.uint8))
    for kind, batch in (("as they come", phrases), ("each once", distinct)):
        report(f"unicl, canonical, {kind}", batch, lambda batch: canonical.map(batch, threads=1))
    for name, find in keyword_matchers(names):
        report(name, few, find, "", share(find(few)))

    many = [f"{name} {number}" for name in names[:1000] for number in range(1000)]
    start = time.perf_counter()
    loaded = LabelVocabulary.from_names(many)
    print(f"\n{len(loaded):,} labels loaded in {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
