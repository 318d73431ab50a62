"""Measures decoding and augmentation on one thread against torchvision's two usual ways, on the same files in one run.

    python benches/data/transform.py [images.parquet] [--images 512] [--rounds 3]

Without a file, the images are noise that is smooth as photographs are. With one, they are those of its column `image`
(JPEG as bytes), enlarged where the size asks for it. Each way runs in a `DataLoader` without workers, in batches of 64,
and makes what a training step takes. For the peers that is floats, normalised on the host. Ours gives uint8 pixels,
which a model normalises on its device; a row of its own normalises them on the host. Time is processor time of the
process. The ways take turns, and the best round of each counts. Before anything is timed, the pixels of ours are
compared with torchvision's on the same boxes.
"""

import argparse
import datetime
import io
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import v2

from unicl.data import NormalizePixels, TrainTransform

sys.path.append(str(Path(__file__).parents[1] / "text"))
from labels import processor

# The side of the batch, and width and height of the files: 27 kB, 6 kB and 0.9 kB a file on photographs.
SIZES = {224: (400, 300), 112: (112, 112), 32: (32, 32)}
IMAGE_FOLDER, OURS = "ImageFolder's way (Pillow, torchvision)", "unicl.data.TrainTransform"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Images(Dataset[Any]):
    """Files in memory, and the function that a way maps them with."""

    def __init__(self, files: list[bytes], of: Callable[[bytes, int], Any]) -> None:
        self.files, self.of = files, of

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        return self.of(self.files[index], index)


def read_images(path: str | None, count: int) -> list[Image.Image]:
    """The images to make files of."""
    if path is None:
        noise = np.random.default_rng(0)
        made = [noise.integers(0, 256, (side, side * 4 // 3, 3), dtype=np.uint8) for side in (4, 12, 48)]
        layers = [np.roll(made[index % 3], index, axis=1) for index in range(count)]
        return [Image.fromarray(layer).resize((400, 300), Image.Resampling.BICUBIC) for layer in layers]
    import pyarrow.parquet as pq

    rows = pq.read_table(path, columns=["image"]).slice(0, count)["image"]
    return [Image.open(io.BytesIO(row.as_py())).convert("RGB") for row in rows]


def as_files(images: list[Image.Image], width: int, height: int) -> list[bytes]:
    """JPEG files of one size."""
    files = []
    for image in images:
        content = io.BytesIO()
        image.resize((width, height), Image.Resampling.BICUBIC).save(content, "JPEG", quality=92)
        files.append(content.getvalue())
    return files


def ways(size: int) -> dict[str, Callable[[bytes, int], Any]]:
    """What each way makes of a file."""
    pillow = transforms.Compose(
        [
            transforms.RandomResizedCrop(size),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    tensors = v2.Compose(
        [
            v2.RandomResizedCrop(size, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    ours = TrainTransform(size=size)
    return {
        IMAGE_FOLDER: lambda data, _: pillow(Image.open(io.BytesIO(data)).convert("RGB")),
        "simplejpeg + transforms v2": lambda data, _: tensors(
            torch.from_numpy(simplejpeg.decode_jpeg(data)).permute(2, 0, 1)
        ),
        OURS: lambda data, index: ours(data, seed=0, position=index),
    }


def seconds(run: Callable[[], object]) -> float:
    """Processor time of one run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def check(files: list[bytes], size: int) -> None:
    """Compares ours with torchvision's functions on the boxes that ours draws, in the same batch."""
    from unicl.data.draws import Draws
    from unicl.data.random_crop import random_crop

    ours = TrainTransform(size=size, flip=0.0)
    for index, data in enumerate(files[:64]):
        image = torch.from_numpy(simplejpeg.decode_jpeg(data)).permute(2, 0, 1)
        box = random_crop(Draws(0, index, 0), *image.shape[1:], scale=ours.scale, ratio=ours.ratio)
        expected = v2.functional.resized_crop(image, *box, size=[size, size], antialias=True)
        if not torch.equal(ours(data, seed=0, position=index), expected):
            raise SystemExit(f"image {index}: the pixels differ from torchvision's")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="?", help="a Parquet file with the column `image`, JPEG as bytes")
    parser.add_argument("--images", dest="count", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    normalize = NormalizePixels("imagenet")
    images = read_images(arguments.images, arguments.count)
    source = Path(arguments.images).name if arguments.images else "noise"
    print(f"{datetime.date.today()}, {processor()}, Python {platform.python_version()}, torch {torch.__version__}")
    print(f"{len(images)} images ({source}), one thread, DataLoader(0), batches of 64, processor time")
    for size, (width, height) in SIZES.items():
        files = as_files(images, width, height)
        check(files, size)
        runs: dict[str, Callable[[], object]] = {
            "simplejpeg alone": lambda files=files: [simplejpeg.decode_jpeg(data) for data in files]
        }
        for name, of in ways(size).items():
            runs[name] = lambda of=of, files=files: list(DataLoader(Images(files, of), batch_size=64))
        runs[f"{OURS}, normalised here too"] = lambda size=size, files=files: [
            normalize(batch) for batch in DataLoader(Images(files, ways(size)[OURS]), batch_size=64)
        ]
        best = dict.fromkeys(runs, float("inf"))
        for _ in range(arguments.rounds):
            for name, run in runs.items():
                best[name] = min(best[name], seconds(run))
        kilobytes = sum(map(len, files)) / len(files) / 1e3
        print(f"\n{size} px from {width} x {height}, {kilobytes:.1f} kB a file")
        slowest = best[IMAGE_FOLDER]
        for name, time_taken in best.items():
            print(f"  {name:46} {len(files) / time_taken:9,.0f} img/s  {slowest / time_taken:5.2f} x ImageFolder's way")


if __name__ == "__main__":
    main()
