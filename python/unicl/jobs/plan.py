"""Opens the inputs of a job once, checks them and their outputs before any work, and writes the rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unicl.files import (
    Shard,
    caption_column,
    extended,
    extended_schema,
    find_images,
    has_captions,
    read_ahead,
    read_captions,
    refuse_existing,
    refuse_folder,
)
from unicl.jobs.classes import FileClasses
from unicl.jobs.steady import Input, open_input

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from unicl.files import CaptionBatch, ParquetOutput, Reading, Source
    from unicl.jobs.run import Progress


@dataclass(frozen=True, kw_only=True)
class ColumnOptions:
    """Which columns of the input the output has."""

    copy_columns: bool = True
    """Write the columns of the input too."""


@dataclass(frozen=True, kw_only=True)
class PlannedFile(Input):
    """An input that was opened and checked, and its output.

    Attributes:
        output: The file to write.
        schema: The columns of the output.
        num_new: How many of these columns, the last ones, are new.
        images: Whether the images of the rows are needed.
        image_column: The column that has them; None for a shard, which has them beside its columns.
        classes: The classes of the rows, if there are any.
    """

    output: Path
    schema: pa.Schema
    num_new: int
    images: bool = False
    image_column: str | None = None
    classes: FileClasses = field(default_factory=FileClasses)

    def batches(self, reading: Reading, skipped: Counter[str]) -> Iterator[CaptionBatch]:
        """Reads the rows with the columns and images that the output needs."""
        source = self.source.with_images() if self.images and isinstance(self.source, Shard) else self.source
        only_captions = len(self.schema) == self.num_new
        return read_captions(
            source,
            reading,
            only_captions=only_captions,
            image_column=self.image_column,
            class_column=self.classes.column,
            skipped=skipped,
        )


def plan_files(
    inputs: Sequence[Path],
    outputs: Sequence[Path],
    fields: Sequence[pa.Field],
    *,
    reading: Reading,
    copy_columns: bool,
    overwrite: bool,
    images: bool = False,
    image_column: str | None = None,
    classes_of: Callable[[Source], FileClasses] | None = None,
    remedy: str = "",
) -> list[PlannedFile]:
    """Opens every input once. In some formats that reads all rows, to find the types of the columns.

    Args:
        inputs: The inputs.
        outputs: The output of each.
        fields: The new columns of each output.
        reading: How the captions are read.
        copy_columns: Whether an output has the columns of its input too.
        overwrite: Whether outputs that exist may be replaced.
        images: Whether the images of the rows are needed.
        image_column: The column with the images, if it has an unusual name.
        classes_of: Finds the classes of an input. A file with classes needs no captions then.
        remedy: What else to do if a column has the name of a new one.

    Raises:
        FileExistsError, IsADirectoryError: An output exists and must not be replaced.
        ValueError: An input is malformed, a column is missing, or a column has the name of a new one.
    """
    for output in outputs:
        refuse_existing(output, overwrite=overwrite)
        refuse_folder(output)
    planned = []
    for path, output in zip(inputs, outputs, strict=True):
        opened = open_input(path, reading)
        source = opened.source
        classes = FileClasses() if classes_of is None else classes_of(source)
        if classes.column is None or has_captions(source, reading.column):
            caption_column(source, reading.column)
        planned.append(
            PlannedFile(
                source=source,
                state=opened.state,
                output=output,
                schema=extended_schema(source, fields, copy_columns=copy_columns, remedy=remedy),
                num_new=len(fields),
                images=images,
                image_column=find_images(source, image_column) if images else None,
                classes=classes,
            )
        )
    return planned


def write_rows(
    file: PlannedFile,
    writer: ParquetOutput,
    new_columns: Callable[[CaptionBatch], Sequence[pa.Array]],
    *,
    reading: Reading,
    skipped: Counter[str],
    title: str,
    progress: Progress,
) -> None:
    """Writes the rows of an input with their new columns.

    Args:
        file: The input.
        writer: Where the rows go.
        new_columns: Gives the new columns of a batch. Batches come in order.
        reading: How the captions are read.
        skipped: Counts the bad rows, by reason.
        title: The name of the work; the name of the input is added.
        progress: Shows how many captions are done.
    """
    with progress(f"{title} {file.source.path.name}", file.source.num_rows) as advance:
        for batch in read_ahead(file.batches(reading, skipped)):
            writer.write(extended(batch, file.schema, new_columns(batch)))
            advance(len(batch))
        file.refuse_changed()
