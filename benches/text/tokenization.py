"""Token ids of a file of captions, one thread, against the tokenizers that people use.

    python benches/text/tokenization.py [captions.txt[.gz]] [--peer-captions 20000] [--passes 4] [--threads 1]
        [--bert-vocabulary vocab.txt]

The first pass of a new tokenizer over the file is *cold* (no word seen yet; memory touched before), the best of the
later ones *warm*. Every tool gives int64 rows, of 77 ids for CLIP and 64 for BERT, in its fastest setting, and its rows
are compared with those of the first one, open_clip or transformers, in the same run; a tool that is not installed is
left out. BERT takes the vocab.txt of an uncased model, and goes over the captions as they are, with an accent on every
vowel, and in Cyrillic letters, most of whose words that vocabulary spells letter by letter.
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
from captions import add_captions

from unicl.text import ClipTokenizer, WordPieceTokenizer

Encode = Callable[[list[str]], np.ndarray]
BERT_LENGTH = 64
LETTERS = {
    "as they are": {},
    "with accents": str.maketrans("aeiou", "áèîöü"),
    "in Cyrillic letters": str.maketrans("abcdefghijklmnopqrstuvwxyz", "абцдефгхийклмнопярстуввхыз"),
}


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

    from unicl.text.clip_files import CLIP_MERGES

    pairs = [tuple(line.split()) for line in gzip.decompress(CLIP_MERGES.read_bytes()).decode().splitlines()[1:]]
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


def transformers(vocabulary: Path) -> Encode:
    """BertTokenizer of transformers."""
    from transformers import BertTokenizer

    tokenizer = BertTokenizer(vocab=ids_of(vocabulary))
    options = {"padding": "max_length", "truncation": True, "max_length": BERT_LENGTH, "return_tensors": "np"}
    only_ids = {"return_attention_mask": False, "return_token_type_ids": False}
    return lambda captions: tokenizer(captions, **options, **only_ids)["input_ids"]


def bert_tokenizers(vocabulary: Path) -> Encode:
    """Hugging Face tokenizers."""
    from tokenizers import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(ids_of(vocabulary))
    tokenizer.enable_truncation(BERT_LENGTH)
    tokenizer.enable_padding(length=BERT_LENGTH)
    encode = tokenizer._tokenizer.encode_batch_fast
    return lambda captions: np.array([row.ids for row in encode(captions)], dtype=np.int64)


def flash_tokenizer(vocabulary: Path) -> Encode:
    """flash-tokenizer, whose lists become an array, on one thread."""
    from flash_tokenizer import BertTokenizerFlash

    tokenizer = BertTokenizerFlash(str(vocabulary), do_lower_case=True, model_max_length=BERT_LENGTH)
    encode = tokenizer.tokenizer.batch_encode
    return lambda captions: np.array(encode(captions, "max_length", BERT_LENGTH, False), dtype=np.int64)  # noqa: FBT003


def ids_of(vocabulary: Path) -> dict[str, int]:
    """The ids of a vocab.txt."""
    lines = vocabulary.read_text(encoding="utf-8").split("\n")
    return {token: number for number, token in enumerate(lines[:-1])}


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
    print(f"{name:<46} {count:>9,} {count / cold:>12,.0f} {count / warm:>12,.0f} {equal.mean():>9.3%}", flush=True)


def compare(
    peers: dict[str, Callable[[], Encode]],
    ours: Callable[[], ClipTokenizer | WordPieceTokenizer],
    captions: list[str],
    arguments: argparse.Namespace,
) -> None:
    """Print a table: every peer on a sample, ours on all captions, and how many rows are equal to the first peer's."""
    sample = captions[: arguments.peer_captions]
    expected = None
    print(f"{'':<46} {'captions':>9} {'cold /s':>12} {'warm /s':>12} {'equal':>9}")
    for package, make in peers.items():
        try:
            encode = make()
            name = f"{package} {version(package)}"
        except (ImportError, PackageNotFoundError):
            print(f"{package:<46} not installed")
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
    for kind, column in columns.items():
        for out in [None, np.empty((len(captions), ours().context_length), np.int64)]:
            ours()(column, out=out)  # has the system hand over the memory of the rows
            tokenizer = ours()
            encode = lambda: tokenizer(column, out=out, threads=arguments.threads)  # noqa: B023, E731 - called here
            cold = seconds(encode)
            warm = min(seconds(encode) for _ in range(arguments.passes - 1))
            rows = encode()[: len(sample)]
            name = f"unicl.{type(tokenizer).__name__}, {kind}" + (", out=" if out is not None else "")
            report(name, len(captions), cold, warm, (rows == (rows if expected is None else expected)).all(1))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_captions(parser)
    parser.add_argument("--peer-captions", type=int, default=20_000, help="how many captions the peers get")
    parser.add_argument("--passes", type=int, default=4, help="the first is cold")
    parser.add_argument("--threads", type=int, default=1, help="of ours")
    parser.add_argument("--bert-vocabulary", type=Path, help="the vocab.txt of an uncased model")
    arguments = parser.parse_args()
    name, captions = arguments.captions

    print(f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{name}: {len(captions):,} captions, {sum(map(len, captions)) / 1e6:.1f} million characters")
    print("\nCLIP, rows of 77 int64")
    ClipTokenizer()("café &")  # imports ftfy
    peers = {
        "open_clip_torch": open_clip,
        "instant_clip_tokenizer": instant_clip_tokenizer,
        "tokenizers": tokenizers,
    }
    compare(peers, ClipTokenizer, captions, arguments)

    vocabulary = arguments.bert_vocabulary
    if vocabulary is None:
        print("\nBERT: left out, as --bert-vocabulary names no vocab.txt")
        return
    peers = {
        "transformers": lambda: transformers(vocabulary),
        "tokenizers": lambda: bert_tokenizers(vocabulary),
        "flash_tokenizer": lambda: flash_tokenizer(vocabulary),
    }
    for kind, letters in LETTERS.items():
        print(f"\nBERT, rows of {BERT_LENGTH} int64, captions {kind}")
        changed = [caption.translate(letters) for caption in captions]
        compare(peers, lambda: WordPieceTokenizer(vocabulary, context_length=BERT_LENGTH), changed, arguments)


if __name__ == "__main__":
    main()
