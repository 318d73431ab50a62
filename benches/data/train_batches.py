"""Measures whole training batches, with labels and tokens, against torchvision's two usual ways with images alone.

    python benches/data/train_batches.py [images.parquet] [--images 512] [--rounds 3]

The images, the peers and the clock are those of transform.py beside this file. Ours is `SampleLoader` over
`TrainingData`: half of the samples have a caption, half have one of 100 classes. A batch has uint8 pixels, labels in
one label space, and tokens of captions and of class names in sentences. The peers make floats, and neither labels nor
tokens. Then one and two worker processes are compared by the clock on the wall, which needs an idle machine. The
processor time of the main process tells on any machine how far more workers can help.
"""

import argparse
import datetime
import os
import platform
import time
from collections.abc import Callable, Sequence
from itertools import islice

import torch
from torch.utils.data import DataLoader
from transform import IMAGE_FOLDER, SIZES, Images, as_files, processor, read_images, seconds, ways

from unicl import ClipTokenizer, DenseLabeler, LabelVocabulary
from unicl.data import Batch, Sample, SampleLoader, TrainingData, TrainTransform

CLASSES = tuple(f"thing_{number}" for number in range(100))
CAPTION = "A man with a red hat rides a horse along the beach while {} dogs run beside him"
PEERS = (IMAGE_FOLDER, "simplejpeg + transforms v2")
BATCH = 256


class InMemory:
    """A source of files in memory, with one caption an image or one class an image."""

    def __init__(self, name: str, files: list[bytes], class_names: tuple[str, ...] | None) -> None:
        self.name, self.files, self.class_names, self.has_captions = name, files, class_names, class_names is None

    def __len__(self) -> int:
        return len(self.files)

    def take(self, rows: Sequence[int]) -> list[Sample]:
        """The samples of some rows."""
        return [
            Sample(
                key=f"{row:09}",
                image=self.files[row],
                captions=(CAPTION.format(row),) if self.class_names is None else (),
                classes=() if self.class_names is None else (self.class_names[row % len(self.class_names)],),
                source=self.name,
            )
            for row in rows
        ]


def training_data(files: list[bytes], size: int, labeler: DenseLabeler | None = None) -> TrainingData:
    """Half of the files with captions, half with classes."""
    half = len(files) // 2
    sources = [InMemory("captions", files[:half], None), InMemory("classes", files[half:], CLASSES)]
    transform = TrainTransform(size=size)
    return TrainingData(sources, transform=transform, tokenizer=ClipTokenizer(), labeler=labeler)


def one_epoch(data: TrainingData) -> list[Batch]:
    """All batches of an epoch, in this process."""
    return list(SampleLoader(data, data.order(), batch_size=BATCH))


def check(data: TrainingData) -> None:
    """Each image shares a label with its own text, and only with texts of its class."""
    batch = data.take(*data.order().take(range(BATCH)), range(BATCH))
    if not torch.equal(batch.image_labels, batch.text_labels) or len(batch.tokens) != BATCH:
        raise SystemExit("labels of images and texts differ")


def with_workers(data: TrainingData, workers: int, batches: int) -> tuple[float, float]:
    """Seconds for so many batches, after the workers have started; and those of the main process's processor time."""
    loader = iter(SampleLoader(data, data.order(), batch_size=BATCH, endless=True, workers=workers, prefetch=4))
    list(islice(loader, 8 * workers))
    start, main_start = time.perf_counter(), time.process_time()
    for _ in islice(loader, batches):
        pass
    return time.perf_counter() - start, time.process_time() - main_start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="?", help="a Parquet file with the column `image`, JPEG as bytes")
    parser.add_argument("--images", dest="count", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), choices=list(SIZES))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    images = read_images(arguments.images, arguments.count)
    labeler = DenseLabeler(LabelVocabulary.coco())
    print(f"{datetime.date.today()}, {processor()}, Python {platform.python_version()}, torch {torch.__version__}")
    print(f"{len(images)} images, one thread, batches of {BATCH}, processor time")
    for size in arguments.sizes:
        width, height = SIZES[size]
        files = as_files(images, width, height)
        data, dense = training_data(files, size), training_data(files, size, labeler)
        check(data)
        of = ways(size)
        runs: dict[str, Callable[[], object]] = {
            name: lambda of=of[name], files=files: list(DataLoader(Images(files, of), batch_size=BATCH))
            for name in PEERS
        }
        runs["unicl.data, labels and tokens included"] = lambda data=data: one_epoch(data)
        runs["the same, with dense labels of captions"] = lambda dense=dense: one_epoch(dense)
        best = dict.fromkeys(runs, float("inf"))
        for _ in range(arguments.rounds):
            for name, run in runs.items():
                best[name] = min(best[name], seconds(run))
        print(f"\n{size} px from {width} x {height}")
        for name, taken in best.items():
            ratios = " ".join(f"{best[peer] / taken:5.2f} x" for peer in PEERS)
            print(f"  {name:42} {len(files) / taken:9,.0f} img/s  {ratios}")
        batches = max(2 * len(files) // BATCH, 8)
        (one, _), (two, main_taken) = (
            min(with_workers(data, workers, batches) for _ in range(arguments.rounds)) for workers in (1, 2)
        )
        load, each = os.getloadavg()[0], 1e6 / (batches * BATCH)
        print(f"  one worker {1e6 / (one * each):,.0f} img/s, two {one / two:.2f} x that; the load is {load:.1f}")
        print(f"  processor time of the main process with two workers: {main_taken * each:.1f} us an image")


if __name__ == "__main__":
    main()
