"""The canonical mapping and the mining, as slow and obvious as they can be: what the fast ones must equal."""

import re
from collections import Counter
from pathlib import Path

from rapidfuzz.distance import DamerauLevenshtein

from unicl._native import lemma
from unicl.labels import Rule
from unicl.phrases import find_noun_phrases

TABLES = Path(__file__).parents[3] / "rust/unicl-core/words"


def read_words(table):
    """The words of a table of the Rust crate."""
    lines = (TABLES / f"{table}.tsv").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


DETERMINERS = read_words("determiners")
QUANTIFIERS = read_words("quantifiers")
TRAILING = read_words("trailing_words")


def words_of(text):
    """The words that count: lower-cased, without marks at their edges and without leading determiners."""
    words = []
    for word in text.replace("_", " ").split():
        while word and not word[0].isalnum():
            word = word[1:]
        while word and not word[-1].isalnum():
            word = word[:-1]
        if word and (words or word.lower() not in DETERMINERS):
            words.append(word.lower())
    return words


def singular(words):
    """The words with the last in the singular."""
    return [*words[:-1], lemma(words[-1])]


def meanings(names, synonyms):
    """Four tables of texts and the labels that they mean, the stronger first; a text is in one of them only."""
    exact = {tuple(words_of(name)): label for label, name in enumerate(names)}
    given = {tuple(words_of(text)): names.index(name) for name, texts in synonyms.items() for text in texts}
    singular_of_name, singular_of_given = {}, {}
    for text, label in exact.items():
        singular_of_name.setdefault(tuple(singular(text)), label)
    for text, label in given.items():
        singular_of_given.setdefault(tuple(singular(text)), label)
    # A synonym for a label outranks the singular of another label's name.
    for text in {*exact, *(text for text, label in given.items() if singular_of_name.get(text) != label)}:
        singular_of_name.pop(text, None)
    for text in (*exact, *singular_of_name, *given):
        singular_of_given.pop(text, None)
    for text in singular_of_name:
        given.pop(text, None)
    return [
        (Rule.EXACT, exact),
        (Rule.LEMMA, singular_of_name),
        (Rule.SYNONYM, given),
        (Rule.SYNONYM, singular_of_given),
    ]


def map_phrase(names, synonyms, phrase):
    """The label of a phrase, its rule, and the share of the words that the label accounts for."""
    words = words_of(phrase)
    whole = len(words)
    found = map_words(names, synonyms, words)
    while found is None and len(words) > 1 and words[-1] in TRAILING:
        words = words[:-1]
        found = map_words(names, synonyms, words)
    if found is None:
        return -1, Rule.ABSTAIN, 0.0
    label, rule, count = found
    if count < whole:
        rule = Rule.HEAD_NOUN if count == 1 else Rule.SUB_PHRASE
    return label, rule, count / whole


def map_words(names, synonyms, words):
    """The label of the longest end of the words that has one, its rule, and how many words that end has."""
    for start in range(len(words)):
        written, in_singular = tuple(words[start:]), tuple(singular(words[start:]))
        for rule, table in meanings(names, synonyms):
            for text in (written, in_singular):
                if text in table:
                    found = Rule.LEMMA if rule == Rule.EXACT and text != written else rule
                    return table[text], found, len(words) - start
    return None


def map_to_kept(names, parents, kept, mapping):
    """A mapping in which a label that is not kept gave way to its nearest ancestor that is."""
    label, _, share = mapping
    if label < 0 or kept[label]:
        return mapping
    while label >= 0 and not kept[label]:
        label = names.index(parents[names[label]]) if names[label] in parents else -1
    return (label, Rule.PARENT, share) if label >= 0 else (-1, Rule.ABSTAIN, 0.0)


def is_slip(word, meant):
    """Whether two neighbouring letters are swapped, or a run of one letter is longer or shorter by one."""
    if word[0] != meant[0] or DamerauLevenshtein.distance(word, meant) != 1:
        return False
    return sorted(word) == sorted(meant) or re.sub(r"(.)\1+", r"\1", word) == re.sub(r"(.)\1+", r"\1", meant)


def map_misspelt(names, synonyms, phrase, threshold):
    """The mapping with slips corrected where it has no label otherwise, for words that no tagger knows."""
    mapping = map_phrase(names, synonyms, phrase)
    words = words_of(phrase)
    if mapping[0] >= 0 or not words:
        return mapping
    whole = len(words)
    label_words = sorted({word for _, table in meanings(names, synonyms) for text in table for word in text})
    words, similarities = singular(words), []
    for place, word in enumerate(words):
        if word in label_words or len(word) < 5 or not word.isalpha():
            continue
        meant = max((other for other in label_words if len(other) >= 5 and is_slip(word, other)), key=len, default=None)
        if meant is not None and DamerauLevenshtein.normalized_similarity(word, meant) >= threshold:
            similarities.append(DamerauLevenshtein.normalized_similarity(word, meant))
            words[place] = meant
    found = map_words(names, synonyms, words)
    if found is None or not similarities:
        return -1, Rule.ABSTAIN, 0.0
    return found[0], Rule.FUZZY, found[2] / whole * min(similarities)


def mine(captions):
    """In how many captions each name occurs."""
    counts = Counter()
    for caption in captions:
        names = set()
        for phrase in find_noun_phrases(caption):
            words = words_of(phrase)
            if not words or len(lemma(words[-1])) < 2 or not any(c.isalpha() for c in lemma(words[-1])):
                continue
            words = singular(words)
            names |= {
                " ".join(words[start:]) for start in range(len(words)) if words[start] not in DETERMINERS + QUANTIFIERS
            }
        counts.update(names)
    return counts
