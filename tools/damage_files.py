"""Damages files of all formats that the commands read. Every run must end with a result or with one line.

Run ``python tools/damage_files.py`` (500 damaged files for each reader) or, for less, add ``--files 20 --readers csv``.
A child process for each file does what the shell would do. Its status must be 0 or 2, and after 2 stderr must have one
line that names no defect. The program ends with status 1 after anything else, and keeps the file.

This process runs each command once, on the file without damage, before it forks the children. So a child imports
nothing, parses no words, and makes no tagger: it takes 30 ms, not 400. A crash of a child is seen by its status.
"""

from __future__ import annotations

import argparse
import gzip
import io
import itertools
import json
import os
import random
import resource
import shutil
import sys
import tarfile
import tempfile
import time
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from unicl.cli import label, main, meter, tokenize
from unicl.labels import LabelVocabulary, save_vocabulary
from unicl.phrases import PosTagger
from unicl.text import WordPieceTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CAPTIONS = ["a dog and a cat on a beach", "two birds fly", "it rains", "a café, a 😀", ""] * 9
TABLE = pa.table(
    {
        "caption": CAPTIONS,
        "note": pa.array(CAPTIONS).dictionary_encode(),
        "tags": [caption.split() for caption in CAPTIONS],
        "box": [{"x": row, "of": None if row % 3 else "a"} for row in range(len(CAPTIONS))],
        "image": pa.array([caption.encode() for caption in CAPTIONS], pa.binary_view()),
        "when": pa.array(range(len(CAPTIONS)), pa.timestamp("us", "UTC")),
    }
)
ROWS = "".join(f"{json.dumps({'caption': caption, 'row': row})}\n" for row, caption in enumerate(CAPTIONS))
MOST_SECONDS, MOST_BYTES = 60, 8 << 30
LABEL = ["label", "FILE", "--vocabulary", "labels.txt", "--threads", "1", "--out", "OUT"]
LABEL_OPTIONS = [[], ["--bad-rows", "skip"], ["--no-copy-columns"]]
"""The damaged files of captions take turns with these."""
VOCABULARY = ["label", "captions.txt", "--vocabulary", "FILE", "--threads", "1", "--out", "OUT"]
WORDPIECE = ["tokenize", "captions.txt", "--tokenizer", "wordpiece", "--tokenizer-file", "FILE", "--out", "OUT"]
CLIP = ["tokenize", "captions.txt", "--tokenizer-file", "FILE", "--out", "OUT"]


def arrow(writer: Callable[..., Any], compression: str | None = None) -> bytes:
    """Gives the rows as Arrow IPC, in three batches."""
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression, emit_dictionary_deltas=True)
    with writer(sink, TABLE.schema, options=options) as file:
        file.write_table(TABLE, max_chunksize=15)
    return sink.getvalue()


def parquet(**options: Any) -> bytes:
    """Gives the rows as Parquet."""
    sink = io.BytesIO()
    pq.write_table(TABLE.drop_columns(["image"]), sink, row_group_size=20, **options)
    return sink.getvalue()


def shard() -> bytes:
    """Gives the captions as a webdataset shard."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for row, caption in enumerate(CAPTIONS[:10]):
            for name, content in (("txt", caption.encode()), ("json", b'{"row": 1}'), ("jpg", b"image")):
                member = tarfile.TarInfo(f"{row:05d}.{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return sink.getvalue()


def vocabulary() -> bytes:
    """Gives a vocabulary of labels as JSON."""
    labels = LabelVocabulary.from_names(["dog", "cat"], synonyms={"dog": ["puppy"]}, parents={"cat": "dog"})
    with tempfile.TemporaryDirectory() as folder:
        save_vocabulary(labels, Path(folder) / "x.json")
        return (Path(folder) / "x.json").read_bytes()


def wordpiece() -> bytes:
    """Gives a WordPiece tokenizer, as transformers writes it."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "dog", "##s", "cat"]
    with tempfile.TemporaryDirectory() as folder:
        WordPieceTokenizer(tokens).save(folder)
        return (Path(folder) / "tokenizer.json").read_bytes()


def weights() -> bytes:
    """Gives the package's tagger as a file of weights."""
    with tempfile.TemporaryDirectory() as folder:
        PosTagger().save(Path(folder) / "tagger.bin")
        return (Path(folder) / "tagger.bin").read_bytes()


def nltk_weights() -> bytes:
    """Gives a small tagger as NLTK's three files, one a line."""
    weights = {"bias": {"NN": 1.0, "DT": -0.5}, "i word dog": {"NN": 2.5}, "i-1 tag DT": {"NN": 1.25}}
    return "\n".join(map(json.dumps, (weights, {"a": "DT", "the": "DT"}, ["DT", "NN"]))).encode()


def read_nltk(path: Path) -> PosTagger:
    """Reads a tagger from NLTK's three files, which are in one here."""
    lines = path.read_bytes().split(b"\n", 2)
    for part, content in itertools.zip_longest(("weights", "tagdict", "classes"), lines, fillvalue=b""):
        path.with_name(f"nltk.{part}.json").write_bytes(content)
    return PosTagger.from_nltk(path.with_name("nltk.weights.json"))


def read_checked(path: Path) -> PosTagger:
    """Reads a tagger whose checksum is made right first, so that damage reaches what is after it."""
    content = path.read_bytes()
    checksum = 0xCBF29CE484222325
    for byte in content[20:]:
        checksum = (checksum ^ byte) * 0x100000001B3 % (1 << 64)
    path.write_bytes(content[:12] + checksum.to_bytes(8, "little") + content[20:])
    return PosTagger.load(path)


def small_weights() -> bytes:
    """Gives a small tagger as a file of weights."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "x.json").write_bytes(nltk_weights())
        read_nltk(Path(folder) / "x.json").save(Path(folder) / "tagger.bin")
        return (Path(folder) / "tagger.bin").read_bytes()


TAGGERS = {"WEIGHTS": PosTagger.load, "CHECKED": read_checked, "NLTK": read_nltk}
"""What no command reads is read by these."""


def readers() -> dict[str, tuple[str, bytes, list[str]]]:
    """Gives the name, the content and the command of a good file for each reader."""
    commas = "caption,n\n" + "".join(f'"{caption}",{row}\n' for row, caption in enumerate(CAPTIONS))
    tabs = "caption\tn\n" + "".join(f"{caption}\t{row}\n" for row, caption in enumerate(CAPTIONS))
    lines = "\n".join(CAPTIONS)
    merges = "#version: 0.2\nd o\ndo g</w>\nc a\nca t</w>\n"
    return {
        "arrow": ("x.arrow", arrow(pa.ipc.new_file), LABEL),
        "arrow-lz4": ("x.feather", arrow(pa.ipc.new_file, "lz4"), LABEL),
        "arrow-stream": ("x.arrows", arrow(pa.ipc.new_stream), LABEL),
        "arrow-stream-zstd": ("x.arrows", arrow(pa.ipc.new_stream, "zstd"), LABEL),
        "parquet": ("x.parquet", parquet(), LABEL),
        "parquet-plain": ("x.parquet", parquet(use_dictionary=False, compression="none"), LABEL),
        "csv": ("x.csv", commas.encode(), LABEL),
        "tsv": ("x.tsv", tabs.encode(), LABEL),
        "json-lines": ("x.jsonl", ROWS.encode(), LABEL),
        "text": ("x.txt", lines.encode(), LABEL),
        "gzip": ("x.jsonl.gz", gzip.compress(ROWS.encode()), LABEL),
        "zstd": ("x.csv.zst", pa.compress(commas.encode(), "zstd", asbytes=True), LABEL),
        "shard": ("x.tar", shard(), LABEL),
        "labels-json": ("x.json", vocabulary(), VOCABULARY),
        "labels-tsv": ("x.tsv", b"name\tsynonyms\tparent\ndog\tpuppy|hound\t\ncat\t\tdog\n", VOCABULARY),
        "labels-text": ("x.txt", b"dog\tpuppy\ncat\n", VOCABULARY),
        "meter": ("x.arrow", labelled(), ["meter", "FILE", "--batch-size", "2"]),
        "vocab.txt": ("vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\ndog\n##s\n", WORDPIECE),
        "tokenizer.json": ("tokenizer.json", wordpiece(), WORDPIECE),
        "merges": ("merges.txt", merges.encode(), CLIP),
        "weights": ("tagger.bin", weights(), ["WEIGHTS", "FILE"]),
        "weights-checked": ("tagger.bin", small_weights(), ["CHECKED", "FILE"]),
        "weights-nltk": ("nltk.json", nltk_weights(), ["NLTK", "FILE"]),
    }


def labelled() -> bytes:
    """Gives a file that ``unicl meter`` reads."""
    sink = io.BytesIO()
    table = pa.table({"caption": CAPTIONS, "labels": [[row, row + 1] for row in range(len(CAPTIONS))]})
    with pa.ipc.new_file(sink, table.schema) as file:
        file.write_table(table)
    return sink.getvalue()


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Gives the content with some bytes changed, or with a part removed, doubled, or replaced by noise."""
    new = bytearray(content)
    at = chance.randrange(len(new))
    length = chance.choice([1, 2, 4, 8, 64, len(new) // 4])
    match chance.randrange(6):
        case 0:
            for _ in range(chance.choice([1, 1, 2, 8])):
                new[chance.randrange(len(new))] ^= 1 << chance.randrange(8)
        case 1:
            new[at : at + length] = chance.randbytes(length)
        case 2:
            new[at : at + length] = bytes([chance.choice(b'\0\xff"{[\n,\t')]) * length
        case 3:
            del new[at : at + length]
        case 4:
            new[at:at] = new[at : at + length]
        case 5:
            del new[at:]
    return bytes(new)


def remembering(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Parses equal words once. That would take most of the time of a child, and no damage is in the words."""
    parsed: dict[tuple[str, ...], Any] = {}

    def remembered(config: type, command: str, arguments: Sequence[str]) -> Any:
        words = (command, *arguments)
        if words not in parsed:
            parsed[words] = parse(config, command, arguments)
        return parsed[words]

    return remembered


def status_of(words: list[str]) -> int:
    """Runs a command in this process and gives its status."""
    if words[0] not in TAGGERS:
        return main(words)
    try:
        TAGGERS[words[0]](Path(words[1])).tag("a dog")
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def run(words: list[str], told: Path) -> None:
    """Runs a command in this process, a child, and ends it."""
    descriptor = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    status = 1
    try:
        status = status_of(words)
    finally:
        sys.stderr.flush()
        os._exit(status)


def ending(words: list[str], told: Path) -> str:
    """Runs a command in a child. Gives "ok", "refused", or what is wrong with its end."""
    child = os.fork()
    if child == 0:
        run(words, told)
    until = time.monotonic() + MOST_SECONDS
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > until:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return "it did not end"
        time.sleep(0.002)
    status = os.waitstatus_to_exitcode(ended[1])
    lines = told.read_text(errors="replace").splitlines()
    last = lines[-1] if lines else ""
    if status not in (0, 2) or "Traceback" in "\n".join(lines):
        return f"status {status}: {last[:200]}"
    errors = [line for line in lines if words[0] in TAGGERS or line.startswith("unicl ")]
    if status == 2 and (len(errors) != 1 or last != errors[0]):
        return f"{len(errors)} lines: {lines[-3:]}"
    if "defect" in last:
        return last
    return "refused" if status == 2 else "ok"


def commands(name: str) -> list[list[str]]:
    """Gives the commands that the damaged files of a reader take turns with."""
    file, _, command = readers()[name]
    words = [{"FILE": file, "OUT": "out"}.get(word, word) for word in command]
    return [[*words, *options] for options in LABEL_OPTIONS] if command == LABEL else [words]


def warm_up(name: str, work: Path) -> list[list[str]]:
    """Runs the commands of a reader on its file without damage, and gives them.

    Raises:
        RuntimeError: One of them failed.
    """
    file, content, _ = readers()[name]
    (work / file).write_bytes(content)
    for words in commands(name):
        shutil.rmtree(work / "out", ignore_errors=True)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as told:
            status = status_of(words)
        if status:
            raise RuntimeError(f"{name}: the file without damage ends with {status}: {told.getvalue()}")
    return commands(name)


def check(name: str, files: int, seed: int, work: Path) -> Counter[str]:
    """Damages the file of a reader many times. Gives how often the runs ended how."""
    file, content, _ = readers()[name]
    ends: Counter[str] = Counter()
    for number, words in zip(range(files), itertools.cycle(warm_up(name, work))):
        shutil.rmtree(work / "out", ignore_errors=True)
        (work / file).write_bytes(damaged(content, random.Random(f"{seed} {name} {number}")))  # noqa: S311
        end = ending(words, work / "told")
        partial = [*work.glob("out/.*")]
        if partial and end in ("ok", "refused"):
            end = f"{partial[0]} stays"
        if end not in ("ok", "refused"):
            shutil.copy(work / file, work / f"{name}-{number}-{file}")
            end = f"{name}-{number} ({' '.join(words)}): {end}"
        ends[end] += 1
    return ends


def damage_files() -> int:
    """Checks the readers that are named, or all; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", nargs="+", choices=[*readers()], default=[*readers()])
    options = parser.parse_args()
    for module in (label, meter, tokenize):
        module.parse = remembering(module.parse)
    work = Path(tempfile.mkdtemp(prefix="damaged-"))
    os.chdir(work)
    (work / "captions.txt").write_text("a dog\ntwo cats\n")
    (work / "labels.txt").write_text("dog\ncat\nbird\n")
    wrong = 0
    for name in options.readers:
        ends = check(name, options.files, options.seed, work)
        bad = {end: count for end, count in ends.items() if end not in ("ok", "refused")}
        wrong += sum(bad.values())
        sys.stdout.write(f"{name}: {ends['ok']} read, {ends['refused']} refused, {sum(bad.values())} wrong\n")
        sys.stdout.writelines(f"  {end}\n" for end in bad)
        sys.stdout.flush()
    sys.stdout.write(f"the files with a wrong end are in {work}\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(damage_files())
