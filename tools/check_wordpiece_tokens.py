"""Compare `WordPieceTokenizer` with transformers' BertTokenizer on millions of random captions and pairs.

    python tools/check_wordpiece_tokens.py --cases 10000000 --seed 0 --minutes 120 [--vocabulary vocab.txt]

Captions are those of check_clip_tokens.py; names of control tokens are put among them. The vocabulary is a file, or
made here: every character of the first planes, at the start of a word and inside one. Cased and uncased take turns.
Each difference is printed; with any, the exit status is 1. Results are kept in benches/record/.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
from check_clip_tokens import RandomCaptions, say

from unicl.text import WordPieceTokenizer

BATCH = 5_000
CUT = 12
CONTROL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def made_vocabulary() -> list[str]:
    """Control tokens and all characters but those that no text has."""
    letters = [chr(code) for code in [*range(0x21, 0xD800), *range(0xE000, 0x32400)] if not chr(code).isspace()]
    return [*CONTROL, *letters, *(f"##{letter}" for letter in letters)]


def main() -> int:
    """Compares, prints, and gives the exit status."""
    from transformers import BertTokenizer

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60, help="stop after this long, wherever it is")
    parser.add_argument("--vocabulary", type=Path, help="a vocab.txt")
    arguments = parser.parse_args()

    path = arguments.vocabulary
    tokens = made_vocabulary() if path is None else path.read_text(encoding="utf-8").split("\n")[:-1]
    ids = {token: number for number, token in enumerate(tokens)}
    tokenizers = [
        (
            WordPieceTokenizer(tokens, lowercase=lowercase, special_tokens="bert"),
            BertTokenizer(vocab=ids, do_lower_case=lowercase),
        )
        for lowercase in [True, False]
    ]
    source = RandomCaptions(arguments.seed)
    names = random.Random(arguments.seed)  # noqa: S311 - no secret

    def caption() -> str:
        text = source.caption()
        return text if names.random() < 0.95 else text + names.choice(CONTROL) + source.caption()

    packages = ", ".join(f"{name} {version(name)}" for name in ["unicl-rs", "transformers", "tokenizers"])
    vocabulary = path.name if path else "a vocabulary of all characters"
    say(f"{packages}, Python {sys.version.split()[0]}; seed {arguments.seed}; {vocabulary}")
    options = {"padding": "max_length", "truncation": True, "max_length": CUT, "return_tensors": "np"}
    start, compared, different = time.monotonic(), 0, 0
    while compared < arguments.cases and time.monotonic() - start < arguments.minutes * 60:
        ours, theirs = tokenizers[compared // BATCH % 2]
        captions, pairs = ([caption() for _ in range(min(BATCH, arguments.cases - compared))] for _ in range(2))
        found, offsets = ours.encode(captions, threads=1)
        rows = [found[first:last].tolist() for first, last in pairwise(offsets.tolist())]
        expected = theirs(captions, add_special_tokens=False, return_attention_mask=False).input_ids
        batch, expected_batch = (
            ours.batch_encode(captions, pairs, context_length=CUT),
            theirs(captions, pairs, **options),
        )
        equal = np.all([(batch[name] == expected_batch[name]).all(1) for name in batch], axis=0)
        for text, pair, one, other, same in zip(captions, pairs, rows, expected, equal, strict=True):
            if one != other or not same:
                different += 1
                say(f"different: {text!r} with {pair!r}: {one}, transformers {other}")
        compared += len(captions)
        if compared % (50 * BATCH) == 0:
            say(f"{compared:,} after {time.monotonic() - start:,.0f} s, {different} different")
    seconds = time.monotonic() - start
    say(f"{compared:,} captions compared, alone and in pairs cut to {CUT}, {different} different; {seconds:,.0f} s")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
