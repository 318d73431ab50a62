"""Counts what one step of the loss asks of a GPU, without a GPU: kernel launches and aten calls.

    python benches/loss/launches.py                     # forward + backward at 1,024 rows
    python benches/loss/launches.py --rows 65536 --list # with the number of each call
    python benches/loss/launches.py --json

Tensors are meta tensors that say "cuda" when Python asks for their device, so the loss takes the path of a GPU. Nothing
is computed. Triton's launcher is replaced by a counter at ``JITFunction.run``, whatever module calls it. The bodies of
our registered operators run, as they would on a card.

- triton: launches of Triton kernels.
- aten: calls that reach an aten kernel, views and allocations among them. The profiler of torch shows more, because it
  counts a composite call and its parts.
- views: those of them that only describe memory in another way.
- empty: those that only allocate.
- device: those that launch on the device: at least one kernel or copy each.
- launches: triton + device. A card counts more where one call of aten launches several kernels, such as a sort.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import _engine_run_backward
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

import unicl

CUDA, META = torch.device("cuda", 0), torch.device("meta")
# What the loss may ask torch.cuda: the answers of an H100.
H100 = SimpleNamespace(
    name="H100 that is not there",
    major=9,
    minor=0,
    multi_processor_count=132,
    L2_cache_size=50 * 2**20,
    total_memory=80 * 2**30,
    warp_size=32,
)
ANSWERS = {
    "is_available": True,
    "device_count": 1,
    "current_device": 0,
    "is_current_stream_capturing": False,
    "get_device_capability": (9, 0),
    "get_device_properties": H100,
    "get_device_name": H100.name,
    "is_bf16_supported": True,
}
TRITON_DRIVER = SimpleNamespace(
    get_current_target=lambda: GPUTarget("cuda", 90, 32),
    get_current_device=lambda: 0,
    get_current_stream=lambda _: 0,
    get_active_torch_device=lambda: CUDA,
)
ALLOCATIONS = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "resize_"}
# Aliases that the schema calls no views.
ALIASES = {"detach", "lift_fresh", "_unsafe_view", "_reshape_alias", "set_"}


class MetaAsCuda(TorchFunctionMode):
    """Python sees meta tensors as CUDA tensors, and what it makes on a CUDA device is made on meta."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.Tensor.pin_memory:  # needs a driver
            return args[0]
        if function is torch.device:
            return function(*args, **(kwargs or {}))
        if function is torch.Tensor.backward or function is torch.autograd.backward:
            raise NotImplementedError("expected gradients by backward() of this file; got Tensor.backward")
        out = function(*tree_map(_on_meta, args), **tree_map(_on_meta, kwargs or {}))
        if function == torch.Tensor.is_cuda.__get__:
            return torch.Tensor.device.__get__(args[0]) == META
        if function == torch.Tensor.is_meta.__get__:
            return False
        return CUDA if isinstance(out, torch.device) and out == META else out


def _on_meta(value: Any) -> Any:
    if isinstance(value, torch.device) and value.type == "cuda":
        return META
    return "meta" if isinstance(value, str) and value.split(":")[0] == "cuda" else value


def _is_on_device(values: Any) -> bool:
    with torch._C.DisableTorchFunction():  # or the pretence would answer
        return any(isinstance(x, Tensor) and x.is_meta for x in tree_leaves(values))


class Count(TorchDispatchMode):
    """Counts calls of aten, and runs the bodies of our operators instead of their shapes alone.

    Attributes:
        aten: The number of each call.
        views: Of those, the views.
        empty: Of those, the allocations.
        device: Of those, what runs on the device.
        triton: The number of launches of each Triton kernel.
    """

    def __init__(self, pretence: MetaAsCuda) -> None:
        super().__init__()
        self.pretence = pretence
        self.aten, self.views, self.empty, self.device, self.triton = (Counter[str]() for _ in range(5))

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function.namespace == "unicl":
            body = torch._library.custom_ops.OPDEFS[function._schema.name]._init_fn
            with self.pretence, self:
                return body(*args, **kwargs)
        if function.namespace != "aten":
            return function(*args, **kwargs)
        with self:
            # A composite call, such as ``to``, is its parts; autograd has split most of them already.
            out = function.decompose(*args, **kwargs)
        if out is not NotImplemented:
            return out
        out = function(*args, **kwargs)
        name = function._schema.name.removeprefix("aten::")
        self.aten[name] += 1
        if function.is_view or name in ALIASES:
            self.views[name] += 1
        elif name in ALLOCATIONS:
            self.empty[name] += 1
        elif _is_on_device((args, kwargs, out)):
            self.device[name] += 1
        return out

    def totals(self) -> dict[str, int]:
        """The sum of each counter."""
        found = {name: getattr(self, name).total() for name in ("triton", "aten", "views", "empty", "device")}
        return found | {"launches": found["triton"] + found["device"]}


class Launcher:
    """Stands in for a compiled kernel: ``compiled[grid](...)`` counts a launch."""

    def __init__(self, count: Callable[[], None]) -> None:
        self.count = count

    def __getitem__(self, grid: Any) -> Callable[..., None]:
        return lambda *_, **__: self.count()


@contextmanager
def counted() -> Iterator[Count]:
    """Counts what runs inside, where nothing is computed. Tensors made on "meta" before are seen as CUDA tensors."""
    count = Count(MetaAsCuda())

    def run(kernel: Any, *_: Any, warmup: bool = False, **__: Any) -> Any:
        name = kernel.fn.__name__
        count.triton[name] += not warmup
        # A compiled kernel can be launched again without the function that it comes from.
        return Launcher(lambda: count.triton.update([name]))

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(driver, "_active", TRITON_DRIVER))
        for name, answer in ANSWERS.items():
            stack.enter_context(mock.patch.object(torch.cuda, name, lambda *_, answer=answer, **__: answer))
        stack.enter_context(mock.patch.object(JITFunction, "run", run))
        stack.enter_context(count.pretence)
        stack.enter_context(count)
        yield count


def backward(loss: Tensor) -> None:
    """Runs the backward pass with the pretence on, which ``Tensor.backward`` would switch off."""
    is_kept = creates_graph = False
    _engine_run_backward(
        (loss,), (torch.ones_like(loss),), is_kept, creates_graph, (), allow_unreachable=True, accumulate_grad=True
    )


def sets_of(rows: int, a_row: int) -> SimpleNamespace:
    """Sets of labels in CSR form: ``a_row`` of 1,000 labels for every row."""
    generator = np.random.default_rng(0)
    drawn = np.sort(np.stack([generator.choice(1000, a_row, replace=False) for _ in range(rows)]), axis=1)
    return SimpleNamespace(indices=drawn.ravel(), offsets=np.arange(rows + 1) * a_row, weights=None)


def labels_of(kind: str, rows: int) -> Any:
    """Labels of a kind: "pairs", "labels" (integers on the device) or "sets" (three a row)."""
    if kind == "pairs":
        return None
    return sets_of(rows, 3) if kind == "sets" else torch.zeros(rows, dtype=torch.int64, device="meta")


def step(
    kind: str,
    rows: int,
    width: int = 768,
    dtype: torch.dtype = torch.bfloat16,
    loss: Callable[..., Tensor] | None = None,
) -> Count:
    """Counts one forward and backward pass of a square batch; the second one, as the first may fill caches."""
    image, text = (torch.empty(rows, width, dtype=dtype, device="meta", requires_grad=True) for _ in range(2))
    scale, labels = torch.empty((), device="meta", requires_grad=True), labels_of(kind, rows)
    for _ in range(2):
        image.grad = text.grad = scale.grad = None
        with counted() as count:
            backward((loss or unicl.fused_loss)(image, text, labels, None, scale, backend="triton"))
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float16", "float32"])
    parser.add_argument("--list", action="store_true", help="the number of each call")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {}
    for kind in ("pairs", "labels", "sets"):
        count = step(kind, options.rows, options.width, getattr(torch, options.dtype))
        found[kind] = count.totals()
        if options.list:
            for name in ("triton", "device", "empty", "views"):
                print(f"{kind}, {name}:", ", ".join(f"{x} {n}" for x, n in getattr(count, name).most_common()))
    if options.json:
        print(json.dumps(found))
        return
    print(f"{options.rows} rows, width {options.width}, {options.dtype}, forward + backward, counted without a GPU")
    print("| targets | " + " | ".join(found["pairs"]) + " |", "| --- " * 7 + "|", sep="\n")
    for kind, totals in found.items():
        print(f"| {kind} | " + " | ".join(map(str, totals.values())) + " |")


if __name__ == "__main__":
    main()
