"""Measures labels in context: how many labels of captions are right, and how many right ones are found.

    python benches/text/label_context.py [--coco FILE] [--flickr30k FILE] [--laion FILE]

A file has one caption a line; it may be compressed by gzip. COCO's captions of the sheets are in tests/golden/context,
so COCO val2017 needs no file. The others are the files that tests/golden/context/README.md names.

The sheets hold decisions: a caption, a label, and whether the label is right. Two judges who saw neither the rules nor
each other gave their verdict on each, and a third where they differed. The decisions are the labels that three
contenders gave to captions drawn at random:

- unicl, as it is installed;
- unicl before the rules of context (version 0.1.0), as recorded in the sheets;
- word search: every name and synonym of the vocabulary, wherever it stands, the longest first.

Precision is the share of right labels among those given. Recall is the share of the right labels of the sheet that a
contender gives. Intervals are of 95 % (Wilson 1927). "new" counts labels that no judge has seen: they are in neither.

With a file, the second table counts names of the vocabulary that the file's captions have letter by letter, and how
many of these names become labels. "Free" names are those that no noun follows, since "oven door" tells of no oven.
"""

import argparse
import datetime
import gzip
import os
import platform
import re
from collections import Counter
from pathlib import Path

from shares import share

from unicl import PosTagger
from unicl.labels import DenseLabeler, LabelVocabulary

GOLDEN = Path(__file__).parents[2] / "tests/golden/context"
Decisions = list[dict[str, str]]


def read_sheet(name: str) -> Decisions:
    """The rows of one sheet."""
    lines = (GOLDEN / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    header, *rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [dict(zip(header, row, strict=True)) for row in rows]


def read_captions(path: Path) -> list[str]:
    """The lines of a file."""
    raw = path.read_bytes()
    return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8").splitlines()


def print_decisions(name: str, decisions: Decisions, captions: dict[str, str], vocabulary: LabelVocabulary) -> None:
    """The rows of one sheet: each contender's precision and recall, and the kinds of error of unicl."""
    lines = list(dict.fromkeys(row["line"] for row in decisions))
    sets = DenseLabeler(vocabulary)([captions[line] for line in lines]).to_list()
    given = {(line, vocabulary.names[label]) for line, row in zip(lines, sets, strict=True) for label in row}
    right = {(row["line"], row["label"]) for row in decisions if row["verdict"] == "right"}
    kinds = {(row["line"], row["label"]): row["kind"] for row in decisions}
    contenders = {
        "unicl": given,
        "unicl before": {(row["line"], row["label"]) for row in decisions if "o" in row["from"]},
        "word search": {(row["line"], row["label"]) for row in decisions if "w" in row["from"]},
    }
    for contender, found in contenders.items():
        judged = found & kinds.keys()
        hits = len(judged & right)
        new = len(found - kinds.keys())
        print(f"{name:<20} {contender:<13} {share(hits, len(judged)):>30} {share(hits, len(right)):>30} {new:>4}")
    errors = Counter(kinds[decision] for decision in (given & kinds.keys()) - right)
    print(f"{name:<20} errors of unicl: {', '.join(f'{kind} {count}' for kind, count in errors.most_common())}\n")


def print_agreement(name: str, decisions: Decisions) -> None:
    """How often the two judges agree, and Cohen's kappa."""
    pairs = [(row["judge_1"], row["judge_2"]) for row in decisions]
    agree = sum(a == b for a, b in pairs) / len(pairs)
    first, second = (sum(pair[judge] == "right" for pair in pairs) / len(pairs) for judge in (0, 1))
    chance = first * second + (1 - first) * (1 - second)
    print(
        f"{name:<20} {len(pairs)} decisions, judges agree on {agree:.3f}, kappa {(agree - chance) / (1 - chance):.2f}"
    )


def print_names(corpus: str, captions: list[str], vocabulary: LabelVocabulary) -> None:
    """How many names that captions have letter by letter become labels."""
    names = {name.lower(): label for label, name in enumerate(vocabulary.names)}
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])")
    tagger = PosTagger()
    written = found = free = free_found = 0
    for caption, labels in zip(captions, DenseLabeler(vocabulary)(captions).to_list(), strict=True):
        for name in set(pattern.findall(caption.lower())):
            is_found = names[name] in labels
            written += 1
            found += is_found
            if is_found or not is_before_noun(tagger, caption, name):
                free += 1
                free_found += is_found
    print(f"{corpus:<20} {len(vocabulary):>5} names {share(found, written):>34} {share(free_found, free):>34}")


def is_before_noun(tagger: PosTagger, caption: str, name: str) -> bool:
    """Whether a noun follows the name wherever the caption has it, or the name is a colour."""
    tagged = tagger.tag(caption.lower())
    last = name.split()[-1]
    after = [tagged[at + 1][1] if at + 1 < len(tagged) else "." for at, (word, _) in enumerate(tagged) if word == last]
    return name == "orange" or (bool(after) and all(tag.startswith("NN") for tag in after))


def processor() -> str:
    """The name of the machine's processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for corpus in ("coco", "flickr30k", "laion"):
        parser.add_argument(f"--{corpus}", type=Path)
    files = {name: path for name, path in vars(parser.parse_args()).items() if path is not None}
    print(f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    vocabularies = {"coco": LabelVocabulary.coco(), "imagenet": LabelVocabulary.imagenet("1k")}
    captions_of = {corpus: read_captions(path) for corpus, path in files.items()}
    print(f"{'captions_labels':<20} {'':<13} {'precision':>30} {'recall':>30} {'new':>4}")
    sheets = [(corpus, labels) for corpus in ("coco", "flickr30k", "laion") for labels in vocabularies]
    for corpus, labels in sheets:
        name = f"{corpus}_{labels}"
        decisions = read_sheet(name)
        captions = {row["line"]: row["caption"] for row in decisions}
        if corpus in captions_of:
            captions = {line: captions_of[corpus][int(line)] for line in captions}
        if not all(captions.values()):
            print(f"{name:<20} not measured: pass --{corpus} FILE\n")
            continue
        print_decisions(name, decisions, captions, vocabularies[labels])
    for corpus, labels in sheets:
        print_agreement(f"{corpus}_{labels}", read_sheet(f"{corpus}_{labels}"))
    if captions_of:
        print(f"\n{'captions':<20} {'labels':>11} {'names that are labels':>34} {'free names that are':>34}")
    for corpus, captions in captions_of.items():
        for vocabulary in vocabularies.values():
            print_names(corpus, captions, vocabulary)


if __name__ == "__main__":
    main()
