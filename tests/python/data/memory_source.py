"""Samples in memory, behind the protocol of sources."""

from collections.abc import Sequence

from unicl.data import BadSample, Sample


class MemorySource:
    def __init__(
        self, samples: Sequence[Sample | BadSample], name: str = "memory", classes: Sequence[str] = ()
    ) -> None:
        self.samples, self.name = samples, name
        good = [sample for sample in samples if isinstance(sample, Sample)]
        names = {*classes, *(each for sample in good for each in sample.classes)}
        self.class_names = tuple(sorted(names)) or None
        self.has_captions = any(sample.captions for sample in good)
        self.taken: list[int] = []

    def __len__(self) -> int:
        return len(self.samples)

    def take(self, rows: Sequence[int]) -> list[Sample | BadSample]:
        self.taken += rows
        return [self.samples[row] for row in rows]
