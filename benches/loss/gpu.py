"""Measures the loss on a GPU, after checking that it is right. Each part takes less than four minutes of a card.

    python benches/loss/gpu.py --part correctness            # against float64; nothing is timed
    python benches/loss/gpu.py --part small --out results    # 256 to 4,096 rows, as one GPU trains with
    python benches/loss/gpu.py --part large                  # 8,192 to 131,072 rows
    python benches/loss/gpu.py --part sets                   # label sets beside integer labels
    python benches/loss/gpu.py --part peers                  # the packages of others, where they are installed
    python benches/loss/gpu.py --part ranks                  # 4,096 images and 32,768 texts: one rank of eight
    python benches/loss/gpu.py --device cpu                  # all parts, tiny, to see that they run without a card

Kernels are compiled first, by several processes that fill Triton's cache. Every answer is checked against float64
before it is timed. A wrong answer of ours makes the exit status 1. A row that cannot run is printed with its reason.
The most important rows come first; when the time of a part is over, the rest is left out, and this is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from batches import TARGETS, Batch, make_batch
from contenders import OURS, PEERS, PLAIN, Contender, LeftOut, four_matmuls
from correctness import DTYPES, check_all
from judge import Truth, errors, judge, worst
from measure import ON_CUDA_ALONE, free, measure
from report import print_checks, print_rows, write_report

PARTS = ("correctness", "small", "large", "sets", "peers", "ranks")
# A size is b, m, d and the dtype.
Size = tuple[int, int, int, torch.dtype]
HALVES = (torch.bfloat16, torch.float16)
ROWS = {
    "cuda": {
        "small": (1024, 4096, 256, 512, 2048),
        "large": (65_536, 32_768, 16_384, 8_192, 131_072),
        "sets": (32_768, 16_384, 1024, 4096),
        "peers": (65_536, 32_768, 16_384, 4096, 1024),
        "ranks": (4096,),
    },
    "cpu": {"small": (24, 16), "large": (48,), "sets": (24,), "peers": (24,), "ranks": (8,)},
}
WIDTHS = {"cuda": (768, 512, 1024), "cpu": (32,)}
# Compiled calls and plain PyTorch run at one width and dtype, so that a part is done in time.
MAIN = "measured at the first width in bfloat16 alone, to fit the part into its time"


def sizes_of(part: str, device: str) -> list[Size]:
    """The sizes of a part, the most important first."""
    found = []
    for dtype in HALVES:
        for d in WIDTHS[device]:
            found += [(b, 8 * b if part == "ranks" else b, d, dtype) for b in ROWS[device][part]]
    return [size for size in found if part != "peers" or is_main(size, device)]


def is_main(size: Size, device: str) -> bool:
    """Tells whether a size is measured with all contenders."""
    return size[2:] == (WIDTHS[device][0], HALVES[0])


def targets_of(part: str) -> tuple[str, ...]:
    """The kinds of targets of a part."""
    return TARGETS[1:] if part == "sets" else TARGETS[:2]


def contenders_of(part: str, size: Size, device: str) -> Iterator[tuple[Contender, str | None]]:
    """The contenders of a part, each with a reason why it is left out at this size, or None."""
    if part == "peers":
        yield from ((own, None) for own in (OURS[0], *PEERS))
        return
    for own in OURS:
        yield own, None if is_main(size, device) or own.graph or own is OURS[0] else MAIN
    for own in PLAIN:
        yield own, None if is_main(size, device) else MAIN


def rows_of(part: str, device: str, *, deadline: float, seconds: float, rounds: int) -> Iterator[dict[str, Any]]:
    """Gives the rows of a part, one for each contender, targets and size."""
    for size in sizes_of(part, device):
        b, m, d, dtype = size
        for targets in targets_of(part):
            known = {
                "part": part,
                "b": b,
                "m": m,
                "d": d,
                "dtype": str(dtype).removeprefix("torch."),
                "targets": targets,
            }
            if time.monotonic() > deadline:
                yield known | {"contender": "all", "left_out": "the time of the part was over"}
                continue
            batch = make_batch(targets, b, m, d, dtype=dtype, device=device)
            cost = {"device": device, "seconds": seconds, "most_rounds": rounds, "clear": batch.clear}
            floor = asdict(measure(four_matmuls(batch), **cost))
            yield known | {"contender": "four matmuls", "ratio": 1.0} | floor
            truth = judge(batch)
            for own, reason in contenders_of(part, size, device):
                if reason is None and time.monotonic() > deadline:
                    reason = "the time of the part was over"
                row = {"left_out": reason} if reason else row_of(own, batch, truth, cost)
                if "median_ms" in row:
                    row["ratio"] = row["median_ms"] / floor["median_ms"]
                yield known | {"contender": own.name, "is_ours": own.is_ours} | row
                free(device)


def row_of(own: Contender, batch: Batch, truth: Truth, cost: dict[str, Any]) -> dict[str, Any]:
    """Checks and measures one contender, or tells why not."""
    try:
        step = own.step(batch)
        loss = step.run()
        row: dict[str, Any] = {"error": None, "allowed": None, "passed": None}
        if own.same_loss:
            error, most = worst(batch, errors(batch, loss, truth), truth)
            row = {"error": error, "allowed": most, "passed": error <= most}
        del loss
        step.run()
        return row | asdict(measure(step, **cost))
    except LeftOut as reason:
        return {"left_out": str(reason)}
    except torch.OutOfMemoryError:
        total = torch.cuda.get_device_properties(0).total_memory / 2**30
        return {"left_out": f"does not fit into the {total:.0f} GiB of the card"}
    except Exception as reason:
        return {"failed": f"{type(reason).__name__}: {(str(reason).splitlines() or [''])[0]}"}


def jobs_of(part: str, device: str) -> list[list[str]]:
    """What is compiled before a part, as the arguments of ``warm``: one job for each process."""
    if part == "correctness":
        sizes = [(ROWS[device]["small"][0],) * 2 + (WIDTHS[device][0], dtype) for dtype in DTYPES]
        kinds: tuple[str, ...] = (TARGETS[0], TARGETS[1], TARGETS[3])
    else:
        every, kinds = sizes_of(part, device), targets_of(part)
        sizes = [size for size in every if is_main(size, device)]
        sizes += [size for size in every if size[3] == HALVES[1]][:1]
    jobs = [[part, kind, *map(str, size[:3]), str(size[3]).removeprefix("torch.")] for size in sizes for kind in kinds]
    return jobs if device == "cuda" else jobs[:1]  # nothing is compiled there; one shows that it runs


def warm_up(part: str, device: str, processes: int) -> float:
    """Compiles the kernels of a part in processes of their own; gives the seconds that it took."""
    begin = time.monotonic()
    waiting, running = jobs_of(part, device), list[subprocess.Popen[bytes]]()
    while waiting or running:
        while waiting and len(running) < processes:
            command = [sys.executable, __file__, "--device", device, "--warm", *waiting.pop(0)]
            running.append(subprocess.Popen(command))  # noqa: S603
        running = [process for process in running if process.poll() is None]
        time.sleep(0.05)
    return time.monotonic() - begin


def warm(part: str, targets: str, b: str, m: str, d: str, dtype: str, *, device: str) -> None:
    """Runs the contenders of a part once. What fails here fails again, and is printed, where it is measured."""
    size = (int(b), int(m), int(d), getattr(torch, dtype))
    every = [(OURS[0], None)] if part == "correctness" else contenders_of(part, size, device)
    for own, reason in every:
        with contextlib.suppress(Exception):
            if reason is None:
                own.step(make_batch(targets, *size[:3], dtype=size[3], device=device)).run()
        free(device)


def run_part(part: str, options: argparse.Namespace) -> bool:
    """Runs a part, prints and writes what it found, and tells whether ours was right everywhere."""
    begin, device = time.monotonic(), options.device
    machine = {
        "part": part,
        "date": datetime.date.today().isoformat(),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu, tiny sizes: to see that it runs",
        "torch": torch.__version__,
        "triton": __import__("triton").__version__,
    }
    if options.processes:
        machine["warm_up_s"] = round(warm_up(part, device, options.processes), 1)
    print("\n" + ", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    if device == "cpu":
        print(f"left out without a CUDA device: {', '.join(ON_CUDA_ALONE)}")
    deadline = begin + options.seconds
    if part == "correctness":
        rows = print_checks(check_all(device, deadline=deadline))
    else:
        rows = print_rows(
            rows_of(part, device, deadline=deadline, seconds=options.seconds / 400, rounds=options.rounds)
        )
    machine["seconds"] = round(time.monotonic() - begin, 1)
    print(f"{part}: {machine['seconds']} s")
    if options.out:
        write_report(options.out, part, machine, rows)
    is_ours = part == "correctness"
    bad = [row for row in rows if (is_ours or row.get("is_ours")) and (row.get("passed") is False or "failed" in row)]
    if not any(row.get("passed") for row in rows):
        print(f"{part}: no answer was checked")
        return False
    return not bad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--seconds", type=float, default=200, help="time of a part, after which rows are left out")
    parser.add_argument("--rounds", type=int, default=50, help="most steps in a median")
    parser.add_argument("--processes", type=int, help="processes that compile kernels first (8; none on a CPU)")
    parser.add_argument("--out", type=Path, help="folder for gpu-PART.json and gpu-PART.png")
    parser.add_argument("--warm", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("expected a CUDA device; got none: pass --device cpu to run tiny sizes on the CPU")
    if options.warm:
        warm(*options.warm, device=options.device)
        return
    if options.processes is None:
        options.processes = 8 if options.device == "cuda" else 0
    right = [run_part(part, options) for part in options.part]
    if not all(right):
        raise SystemExit("wrong or unchecked: see the rows above")


if __name__ == "__main__":
    main()
