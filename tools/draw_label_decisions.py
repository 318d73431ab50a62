"""Draws decisions, a caption and a label that it may have, to be judged in context.

    python tools/draw_label_decisions.py CAPTIONS.txt.gz --labels coco --lines 12500: --decisions 300 --out drawn.tsv

The captions are drawn at random. Their decisions are the labels that ``DenseLabeler`` gives and those that a search for
words gives (every name and synonym, wherever it stands). ``--more`` adds the decisions of another version: a file that
this program wrote with that version, the same captions and the same seed. A row is the number of the caption's line,
the label, where it comes from (u: unicl, w: words, o: the other version), and the caption. The rows of a caption come
in the order of the alphabet, so their order tells nothing of where they come from. The judges see a copy without that
column: tests/golden/context/README.md.
"""

import argparse
import gzip
import random
import re
from collections.abc import Callable
from pathlib import Path

from unicl.files import write_text
from unicl.labels import DenseLabeler, LabelMapper, LabelVocabulary, Rule

MOST_WORDS = 6
"""Longer names are not searched for."""


def word_search(vocabulary: LabelVocabulary) -> Callable[[str], set[str]]:
    """Finds every name and synonym among the words of a caption, the longest first; blocked texts hide theirs."""
    mapper = LabelMapper(vocabulary)
    blocked = set(vocabulary.blocked)
    whole = (Rule.EXACT, Rule.LEMMA, Rule.SYNONYM)

    def find(caption: str) -> set[str]:
        words = re.findall(r"[\w]+(?:-[\w]+)*", caption.lower())
        texts = [
            (start, count, " ".join(words[start : start + count]))
            for start in range(len(words))
            for count in range(min(MOST_WORDS, len(words) - start), 0, -1)
        ]
        mapping = mapper.map([text for _, _, text in texts])
        found, free = set(), 0
        for (start, count, text), label, rule in zip(texts, mapping.ids, mapping.rules, strict=True):
            if start < free:
                continue
            if text in blocked:
                free = start + count
            elif label >= 0 and rule in whole:
                found.add(vocabulary.names[label])
                free = start + count
        return found

    return find


def vocabulary_named(name: str) -> LabelVocabulary:
    """The vocabulary that ``--labels`` names."""
    return LabelVocabulary.coco() if name == "coco" else LabelVocabulary.imagenet("1k")


def main() -> None:
    """Draws the decisions of one file and one vocabulary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--labels", choices=["coco", "imagenet"], required=True)
    parser.add_argument("--lines", default=":", help="the lines to draw from, as FROM:TO, from 0")
    parser.add_argument("--decisions", type=int, default=300, help="captions are drawn until there are so many")
    parser.add_argument("--captions-with-labels", type=int, help="draw this number of captions with a decision instead")
    parser.add_argument("--seed", type=int, default=20261127)
    parser.add_argument("--more", type=Path)
    parser.add_argument("--leave-out", nargs="*", type=Path, default=[], help="files with captions not to draw again")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    lines = gzip.decompress(arguments.captions.read_bytes()).decode("utf-8").splitlines()
    first, last = (int(number) if number else None for number in arguments.lines.split(":"))
    drawn = {
        int(row.split("\t")[0])
        for path in arguments.leave_out
        for row in path.read_text(encoding="utf-8").splitlines()
        if row[:1].isdigit()
    }
    order = [number for number in range(len(lines))[first:last] if number not in drawn]
    random.Random(arguments.seed).shuffle(order)  # noqa: S311
    others: dict[int, set[str]] = {}
    if arguments.more is not None:
        for row in arguments.more.read_text(encoding="utf-8").splitlines():
            number, label, source, _ = row.split("\t")
            if "u" in source:
                others.setdefault(int(number), set()).add(label)
    vocabulary = vocabulary_named(arguments.labels)
    labeler, search = DenseLabeler(vocabulary), word_search(vocabulary)
    rows: list[str] = []
    captions = 0
    for number in order:
        caption = lines[number]
        sets = {
            "u": {vocabulary.names[label] for label in labeler([caption]).to_list()[0]},
            "w": search(caption),
            "o": others.get(number, set()),
        }
        labels = sorted(set().union(*sets.values()))
        captions += bool(labels)
        for label in labels:
            source = "".join(name for name, found in sets.items() if label in found)
            rows.append(f"{number}\t{label}\t{source}\t{' '.join(caption.split())}")
        wanted = arguments.captions_with_labels
        if captions >= wanted if wanted is not None else len(rows) >= arguments.decisions:
            break
    write_text(arguments.out, "".join(f"{row}\n" for row in rows))


if __name__ == "__main__":
    main()
