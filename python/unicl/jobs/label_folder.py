"""Guards the folder of labels and their vocabulary: no id in it may get another name."""

from __future__ import annotations

import filecmp
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from unicl.labels import LABELS, VOCABULARY, LabelVocabulary, save_vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence


def refuse_lost_names(out: Path, outputs: Sequence[Path], vocabulary: LabelVocabulary | None) -> None:
    """Refuses to replace a vocabulary if labels in the folder need it and are not replaced too.

    Args:
        out: The folder.
        outputs: The files that are new or will be replaced.
        vocabulary: The new vocabulary; None: it is not known yet, as it will be mined.

    Raises:
        FileExistsError: The folder has other files of labels, and their ids would get other names.
    """
    if not (out / VOCABULARY).exists() or (vocabulary is not None and _keeps_ids(out / VOCABULARY, vocabulary)):
        return
    others = sorted(path for path in out.glob("*.parquet") if path not in outputs and _has_labels(path))
    if others:
        raise FileExistsError(
            f"expected a folder whose labels are all replaced; got {others[0]}, which needs the old "
            f"{out / VOCABULARY}: name another folder, or remove that file"
        )


def replace_vocabulary(vocabulary: LabelVocabulary, out: Path, outputs: Sequence[Path], *, overwrite: bool) -> None:
    """Writes the vocabulary. Old outputs are removed if their ids have other names in it.

    Raises:
        FileExistsError, OSError: As :func:`refuse_lost_names` and :func:`unicl.labels.save_vocabulary`.
    """
    refuse_lost_names(out, outputs, vocabulary)  # again: time has passed since the first check
    if has_vocabulary(out, vocabulary):
        return
    path = out / VOCABULARY
    keeps_ids = not path.exists() or _keeps_ids(path, vocabulary)
    save_vocabulary(vocabulary, path, overwrite=overwrite)
    if not keeps_ids:
        for output in outputs:
            output.unlink(missing_ok=True)


def has_vocabulary(out: Path, vocabulary: LabelVocabulary | None) -> bool:
    """Whether the folder's file of the vocabulary is, byte for byte, the one that a run would write."""
    path = out / VOCABULARY
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


def _has_labels(path: Path) -> bool:
    try:
        return LABELS in pq.read_schema(path).names
    except pa.ArrowInvalid:  # no Parquet, whatever its name
        return False
