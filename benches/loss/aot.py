"""Compiles the Triton kernels for chips that are not here, and reads what they use from the machine code.

    python benches/loss/aot.py                  # the table
    python benches/loss/aot.py --json --capability 90

The width d is an argument of the kernels and not a constant, so one compilation serves 512, 768, 1024 and all others
that 16 divides.

Every tile that the kernels may run with is here: of each kind, the first is the one of deterministic=True, the others
are what deterministic=False may choose.

The gates (tests/python/loss/test_triton.py): shared memory within the chip's limit, no stack (nothing spilled),
tensor-core instructions present, no atomics on global memory. cuobjdump and nvdisasm come with the triton wheel; no
driver is needed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from unicl.loss.kernels.autotune import TILES, Tile
from unicl.loss.kernels.tile import gradient_kernel, sums_kernel

TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
KERNELS = {"sums_kernel": sums_kernel, "gradient_kernel": gradient_kernel}
# sm_80 has mma.sync, sm_90 warp-group mma, sm_100 the tensor core with its own memory.
TENSOR_CORE = {80: r"\bHMMA", 90: r"\bHGMMA", 100: r"\bUTC\w*MMA"}
INTEGERS = ("b", "m", "d", "first_pair", "stripe", "left_width", "right_width")


def compile_kernel(name: str, capability: int, tile: Tile, *, sets: bool, smoothing: bool) -> dict[str, Any]:
    """Registers, stack, shared memory and instruction counts of one kernel."""
    kernel = KERNELS[name]
    constants: dict[str, Any] = {
        "SETS": sets,
        "ANY": False,
        "EXCLUDE": False,
        "COLUMNS": True,
        "EVERY": smoothing,
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
        elif argument in ("u_ptr", "v_ptr", "g_ptr"):
            signature[argument] = "*bf16"
        else:
            signature[argument] = "*i32" if argument in ("left_ptr", "right_ptr") else "*fp32"
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
        "sets": sets,
        "smoothing": smoothing,
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
    options = parser.parse_args()
    rows = [
        compile_kernel(name, capability, tile, sets=sets, smoothing=smoothing)
        for capability in options.capability
        for (name, sets), tiles in TILES.items()
        for tile in tiles
        for smoothing in (False, True)
    ]
    if options.json:
        print(json.dumps(rows))
        return
    print("| " + " | ".join(rows[0]) + " |", "| --- " * len(rows[0]) + "|", sep="\n")
    for row in rows:
        print("| " + " | ".join(map(str, row.values())) + " |")


if __name__ == "__main__":
    main()
