"""The names of a vocabulary in a caption, found by trying every run of words: what the fast search must equal.

It knows no rule of context. Words, tags and noun phrases come from the package, since other tests judge them.
"""

import re

from unicl.phrases import english_tagger, find_noun_phrases

from . import canonical_twin

KINDS = {
    "noun": "NN NNS NNP NNPS",
    "adjective": "JJ JJR JJS",
    "determiner": "DT PDT WDT",
    "owner": "PRP$ WP$",
    "number": "CD",
    "participle": "VBG VBN",
    "verb": "VB VBP VBZ VBD MD",
    "preposition": "IN",
    "conjunction": "CC",
    "pronoun": "PRP WP EX",
    "adverb": "RB RBR RBS RP",
}
KIND_OF = {tag: kind for kind, tags in KINDS.items() for tag in tags.split()}


def kind_of(tag):
    return KIND_OF.get(tag, "other" if re.search("[a-z]", tag, re.IGNORECASE) else "mark")


class Caption:
    """Words, their kinds, and noun phrases. Beyond its ends there are marks."""

    def __init__(self, text):
        tagged, chunks = english_tagger().tag([text]), find_noun_phrases([text])
        self.words = [word.lower() for word, _ in tagged.to_list()[0]]
        self.kinds = [kind_of(tag) for _, tag in tagged.to_list()[0]]
        starts, ends = tagged.spans[:, 0].tolist(), tagged.spans[:, 1].tolist()
        self.phrases = [(starts.index(start), ends.index(end) + 1) for start, end in chunks.spans.tolist()]

    def word(self, at):
        return self.words[at] if 0 <= at < len(self.words) else ""

    def kind(self, at):
        return self.kinds[at] if 0 <= at < len(self.words) else "mark"

    def is_run(self, start, end):
        """Whether the words belong together: letters or digits in each of them."""
        return all(re.search(r"\w", word) for word in self.words[start:end])


def labels_of(text, names, synonyms):
    """The labels of a caption, by number."""
    caption = Caption(text)
    texts = canonical_twin.meanings(names, synonyms)
    found = []
    for end in range(1, len(caption.words) + 1):
        phrase = next((phrase for phrase in caption.phrases if phrase[1] == end), None)
        inside = any(start < end < stop for start, stop in caption.phrases)
        if phrase:
            label, start = of_phrase(caption, names, synonyms, texts, phrase)
        elif not inside and can_be_noun(caption, end - 1):
            label, start = of_words(caption, texts, end, 1)
            if label is not None and not can_be_phrase(caption, start, end):
                label = None
        else:
            continue
        if phrase or label is not None:
            # What a longer name covers is no mention of its own.
            found = [(other, stop) for other, stop in found if stop <= start]
            found.append((label, end))
    return {label for label, _ in found if label is not None}


def of_words(caption, texts, end, least):
    """The longest run of `least` words or more before a place that is a name as a whole, and its first word."""
    for start in range(end - least + 1):
        words = canonical_twin.words_of(" ".join(caption.words[start:end]))
        if caption.is_run(start, end) and caption.words[start] not in canonical_twin.DETERMINERS:
            forms = canonical_twin.key(words), canonical_twin.key(canonical_twin.singular(words))
            found = [table[form] for form in forms for table in texts if form in table]
            if found:
                return found[0][1], start
    return None, end


def of_phrase(caption, names, synonyms, texts, phrase):
    """The label of a noun phrase, or of a longer name that ends with it."""
    start, end = phrase
    follows_determiner = start == 0 or caption.kind(start - 1) == "determiner"
    if caption.kind(start) != "determiner" and not follows_determiner:
        label, first = of_words(caption, texts, end, end - start + 1)
        if label is not None:
            return label, first
    label, _, _ = canonical_twin.map_phrase(names, synonyms, " ".join(caption.words[start:end]))
    return (label if label >= 0 else None), start


def can_be_noun(caption, at):
    """Whether the tagger can be wrong about a word that it takes for no noun."""
    kind = caption.kind(at)
    if kind == "preposition":
        return len(caption.word(at)) > 5
    if kind == "adjective":
        return caption.word(at) not in canonical_twin.QUANTIFIERS
    return kind not in ("determiner", "owner", "pronoun", "conjunction", "mark")


def can_be_phrase(caption, start, end):
    """Whether words outside the noun phrases can be one, or the end of one."""
    before, own, after = caption.kind(start - 1), caption.kind(start), caption.kind(end)
    word_before, word_after = caption.word(start - 1), caption.word(end)
    if after == "noun" and word_after not in canonical_twin.TRAILING:
        return False
    if end - start > 1:
        return caption.kind(end - 1) not in ("preposition", "adverb", "other") or before == "determiner"
    has_object = after in ("determiner", "owner", "pronoun") or word_after in ("to", "up", "down", "off", "out")
    opens = before in ("determiner", "owner", "number", "adjective")
    if own == "adjective":
        is_before_adjective = after == "adjective" or (after == "conjunction" and caption.kind(end + 1) == "adjective")
        is_inspired = before == "adjective" and after == "participle"
        is_after_mark = before == "mark" and word_after != ","
        if is_before_adjective or before == "participle" or is_inspired or is_after_mark:
            return False
    if own == "participle" and not opens:
        return False
    if opens:
        return not (has_object and word_before in ("that", "which", "who", "this"))
    if word_before == "'s":
        return True
    if has_object:
        return False
    if word_before in ("and", "or", "&", ","):
        last = start - 3 if caption.word(start - 2) == "," else start - 2
        return last >= 0 and caption.kind(last) == "noun"
    if before == "preposition":
        return word_before not in ("that", "while", "as", "because", "if", "since", "when", "to", "so")
    if before == "participle":
        return word_before not in ("going", "helping", "trying", "been")
    return before == "mark" and after in ("mark", "participle", "conjunction")
