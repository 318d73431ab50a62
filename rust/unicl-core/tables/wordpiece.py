"""Writes src/text/wordpiece/unicode_tables.rs: how Hugging Face's tokenizers classifies each character.

The tables of tokenizers mix several versions of Unicode, none of them the newest. So no specification gives them, and
this script asks the library. Run it with the environment's Python when tokenizers moves to other tables; the tests
notice that.
"""

from collections.abc import Callable
from pathlib import Path

import tokenizers
from tokenizers import normalizers, pre_tokenizers

HEAD = """//! How BERT's tokenizer classifies characters: inclusive ranges, in order.
//!
//! Made by `tables/wordpiece.py` from tokenizers {version}; do not edit.
"""


def bert(**switches: bool) -> Callable[[str], str]:
    """Gives BERT's normalizer with only these switches on."""
    off = dict.fromkeys(["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"], False)
    return normalizers.BertNormalizer(**off | switches).normalize_str


clean, strip, chinese = bert(clean_text=True), bert(strip_accents=True), bert(handle_chinese_chars=True)
decompose = normalizers.NFD().normalize_str
split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str

TABLES: dict[str, tuple[str, Callable[[str], bool]]] = {
    "REMOVED": ("Control characters, which cleaning removes.", lambda text: clean(f"a{text}b") == "ab"),
    "CHINESE": ("Chinese characters: each is a word.", lambda text: chinese(text) != text),
    "PUNCTUATION": ("Punctuation: each character is a word in the end.", lambda text: len(split(f"a{text}b")) == 3),
    "NONSPACING": ("Accents: general category Mn.", lambda text: strip(text) == ""),
    "DECOMPOSED": ("Characters that canonical decomposition changes.", lambda text: decompose(text) != text),
    "COMBINING": (
        "Characters of a combining class other than 0: U+0345, whose class is the highest, and all that go before it.",
        lambda text: text == "\u0345" or decompose(f"\u0345{text}") == f"{text}\u0345",
    ),
}


def table(name: str) -> str:
    """One Rust constant, six ranges to a line."""
    doc, holds = TABLES[name]
    found: list[list[int]] = []
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000 and holds(chr(code)):
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    cells = [f"(0x{first:_X}, 0x{last:_X})," for first, last in found]
    rows = "\n".join("    " + " ".join(cells[start : start + 6]) for start in range(0, len(cells), 6))
    return f"\n/// {doc}\n#[rustfmt::skip]\npub(super) const {name}: &[(u32, u32)] = &[\n{rows}\n];\n"


if __name__ == "__main__":
    path = Path(__file__).parent.parent / "src" / "text" / "wordpiece" / "unicode_tables.rs"
    path.write_text(HEAD.format(version=tokenizers.__version__) + "".join(map(table, TABLES)))
