"""Finds, reads and writes the files of CLIP's vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypedDict

import numpy as np

from unicl.text.hub_files import first_file_on_hub, read_json, write_json

CLIP_MERGES = Path(__file__).parent / "clip_merges.txt.gz"
"""The merges that CLIP uses: the first 48,894 of ``bpe_simple_vocab_16e6.txt.gz`` (OpenAI's CLIP, MIT; see NOTICE)."""
START, END = "<|startoftext|>", "<|endoftext|>"
# The pattern with which transformers splits, byte for byte as in its own files.
PATTERN = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


class ClipSettings(TypedDict, total=False):
    """The arguments of `ClipTokenizer` except its vocabulary; its documentation explains them."""

    clean: Literal["openai", "hf", "none"]
    context_length: int
    pad_id: int
    special_tokens: Literal["text", "open_clip", "openai"]


def hub_file(name: str, revision: str | None) -> Path:
    """Gives the local copy of a model's vocabulary on the hub, which is downloaded if there is no copy yet."""
    files = ["tokenizer.json", "merges.txt"]
    otherwise = "pass the path of a file as ClipTokenizer(path)"
    path = first_file_on_hub(name, files, revision=revision, otherwise=otherwise)
    if path is None:
        raise FileNotFoundError(
            f"expected a {files[0]} or a {files[1]} in {name!r} on the hub; got neither: name a CLIP model"
        )
    return path


def write(folder: Path, symbols: list[str], packed_merges: bytes, settings: ClipSettings) -> None:
    """Writes a vocabulary and settings; `symbols` are the names of all ids except start and end."""
    merges = [[symbols[left], symbols[right]] for left, right in np.frombuffer(packed_merges, "<u2").reshape(-1, 2)]
    start, end = len(symbols), len(symbols) + 1
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": number, "content": name, "special": True, "normalized": False}
            | dict.fromkeys(["single_word", "lstrip", "rstrip"], False)
            for number, name in [(start, START), (end, END)]
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Lowercase"},
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Removed", "invert": True},
                BYTE_LEVEL,
            ],
        },
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": [END, end],
            "cls": [START, start],
            "trim_offsets": False,
            "add_prefix_space": False,
        },
        "decoder": BYTE_LEVEL | {"add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": END,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {symbol: number for number, symbol in enumerate([*symbols, START, END])},
            "merges": merges,
        },
    }
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": settings["context_length"],
        "bos_token": START,
        "eos_token": END,
        "pad_token": END,
        "unk_token": END,
        "unicl": settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "tokenizer_config.json", config)


def read_settings(folder: Path) -> ClipSettings:
    """Gives the settings that `write` wrote."""
    path = folder / "tokenizer_config.json"
    settings = read_json(path).get("unicl")
    names = {"clean", "context_length", "pad_id", "special_tokens"}
    if not isinstance(settings, dict) or settings.keys() != names:
        raise ValueError(
            f"expected a file that ClipTokenizer.save wrote; got {path}: to use the vocabulary of another folder, "
            f"call ClipTokenizer({str(folder / 'tokenizer.json')!r}, clean=..., pad_id=...)"
        )
    return settings  # type: ignore[return-value]  # the constructor checks the values
