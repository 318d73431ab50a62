"""Writes src/text/clip/unicode_tables.rs: the letters and numbers of `regex`, which open_clip uses to split captions.

Run it with the environment's Python when `regex` moves to a new version of Unicode.
"""

from pathlib import Path

import regex

HEAD = r"""//! Which characters are letters (`\p{{L}}`) and numbers (`\p{{N}}`): inclusive ranges, in order.
//!
//! Made by `tables/clip.py` from regex {version}; do not edit.
"""


def ranges(pattern: str) -> list[tuple[int, int]]:
    """Inclusive ranges of the code points that match `pattern`."""
    found: list[tuple[int, int]] = []
    matches = regex.compile(pattern).match
    for code in range(0x110000):
        if matches(chr(code)):
            if found and found[-1][1] == code - 1:
                found[-1] = (found[-1][0], code)
            else:
                found.append((code, code))
    return found


def table(name: str, doc: str, pattern: str) -> str:
    """One Rust constant, six ranges to a line."""
    cells = [f"(0x{first:X}, 0x{last:X})," for first, last in ranges(pattern)]
    rows = "\n".join("    " + " ".join(cells[start : start + 6]) for start in range(0, len(cells), 6))
    return f"\n/// {doc}\n#[rustfmt::skip]\npub(super) const {name}: &[(u32, u32)] = &[\n{rows}\n];\n"


if __name__ == "__main__":
    path = Path(__file__).parent.parent / "src" / "text" / "clip" / "unicode_tables.rs"
    path.write_text(
        HEAD.format(version=regex.__version__)
        + table("LETTERS", "General category L.", r"\p{L}")
        + table("NUMBERS", "General category N.", r"\p{N}")
    )
