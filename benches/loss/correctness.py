"""Checks the fused loss on a device against float64 before anything is timed.

Four groups: every option of the loss, features and scales that are hard, large batches, and what a GPU alone can show
(equal bits, no waiting host, CUDA graphs, torch.compile).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from batches import Batch, make_batch, make_features
from contenders import OURS, LeftOut, dense, our_backend, ours
from judge import errors, judge, worst

import unicl

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"label_smoothing": 0.2},
    {"exclude_self": True},
    {"direction": "image_to_text"},
    {"direction": "text_to_image"},
    {"chunk_size": 100},
    {"overlap": "any"},
    {"extra": True},
)
SIZES = {
    # Rows of the options (ragged), of the hard features (even, ragged), and of large batches; the width.
    "cuda": ((509, 251), (1024, 1021), (4096, 16_384, 32_768, 65_536), 768),
    "cpu": ((21, 19), (29,), (64,), 32),
}
#: A check: what was checked, the largest relative error or None, what was allowed, and whether it passed.
Check = dict[str, Any]


def check_all(device: str, *, deadline: float) -> Iterator[Check]:
    """Gives the outcome of every check; stops at the deadline, and says so."""
    for group in (options, hard_features, behaviour, large_batches):
        for name, run in group(device):
            if time.monotonic() > deadline:
                yield {"group": group.__name__, "check": name, "left_out": "the time of the part was over"}
                continue
            try:
                error, most = run()
            except LeftOut as reason:
                yield {"group": group.__name__, "check": name, "left_out": str(reason)}
            except Exception as reason:
                yield {
                    "group": group.__name__,
                    "check": name,
                    "failed": f"{type(reason).__name__}: {str(reason).splitlines()[0] if str(reason) else ''}",
                }
            else:
                passed = error <= most  # False for NaN
                yield {"group": group.__name__, "check": name, "error": error, "allowed": most, "passed": passed}


_Checks = Iterator[tuple[str, Callable[[], tuple[float, float]]]]


def options(device: str) -> _Checks:
    """Every option with every kind of targets and dtype, against ``backend="reference"`` in float64."""
    b, extra = SIZES[device][0]
    d = SIZES[device][3] - 8
    for dtype in DTYPES:
        for targets in ("pairs", "labels", "sets of 3"):
            for option in OPTIONS:
                if "overlap" in option and targets != "sets of 3":
                    continue
                if "exclude_self" in option and targets == "pairs":  # nothing would be positive
                    continue
                name = f"{_short(dtype)}, {targets}, " + (", ".join(f"{k}={v}" for k, v in option.items()) or "plain")
                yield name, lambda x=(targets, b, extra, d, dtype, option): _check_option(*x, device=device)


def _check_option(
    targets: str, b: int, extra: int, d: int, dtype: torch.dtype, option: dict[str, Any], *, device: str
) -> tuple[float, float]:
    batch = make_batch(targets, b, b, d, dtype=dtype, device=device)
    rest = dict(option)
    if rest.pop("extra", False):
        rest["extra_text_features"] = make_features("random", extra, extra, d, device=device)[0].to(dtype)
    exact = [x.detach().double().requires_grad_() for x in batch.leaves]
    wide = {name: x.double() if isinstance(x, torch.Tensor) else x for name, x in rest.items()}
    labels = (batch.image_labels, batch.text_labels)
    wanted = unicl.fused_loss(*exact[:2], *labels, exact[2], backend="reference", **wide)
    wanted.backward()
    right = float(wanted.detach())
    backend = our_backend(device)
    loss = unicl.fused_loss(batch.image, batch.text, *labels, batch.scale, backend=backend, **rest)
    loss.backward()
    found = abs(float(loss.detach()) - right) / max(abs(right), 1e-2)
    most = {torch.float32: 1e-5, torch.float16: 6e-3, torch.bfloat16: 2e-2}[dtype]
    for got, own in zip(batch.leaves, exact, strict=True):
        if got.grad is not None:
            off = (got.grad.double() - own.grad).norm() / own.grad.norm().clamp_min(1e-3 * d**0.5 / b)
            found = max(found, float(off))
    return found, most


def hard_features(device: str) -> _Checks:
    """Aligned and opposed features, norms that are not 1, rows that see only far negatives, and other scales."""
    d = SIZES[device][3]
    for dtype in DTYPES:
        for targets in ("pairs", "labels"):
            for kind in ("random", "aligned", "opposed", "long", "far"):
                for scale in (1.0, 14.3, 100.0):
                    for rows in SIZES[device][1]:
                        name = f"{_short(dtype)}, {targets}, {kind} features, scale {scale:g}, {rows} rows"
                        yield (
                            name,
                            lambda x=(targets, rows, dtype, kind, scale): _check_batch(
                                make_batch(x[0], x[1], x[1], d, dtype=x[2], device=device, features=x[3], scale=x[4]),
                                beside_plain=True,
                            ),
                        )


def large_batches(device: str) -> _Checks:
    """Square batches of every kind of targets, and one rank of eight."""
    _, _, sizes, d = SIZES[device]
    for rows in sizes:
        for dtype in DTYPES[1:]:
            for targets in ("pairs", "labels", "sets of 3"):
                if targets == "sets of 3" and rows > 32_768:
                    continue
                yield (
                    f"{_short(dtype)}, {targets}, {rows} rows",
                    lambda x=(targets, rows, rows, d, dtype): _check_batch(
                        make_batch(*x[:4], dtype=x[4], device=device)
                    ),
                )
    b = sizes[0]
    for targets in ("pairs", "labels"):
        yield (
            f"bfloat16, {targets}, {b} images, {8 * b} texts",
            lambda t=targets: _check_batch(make_batch(t, b, 8 * b, d, dtype=torch.bfloat16, device=device)),
        )


def _check_batch(batch: Batch, *, beside_plain: bool = False) -> tuple[float, float]:
    truth, plain = judge(batch), None
    if beside_plain:
        loss = dense(batch.image, batch.text, batch.image_codes, batch.text_codes, batch.scale)
        loss.backward()
        plain = errors(batch, loss, truth)
        batch.clear()
    loss = ours(batch)
    loss.backward()
    return worst(batch, errors(batch, loss, truth), truth, plain)


def behaviour(device: str) -> _Checks:
    """Equal bits over 20 runs; on CUDA also no waiting host, and the answers of graphs and of compiled calls."""
    rows, d = SIZES[device][1][-1], SIZES[device][3]
    for targets in ("pairs", "labels", "sets of 3"):

        def batch(targets: str = targets) -> Batch:
            return make_batch(targets, rows, rows, d, dtype=torch.bfloat16, device=device)

        yield f"{targets}: equal bits over 20 runs", lambda make=batch: _check_bits(make())
        yield f"{targets}: the host does not wait", lambda make=batch: _check_no_wait(make())
        for contender in OURS[1:]:
            yield (
                f"{targets}: {contender.name} has the answer of the plain call",
                lambda make=batch, own=contender: _check_same(make(), own.step),
            )
        yield (
            f"{targets}: torch.compile with mode='reduce-overhead'",
            lambda make=batch: _check_same(make(), _reduced_overhead),
        )


def _answers(batch: Batch, run: Callable[[], torch.Tensor]) -> list[torch.Tensor]:
    batch.clear()
    loss = run()
    return [loss.detach().clone(), *(x.grad.clone() for x in batch.leaves)]


def _plain(batch: Batch) -> torch.Tensor:
    loss = ours(batch)
    loss.backward()
    return loss


def _check_bits(batch: Batch) -> tuple[float, float]:
    first = _answers(batch, lambda: _plain(batch))
    same = all(
        torch.equal(a, b) for _ in range(19) for a, b in zip(first, _answers(batch, lambda: _plain(batch)), strict=True)
    )
    return (0.0 if same else float("inf")), 0.0


def _check_no_wait(batch: Batch) -> tuple[float, float]:
    if not batch.image.is_cuda:
        raise LeftOut("needs a CUDA device; tests/python/loss/test_no_wait.py shows it without one")
    _plain(batch)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        _plain(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return 0.0, 0.0


def _check_same(batch: Batch, make: Callable[[Batch], Any]) -> tuple[float, float]:
    if not batch.image.is_cuda:
        raise LeftOut("needs a CUDA device")
    wanted = _answers(batch, lambda: _plain(batch))
    step = make(batch)
    for _ in range(3):
        found = _answers(batch, step.run)
    off = [float((a.double() - b.double()).norm() / b.double().norm()) for a, b in zip(found, wanted, strict=True)]
    return max(off), 1e-2


def _reduced_overhead(batch: Batch) -> Any:
    torch.compiler.reset()
    compiled = torch.compile(unicl.fused_loss, fullgraph=True, mode="reduce-overhead")

    class Run:
        @staticmethod
        def run() -> torch.Tensor:
            torch.compiler.cudagraph_mark_step_begin()
            labels = batch.image_labels, batch.text_labels
            loss = compiled(batch.image, batch.text, *labels, batch.scale, backend="triton")
            loss.backward()
            return loss

    return Run


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
