"""Reads, writes and downloads the files that tokenizers share with transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unicl.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file whole or not at all."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1))


def read_json(path: Path) -> dict[str, Any]:
    """Gives the object in a JSON file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no JSON object.
    """
    try:
        content = json.loads(path.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"expected JSON in {path}; got {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"expected a JSON object in {path}; got a {type(content).__name__}")
    return content


def first_file_on_hub(name: str, files: Sequence[str], *, revision: str | None, otherwise: str) -> Path | None:
    """Gives the local copy of the first of these files that a model on the hub has, or None if it has none.

    The file is downloaded if there is no copy yet. Without the huggingface_hub package the error asks to install it, or
    to do what `otherwise` names.
    """
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"expected the huggingface_hub package, which downloads the vocabulary of {name!r}; got none: "
            f"install it, or {otherwise}"
        ) from error
    for file in files:
        try:
            return Path(hf_hub_download(name, file, revision=revision))
        except LocalEntryNotFoundError:  # there is no connection and no copy; the model may have the file
            raise
        except EntryNotFoundError:
            continue
    return None
