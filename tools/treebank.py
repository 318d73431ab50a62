"""Sentences of a Universal Dependencies treebank, with Penn's tags, as they stand and as captions."""

import gzip
from pathlib import Path

# What other tag sets add to Penn's 45, and what Penn's treebank has in their place.
PENN = {
    "-LRB-": "(",
    "-RRB-": ")",
    "HYPH": ":",
    "NFP": ":",
    "ADD": "NN",
    "AFX": "JJ",
    "GW": "NN",
    "XX": "FW",
    "_SP": ":",
}


def read_sentences(path: Path) -> list[list[tuple[str, str]]]:
    """The sentences of a word-lemma-tag file, with Penn tags."""
    content = path.read_bytes()
    sentences: list[list[tuple[str, str]]] = [[]]
    for line in (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines():
        if not line.strip():
            sentences.append([])
            continue
        word, _, tag = line.split("\t")
        # The word tokenizer never leaves a space in a word; EWT has a few numbers that do.
        sentences[-1].append((word.replace(" ", ""), PENN.get(tag, tag)))
    return [sentence for sentence in sentences if sentence]


def as_caption(sentence: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The sentence as the recipe sees a caption: lower case, hyphenated words in one piece."""
    joined: list[tuple[str, str]] = []
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
