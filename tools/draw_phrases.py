"""Draw noun phrases of captions to be labelled by hand: tests/golden/README.md tells the strata.

    python tools/draw_phrases.py CAPTIONS.txt.gz... --leave-out tests/golden/phrases_*.tsv --out drawn.tsv

The source of a phrase is the word behind "captions_" in its file's name. No phrase is drawn twice, nor one of
--leave-out, not even with another determiner. A row is an id, a stratum, a source, the phrase, and one of its captions
at random.
"""

import argparse
import gzip
import random
from collections import defaultdict
from pathlib import Path

from open_clip.zero_shot_metadata import IMAGENET_CLASSNAMES
from timm.data import ImageNetInfo

from unicl import find_noun_phrases
from unicl.files import write_text

DETERMINERS = frozenset(
    ("a", "an", "the", "this", "that", "these", "those", "some", "another", "each", "every", "all", "both", "any", "no")
)
SHARES = {"flickr30k": 0.45, "coco": 0.4, "laion": 0.15}
"""The share of each source in the strata that are drawn by source."""


def bare(phrase: str) -> str:
    """The phrase without a leading determiner."""
    first, _, rest = phrase.partition(" ")
    return rest if rest and first in DETERMINERS else phrase


def class_heads() -> list[list[str]]:
    """The last words of the names of every ImageNet-1k class."""
    info = ImageNetInfo("imagenet-1k")
    names = [[name, *info.index_to_description(i).split(", ")] for i, name in enumerate(IMAGENET_CLASSNAMES)]
    return [sorted({name.lower().split()[-1] for name in of_class}) for of_class in names]


def singulars(word: str) -> set[str]:
    """The word, and what it may be the plural of."""
    return {word, *(word.removesuffix(ending) for ending in ("s", "es") if word.endswith(ending))}


def main() -> None:
    """Draw the strata one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", nargs="+", type=Path)
    parser.add_argument("--leave-out", nargs="*", type=Path, default=[])
    parser.add_argument("--frequent", type=int, default=380)
    parser.add_argument("--uniform", type=int, default=220)
    parser.add_argument("--named", type=int, default=400)
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    drawn = {
        bare(line.split("\t")[0])
        for file in arguments.leave_out
        for line in file.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    }
    rng = random.Random(arguments.seed)  # noqa: S311
    occurrences: dict[str, list[str]] = {}
    captions_of = defaultdict(list)
    for file in arguments.captions:
        source = file.name.removeprefix("captions_").split("_")[0].split(".")[0]
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            captions = [line.rstrip("\n") for line in lines]
        occurrences[source] = []
        for caption, phrases in zip(captions, find_noun_phrases(captions).to_list(), strict=True):
            for phrase in phrases:
                occurrences[source].append(phrase.lower())
                captions_of[source, phrase.lower()].append(caption)

    by_word = defaultdict(set)
    for source, phrase in captions_of:
        for word in phrase.split():
            for singular in singulars(word):
                by_word[singular].add((source, phrase))
    heads = class_heads()

    rows = []

    def keep(stratum: str, source: str, phrase: str) -> bool:
        if bare(phrase) in drawn:
            return False
        drawn.add(bare(phrase))
        rows.append((str(len(rows)), stratum, source, phrase, rng.choice(captions_of[source, phrase])))
        return True

    for stratum, wanted in (("frequent", arguments.frequent), ("uniform", arguments.uniform)):
        for source in occurrences:
            pool = occurrences[source] if stratum == "frequent" else sorted(set(occurrences[source]))
            missing = round(wanted * SHARES[source])
            while missing:
                missing -= keep(stratum, source, rng.choice(pool))
    missing = arguments.named
    while missing:
        candidates = sorted(by_word.get(rng.choice(rng.choice(heads)), ()))
        missing -= bool(candidates) and keep("named", *rng.choice(candidates))

    lines = ["\t".join(row) for row in [("id", "stratum", "source", "phrase", "caption"), *rows]]
    write_text(arguments.out, "".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
