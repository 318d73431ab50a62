"""Measures one step on a device: time, time of the host, launches, calls of aten, and peak memory.

What the device cannot tell is None, and never a guess.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from contenders import Step
from torch.profiler import ProfilerActivity, profile

#: The columns that only a CUDA device can fill.
ON_CUDA_ALONE = ("host_ms", "launches", "peak_mib")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One step.

    Attributes:
        median_ms: Median time of the step, between CUDA events or on the clock of the host.
        rounds: The number of steps in the median.
        host_ms: Median time until the call returns, when the device may still run.
        launches: Kernels, copies and fills of the device in one step, as the profiler sees them.
        aten_calls: Calls of aten in one step as the profiler sees them: composite calls and their parts.
        peak_mib: Growth of the allocated memory at the peak of a step, gradients included.
    """

    median_ms: float
    rounds: int
    host_ms: float | None
    launches: int | None
    aten_calls: int
    peak_mib: float | None


def measure(step: Step, *, device: str, seconds: float, most_rounds: int, clear: Callable[[], None]) -> Measured:
    """Measures a step that has run before, within about so many seconds.

    Args:
        step: The step.
        device: "cuda" or "cpu".
        seconds: The time to spend on the median.
        most_rounds: The most steps in the median.
        clear: Forgets the gradients, so that the peak of memory has them.
    """
    first = _time(step, device)[0]
    rounds = int(min(most_rounds, max(5 if device == "cuda" else 1, 1e3 * seconds / max(first, 1e-3))))
    times = [_time(step, device) for _ in range(rounds)]
    with profile(activities=[ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device == "cuda")) as seen:
        step.run()
        if device == "cuda":
            torch.cuda.synchronize()
    events = seen.events() or ()
    return Measured(
        median_ms=statistics.median(x for x, _ in times),
        rounds=rounds,
        host_ms=statistics.median(x for _, x in times) if device == "cuda" else None,
        launches=_launches(events) if device == "cuda" else None,
        aten_calls=sum(event.name.startswith("aten::") for event in events),
        peak_mib=_peak_mib(step, clear) if device == "cuda" else None,
    )


def free(device: str) -> None:
    """Gives back what the last contender held."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def _time(step: Step, device: str) -> tuple[float, float]:
    """Milliseconds of a step and of its call."""
    if device == "cuda":
        torch.cuda.synchronize()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin = time.perf_counter()
        start.record()
        step.run()
        end.record()
        host = 1e3 * (time.perf_counter() - begin)
        torch.cuda.synchronize()
        return float(start.elapsed_time(end)), host
    begin = time.perf_counter()
    step.run()
    elapsed = 1e3 * (time.perf_counter() - begin)
    return elapsed, elapsed


def _launches(events: object) -> int:
    kinds = torch.autograd.DeviceType
    return sum(
        event.device_type == kinds.CUDA and not getattr(event, "is_user_annotation", False)
        for event in events  # type: ignore[attr-defined]
    )


def _peak_mib(step: Step, clear: Callable[[], None]) -> float:
    if step.peak_bytes is not None:
        return step.peak_bytes / 2**20
    clear()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step.run()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 2**20
