"""Opens vocabularies by name or from files, and saves them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from unicl.files import refuse_existing
from unicl.labels.vocabulary import LabelVocabulary

NAMED: dict[str, Callable[..., LabelVocabulary]] = {
    "coco": LabelVocabulary.coco,
    "imagenet-1k": partial(LabelVocabulary.imagenet, "1k"),
    "imagenet-21k": partial(LabelVocabulary.imagenet, "21k"),
    "wordnet": LabelVocabulary.wordnet,
}
"""The vocabularies that go by a name."""

VOCABULARY = "vocabulary.json"
"""The file with the vocabulary of the labels in a folder."""


def open_vocabulary(name_or_path: str, *, parents: bool = False) -> LabelVocabulary:
    """Opens a vocabulary by its name, or from a file that :meth:`LabelVocabulary.from_file` reads.

    Args:
        name_or_path: A name ("coco", "imagenet-1k", "imagenet-21k", "wordnet"), a file, or a folder that
            ``unicl label`` wrote.
        parents: The vocabulary must have parents; those of ImageNet-21k are found in WordNet.

    Raises:
        FileNotFoundError: There is no such file, and no vocabulary of that name.
        ValueError: The file is malformed or has no labels. Or parents are asked of ImageNet-1k, where no class is above
            another.
    """
    if name_or_path in NAMED:
        if parents and name_or_path == "imagenet-1k":
            raise ValueError("no class of imagenet-1k is above another, so it has no ancestors; imagenet-21k has some")
        made = NAMED[name_or_path]
        return made(parents=True) if parents and name_or_path == "imagenet-21k" else made()
    path = Path(name_or_path, VOCABULARY) if Path(name_or_path).is_dir() else Path(name_or_path)
    if not path.is_file():
        raise FileNotFoundError(f"no vocabulary {name_or_path!r}: name a file, or one of {', '.join(NAMED)}")
    vocabulary = LabelVocabulary.from_file(path)
    if len(vocabulary) == 0:
        raise ValueError(f"{path}: no label in it; write a name a line, or see LabelVocabulary.from_file for more")
    return vocabulary


def save_vocabulary(vocabulary: LabelVocabulary, path: Path, *, overwrite: bool = False) -> None:
    """Writes a vocabulary to a file (.json, .tsv or .txt), whole or not at all.

    Raises:
        FileExistsError: There is one, and ``overwrite`` is not set.
        ValueError: The format cannot hold it.
    """
    from unicl.files import naming_output  # loads pyarrow, which reading a vocabulary does not need

    refuse_existing(path, overwrite=overwrite)
    with naming_output(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        vocabulary.save(path)
