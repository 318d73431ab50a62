"""Compares the loss on a CPU with its alternatives: time, memory, and the same answer.

Every contender runs in turn, round after round, so that a busy machine slows all of them alike. The best round counts.
Memory is the growth of the process at its peak, less the gradients. Each contender has a process of its own.

    python benches/loss/cpu.py --rows 1024 4096 8192 --dtypes float32 bfloat16 --threads 1 2
    python benches/loss/cpu.py --dry
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import open_clip
import torch
from torch import Tensor
from torch.nn.functional import log_softmax, normalize

import unicl

SCALE = 14.3


def eager_dense(image: Tensor, text: Tensor, labels: Tensor | None, scale: Tensor) -> Tensor:
    """UniCL as plain PyTorch writes it: logits, targets and softmaxes in memory."""
    logits = scale.to(image.dtype) * image @ text.T
    own = torch.arange(len(image)) if labels is None else labels
    target = (own[:, None] == own[None]).to(logits.dtype)
    target = target / target.sum(1, keepdim=True)
    both = log_softmax(logits, dim=1), log_softmax(logits.T, dim=1)
    return -sum((target * log_p).sum(1).mean() for log_p in both) / 2


def linear_cross_entropy_twice(image: Tensor, text: Tensor, _: Tensor | None, scale: Tensor) -> Tensor:
    """Torch's fused linear cross-entropy in both directions: pairs only."""
    own, factor = torch.arange(len(image)), scale.to(image.dtype)
    options = torch.nn.LinearCrossEntropyOptions()
    function = torch.nn.functional.linear_cross_entropy
    return (
        function(factor * image, text, own, options=options) + function(factor * text, image, own, options=options)
    ) / 2


def contenders() -> dict[str, Callable[..., Tensor]]:
    """Name to function of (image, text, labels, scale)."""
    torch.compiler.reset()  # past a few sizes and dtypes it would fall back to eager without a word in the table
    compiled = torch.compile(eager_dense, dynamic=False)
    found = {
        "unicl": lambda u, v, labels, s: unicl.fused_loss(u, v, labels, None, s),
        "eager dense": eager_dense,
        "torch.compile of it": lambda *x: compiled(*x),
        "open_clip ClipLoss": lambda u, v, _, s: open_clip.ClipLoss()(u, v, s.to(u.dtype)),
    }
    if hasattr(torch.nn.functional, "linear_cross_entropy"):
        found["linear_cross_entropy x 2"] = linear_cross_entropy_twice
    return found


PAIRS_ONLY = ("open_clip ClipLoss", "linear_cross_entropy x 2")


def make_inputs(rows: int, width: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Image and text features, labels of 1,000 classes, and the scale."""
    generator = torch.Generator().manual_seed(0)
    image = normalize(torch.randn(rows, width, generator=generator), dim=1)
    text = normalize(0.3 * image + 0.7 * normalize(torch.randn(rows, width, generator=generator), dim=1), dim=1)
    labels = torch.randint(0, 1000, (rows,), generator=generator)
    return (
        image.to(dtype).requires_grad_(),
        text.to(dtype).requires_grad_(),
        labels,
        torch.tensor(SCALE, requires_grad=True),
    )


def four_matmuls(image: Tensor, text: Tensor) -> Callable[[], None]:
    """The four float32 products that no method without a stored b x m matrix can do without."""
    u, v = image.detach().float(), text.detach().float()
    z = torch.empty(len(u), len(v))

    def run() -> None:
        torch.mm(u, v.T, out=z)
        torch.mm(u, v.T, out=z)
        torch.mm(z, v)
        torch.mm(z.T, u)

    return run


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(rows: int, width: int, dtype: torch.dtype, *, labelled: bool, rounds: int, limit: int) -> dict[str, dict]:
    """Best times in seconds of forward + backward and of forward alone, by contender; answers checked."""
    image, text, labels, scale = make_inputs(rows, width, dtype)
    own = labels if labelled else None
    runs: dict[str, dict[str, Callable[[], object]]] = {}
    truth = unicl.fused_loss(image.detach().double(), text.detach().double(), own, None, SCALE)
    for name, function in contenders().items():
        if (labelled and name in PAIRS_ONLY) or (name != "unicl" and rows > limit):
            continue

        def both(function: Callable[..., Tensor] = function) -> Tensor:
            loss = function(image, text, own, scale)
            image.grad = text.grad = scale.grad = None
            loss.backward()
            return loss

        def forward(function: Callable[..., Tensor] = function) -> Tensor:
            with torch.no_grad():
                return function(image, text, own, scale)

        tolerance = 1e-4 if dtype == torch.float32 else 5e-2
        forward()
        error = abs(float(both().detach()) - float(truth))
        if error > tolerance:
            raise SystemExit(f"{name} is wrong: off by {error} from float64 at {rows} rows, {dtype}")
        runs[name] = {"both": both, "forward": forward}
    floor = four_matmuls(image, text)
    one, other = image.detach().float(), text.detach().float()
    z = torch.empty(rows, rows)
    runs["four float32 matmuls"] = {"both": floor, "forward": lambda: torch.mm(one, other.T, out=z)}
    best = {name: dict.fromkeys(parts, float("inf")) for name, parts in runs.items()}
    for _ in range(rounds):
        for name, parts in runs.items():
            for part, run in parts.items():
                best[name][part] = min(best[name][part], seconds(run))
    return best


def resident_mib() -> float:
    """Resident memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_mib(name: str, rows: int, width: int, dtype: torch.dtype, *, labelled: bool) -> float:
    """Growth of the resident memory over one forward and backward, sampled every millisecond, less the gradients."""
    image, text, labels, scale = make_inputs(rows, width, dtype)
    image.grad, text.grad = torch.zeros_like(image), torch.zeros_like(text)
    own = labels if labelled else None
    small = tuple(x[:64].detach().requires_grad_() for x in (image, text))
    function = contenders()[name]
    function(*small, None if own is None else own[:64], scale).backward()
    before, seen, done = resident_mib(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.001):
            seen.append(resident_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    function(image, text, own, scale).backward()
    done.set()
    watcher.join()
    gradients = sum(x.numel() * x.element_size() for x in (image, text)) / 2**20
    return max(seen) - before - gradients


def peak_mib_apart(name: str, rows: int, width: int, dtype: str, *, labelled: bool) -> float:
    """``peak_mib`` in a fresh process, since freed memory need not be given back."""
    command = [sys.executable, __file__, "--peak", json.dumps([name, rows, width, dtype, labelled])]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()[-1])  # noqa: S603


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1024, 4096, 8192])
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=8192, help="most rows at which others than unicl run")
    parser.add_argument("--dry", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--memory", action="store_true", help="measure peak memory too")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        name, rows, width, dtype, labelled = json.loads(options.peak)
        print(peak_mib(name, rows, width, getattr(torch, dtype), labelled=labelled))
        return
    if options.dry:
        options.rows, options.width, options.threads, options.rounds = [96], 32, [1], 1
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{datetime.date.today()}, {machine}, torch {torch.__version__}, d = {options.width}\n")
    header = (
        "| rows | dtype | threads | targets | contender | fwd + bwd, s | x four matmuls | fwd, s | x one matmul | MiB |"
    )
    print(header, "| --- " * 10 + "|", sep="\n")
    records = []
    for rows in options.rows:
        for dtype in options.dtypes:
            for threads in options.threads:
                torch.set_num_threads(threads)
                for labelled in (False, True):
                    best = measure(
                        rows,
                        options.width,
                        getattr(torch, dtype),
                        labelled=labelled,
                        rounds=options.rounds,
                        limit=options.limit,
                    )
                    floor = best["four float32 matmuls"]
                    for name, times in best.items():
                        memory = float("nan")
                        if options.memory and name != "four float32 matmuls":
                            memory = peak_mib_apart(name, rows, options.width, dtype, labelled=labelled)
                        row = [rows, dtype, threads, "labels" if labelled else "pairs", name]
                        numbers = [times["both"], times["both"] / floor["both"]]
                        numbers += [times["forward"], times["forward"] / floor["forward"], memory]
                        print("|", " | ".join([*map(str, row), *(f"{x:.3f}" for x in numbers)]), "|", flush=True)
                        records.append([*row, *numbers])
    if options.json:
        options.json.write_text(json.dumps(records))


if __name__ == "__main__":
    main()
