"""CLIP's byte-pair encoding, slow and plain: what the Rust tokenizer is held to."""

import gzip
from itertools import pairwise
from pathlib import Path

import regex

PATTERN = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", regex.IGNORECASE)
PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
BYTES = PRINTABLE + [byte for byte in range(256) if byte not in PRINTABLE]


class BytePairTwin:
    """Text to ids: split, spell in bytes, merge the best pair everywhere, again, until none is left."""

    def __init__(self, merges: Path) -> None:
        data = merges.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
        pairs = [tuple(line.split()) for line in text.splitlines() if "#version" not in line][:48_894]
        letter = {
            byte: chr(byte) if byte in PRINTABLE else chr(256 + BYTES.index(byte) - len(PRINTABLE)) for byte in BYTES
        }
        symbols = [letter[byte] for byte in BYTES]
        symbols += [symbol + "</w>" for symbol in symbols]
        symbols += [first + second for first, second in pairs]
        self.letter = letter
        self.ids = {symbol: number for number, symbol in enumerate(symbols)}
        self.ranks = {pair: rank for rank, pair in enumerate(pairs)}

    def word(self, word: str) -> list[int]:
        symbols = [self.letter[byte] for byte in word.encode()]
        symbols[-1] += "</w>"
        while ranked := [self.ranks[pair] for pair in pairwise(symbols) if pair in self.ranks]:
            best = min(ranked)
            merged: list[str] = []
            while symbols:
                if self.ranks.get(tuple(symbols[:2])) == best:
                    merged.append(symbols.pop(0) + symbols.pop(0))
                else:
                    merged.append(symbols.pop(0))
            symbols = merged
        return [self.ids[symbol] for symbol in symbols]

    def encode(self, text: str) -> list[int]:
        return [number for piece in PATTERN.findall(text) for number in self.word(piece)]
