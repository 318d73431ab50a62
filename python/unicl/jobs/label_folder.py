"""Guards the folder of labels and their vocabulary: no id in it may get another name."""

from __future__ import annotations

import filecmp
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from unicl.jobs.labelling import IS_LABELS
from unicl.labels import LABELS, VOCABULARY, LabelVocabulary, save_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence


def refuse_lost_names(path: Path, outputs: Sequence[Path], vocabulary: LabelVocabulary | None) -> None:
    """Refuses to replace a vocabulary if labels in the folder need it and are not replaced too.

    Args:
        path: The file of the vocabulary. If it has the usual name, all labels in its folder need it.
        outputs: The files that are new or will be replaced.
        vocabulary: The new vocabulary; None: it is not known yet, as it will be mined.

    Raises:
        FileExistsError: The folder has other files of labels, and their ids would get other names.
    """
    if path.name != VOCABULARY or not path.exists() or (vocabulary is not None and _keeps_ids(path, vocabulary)):
        return
    others = sorted(other for other in path.parent.glob("*.parquet") if other not in outputs and _needs(other))
    if others:
        raise FileExistsError(
            f"expected a folder whose labels are all replaced; got {others[0]}, which needs the old {path}: name "
            "another folder, or remove that file"
        )


def replace_vocabulary(vocabulary: LabelVocabulary, path: Path, outputs: Sequence[Path], *, overwrite: bool) -> None:
    """Writes the vocabulary. Old outputs are removed if their ids have other names in it.

    Raises:
        FileExistsError, OSError: As :func:`refuse_lost_names` and :func:`unicl.labels.save_vocabulary`.
    """
    refuse_lost_names(path, outputs, vocabulary)  # again: time has passed since the first check
    if has_vocabulary(path, vocabulary):
        return
    keeps_ids = not path.exists() or _keeps_ids(path, vocabulary)
    save_vocabulary(vocabulary, path, overwrite=overwrite)
    if not keeps_ids:
        for output in outputs:
            output.unlink(missing_ok=True)


def has_vocabulary(path: Path, vocabulary: LabelVocabulary | None) -> bool:
    """Whether the file of the vocabulary is, byte for byte, the one that a run would write."""
    if vocabulary is None or not path.is_file():
        return False
    with tempfile.TemporaryDirectory() as folder:
        vocabulary.save(Path(folder) / VOCABULARY)
        return filecmp.cmp(path, Path(folder) / VOCABULARY, shallow=False)


def _keeps_ids(path: Path, new: LabelVocabulary) -> bool:
    """Whether every id of the vocabulary in a file has the same name in a new one."""
    try:
        old = LabelVocabulary.from_file(path).names
    except ValueError:
        return False
    return new.names[: len(old)] == old


def _needs(path: Path) -> bool:
    """Whether a file has labels, and no vocabulary of its own beside it."""
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid:  # no Parquet, whatever its name
        return False
    has_labels = LABELS in schema.names or any((field.metadata or {}).items() >= IS_LABELS.items() for field in schema)
    return has_labels and not path.with_suffix(f".{VOCABULARY}").exists()
