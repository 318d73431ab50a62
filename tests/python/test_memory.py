"""Memory stays where it is over streams of captions that never repeat themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no getrusage")

PEAK_MIB = """
import resource, sys
from itertools import islice
from pathlib import Path

def peak_mib():
    status = Path("/proc/self/status")
    if status.exists():  # on Linux a child's ru_maxrss begins with its parent's
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
"""


def growth_mib(script: str, *arguments: object) -> float:
    """What a script prints in a process of its own."""
    words = [sys.executable, "-c", PEAK_MIB + script, *map(str, arguments)]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


COUNTING = """
from unicl.labels import PhraseCounter
rows, max_names = map(int, sys.argv[1:])
counter = PhraseCounter(max_names=max_names, threads=2)
captions = (f"a small grel{row:x} sits on the plin{row:x} of number {row}" for row in range(rows))
counter.add(list(islice(captions, 4_096)))
before = peak_mib()
while batch := list(islice(captions, 4_096)):
    counter.add(batch)
assert len(counter) <= max_names and counter.captions == rows
print(peak_mib() - before)
"""


def test_counting_new_phrases_for_ever_takes_the_memory_of_the_names_that_are_remembered():
    short, long = (growth_mib(COUNTING, rows, 50_000) for rows in (100_000, 400_000))
    assert 2 < long < 1.5 * 225 * 50_000 / 2**20, "MAX_NAMES says 225 bytes a name; a small heap has more waste"
    assert long < short + 4, "1.2 million names take 100 MiB more than 300,000"


MINING = """
import pyarrow as pa
from unicl.labels import LabelVocabulary
rows, names = map(int, sys.argv[1:])
captions = pa.concat_arrays([pa.array([f"a small grel{number:x}" for number in range(names)])] * (rows // names))
before = peak_mib()
vocabulary = LabelVocabulary.mine(captions, min_document_frequency=1, threads=2)
assert len(vocabulary) >= names
print(peak_mib() - before)
"""


def test_mining_takes_memory_for_names_and_not_for_how_often_they_come():
    short, long = (growth_mib(MINING, rows, 20_000) for rows in (200_000, 800_000))
    assert long < short + 600_000 * 16 / 2**20 + 8, "16 bytes a caption; a map for each task would take 40 MiB more"


NEW_WORDS = """
from unicl import ClipTokenizer, DenseLabeler, LabelMapper, LabelVocabulary, WordPieceTokenizer
import numpy as np

rows = np.empty((2_000, 20), np.int32)
vocabulary = LabelVocabulary.from_names(["small dog", "cat"])
if sys.argv[1] == "clip":
    tokenizer = ClipTokenizer()
    work = lambda captions: tokenizer(captions, context_length=20, out=rows, threads=2)
elif sys.argv[1] == "wordpiece":
    tokenizer = WordPieceTokenizer(sys.argv[2])
    work = lambda captions: tokenizer(captions, context_length=20, out=rows, threads=2)
elif sys.argv[1] == "labels":
    labeler = DenseLabeler(vocabulary)
    work = lambda captions: labeler(captions, threads=2)
else:
    mapper = LabelMapper(vocabulary, mode="argmax")
    work = lambda captions: mapper.map(captions, threads=2)

for batch in range(500):
    first = batch * len(rows)
    work([f"w{row} v{row * 7919:x} \\u00e9{row:x}" for row in range(first, first + len(rows))])
    if batch == 50:  # the caches and Python's own memory have their size
        before = peak_mib()
print(peak_mib() - before)
"""


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vocabulary that spells words letter by letter."""
    letters = "0123456789abcdefghijklmnopqrstuvwxyz"
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters)]))
    return path


@pytest.mark.parametrize("what", ["clip", "wordpiece", "labels", "argmax"])
def test_three_million_new_words_take_no_more_memory(what: str, letters: Path):
    assert growth_mib(NEW_WORDS, what, letters) < 4, "a cache of the 2.7 million after the first takes 100 MiB"
