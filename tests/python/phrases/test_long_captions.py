"""One long caption takes time in proportion to its length, and Ctrl-C stops it."""

import _thread
import signal
import threading
import time

import pytest

from unicl.phrases import PosTagger, find_noun_phrases

TAGGER = PosTagger()
PATTERNS = [
    "red ",
    "dog ",
    "the big ",
    "a.",
    "a. ",
    ". ",
    ".",
    ") .",
    "'",
    "a's ",
    '"',
    "``",
    "--",
    "([{<",
    "... ",
    "u.s. ",
    "aB.",
    "xyz.Abc",
    "st. a ",
    "a\n",
    "#a ",
    "\u2026",
    "\u00c9",
    "\u03a3",
    "wanna ",
]


def seconds(work, text):
    began = time.perf_counter()
    work([text], threads=1)
    return time.perf_counter() - began


@pytest.mark.parametrize("work", [TAGGER.tag, find_noun_phrases], ids=["tag", "find_noun_phrases"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_eight_times_the_length_takes_at_most_sixteen_times_as_long(pattern, work):
    short, long = (pattern * (size // len(pattern)) for size in (125_000, 1_000_000))
    # What is not in proportion takes far more than 16 times as long; one second is for a busy machine.
    assert seconds(work, long) < max(16 * seconds(work, short), 1)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("work", [TAGGER.tag, find_noun_phrases], ids=["tag", "find_noun_phrases"])
@pytest.mark.parametrize("pattern", ["red ", "'", "\u00c9 . "])
def test_ctrl_c_stops_within_one_caption(pattern, work, threads):
    caption = pattern * (60_000_000 // len(pattern))
    pressed = []

    def press():
        pressed.append(time.perf_counter())
        _thread.interrupt_main()

    def call():
        # The second caption is for the second thread.
        work([caption] * threads, threads=threads)
        time.sleep(5)

    # A shell that runs this in the background has SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.3, press).start()
    with pytest.raises(KeyboardInterrupt):
        call()
    signal.signal(signal.SIGINT, before)
    assert time.perf_counter() - pressed[0] < 1.5
