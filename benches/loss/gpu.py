"""Measures the loss on a GPU, after checking that it is right. No number here was measured yet.

    python benches/loss/gpu.py --rows 16384 65536 --width 768
    python benches/loss/gpu.py --dry          # on a CPU, tiny, with the tiled backend in the kernels' place

Correctness against float64 comes first, with deterministic=True (fixed tiles) and False (tiles timed on the card). An
error stops the run. Then come time (CUDA events, best of the rounds, contenders in turn) and peak memory. The
contenders are eager PyTorch, torch.compile, open_clip's ClipLoss, and Inf-CL and memeff where they are installed. The
floor is four matmuls of the features' dtype. Last come the chosen tiles. Targets on an H100: 65,536 rows, width 768,
bfloat16 in 55 ms and 1.5 GB.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor
from torch.nn.functional import log_softmax, normalize

import unicl

SCALE = 14.3
# Plain PyTorch holds about 31 bytes for each logit with labels; beyond this it is not asked to.
MOST_EAGER_ROWS = 32_768


def eager_dense(image: Tensor, text: Tensor, labels: Tensor, scale: Tensor) -> Tensor:
    """UniCL as plain PyTorch writes it."""
    logits = scale.to(image.dtype) * image @ text.T
    target = (labels[:, None] == labels[None]).to(logits.dtype)
    target = target / target.sum(1, keepdim=True)
    both = log_softmax(logits, dim=1), log_softmax(logits.T, dim=1)
    return -sum((target * log_p).sum(1).mean() for log_p in both) / 2


def contenders(device: str) -> dict[str, tuple[Callable[..., Tensor], bool]]:
    """Name to (function of (image, text, labels, scale), whether labels count)."""
    ours = "triton" if device == "cuda" else "tiled"
    compiled = torch.compile(eager_dense, dynamic=False)
    found: dict[str, tuple[Callable[..., Tensor], bool]] = {
        f"unicl {ours}, labels": (lambda u, v, y, s: unicl.fused_loss(u, v, y, None, s, backend=ours), True),
        f"unicl {ours}, labels, deterministic=False": (
            lambda u, v, y, s: unicl.fused_loss(u, v, y, None, s, backend=ours, deterministic=False),
            True,
        ),
        f"unicl {ours}, pairs": (lambda u, v, _, s: unicl.fused_loss(u, v, None, None, s, backend=ours), False),
        f"unicl {ours}, pairs, deterministic=False": (
            lambda u, v, _, s: unicl.fused_loss(u, v, None, None, s, backend=ours, deterministic=False),
            False,
        ),
        "unicl tiled, labels": (lambda u, v, y, s: unicl.fused_loss(u, v, y, None, s, backend="tiled"), True),
        "eager dense": (eager_dense, True),
        "open_clip ClipLoss": (lambda u, v, _, s: open_clip.ClipLoss()(u, v, s.to(u.dtype)), False),
    }
    if device == "cuda":
        found["torch.compile of it"] = (compiled, True)
        if importlib.util.find_spec("inf_cl"):
            from inf_cl import cal_inf_loss

            found["Inf-CL"] = (
                lambda u, v, _, s: (cal_inf_loss(u, v, scale=s) + cal_inf_loss(v, u, scale=s)) / 2,
                False,
            )
        if importlib.util.find_spec("memeff"):
            from memeff import MemoryEfficientCLIPLoss

            loss = MemoryEfficientCLIPLoss(temperature=1 / SCALE, normalized_inputs=True, stable=False)
            found["memeff"] = (lambda u, v, _, __: loss(u, v), False)
    return found


def make_inputs(rows: int, width: int, dtype: torch.dtype, device: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Image and text features, labels of 1,000 classes, and the scale."""
    generator = torch.Generator().manual_seed(0)
    image = normalize(torch.randn(rows, width, generator=generator), dim=1)
    text = normalize(0.3 * image + 0.7 * normalize(torch.randn(rows, width, generator=generator), dim=1), dim=1)
    labels = torch.randint(0, 1000, (rows,), generator=generator).to(device)
    image, text = (x.to(device, dtype).requires_grad_() for x in (image, text))
    return image, text, labels, torch.tensor(SCALE, device=device, requires_grad=True)


def check(device: str, width: int, rows: int) -> None:
    """Compares loss and gradients with the float64 reference, all dtypes, ragged sizes; stops if one is off."""
    backend = "triton" if device == "cuda" else "tiled"
    for dtype, allowed in ((torch.float32, 1e-5), (torch.bfloat16, 2e-2), (torch.float16, 4e-3)):
        for size, deterministic in ((rows, True), (rows - 5, True), (rows, False), (rows - 5, False)):
            image, text, labels, scale = make_inputs(size, width, dtype, device)
            exact = [x.detach().double().requires_grad_() for x in (image, text, scale)]
            wanted = unicl.fused_loss(*exact[:2], labels, None, exact[2], backend="reference")
            wanted.backward()
            loss = unicl.fused_loss(image, text, labels, None, scale, backend=backend, deterministic=deterministic)
            loss.backward()
            pairs = [(loss, wanted), *((x.grad, y.grad) for x, y in zip((image, text, scale), exact, strict=True))]
            errors = [float((a.detach().double() - b.detach()).norm() / b.detach().norm()) for a, b in pairs]
            print(
                f"{dtype}, {size} rows, {deterministic=}: relative errors of loss, image, text, scale:",
                *(f"{x:.1e}" for x in errors),
            )
            if max(errors) > allowed:
                raise SystemExit(f"wrong: an error of {max(errors):.1e} exceeds {allowed}")


def milliseconds(function: Callable[[], Any], device: str) -> float:
    """Time of one call."""
    if device != "cuda":
        start = time.perf_counter()
        function()
        return 1e3 * (time.perf_counter() - start)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    function()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end))


def measure(rows: int, width: int, dtype: torch.dtype, device: str, rounds: int) -> list[dict[str, Any]]:
    """Best time and peak memory of every contender at one size, with the fraction of the four-matmul floor."""
    image, text, labels, scale = make_inputs(rows, width, dtype, device)
    runs: dict[str, Callable[[], Any]] = {}
    for name, (function, _) in contenders(device).items():
        if rows > MOST_EAGER_ROWS and name in ("eager dense", "open_clip ClipLoss", "torch.compile of it"):
            continue

        def run(function: Callable[..., Tensor] = function) -> None:
            image.grad = text.grad = scale.grad = None
            function(image, text, labels, scale).backward()

        runs[name] = run
    chunk, u, v = min(rows, 4096), image.detach(), text.detach()
    g = torch.empty(chunk, rows, dtype=dtype, device=device)

    def floor() -> None:
        for start in range(0, rows, chunk):
            part = u[start : start + chunk]
            out = g[: len(part)]
            torch.mm(part, v.T, out=out)
            torch.mm(part, v.T, out=out)
            torch.mm(out, v)
            torch.mm(out.T, part)

    runs["four matmuls"] = floor
    best, peak = dict.fromkeys(runs, float("inf")), dict.fromkeys(runs, float("nan"))
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            if device == "cuda":
                torch.cuda.reset_peak_memory_stats()
                before = torch.cuda.memory_allocated()
            best[name] = min(best[name], milliseconds(run, device))
            if device == "cuda":
                peak[name] = (torch.cuda.max_memory_allocated() - before) / 2**20
    return [
        {"rows": rows, "width": width, "dtype": str(dtype).removeprefix("torch."), "contender": name}
        | {"runtime_ms": time_ms, "peak_mib": peak[name], "times_floor": time_ms / best["four matmuls"]}
        for name, time_ms in best.items()
    ]


def plot(records: list[dict[str, Any]], path: Path) -> None:
    """Time over rows, a line for each contender."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 5))
    for name in dict.fromkeys(row["contender"] for row in records):
        own = [row for row in records if row["contender"] == name]
        axis.plot([row["rows"] for row in own], [row["runtime_ms"] for row in own], marker="o", label=name)
    axis.set(xscale="log", yscale="log", xlabel="rows", ylabel="forward + backward, ms")
    axis.legend()
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[4096, 16384, 32768, 65536])
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path, help="folder for gpu.json and gpu.png")
    parser.add_argument("--dry", action="store_true", help="tiny sizes on the CPU, to see that it runs")
    options = parser.parse_args()
    device = "cpu" if options.dry else "cuda"
    if options.dry:
        options.rows, options.width, options.rounds = [64, 96], 32, 1
    elif not torch.cuda.is_available():
        raise SystemExit("no CUDA device was found; --dry runs a tiny version on the CPU")
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name() if device == 'cuda' else 'cpu, dry'}")
    check(device, options.width, min(2048, options.rows[0]))
    records: list[dict[str, Any]] = []
    for rows in options.rows:
        found = measure(rows, options.width, torch.bfloat16, device, options.rounds)
        if not records:
            print("| " + " | ".join(found[0]) + " |", "| --- " * len(found[0]) + "|", sep="\n")
        for row in found:
            print("| " + " | ".join(f"{x:.2f}" if isinstance(x, float) else str(x) for x in row.values()) + " |")
        records += found
    if device == "cuda":
        from unicl.loss.kernels.autotune import chosen_tiles

        for kind, tile in chosen_tiles().items():
            print(*kind, "->", *(f"{name}={value}" for name, value in tile.items()))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "gpu.json").write_text(json.dumps(records, indent=1))
        plot(records, options.out / "gpu.png")


if __name__ == "__main__":
    main()
