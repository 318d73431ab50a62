"""CLIP token ids of a file of captions, one thread, against the tokenizers that people use.

    python benches/text/tokenization.py [captions.txt[.gz]] [--peer-captions 20000] [--passes 4] [--threads 1]

The first pass of a new tokenizer over the file is *cold* (no word seen yet; memory touched before), the best of the
later ones *warm*. Every tool gives int64 rows of 77 ids, in its fastest setting, and its rows are compared with
open_clip's in the same run; a tool that is not installed is left out.
"""

import argparse
import datetime
import gzip
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

os.environ.setdefault("RAYON_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np

from unicl.text import ClipTokenizer

DEFAULT = Path(__file__).parents[2] / "../shared/data/captions_flickr30k.txt.gz"
Encode = Callable[[list[str]], np.ndarray]


def open_clip() -> Encode:
    """open_clip's SimpleTokenizer."""
    from open_clip.tokenizer import SimpleTokenizer

    tokenizer = SimpleTokenizer()
    return lambda captions: tokenizer(captions).numpy()


def instant_clip_tokenizer() -> Encode:
    """instant-clip-tokenizer, whose uint16 rows are widened."""
    import instant_clip_tokenizer

    tokenizer = instant_clip_tokenizer.Tokenizer()
    return lambda captions: tokenizer.tokenize_batch(captions, context_length=77).astype(np.int64)


def tokenizers() -> Encode:
    """Hugging Face tokenizers with CLIP's vocabulary, made of the same merges file."""
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import BPE

    from unicl.text.clip_vocabulary import open_clip_merges

    pairs = [
        tuple(line.split()) for line in gzip.decompress(open_clip_merges().read_bytes()).decode().splitlines()[1:48895]
    ]
    order = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = [chr(byte) for byte in order] + [chr(256 + rank) for rank in range(256 - len(order))]
    symbols = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in pairs)]
    symbols += ["<|startoftext|>", "<|endoftext|>"]
    model = BPE({symbol: number for number, symbol in enumerate(symbols)}, pairs, end_of_word_suffix="</w>")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    pattern = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(pattern, "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        "<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", 49406), ("<|endoftext|>", 49407)]
    )
    tokenizer.enable_truncation(77)
    tokenizer.enable_padding(length=77, pad_id=0)
    return lambda captions: np.array([row.ids for row in tokenizer.encode_batch_fast(captions)], dtype=np.int64)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def processor() -> str:
    """The name of the machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def report(name: str, count: int, cold: float, warm: float, equal: np.ndarray) -> None:
    """One line of the table."""
    print(f"{name:<42} {count:>9,} {count / cold:>12,.0f} {count / warm:>12,.0f} {equal.mean():>9.3%}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--peer-captions", type=int, default=20_000, help="how many captions the peers get")
    parser.add_argument("--passes", type=int, default=4, help="the first is cold")
    parser.add_argument("--threads", type=int, default=1, help="of ours")
    arguments = parser.parse_args()
    data = arguments.captions.read_bytes()
    captions = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode().splitlines()
    sample = captions[: arguments.peer_captions]

    print(f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{arguments.captions.name}: {len(captions):,} captions, {len(data) / 1e6:.1f} MB; rows of 77 int64\n")
    print(f"{'':<42} {'captions':>9} {'cold /s':>12} {'warm /s':>12} {'equal':>9}")
    expected = None
    for make in [open_clip, instant_clip_tokenizer, tokenizers]:
        try:
            encode = make()
            name = f"{make.__name__} {version(make.__name__.replace('open_clip', 'open_clip_torch'))}"
        except (ImportError, PackageNotFoundError):
            print(f"{make.__name__:<42} not installed")
            continue
        cold = seconds(lambda encode=encode: encode(sample))
        warm = min(seconds(lambda encode=encode: encode(sample)) for _ in range(min(arguments.passes - 1, 2)))
        rows = encode(sample)
        expected = rows if expected is None else expected
        report(name, len(sample), cold, warm, (rows == expected).all(1))

    try:
        import pyarrow

        columns = {"list[str]": captions, "Arrow column": pyarrow.array(captions)}
    except ModuleNotFoundError:
        columns = {"list[str]": captions}
    ClipTokenizer()("café &")  # imports ftfy
    for kind, column in columns.items():
        for out in [None, np.empty((len(captions), 77), np.int64)]:
            ClipTokenizer()(column, out=out)  # has the system hand over the memory of the rows
            tokenizer = ClipTokenizer()
            encode = lambda: tokenizer(column, out=out, threads=arguments.threads)  # noqa: B023, E731 - called here
            cold = seconds(encode)
            warm = min(seconds(encode) for _ in range(arguments.passes - 1))
            rows = encode()[: len(sample)]
            name = f"unicl.text.ClipTokenizer, {kind}" + (", out=" if out is not None else "")
            report(name, len(captions), cold, warm, (rows == (rows if expected is None else expected)).all(1))


if __name__ == "__main__":
    main()
