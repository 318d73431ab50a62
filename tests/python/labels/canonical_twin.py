"""The canonical mapping and the mining, as slow and obvious as they can be: what the fast ones must equal."""

import re
import unicodedata
from collections import Counter, defaultdict
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


HYPHENS = "\N{SOFT HYPHEN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}\N{EN DASH}\N{MINUS SIGN}"
APOSTROPHES = (
    "`\N{ACUTE ACCENT}\N{MODIFIER LETTER APOSTROPHE}\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
)
MARKS = str.maketrans({**dict.fromkeys(HYPHENS, "-"), **dict.fromkeys(APOSTROPHES, "'")})


def without_marks(word):
    """The word from its first letter or digit to its last."""
    while word and not word[0].isalnum():
        word = word[1:]
    while word and not word[-1].isalnum():
        word = word[:-1]
    return word


def words_of(text):
    """The words that count, each with the mark before it if that is a slash.

    They are lower-cased and composed, without marks at their edges and without leading determiners, unless there are
    only determiners. A compound with hyphens is one word.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(MARKS)).lower())
    text = re.sub(r"(?<=\w) 's\b", "'s", text.replace("_", " "))
    words, slash = [], ""
    for word in re.split(r"\s+|(/)", text):
        if word == "/":
            slash = "/" if words else ""
        parts = [without_marks(part) for part in (word or "").split("-")]
        if any(parts):
            words.append(slash + "-".join(part for part in parts if part))
            slash = ""
    kept = next((place for place, word in enumerate(words) if word.strip("/") not in DETERMINERS), len(words) - 1)
    return [words[kept].strip("/"), *words[kept + 1 :]] if words else []


def lemma_of(word):
    """The singular of a word, which keeps a slash before it."""
    return "/" + lemma(word[1:]) if word[0] == "/" else lemma(word)


def key(words):
    """The words as one text in which hyphens are spaces."""
    return " ".join(words).replace(" /", "/").replace("-", " ")


def singular(words):
    """The words with the last in the singular."""
    return [*words[:-1], lemma_of(words[-1])]


def regular_plural(word):
    """The plural by the rule of the schoolbooks."""
    if re.search("(s|x|z|ch|sh)$", word):
        return word + "es"
    return word[:-1] + "ies" if re.search("[^aeiou]y$", word) else word + "s"


def meanings(names, synonyms):
    """Two tables of texts and the labels that they mean: what was given, and the plurals and singulars of that.

    A value is the rank of the meaning and the label. Of forms that two labels share the better rank counts, then the
    first label. Irregular plurals that `lemma` does not know are no part of this.
    """
    given = {key(words_of(name)): (Rule.EXACT, label) for label, name in enumerate(names)}
    for name, texts in synonyms.items():
        for text in texts:
            given.setdefault(key(words_of(text)), (Rule.SYNONYM, names.index(name)))
    forms = {}
    for texts in [names, *synonyms.values()]:
        for text in texts:
            words = words_of(text)
            rank, label = given[key(words)]
            rank = Rule.LEMMA if rank == Rule.EXACT else rank
            for form in (key(singular(words)), key_of_name(words), regular_plural(key(words))):
                if form not in given or given[form][1] == label:
                    forms[form] = min(forms.get(form, (rank, label)), (rank, label))
    return given, forms


def map_phrase(names, synonyms, phrase):
    """The label of a phrase, its rule, and the share of the words that the label accounts for."""
    words = words_of(phrase)
    whole = len(words)
    found = map_words(names, synonyms, words)
    while found is None and len(words) > 1 and (words[-1] in TRAILING or words[-1][0] == "/"):
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
    given, forms = meanings(names, synonyms)
    for start in range(len(words)):
        rest = [words[start].strip("/"), *words[start + 1 :]]
        written, in_singular = key(rest), key(singular(rest))
        if given.get(written, (None,))[0] == Rule.EXACT:
            return given[written][1], Rule.EXACT, len(rest)
        found = [table[text] for text in (written, in_singular) for table in (forms, given) if text in table]
        found = [(Rule.LEMMA if rule == Rule.EXACT else rule, label) for rule, label in found]
        if found:
            rule, label = min(found, key=lambda pair: pair[0])
            return label, rule, len(rest)
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
    label_words = sorted({word for table in meanings(names, synonyms) for text in table for word in text.split()})
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


def key_of_name(words):
    """The key of a mined name: in the singular, even where `lemma` keeps a plural of another meaning ("glasses")."""
    text = key(words)
    first, space, last = text.rpartition(" ")
    known = dict(line.split("\t") for line in read_words("irregular_nouns"))
    if lemma(last) != last or last in read_words("singulars") or not re.fullmatch("[a-z]{2,}[a-rt-z]s", last):
        return text
    if last in known and not space:
        return text
    return first + space + re.sub("(?<=s|x|z)es$|(?<=ch|sh)es$|s$", "", last)


def mine(captions):
    """In how many captions each name occurs."""
    counts, forms = Counter(), defaultdict(Counter)
    for caption in captions:
        met = set()
        for phrase in find_noun_phrases(caption):
            words = words_of(phrase)
            while words:
                head = lemma_of(words[-1]).strip("/")
                if len(head) > 1 and any(c.isalpha() for c in head):
                    in_singular = singular(words)
                    ends = [in_singular[start:] for start in range(max(0, len(words) - 8), len(words))]
                    ends = [[end[0].strip("/"), *end[1:]] for end in ends]
                    met |= {tuple(end) for end in ends if end[0] not in DETERMINERS + QUANTIFIERS}
                words = words[:-1] if words[-1][0] == "/" else []
        counts.update({key_of_name(end) for end in met})
        for name, form in {(key_of_name(end), " ".join(end).replace(" /", "/")) for end in met}:
            forms[name][form] += 1
    return Counter({shown(name, forms[name]): count for name, count in counts.items()})


def shown(name, forms):
    """The form of a name that is shown: a singular, the most frequent, with spaces, in this order."""
    return min(forms, key=lambda form: (form.replace("-", " ") != name, -forms[form], form))
