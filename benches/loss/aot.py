"""Compiles the Triton kernels for absent chips, and reads their use of resources from the machine code.

    python benches/loss/aot.py                  # the table of all
    python benches/loss/aot.py --few --capability 90

The width d is an argument of the kernels and not a constant. One compilation serves 512, 768, 1024 and all others that
16 divides.

The gates (tests/python/loss/test_kernels.py): shared memory within the chip's limit; no stack (nothing spilled);
tensor-core instructions where a kernel multiplies tiles (absent for float32, which they would round); no atomics on
global memory; tiles copied by TMA in the fast kernels. The tests compile the fewest and the most options of each kernel
(--few: a minute or two of one core). cuobjdump and nvdisasm come with the triton wheel; no driver is needed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from unicl.loss.kernels import (
    classes,
    finish,
    gradient,
    losses,
    positives,
    reduce,
    shared_gradient,
    shared_sums,
    sums,
    targets,
    vectors,
)
from unicl.loss.kernels.tiles import TILES, Tile, tile_on

TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
# sm_80 has mma.sync, sm_90 warp-group mma, sm_100 the tensor core with its own memory. Small tiles take mma.sync.
TENSOR_CORE = {80: r"\bHMMA", 90: r"\bHG?MMA", 100: r"\b(?:HMMA|UTC\w*MMA)"}

KERNELS = {
    kernel.__name__: kernel
    for kernel in (
        sums.sums_kernel,
        gradient.gradient_kernel,
        shared_sums.shared_sums_kernel,
        shared_gradient.shared_gradient_kernel,
        positives.positives_kernel,
        targets.targets_kernel,
        classes.classes_kernel,
        positives.pairs_kernel,
        positives.collect_kernel,
        targets.own_pairs_kernel,
        reduce.reduce_kernel,
        losses.losses_kernel,
        losses.mean_kernel,
        vectors.vectors_kernel,
        finish.finish_kernel,
        finish.scale_kernel,
    )
}
# The types of arguments, by name; the rest are pointers to float32, or to float64 in the small kernels.
INTEGERS = {
    "first",
    "b",
    "m",
    "n",
    "k",
    "d",
    "all_rows",
    "g_stride",
    "first_pair",
    "paired",
    "stripe",
    "tiles",
    "entries",
}
INTEGERS |= {"entries", "others", "pair", "rows", "parts", "row_others", "column_others", "row_blocks", "blocks"}
INTEGERS |= {"row_parts", "row_n", "row_first", "row_size", "column_parts", "column_n", "column_size"}
FEATURES = {"u_ptr", "v_ptr", "g_ptr", "features_ptr"}
LONGS = {"own_ptr", "image_ptr", "text_ptr", "extra_ptr"}
LABELS = {"class_ptr", "left_ptr", "left_start_ptr", "right_ptr", "right_start_ptr", "row_ptr", "code_ptr", "place_ptr"}
LABELS |= {"first_ptr", "past_ptr", "column_ptr", "start_ptr"}
DOUBLES = {"positive_ptr", "count_ptr", "sums_ptr", "rows_ptr", "columns_ptr", "lse_ptr", "part_ptr", "share_ptr"}
DOUBLES |= {"row_every_ptr", "column_every_ptr", "row_count_ptr", "column_count_ptr", "parts_ptr"}
# In these kernels, the sums of q, or the planes, are float32.
SINGLES = {"vectors_kernel": {"count_ptr", "rows_ptr", "columns_ptr"}, "losses_kernel": {"count_ptr"}}
# A power of two that divides these arguments is not known.
ODD = {"first", "first_pair", "paired", "entries", "others", "pair", "parts", "row_parts", "column_parts", "row_first"}
DESCRIPTORS = {"u_desc": ("BM", "BK"), "v_desc": ("BN", "BK"), "g_desc": ("BM", "BN")}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What a kernel is compiled for beside its tile: the dtype of the features, and its options."""

    kernel: str
    dtype: str = "bf16"
    options: dict[str, Any] = field(default_factory=dict)

    def tile(self, capability: int) -> Tile:
        """The tile of this kernel on a chip; small kernels have their own sizes."""
        if self.kernel in SMALL:
            return SMALL[self.kernel]
        excludes = bool(self.options.get("EXCLUDE"))
        return tile_on(capability, self.kernel, is_exact=self.dtype == "fp32", excludes=excludes)


# Kernels without tiles, as their launchers call them.
SMALL: dict[str, Tile] = {
    "classes_kernel": {"ROWS": 32, "OTHERS": 64},
    "pairs_kernel": {"BM": 16, "BK": 128},
    "own_pairs_kernel": {"BM": 16, "BK": 128},
    "collect_kernel": {"BLOCK": 128},
    "reduce_kernel": {"BLOCK": 128, "PARTS": 16},
    "losses_kernel": {"BLOCK": 256},
    "mean_kernel": {"BLOCK": 256},
    "vectors_kernel": {"BLOCK": 256, "SCAN": 1024},
    "finish_kernel": {"BM": 8, "BK": 256},
    "scale_kernel": {"BLOCK": 256},
}
_EXACT = {"GATED": False, "EXCLUDE": False, "COLUMNS": True}
_NARROW = {"SETS": False, "ANY": False, "EXCLUDE": False}
# For each kernel, the options of an ordinary call, and what else may be on.
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "sums_kernel": [
        {**_EXACT, "LABELS": 2},
        {**_EXACT, "LABELS": 0, "GATED": True},
        {**_EXACT, "LABELS": 2, "COLUMNS": False},
        {**_EXACT, "LABELS": 2, "EXCLUDE": True},
    ],
    "gradient_kernel": [
        {**_EXACT, "LABELS": 1, "EVERY": False},
        {**_EXACT, "LABELS": 2, "EVERY": False},
        {**_EXACT, "LABELS": 0, "GATED": True, "EVERY": False},
        {**_EXACT, "LABELS": 2, "COLUMNS": False, "EVERY": True},
        {**_EXACT, "LABELS": 2, "EXCLUDE": True, "EVERY": True},
    ],
    "shared_sums_kernel": [{}],
    "shared_gradient_kernel": [
        {"COLUMNS": True, "EVERY": False, "GROUP": 8},
        {"COLUMNS": False, "EVERY": True, "GROUP": 8},
        {"COLUMNS": True, "EVERY": True, "GROUP": 8},
    ],
    "positives_kernel": [
        {**_NARROW, "ACCUMULATE": False},
        {**_NARROW, "SETS": True, "ACCUMULATE": False},
        {"SETS": True, "ANY": True, "EXCLUDE": True, "ACCUMULATE": True},
    ],
    "targets_kernel": [
        {**_NARROW, "COLUMNS": True, "EVERY": False},
        {**_NARROW, "SETS": True, "COLUMNS": True, "EVERY": False},
        {"SETS": True, "ANY": True, "EXCLUDE": True, "COLUMNS": True, "EVERY": True},
        {"SETS": True, "ANY": False, "EXCLUDE": True, "COLUMNS": True, "EVERY": True},
    ],
    "classes_kernel": [{"SIDE": side, "EXCLUDE": side < 2} for side in range(3)],
    "pairs_kernel": [{}],
    "own_pairs_kernel": [{"COLUMNS": True, "EVERY": True}],
    "collect_kernel": [{"ACCUMULATE": True}],
    "reduce_kernel": [
        {"GATED": False, "PLANES": 1, "ACCUMULATE_ROWS": True, "ACCUMULATE_COLUMNS": False},
        {"GATED": True, "PLANES": 3, "ACCUMULATE_ROWS": True, "ACCUMULATE_COLUMNS": True},
    ],
    "losses_kernel": [
        {
            "COUNTED": True,
            "TO_TEXT": True,
            "TO_IMAGE": True,
            "EVERY": True,
            "MEAN": True,
            "ROW_WEIGHTED": True,
            "COLUMN_WEIGHTED": True,
        },
    ],
    "mean_kernel": [{"TO_TEXT": True, "TO_IMAGE": True}],
    "vectors_kernel": [
        {
            "FLAGGED": True,
            "TO_TEXT": True,
            "TO_IMAGE": True,
            "MEAN": True,
            "ROW_WEIGHTED": True,
            "COLUMN_WEIGHTED": True,
        },
    ],
    "finish_kernel": [{"STORE": True, "DOT": True}],
    "scale_kernel": [{}],
}


def variants(capability: int, *, few: bool) -> Iterator[Variant]:
    """Every way in which the kernels are compiled for a chip; if few, the first and the last options of each."""
    for kernel, every in OPTIONS.items():
        if kernel.startswith("shared_") and capability < 90:
            continue
        dtypes = ["bf16", "fp16"]
        if (kernel, True) in TILES or kernel in SMALL:
            dtypes.append("fp32")
        if kernel in SMALL:
            dtypes = dtypes[:1]
        chosen = [every[0], every[-1]][: len(every)] if few else every
        for options in chosen:
            for dtype in dtypes if not few else ("bf16",) if options is every[0] else dtypes[-1:]:
                yield Variant(kernel=kernel, dtype=dtype, options=options)


def compile_kernel(variant: Variant, capability: int) -> dict[str, Any]:
    """Registers, stack, shared memory and instruction counts of one kernel."""
    kernel, tile = KERNELS[variant.kernel], variant.tile(capability)
    sizes = {key: value for key, value in tile.items() if not key.startswith("num_")}
    constants = {**variant.options, **sizes}
    if "UPCAST" in kernel.arg_names:
        constants["UPCAST"] = False
    signature = {name: _type_of(name, variant, constants) for name in kernel.arg_names}
    # What the launcher finds when it looks: aligned pointers, and sizes that 16 divides.
    aligned = [["tt.divisibility", 16]]
    attributes = {
        (i,): aligned
        for i, name in enumerate(kernel.arg_names)
        if signature[name].startswith("*") or (signature[name] == "i32" and name not in ODD)
    }
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=attributes)
    options = {"num_warps": tile.get("num_warps", 4), "num_stages": tile.get("num_stages", 3)}
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as cubin:
        cubin.write(compiled.asm["cubin"])
        cubin.flush()
        usage = run("cuobjdump", "-res-usage", cubin.name)
        code = run("nvdisasm", "-c", cubin.name)
    return {
        "kernel": variant.kernel,
        "capability": capability,
        "dtype": variant.dtype,
        "options": " ".join(f"{key}={int(value)}" for key, value in variant.options.items() if value),
        "tile": "x".join(str(size) for size in sizes.values()),
        "warps": options["num_warps"],
        "stages": options["num_stages"],
        "shared": compiled.metadata.shared,
        "registers": int(re.search(r"REG:(\d+)", usage)[1]),
        "stack": int(re.search(r"STACK:(\d+)", usage)[1]),
        "tensor_core": len(re.findall(TENSOR_CORE[capability], code)),
        "tma": len(re.findall(r"\bUTMA(?:LDG|STG)", code)),
        "exponentials": len(re.findall(r"MUFU\.EX2", code)),
        "atomics": len(re.findall(r"\b(?:ATOM|ATOMG|RED|REDG)\b", code)),
    }


def _type_of(name: str, variant: Variant, constants: dict[str, Any]) -> str:
    if name in constants:
        return "constexpr"
    if name in DESCRIPTORS:
        block = ", ".join(str(constants[size]) for size in DESCRIPTORS[name])
        return f"tensordesc<{variant.dtype}[{block}]>"
    if name in INTEGERS:
        return "i32"
    if name == "smoothing":
        return "fp32"
    if name in FEATURES or (name == "out_ptr" and variant.kernel == "finish_kernel"):
        return f"*{variant.dtype}"
    if name in LONGS:
        return "*i64"
    if name in LABELS:
        return "*i32"
    if name == "flag_ptr":
        return "*i32"
    if name == "parts_ptr" and variant.kernel == "reduce_kernel":
        return "*fp32"
    return "*fp64" if name in DOUBLES - SINGLES.get(variant.kernel, set()) else "*fp32"


def run(tool: str, *arguments: str) -> str:
    """What one of the wheel's tools prints."""
    command = [str(TOOLS / tool), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capability", type=int, nargs="+", default=[80, 90, 100])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--few", action="store_true", help="the fewest and the most options of each")
    parser.add_argument("--kernel", choices=sorted(KERNELS), help="only this one")
    options = parser.parse_args()
    rows = [
        compile_kernel(variant, capability)
        for capability in options.capability
        for variant in variants(capability, few=options.few)
        if options.kernel in (None, variant.kernel)
    ]
    if options.json:
        print(json.dumps(rows))
        return
    print("| " + " | ".join(rows[0]) + " |", "| --- " * len(rows[0]) + "|", sep="\n")
    for row in rows:
        print("| " + " | ".join(map(str, row.values())) + " |")


if __name__ == "__main__":
    main()
