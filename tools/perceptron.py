"""An averaged perceptron with the 14 features of NLTK's ``PerceptronTagger``, as fast as plain Python allows.

Features that name only words are strings, turned into numbers once for all iterations; those that name the tags before
are looked up as the tags become known. Weights are whole numbers until they are averaged, so sums are exact.
"""

import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

Sentence = list[tuple[str, str | None]]
"""Words and their tags; None where nobody is sure, and then nothing is learned from the word itself."""

START, START_2 = "-START-", "-START2-"


def normalize(word: str) -> str:
    """The form of a word in the context features, as NLTK has it."""
    if "-" in word and word[0] != "-":
        return "!HYPHEN"
    if word.isdigit() and len(word) == 4:
        return "!YEAR"
    return "!DIGITS" if word[0].isdigit() else word.lower()


def word_features(at: int, word: str, context: Sequence[str]) -> list[str]:
    """The features of the word at ``context[at]`` that name no tags."""
    left, here, right = context[at - 1], context[at], context[at + 1]
    return [
        "bias",
        "i suffix " + word[-3:],
        "i pref1 " + word[0],
        "i word " + here,
        "i-1 word " + left,
        "i-1 suffix " + left[-3:],
        "i-2 word " + context[at - 2],
        "i+1 word " + right,
        "i+1 suffix " + right[-3:],
        "i+2 word " + context[at + 2],
    ]


def tag_features(here: str, before: str, before_2: str) -> list[str]:
    """The features that name the tags of the two words before."""
    return [
        "i-1 tag " + before,
        "i-2 tag " + before_2,
        f"i tag+i-2 tag {before} {before_2}",
        f"i-1 tag+i word {before} {here}",
    ]


def make_tagdict(sentences: Sequence[Sentence], *, min_count: int = 20, min_share: float = 0.97) -> dict[str, str]:
    """The words that nearly always have one tag: they skip the perceptron."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        for word, tag in sentence:
            if tag is not None:
                counts[word][tag] += 1
    tagdict = {}
    for word, tags in counts.items():
        tag, count = tags.most_common(1)[0]
        if tags.total() >= min_count and count / tags.total() >= min_share:
            tagdict[word] = tag
    return tagdict


class Perceptron:
    """Weights of (feature, tag) cells, and what their average over all steps needs."""

    def __init__(self, tags: Sequence[str]) -> None:
        self.tags = sorted(tags)
        self.numbers: dict[str, int] = {}
        self.weights: list[dict[int, int]] = []
        self.sums: list[dict[int, int]] = []
        self.since: list[dict[int, int]] = []
        self.updates: list[int] = []
        self.step = 0

    def number(self, feature: str) -> int:
        """The number of a feature, a new one if it has none."""
        number = self.numbers.setdefault(feature, len(self.weights))
        if number == len(self.weights):
            for rows in (self.weights, self.sums, self.since):
                rows.append({})
            self.updates.append(0)
        return number

    def predict(self, active: Sequence[int]) -> int:
        """The tag with the highest score; the larger tag of equals."""
        scores = [0] * len(self.tags)
        for feature in active:
            for tag, weight in self.weights[feature].items():
                scores[tag] += weight
        scores.reverse()
        return len(scores) - 1 - scores.index(max(scores))

    def update(self, truth: int, guess: int, active: Sequence[int]) -> None:
        """Moves the weights of the active features towards the truth."""
        self.step += 1
        if truth == guess:
            return
        for feature in active:
            self.updates[feature] += 1
            weights, sums, since = self.weights[feature], self.sums[feature], self.since[feature]
            for tag, change in ((truth, 1), (guess, -1)):
                weight = weights.get(tag, 0)
                sums[tag] = sums.get(tag, 0) + (self.step - since.get(tag, 0)) * weight
                since[tag] = self.step
                weights[tag] = weight + change

    def averaged(self, *, min_updates: int, min_weight: float) -> dict[str, dict[str, float]]:
        """The mean weights over all steps, in thousandths, without rarely updated features and small weights."""
        averaged = {}
        for feature, number in self.numbers.items():
            if self.updates[number] < min_updates:
                continue
            sums, since, kept = self.sums[number], self.since[number], {}
            for tag, weight in self.weights[number].items():
                mean = round((sums[tag] + (self.step - since[tag]) * weight) / self.step, 3)
                if abs(mean) >= min_weight:
                    kept[self.tags[tag]] = mean
            if kept:
                averaged[feature] = kept
        return averaged


def train(sentences: Sequence[Sentence], *, iterations: int, seed: int) -> tuple[Perceptron, dict[str, str]]:
    """Runs the perceptron over the shuffled sentences and returns it with the dictionary of sure words."""
    tagdict = make_tagdict(sentences)
    model = Perceptron(sorted({tag for sentence in sentences for _, tag in sentence if tag is not None}))
    number_of = {tag: number for number, tag in enumerate(model.tags)}
    names = [*model.tags, START, START_2]
    prepared = []
    for sentence in sentences:
        context = [START, START_2, *(normalize(word) for word, _ in sentence), "-END-", "-END2-"]
        words = []
        for at, (word, truth) in enumerate(sentence, start=2):
            fixed = number_of.get(tagdict.get(word, ""))
            known = () if fixed is not None else tuple(map(model.number, word_features(at, word, context)))
            words.append((context[at], known, fixed, None if truth is None else number_of[truth]))
        prepared.append(words)

    tag_numbers: dict[tuple[str, int, int], tuple[int, ...]] = {}
    shuffle = random.Random(seed).shuffle  # noqa: S311 (an order, not a secret)
    for iteration in range(iterations):
        start, right, total = time.perf_counter(), 0, 0
        shuffle(prepared)
        for words in prepared:
            before, before_2 = len(model.tags), len(model.tags) + 1
            for here, known, fixed, truth in words:
                guess = fixed
                if guess is None:
                    key = (here, before, before_2)
                    by_tags = tag_numbers.get(key)
                    if by_tags is None:
                        by_tags = tuple(map(model.number, tag_features(here, names[before], names[before_2])))
                        tag_numbers[key] = by_tags
                    active = known + by_tags
                    guess = model.predict(active)
                    if truth is not None:
                        model.update(truth, guess, active)
                before, before_2 = guess, before
                right += guess == truth
                total += truth is not None
        seconds = time.perf_counter() - start
        sys.stderr.write(
            f"iteration {iteration + 1}: {100 * right / total:.2f} % of {total:,} tokens, {seconds:.0f} s\n"
        )
    return model, tagdict
