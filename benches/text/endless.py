"""Measures memory over an endless stream of captions with ever new words. Linux only.

    python benches/text/endless.py clip | wordpiece | labels | counting [--captions 100000000] [--threads 1]
        [--bert-vocabulary vocab.txt]

Every caption has two words that no earlier caption has, with an accent in every second batch. So caches are full of
words that never come again. Anything that grows with the captions would show in the resident memory.
"""

import argparse
import datetime
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from unicl.labels import DenseLabeler, LabelVocabulary, PhraseCounter
from unicl.text import ClipTokenizer, WordPieceTokenizer

BATCH_ROWS = 1 << 16
LETTERS = 7
"""26**7 is 8 billion: that many captions are different."""
TEMPLATES = (
    "a small gre??????? sits beside the man's pli!!!!!!! , 2 dogs",
    "a pétit gré??????? sits beside the plí!!!!!!! , 2 dogs",
)


def endless(number: int) -> Iterator[pa.Array]:
    """That many captions, in batches."""
    powers = 26 ** np.arange(LETTERS)
    for batch, first in enumerate(range(0, number, BATCH_ROWS)):
        rows = np.arange(first, min(first + BATCH_ROWS, number))
        template = np.frombuffer(TEMPLATES[batch % 2].encode(), np.uint8)
        text = np.tile(template, (len(rows), 1))
        # Multipliers that share no factor with 26 give every number a word of its own.
        for slot, multiplier in ((b"?", 5_754_853_343), (b"!", 3_367_900_313)):
            word = (rows[:, None] * multiplier % 26**LETTERS) // powers % 26 + ord("a")
            text[:, template == ord(slot)] = word
        offsets = np.arange(len(rows) + 1, dtype=np.int32) * len(template)
        yield pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(text))


def consumer(arguments: argparse.Namespace) -> Callable[[pa.Array], Any]:
    """The function that takes the captions."""
    threads, rows = arguments.threads, np.zeros((BATCH_ROWS, 77), np.int32)
    if arguments.work == "labels":
        labeler = DenseLabeler(LabelVocabulary.coco())
        return lambda captions: labeler(captions, threads=threads)
    if arguments.work == "counting":
        return PhraseCounter(threads=threads).add
    wordpiece = arguments.work == "wordpiece"
    tokenizer = WordPieceTokenizer(arguments.bert_vocabulary) if wordpiece else ClipTokenizer()
    return lambda captions: tokenizer(captions, context_length=77, out=rows[: len(captions)], threads=threads)


def resident_mib() -> float:
    """The resident memory of this process."""
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) / 2**10


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=["clip", "wordpiece", "labels", "counting"])
    parser.add_argument("--captions", type=int, default=100_000_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bert-vocabulary", type=Path, help="a vocab.txt, for wordpiece")
    arguments = parser.parse_args()
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, Python {platform.python_version()}: {arguments.work}\n")
    print(f"{'captions':>13} {'captions/s':>12} {'resident MiB':>14}")
    work, done, seconds, shown = consumer(arguments), 0, 0.0, 0
    for captions in endless(arguments.captions):
        start = time.perf_counter()
        work(captions)
        seconds += time.perf_counter() - start
        done += len(captions)
        if done >= shown or done == arguments.captions:
            print(f"{done:>13,} {done / seconds:>12,.0f} {resident_mib():>14.1f}", flush=True)
            shown = done + arguments.captions // 10


if __name__ == "__main__":
    main()
