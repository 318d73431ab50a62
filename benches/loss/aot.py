"""Compiles the Triton kernels for absent chips, and reads their use of resources from the machine code.

    python benches/loss/aot.py                  # the table of all
    python benches/loss/aot.py --few --capability 90

The width d is an argument of the kernels and not a constant. One compilation serves 512, 768, 1024 and all others that
16 divides.

Every tile that the kernels may run with is here. Of each kind, the first is the one of deterministic=True. The others
are those that deterministic=False may choose.

The gates (tests/python/loss/test_kernels.py): shared memory within the chip's limit; no stack (nothing spilled);
tensor-core instructions present (absent for float32, which they would round); no atomics on global memory. The tests
compile the fixed tiles with the fewest and the most options (--few: 36 kernels, a minute of one core). All of them are
441 kernels and some ten minutes. cuobjdump and nvdisasm come with the triton wheel; no driver is needed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from unicl.loss.kernels.autotune import TILES, Tile, tiles_for
from unicl.loss.kernels.gradient import gradient_kernel
from unicl.loss.kernels.sums import sums_kernel

TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
KERNELS = {"sums_kernel": sums_kernel, "gradient_kernel": gradient_kernel}
# sm_80 has mma.sync, sm_90 warp-group mma, sm_100 the tensor core with its own memory.
TENSOR_CORE = {80: r"\bHMMA", 90: r"\bHGMMA", 100: r"\bUTC\w*MMA"}
INTEGERS = ("b", "m", "d", "first_pair", "stripe")


LABELS = ("left_ptr", "left_start_ptr", "right_ptr", "right_start_ptr")
FEATURES = ("u_ptr", "v_ptr", "g_ptr")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What a kernel is compiled for beside its tile.

    Attributes:
        dtype: Of the features, "bf16", "fp16" or "fp32". float32 is multiplied exactly, by no tensor core.
        overlap: "none" (pairs and integer labels), or, of sets of labels, "cosine" or "any".
        exclude: exclude_self.
        smoothing: label_smoothing; of the gradient alone.
        columns: Both directions; False where columns are not wanted, and for extra texts.
    """

    dtype: str = "bf16"
    overlap: str = "none"
    exclude: bool = False
    smoothing: bool = False
    columns: bool = True


def variants(kernel: str, *, sets: bool, exact: bool) -> list[Variant]:
    """Every way in which a kernel is compiled: dtypes, overlaps, and the options that change its code."""
    modes = [{}, {"exclude": True}, {"columns": False}]
    if kernel == "gradient_kernel":
        modes += [{"smoothing": True}, {"exclude": True, "smoothing": True}]
    return [
        Variant(dtype=dtype, overlap=overlap, **mode)
        for dtype in (("fp32",) if exact else ("bf16", "fp16"))
        for overlap in (("cosine", "any") if sets else ("none",))
        for mode in modes
    ]


def few(kernel: str, *, sets: bool, exact: bool) -> list[Variant]:
    """What the tests compile: for each kind of tile the plain kernel and the one with the most options."""
    most = {"exclude": True, "smoothing": kernel == "gradient_kernel"}
    if exact:
        return [Variant(dtype="fp32", overlap="any" if sets else "none", **most)]
    return [
        Variant(overlap="cosine" if sets else "none"),
        Variant(dtype="fp16", overlap="any" if sets else "none", **most),
    ]


def compile_kernel(name: str, capability: int, tile: Tile, variant: Variant) -> dict[str, Any]:
    """Registers, stack, shared memory and instruction counts of one kernel."""
    kernel = KERNELS[name]
    constants: dict[str, Any] = {
        "SETS": variant.overlap != "none",
        "ANY": variant.overlap == "any",
        "EXCLUDE": variant.exclude,
        "COLUMNS": variant.columns,
        "EVERY": variant.smoothing,
        "UPCAST": False,
        **{key: tile[key] for key in ("BM", "BN", "BK")},
    }
    constants = {key: value for key, value in constants.items() if key in kernel.arg_names}
    signature = {}
    for argument in kernel.arg_names:
        if argument in constants:
            signature[argument] = "constexpr"
        elif argument in INTEGERS:
            signature[argument] = "i32"
        elif argument in FEATURES:
            signature[argument] = f"*{variant.dtype}"
        else:
            signature[argument] = "*i32" if argument in LABELS else "*fp32"
    # What the launcher finds when it looks: aligned pointers, and sizes that 16 divides.
    aligned = [["tt.divisibility", 16]]
    attributes = {
        (i,): aligned
        for i, argument in enumerate(kernel.arg_names)
        if signature[argument].startswith("*") or argument in ("b", "m", "d", "stripe")
    }
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=attributes)
    options = {"num_warps": tile["num_warps"], "num_stages": tile["num_stages"]}
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as cubin:
        cubin.write(compiled.asm["cubin"])
        cubin.flush()
        usage = run("cuobjdump", "-res-usage", cubin.name)
        code = run("nvdisasm", "-c", cubin.name)
    return {
        "kernel": name,
        "capability": capability,
        **asdict(variant),
        "tile": "x".join(str(tile[key]) for key in ("BM", "BN", "BK")),
        "warps": tile["num_warps"],
        "stages": tile["num_stages"],
        "shared": compiled.metadata.shared,
        "registers": int(re.search(r"REG:(\d+)", usage)[1]),
        "stack": int(re.search(r"STACK:(\d+)", usage)[1]),
        "tensor_core": len(re.findall(TENSOR_CORE[capability], code)),
        "exponentials": len(re.findall(r"MUFU\.EX2", code)),
        "atomics": len(re.findall(r"\b(?:ATOM|ATOMG|RED|REDG)\b", code)),
    }


def run(tool: str, *arguments: str) -> str:
    """What one of the wheel's tools prints."""
    command = [str(TOOLS / tool), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capability", type=int, nargs="+", default=[80, 90, 100])
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--few", action="store_true", help="each option once, on the fixed tiles: what the tests compile"
    )
    options = parser.parse_args()
    rows = []
    for capability in options.capability:
        for name, sets, exact in TILES:
            for variant in (few if options.few else variants)(name, sets=sets, exact=exact):
                tiles = tiles_for(name, sets=sets, exact=exact, exclude=variant.exclude)
                rows += [
                    compile_kernel(name, capability, tile, variant) for tile in (tiles[:1] if options.few else tiles)
                ]
    if options.json:
        print(json.dumps(rows))
        return
    print("| " + " | ".join(rows[0]) + " |", "| --- " * len(rows[0]) + "|", sep="\n")
    for row in rows:
        print("| " + " | ".join(map(str, row.values())) + " |")


if __name__ == "__main__":
    main()
