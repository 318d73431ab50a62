"""Train the tagger weights that ship in the wheel, and print how they do beside NLTK's.

An averaged perceptron with the features of NLTK's ``PerceptronTagger`` (so that one reader serves both), trained on
UD English EWT. Two views of every sentence are used: as it stands, and as the noun-phrase recipe will see a caption,
that is lower-cased and with hyphenated words in one piece ("t-shirt", where EWT has three tokens). The tags are
mapped to Penn's 45, which EWT widens. Seeded: the same input gives the same file.

Each input line is ``word TAB lemma TAB tag``, with a blank line between sentences (plain or .gz)::

    python tools/train_tagger.py --train ud_ewt_train.tsv.gz --dev ud_ewt_dev.tsv.gz --nltk FOLDER
"""

import argparse
import gzip
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from unicl.text import PosTagger

Sentence = list[tuple[str, str]]

OUTPUT = Path(__file__).parent.parent / "python" / "unicl" / "text" / "english_tagger.bin"

# EWT's additions to Penn's tags, and what Penn's treebank has in their place.
PENN = {"-LRB-": "(", "-RRB-": ")", "HYPH": ":", "NFP": ":", "ADD": "NN", "AFX": "JJ", "GW": "NN", "XX": "FW"}


def read_sentences(path: Path) -> list[Sentence]:
    """The sentences of a word-lemma-tag file, with Penn tags."""
    content = path.read_bytes()
    sentences: list[Sentence] = [[]]
    for line in (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines():
        if not line.strip():
            sentences.append([])
            continue
        word, _, tag = line.split("\t")
        # The word tokenizer never leaves a space in a word; EWT has a few numbers that do.
        sentences[-1].append((word.replace(" ", ""), PENN.get(tag, tag)))
    return [sentence for sentence in sentences if sentence]


def as_caption(sentence: Sentence) -> Sentence:
    """The sentence as the recipe sees a caption: lower case, hyphenated words in one piece."""
    joined: Sentence = []
    at = 0
    while at < len(sentence):
        word, tag = sentence[at]
        at += 1
        while at + 1 < len(sentence) and sentence[at] == ("-", ":"):
            word, tag = f"{word}-{sentence[at + 1][0]}", sentence[at + 1][1]
            at += 2
            if at < len(sentence) and tag.startswith("NN") and sentence[at][1].startswith("NN"):
                tag = "JJ"  # "a 15-year term"
        joined.append((word.lower(), tag))
    return joined


def normalize(word: str) -> str:
    """The form of a word in the context features, as NLTK has it."""
    if "-" in word and word[0] != "-":
        return "!HYPHEN"
    if word.isdigit() and len(word) == 4:
        return "!YEAR"
    return "!DIGITS" if word[0].isdigit() else word.lower()


def features(at: int, word: str, context: list[str], before: str, before2: str) -> list[str]:
    """NLTK's 14 features of the word at ``context[at]``, whose two left neighbours have the tags given."""
    left, here, right = context[at - 1], context[at], context[at + 1]
    return [
        "bias",
        "i suffix " + word[-3:],
        "i pref1 " + word[0],
        "i-1 tag " + before,
        "i-2 tag " + before2,
        f"i tag+i-2 tag {before} {before2}",
        "i word " + here,
        f"i-1 tag+i word {before} {here}",
        "i-1 word " + left,
        "i-1 suffix " + left[-3:],
        "i-2 word " + context[at - 2],
        "i+1 word " + right,
        "i+1 suffix " + right[-3:],
        "i+2 word " + context[at + 2],
    ]


def make_tagdict(sentences: list[Sentence], *, min_count: int = 20, min_share: float = 0.97) -> dict[str, str]:
    """The words that nearly always have one tag: they skip the perceptron."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        for word, tag in sentence:
            counts[word][tag] += 1
    tagdict = {}
    for word, tags in counts.items():
        tag, count = tags.most_common(1)[0]
        if tags.total() >= min_count and count / tags.total() >= min_share:
            tagdict[word] = tag
    return tagdict


class Perceptron:
    """An averaged perceptron over string features, as dictionaries."""

    def __init__(self, tags: set[str]) -> None:
        self.tags = sorted(tags)
        self.weights: dict[str, dict[str, float]] = {}
        self.sums: dict[tuple[str, str], float] = defaultdict(float)
        self.since: dict[tuple[str, str], int] = defaultdict(int)
        self.updates: Counter[str] = Counter()
        self.step = 0

    def predict(self, active: list[str]) -> str:
        """The tag with the highest score; the larger tag of equals."""
        scores = dict.fromkeys(self.tags, 0.0)
        for feature in active:
            for tag, weight in self.weights.get(feature, {}).items():
                scores[tag] += weight
        return max(self.tags, key=lambda tag: (scores[tag], tag))

    def update(self, truth: str, guess: str, active: list[str]) -> None:
        """Moves the weights of the active features towards the truth."""
        self.step += 1
        if truth == guess:
            return
        for feature in active:
            self.updates[feature] += 1
            row = self.weights.setdefault(feature, {})
            for tag, change in ((truth, 1.0), (guess, -1.0)):
                cell = (feature, tag)
                self.sums[cell] += (self.step - self.since[cell]) * row.get(tag, 0.0)
                self.since[cell] = self.step
                row[tag] = row.get(tag, 0.0) + change

    def averaged(self, *, min_updates: int, min_weight: float) -> dict[str, dict[str, float]]:
        """The mean weights over all steps, in thousandths, without rarely updated features and small weights."""
        averaged = {}
        for feature, row in self.weights.items():
            if self.updates[feature] < min_updates:
                continue
            kept = {}
            for tag, weight in row.items():
                cell = (feature, tag)
                mean = round((self.sums[cell] + (self.step - self.since[cell]) * weight) / self.step, 3)
                if abs(mean) >= min_weight:
                    kept[tag] = mean
            if kept:
                averaged[feature] = kept
        return averaged


def train(sentences: list[Sentence], *, iterations: int, seed: int) -> tuple[Perceptron, dict[str, str]]:
    """Runs the perceptron over the shuffled sentences and returns it with the dictionary of sure words."""
    tagdict = make_tagdict(sentences)
    model = Perceptron({tag for sentence in sentences for _, tag in sentence})
    order = list(sentences)
    shuffle = random.Random(seed).shuffle  # noqa: S311 (an order, not a secret)
    for iteration in range(iterations):
        start, right, total = time.perf_counter(), 0, 0
        shuffle(order)
        for sentence in order:
            before, before2 = "-START-", "-START2-"
            context = [before, before2, *(normalize(word) for word, _ in sentence), "-END-", "-END2-"]
            for at, (word, truth) in enumerate(sentence, start=2):
                guess = tagdict.get(word)
                if guess is None:
                    active = features(at, word, context, before, before2)
                    guess = model.predict(active)
                    model.update(truth, guess, active)
                before, before2 = guess, before
                right += guess == truth
                total += 1
        seconds = time.perf_counter() - start
        sys.stderr.write(
            f"iteration {iteration + 1}: {100 * right / total:.2f} % of {total:,} tokens, {seconds:.0f} s\n"
        )
    return model, tagdict


def accuracy(tagger: PosTagger, sentences: list[Sentence]) -> tuple[float, float]:
    """The percentages of words with the right tag, and of words rightly called noun or not."""
    right = noun = total = 0
    guesses = tagger.tag_words([[word for word, _ in sentence] for sentence in sentences])
    for sentence, tags in zip(sentences, guesses, strict=True):
        for (_, truth), guess in zip(sentence, tags, strict=True):
            right += guess == truth
            noun += guess.startswith("NN") == truth.startswith("NN")
            total += 1
    return 100 * right / total, 100 * noun / total


def main() -> None:
    """Trains, writes the file, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True, help="word-lemma-tag file to train on")
    parser.add_argument("--dev", type=Path, required=True, help="word-lemma-tag file to measure on")
    parser.add_argument("--nltk", type=Path, help="folder of NLTK's averaged_perceptron_tagger_eng, to compare with")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--iterations", type=int, default=6)
    parser.add_argument("--min-updates", type=int, default=2, help="drop features updated less often")
    parser.add_argument("--min-weight", type=float, default=0.05, help="drop smaller weights")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    sentences = read_sentences(options.train)
    views = sentences + [as_caption(sentence) for sentence in sentences]
    model, tagdict = train(views, iterations=options.iterations, seed=options.seed)
    weights = model.averaged(min_updates=options.min_updates, min_weight=options.min_weight)
    with tempfile.TemporaryDirectory() as folder:
        for name, value in (("weights", weights), ("tagdict", tagdict), ("classes", model.tags)):
            (Path(folder) / f"tagger.{name}.json").write_text(json.dumps(value), encoding="utf-8")
        PosTagger.from_nltk(folder).save(options.output)

    dev = read_sentences(options.dev)
    taggers = {"ours": PosTagger.load(options.output)}
    if options.nltk is not None:
        taggers["NLTK's"] = PosTagger.from_nltk(options.nltk)
    cells = sum(map(len, weights.values()))
    sys.stdout.write(f"{len(weights):,} features, {cells:,} weights, {options.output.stat().st_size:,} bytes\n")
    sys.stdout.write(f"{'weights':8} {'view':12} {'tags %':>7} {'noun or not %':>14}\n")
    for name, tagger in taggers.items():
        for view, shown in (("as it stands", dev), ("as captions", [as_caption(sentence) for sentence in dev])):
            tags, nouns = accuracy(tagger, shown)
            sys.stdout.write(f"{name:8} {view:12} {tags:7.2f} {nouns:14.2f}\n")


if __name__ == "__main__":
    main()
