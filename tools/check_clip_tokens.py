"""Compare `ClipTokenizer` with open_clip's or transformers' on millions of random captions.

    python tools/check_clip_tokens.py open_clip --cases 10000000 --seed 0 --minutes 120

A caption is a few fragments of every kind that a tokenizer treats in a way of its own: words, contractions, digits,
quotes, entities, control tokens, control characters, text decoded wrongly, and characters of every block. Half of the
captions have only the frequent kinds. For transformers, characters that this Python's Unicode does not assign are left
out, as the two know different ones. Each difference is printed; with any, the exit status is 1. The same seed gives the
same captions. Results are kept in benches/record/.
"""

from __future__ import annotations

import argparse
import html.entities
import random
import sys
import tempfile
import time
import unicodedata
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING

from unicl.text import ClipTokenizer, clip

if TYPE_CHECKING:
    from collections.abc import Callable

    Peer = tuple[ClipTokenizer, Callable[[list[str]], list[list[int]]]]

BATCH = 10_000
CUT = 16
WORDS = [
    "a",
    "the",
    "two",
    "man",
    "woman",
    "dogs",
    "cat",
    "street",
    "standing",
    "playing",
    "with",
    "photo",
    "grass",
    "hd",
]
WORDS += ["frisbee", "skateboarding", "giraffe", "iphone", "zqxjk", "antidisestablishmentarianism"]
CONTRACTIONS = [
    "'s",
    "'t",
    "'re",
    "'ve",
    "'m",
    "'ll",
    "'d",
    "'S",
    "'LL",
    "'",
    "''",
    "'x",
    "'\u017f",
    "\u2019s",
    "\uff07s",
]
QUOTES = list("\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u02bc\u00b4\u2032\uff02")
CONTROL_TOKENS = ["<start_of_text>", "<end_of_text>", "<|startoftext|>", "<|endoftext|>", "<END_OF_TEXT>", "<|", "</w>"]
PUNCTUATION = [
    ".",
    ",",
    "...",
    "--",
    "!!",
    "?!",
    "(",
    ")",
    "#",
    "@",
    "_",
    "/",
    "%",
    "<",
    ">",
    ";",
    ":-)",
    "\\n",
    "$",
    "&",
]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u00a0", "\u1680", "\u2003", "\u2028"]
SPACES += ["\u202f", "\u3000", "\u200b", "\ufeff"]
TEXTS = [
    "caf\u00e9",
    "na\u00efve",
    "Stra\u00dfe",
    "\u0130stanbul",
    "\u03a3\u0391\u03a3",
    "\u0411\u043e\u043b\u044c\u0448",
]
TEXTS += [
    "\u65e5\u672c\u8a9e",
    "\ud55c\uad6d\uc5b4",
    "\u0627\u0644\u0639\u0631\u0628",
    "\u0e44\u0e17\u0e22",
    "\u2764\ufe0f",
]
TEXTS += [
    "\U0001f469\u200d\U0001f4bb",
    "\U0001f1e9\U0001f1ea",
    "\uff21\uff22",
    "\ufb01sh",
    "x\u00b2",
    "\u00bd",
    "\u2116",
]
TEXTS += ["e\u0301", "z\u0335\u0321\u0322", "\u2026", "\u2014", "\u20ac", "\u2122"]
ENTITIES = [f"&{name}" for name in html.entities.html5]
ENCODINGS = ["latin-1", "cp1252", "cp1250", "cp1251", "cp1253", "macroman", "cp437"]
BLOCKS = [(0xA1, 0x24F), (0x370, 0x52F), (0x2000, 0x27BF), (0x3000, 0xFFFF), (0x1F000, 0x1FAFF), (0, 0x10FFFF)]


class RandomCaptions:
    """An endless source of captions; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._frequent: list[Callable[[], str]] = [
            lambda: self._pick(WORDS),
            lambda: self._pick(WORDS).title(),
            lambda: self._pick(WORDS).upper(),
            lambda: self._pick(CONTRACTIONS),
            lambda: str(self._random.randrange(10 ** self._random.randint(1, 6))),
            lambda: self._pick(PUNCTUATION),
            lambda: self._pick(QUOTES),
            lambda: self._pick(SPACES),
            lambda: self._pick(TEXTS),
        ]
        rare: list[Callable[[], str]] = [
            lambda: self._pick(CONTROL_TOKENS),
            self._entity,
            lambda: self._pick(TEXTS).encode().decode(self._pick(ENCODINGS), "replace"),
            lambda: "".join(chr(self._random.randrange(128)) for _ in range(self._random.randint(1, 6))),
            *[lambda block=block: self._characters(*block) for block in BLOCKS],  # type: ignore[misc]
        ]
        self._all = self._frequent * 4 + rare

    def caption(self) -> str:
        """The next caption."""
        kinds = self._frequent if self._random.random() < 0.5 else self._all
        joined = self._random.choice(["", " ", " "])
        return joined.join(self._random.choice(kinds)() for _ in range(self._random.randint(1, 10)))

    def _pick(self, choices: list[str]) -> str:
        return choices[int(self._random.random() * len(choices))]

    def _entity(self) -> str:
        kind = self._random.random()
        if kind < 0.7:
            return self._pick(ENTITIES)
        number = self._random.choice([self._random.randrange(0x500), self._random.randrange(0x120000)])
        return (f"&#x{number:x}" if kind < 0.85 else f"&#{number}") + self._random.choice([";", ""])

    def _characters(self, first: int, last: int) -> str:
        codes = (self._random.randint(first, last) for _ in range(self._random.randint(1, 3)))
        return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


def open_clip_peer() -> Peer:
    """Our tokenizer as open_clip's, and open_clip's."""
    from open_clip.tokenizer import SimpleTokenizer

    theirs = SimpleTokenizer()
    control_tokens = dict(theirs.cache)

    def encode(captions: list[str]) -> list[list[int]]:
        theirs.cache = dict(control_tokens)  # it keeps every word
        return [theirs.encode(caption) for caption in captions]

    return ClipTokenizer(special_tokens="open_clip"), encode


def transformers_peer() -> Peer:
    """Our tokenizer as transformers', and transformers' with the same vocabulary."""
    from transformers import CLIPTokenizerFast

    ours = ClipTokenizer(clean="hf", special_tokens="openai")
    with tempfile.TemporaryDirectory() as folder:
        ours.save(folder)
        theirs = CLIPTokenizerFast.from_pretrained(folder, model_max_length=10**9)
    return ours, lambda captions: [row[1:-1] for row in theirs(captions, return_attention_mask=False).input_ids]


def is_assigned(character: str) -> bool:
    """Whether this Python's Unicode knows the character."""
    return unicodedata.category(character) != "Cn"


PEERS = {"open_clip": (open_clip_peer, "open-clip-torch"), "transformers": (transformers_peer, "tokenizers")}


def main() -> int:
    """Compares, prints, and gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60, help="stop after this long, wherever it is")
    arguments = parser.parse_args()

    source = RandomCaptions(arguments.seed)
    make_peer, package = PEERS[arguments.peer]
    ours, encode = make_peer()
    repaired: dict[str, str] = {}
    repair = clip._repair

    def repair_once(texts: list[str]) -> list[str]:
        new = [text for text in texts if text not in repaired]
        repaired.update(zip(new, repair(new), strict=True))
        return [repaired[text] for text in texts]

    clip._repair = repair_once
    packages = ", ".join(f"{name} {version(name)}" for name in ["unicl-rs", package, "ftfy", "regex"])
    say(f"{packages}, Python {sys.version.split()[0]}; seed {arguments.seed}")
    start, compared, plain, through_ftfy, different = time.monotonic(), 0, 0, 0, 0
    while compared < arguments.cases and time.monotonic() - start < arguments.minutes * 60:
        repaired.clear()
        captions = [source.caption() for _ in range(min(BATCH, arguments.cases - compared))]
        if arguments.peer == "transformers":
            captions = ["".join(filter(is_assigned, caption)) for caption in captions]
        ids, offsets = ours.encode(captions, threads=1)
        rows = ours(captions, context_length=CUT, dtype="int32", threads=1)
        found = (ids[first:last].tolist() for first, last in pairwise(offsets.tolist()))
        for caption, one, row, expected in zip(captions, found, rows.tolist(), encode(captions), strict=True):
            text = [ours.start_id, *expected[: CUT - 2], ours.end_id]
            if one != expected or row != text + [0] * (CUT - len(text)):
                different += 1
                say(f"different: {caption!r}: {one}, {arguments.peer} {expected}")
        compared += len(captions)
        plain += sum(caption.isascii() and caption.isprintable() and "&" not in caption for caption in captions)
        through_ftfy += sum(caption in repaired for caption in captions)
        if compared % (50 * BATCH) == 0:
            say(f"{compared:,} after {time.monotonic() - start:,.0f} s, {different} different")
    say(
        f"{compared:,} captions compared, {different} different: {plain:,} plain ASCII, "
        f"{compared - plain - through_ftfy:,} others without ftfy, {through_ftfy:,} through ftfy on both sides; "
        f"{time.monotonic() - start:,.0f} s"
    )
    return int(different > 0)


def say(line: str) -> None:
    """Prints at once: a run takes long, and somebody may be watching."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
