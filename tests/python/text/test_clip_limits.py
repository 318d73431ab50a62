"""`ClipTokenizer` at its limits: huge captions and Ctrl-C. Bounded memory is in ../test_memory.py."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from unicl.text import ClipTokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return ClipTokenizer()


@pytest.fixture(scope="module")
def plain():
    return ClipTokenizer(clean="none")


def test_a_caption_of_100_mb_is_tokenized(tokenizer):
    caption = "a dog, " * (100_000_000 // 7)
    ids, offsets = tokenizer.encode([caption, "a"])
    assert offsets.tolist() == [0, len(caption) // 7 * 3, len(caption) // 7 * 3 + 1]
    assert ids[-4:].tolist() == [320, 1929, 267, 320]
    assert tokenizer(caption)[0, :4].tolist() == [49406, 320, 1929, 267]


def test_a_row_of_a_huge_caption_takes_no_longer_than_its_beginning(tokenizer):
    short, long = "a dog, " * 1_000, "a dog, " * 1_000_000
    assert _seconds(lambda: tokenizer(long)) < _seconds(lambda: tokenizer.encode(long)) / 2
    np.testing.assert_array_equal(tokenizer(short), tokenizer(long))


@pytest.mark.parametrize("letters", ["a", "abcdefghijklmnopqrstuvwxyz", "!", "\u00e9\u4e2d"])
def test_the_time_of_one_word_grows_with_its_length_and_not_with_the_square(plain, letters):
    short, long = (letters * (length // len(letters)) for length in [200_000, 2_000_000])
    fastest = min(_seconds(lambda: plain.encode(short)) for _ in range(3))
    assert _seconds(lambda: plain.encode(long)) < 50 * fastest  # the square would be 100


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


LOOP = """
import signal, sys, time
from unicl.phrases import PosTagger
from unicl.text import ClipTokenizer
signal.signal(signal.SIGINT, signal.default_int_handler)
captions = [f"a dog number {number} runs on the beach" for number in range(50_000)] * 80
tokenizer = ClipTokenizer()
work = {
    "tokens": lambda: tokenizer.encode(captions, threads=2),
    "tokens on one thread": lambda: tokenizer(captions, threads=1),
    "tags": lambda: PosTagger().tag(captions, threads=2),
}[sys.argv[1]]
print("ready", flush=True)
start = time.monotonic()
try:
    while time.monotonic() < start + 300:
        work()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("work", ["tokens", "tokens on one thread", "tags"])
def test_ctrl_c_ends_a_long_call(work):
    with subprocess.Popen([sys.executable, "-c", LOOP, work], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        pressed = time.monotonic()
        assert process.stdout.readline() == "interrupted\n"
        assert time.monotonic() - pressed < 5  # under a second on a machine with nothing else to do
        assert process.wait(60) == 0


FIRST_CALL = """
import signal
from unicl.text import ClipTokenizer
def handler(*_):
    raise TimeoutError
tokenizer, caption = ClipTokenizer(), "a dog, " * 3_000_000
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.02)
try:
    tokenizer.encode(caption)
except TimeoutError:
    print("ended")
"""


def test_a_signal_during_the_first_call_raises_what_its_handler_raises():
    # Once numpy was looked up where the ids became an array, and a panic came of what the handler raised meanwhile.
    run = subprocess.run([sys.executable, "-c", FIRST_CALL], capture_output=True, text=True, check=False)
    assert run.stdout == "ended\n", run.stderr


def test_what_a_signal_handler_raises_ends_the_call_and_the_tokenizer_works_on(tokenizer):
    def handler(*_):
        raise TimeoutError("time is up")

    def tokenize_for_ever():
        while True:
            tokenizer.encode(captions)

    captions = ["a dog on the beach"] * 2_000_000
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(TimeoutError, match="time is up"):
            tokenize_for_ever()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert tokenizer.encode("a dog")[0].tolist() == [320, 1929]
