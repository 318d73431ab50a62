"""The files tokenizers share with transformers: written whole or not at all, read as JSON, fetched from the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unicl.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1))


def read_json(path: Path) -> dict[str, Any]:
    """Give the object that a JSON file holds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds anything else.
    """
    try:
        content = json.loads(path.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not a JSON object but a {type(content).__name__}")
    return content


def hub_file(name: str, files: Sequence[str], *, revision: str | None, otherwise: str) -> Path | None:
    """Give the local copy of the first of these files that a model on the hub has, downloaded if it is not there yet.

    None if it has none of them. Without the huggingface_hub package the error says to install it or do `otherwise`.
    """
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the vocabulary of {name!r} is fetched with the huggingface_hub package, which is not installed: "
            f"install it, or {otherwise}"
        ) from error
    for file in files:
        try:
            return Path(hf_hub_download(name, file, revision=revision))
        except LocalEntryNotFoundError:  # no connection and no copy, which says nothing about the model
            raise
        except EntryNotFoundError:
            continue
    return None
